"""What every page shows whatever its view: the day, the demonstration mark, the menu."""

from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from communes import access
from ntm.clock import today
from ntm.guide import help_url

# The main links with what one must be allowed to do for them to lead anywhere ("": everybody).
MENU = (
    ("Việc cần làm", "/", ""),
    ("Bảng tổng hợp", "/matrix/", "areas.see"),
    ("Kết quả xã gửi", "/submissions/", "submissions.see"),
    ("Kiểm tra, thẩm định", "/visits/", "inspections.see"),
    ("Tồn tại, hạn chế", "/findings/", "inspections.see"),
    ("Giao ban", "/meetings/", "meeting.see"),
    ("Báo cáo", "/reports/", ""),
)


class NavLink(NamedTuple):
    label: str
    url: str
    is_current: bool


def site(request: HttpRequest) -> dict:
    """Give templates `demo`, `fixed_today` (or None), `today`, `help_url` (or "") and the menu `nav`."""
    return {
        "demo": settings.DEMONSTRATION,
        "fixed_today": settings.NTM_TODAY,
        "today": today(),
        "help_url": help_url(request),
        # Worked out where a page shows it: error pages of visitors don't ask for anybody's roles.
        "nav": SimpleLazyObject(
            lambda: [NavLink(label, url, is_within(request.path, url)) for label, url in menu(request)]
        ),
    }


def menu(request: HttpRequest) -> list[tuple[str, str]]:
    """The main links. Who works in communes only has no area to sum up, but results to enter."""
    user = getattr(request, "user", None)
    entries = [(label, url) for label, url, action in MENU if not action or may(user, action)]
    if holds(user, access.DISTRICT_STAFF, access.COORDINATOR, access.DEPARTMENT_REVIEWER, *access.COMMUNE_ROLES):
        entries.insert(-1, ("Hỏi đáp", "/questions/"))
    if keeps_reference_data(user):
        entries.append(("Bộ tiêu chí", "/workshop/"))
    if may(user, "people.list"):
        entries.append(("Người dùng", "/users/"))
    places = own_communes(user)
    if places:
        first, *rest = [entry for entry in entries if entry[1] != "/submissions/"]
        return [first, ("Nhập kết quả", f"/units/{places[0].pk}/entry/"), ("Kho tài liệu", "/evidence/"), *rest]
    if holds(user, access.DEPARTMENT_REVIEWER, access.COORDINATOR):
        entries.insert(1, ("Tiêu chí của tôi", "/my-criteria/"))
    return entries


def holds(user: Any, *roles: str) -> bool:
    """Whether the person has one of these roles."""
    known = user is not None and user.is_authenticated and user.pk is not None
    return known and bool(access.roles(user).having(*roles))


def keeps_reference_data(user: Any) -> bool:
    """Coordinators and superusers: sets, targets and groups are theirs."""
    return holds(user, access.COORDINATOR) or may(user, "reference.change")


def may(user: Any, action: str) -> bool:
    """Whether somebody who is signed in may do it; visitors and people not stored yet may not."""
    return user is not None and user.is_authenticated and user.pk is not None and bool(access.can(user, action))


def own_communes(user: Any) -> list[Any]:
    """The communes a person enters results for, the first in order first; none where they work elsewhere too."""
    if user is None or not user.is_authenticated or user.pk is None or user.is_superuser:
        return []
    memberships = access.roles(user).memberships
    if not all(membership.role in access.COMMUNE_ROLES for membership in memberships):
        return []
    return access.home_units(user)


def is_within(path: str, url: str) -> bool:
    """Whether a page belongs to a menu entry; the home page only to itself."""
    return path == url if url == "/" else path.startswith(url)
