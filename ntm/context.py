"""What every page shows whatever its view: the day, the demonstration mark, the menu."""

from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest

from ntm.clock import today

MENU = (
    ("Việc cần làm", "/"),
    ("Bảng tổng hợp", "/matrix/"),
    ("Kiểm tra, thẩm định", "/visits/"),
    ("Tồn tại, hạn chế", "/findings/"),
    ("Báo cáo", "/reports/"),
)


class NavLink(NamedTuple):
    label: str
    url: str
    is_current: bool


def site(request: HttpRequest) -> dict:
    """Give templates `demo`, `fixed_today` (or None), `today` and the menu `nav`."""
    return {
        "demo": settings.DEMONSTRATION,
        "fixed_today": settings.NTM_TODAY,
        "today": today(),
        "nav": [NavLink(label, url, is_within(request.path, url)) for label, url in MENU],
    }


def is_within(path: str, url: str) -> bool:
    """Whether a page belongs to a menu entry; the home page only to itself."""
    return path == url if url == "/" else path.startswith(url)
