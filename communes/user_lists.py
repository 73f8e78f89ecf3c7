"""People by Excel list: an empty workbook to fill in, and what a filled one would do, row by row.

The preview is a dry run: the rows go through the same functions that apply them, one after
the other in one transaction, which is then rolled back. Confirming sends the rows back
signed together with what the preview showed; they are applied only if they would still do
exactly that, and otherwise shown anew. Nothing of a list is stored in between.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from typing import Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q

from communes import access, users
from communes.duties import Duty, duties
from communes.models import Department, Level, Membership, Role, Unit
from communes.names import search_name, sort_key
from communes.text import TextTooLongError, clean_text
from communes.users import Refused
from communes.workbooks import Formula, UnsafeWorkbook, read_rows
from ntm.accounts.models import User
from ntm.clock import today

MAX_PEOPLE = 300
VALID_FOR = 3600  # seconds from the preview to its confirmation
SALT = "communes.user_lists"
SHEET, GUIDE, CHOICES = "Danh sách", "Hướng dẫn", "Danh mục"

CREATE, CHANGE, MOVE, CLOSE = "Tạo mới", "Sửa", "Chuyển đơn vị", "Ngừng hoạt động"
ACTIONS = (CREATE, CHANGE, MOVE, CLOSE)
YES, NO = "Có", "Không"


@dataclass(frozen=True)
class Column:
    """A column of the list: its key, heading, width, greatest length and what the guide says of it."""

    key: str
    title: str
    width: int
    limit: int
    guide: str


COLUMNS = (
    Column("action", "Việc", 16, 30, "Tạo mới (để trống cũng là tạo mới), Sửa, Chuyển đơn vị hoặc Ngừng hoạt động."),
    Column("full_name", "Họ và tên", 26, 100, "Bắt buộc khi tạo mới. Viết như trong văn bản: Nguyễn Văn A."),
    Column("post", "Chức vụ", 24, 150, "Ví dụ: Công chức địa chính – xây dựng."),
    Column("organisation", "Cơ quan", 24, 200, "Ví dụ: UBND xã Đông Phú."),
    Column("email", "E-mail", 24, 254, "Không bắt buộc; để nhận nhắc việc."),
    Column("role", "Vai trò", 30, 60, "Chọn trong danh sách. Bắt buộc khi tạo mới."),
    Column("unit", "Đơn vị", 44, 200, "Chọn trong danh sách, hoặc gõ mã. Bắt buộc khi tạo mới và khi chuyển đơn vị."),
    Column("department", "Sở, ngành", 30, 200, "Chọn trong danh sách; chỉ cho vai trò Cán bộ sở, ngành."),
    Column("may_send", "Được gửi", 11, 10, "Có: cán bộ này được gửi kết quả lên cấp trên (lãnh đạo xã luôn được)."),
    Column("may_lead", "Làm trưởng đoàn", 11, 10, "Có: thành viên đoàn này được lập kế hoạch và làm trưởng đoàn."),
    Column("starts_on", "Từ ngày", 13, 10, "Ngày/tháng/năm. Bắt buộc khi chuyển đơn vị: ngày bắt đầu ở nơi mới."),
    Column("ends_on", "Đến hết ngày", 13, 10, "Ngày/tháng/năm. Để trống: chưa xác định."),
    Column(
        "username", "Tên đăng nhập", 20, 40, "Tạo mới: để trống, hệ thống đặt theo họ tên. Các việc khác: bắt buộc."
    ),
    Column("reason", "Lý do", 30, 500, "Bắt buộc khi ngừng hoạt động; nên có khi chuyển đơn vị."),
)
TITLES = {search_name(column.title): column for column in COLUMNS}
Row = dict[str, Any]


# --- the empty workbook ----------------------------------------------------------------


def places(province: Unit) -> list[Unit]:
    """Units of the province in which roles are held, as they are chosen: province, districts, communes."""
    levels = [Level.PROVINCE, Level.DISTRICT, Level.COMMUNE]
    rows = Unit.objects.within(province).existing(today()).filter(level__in=levels).select_related("district")
    return sorted(
        rows,
        key=lambda unit: (
            levels.index(Level(unit.level)),
            unit.district.sort_key if unit.district else "",
            unit.sort_key,
        ),
    )


def label(unit: Unit) -> str:
    """How a unit is written in the list: "16420 – Xã Đông Phú, huyện Đông Sơn"."""
    name = f"{unit.code} – {unit.full_name}" if unit.code else unit.full_name
    return f"{name}, {unit.district.in_sentence}" if unit.level == Level.COMMUNE and unit.district else name


def departments(province: Unit) -> list[Department]:
    return list(Department.objects.filter(Q(province__isnull=True) | Q(province=province)))


def roles_for(user: Any) -> list[tuple[str, str]]:
    """Roles a person may give, as choices."""
    return [(r.value, r.label) for r in Role if r != Role.COORDINATOR or access.roles(user).is_superuser]


def empty_workbook(province: Unit, user: User) -> bytes:
    """The list to fill in: headings, drop-down lists of the province's units and roles, a guide."""
    import xlsxwriter

    stream = BytesIO()
    book = xlsxwriter.Workbook(stream, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True})
    font = {"font_name": "Times New Roman", "font_size": 12}
    head = book.add_format(
        {**font, "bold": True, "text_wrap": True, "border": 1, "valign": "vcenter", "bg_color": "#E3EFEC"}
    )
    text = book.add_format({**font, "num_format": "@"})
    day = book.add_format({**font, "num_format": "dd/mm/yyyy"})
    plain, wrapped = book.add_format(font), book.add_format({**font, "text_wrap": True, "valign": "top"})
    bold = book.add_format({**font, "bold": True, "font_size": 14})

    sheet, guide, choices = (book.add_worksheet(name) for name in (SHEET, GUIDE, CHOICES))
    lists = {
        "action": list(ACTIONS),
        "role": [name for _, name in roles_for(user)],
        "unit": [label(unit) for unit in places(province)],
        "department": [department.name for department in departments(province)],
    }
    for at, (key, values) in enumerate(lists.items()):
        title = next(column.title for column in COLUMNS if column.key == key)
        choices.write_string(0, at, title, head)
        choices.write_column(1, at, values, plain)
        choices.set_column(at, at, max(map(len, [title, *values])) + 2)
    sheet.set_row(0, 36)
    sheet.freeze_panes(1, 2)
    for at, column in enumerate(COLUMNS):
        sheet.write_string(0, at, column.title, head)
        sheet.set_column(at, at, column.width, day if column.key in {"starts_on", "ends_on"} else text)
        rule: dict[str, Any] = {
            "input_title": column.title[:32],
            "input_message": column.guide[:255],
            "validate": "any",
        }
        if lists.get(column.key):
            place = list(lists).index(column.key)
            letter = chr(ord("A") + place)
            source = f"='{CHOICES}'!${letter}$2:${letter}${len(lists[column.key]) + 1}"
            rule |= {"validate": "list", "source": source, "error_type": "warning",
                     "error_message": "Giá trị không có trong danh sách; hệ thống có thể không nhận."}  # fmt: skip
        elif column.key in {"may_send", "may_lead"}:
            rule |= {"validate": "list", "source": [YES, NO]}
        sheet.data_validation(1, at, MAX_PEOPLE, at, rule)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)

    guide.set_column(0, 0, 22)
    guide.set_column(1, 1, 95)
    guide.write_string(0, 0, f"Danh sách người dùng – {province.full_name}", bold)
    notes = (
        f"Ghi mỗi người một dòng ở trang “{SHEET}”, không đổi dòng tiêu đề; tối đa {MAX_PEOPLE} người một lần.",
        "Ghi giá trị, không dùng công thức. Tải lên xong, hệ thống cho xem trước từng dòng rồi mới hỏi xác nhận.",
        "Không ghi số căn cước, ngày sinh, số điện thoại: hệ thống không dùng.",
    )
    for at, note in enumerate(notes, start=2):
        guide.merge_range(at, 0, at, 1, note, wrapped)
        guide.set_row(at, 34)
    for at, column in enumerate(COLUMNS, start=len(notes) + 3):
        guide.write_string(at, 0, column.title, head)
        guide.write_string(at, 1, column.guide, wrapped)
    book.close()
    return stream.getvalue()


# --- reading ---------------------------------------------------------------------------


def read_list(data: bytes) -> list[Row]:
    """The rows of a filled list as plain text by column, with what is wrong in a row by itself
    under "problems"; raises UnsafeWorkbook for a file that is no such list."""
    rows = read_rows(data)
    columns = _columns(next(rows, (1, []))[1])
    found: list[Row] = []
    for number, cells in rows:
        if len(found) == MAX_PEOPLE:
            raise UnsafeWorkbook(f"Danh sách có hơn {MAX_PEOPLE} người. Chia thành nhiều tệp rồi tải lên từng tệp.")
        found.append(_row(number, {column: cell for column, cell in zip(columns, cells, strict=False) if column}))
    if not found:
        raise UnsafeWorkbook(f"Danh sách chưa có người nào: ghi mỗi người một dòng ở trang “{SHEET}” (trang đầu tiên).")
    return found


def _columns(head: list[Any]) -> list[Column | None]:
    """What each column is by its heading, in whatever order."""
    columns = [TITLES.get(search_name(str(title or ""))) for title in head]
    known = [column.key for column in columns if column]
    if not {"full_name", "role", "unit"} <= set(known) or len(known) != len(set(known)):
        raise UnsafeWorkbook(
            "Dòng đầu không phải tiêu đề của tệp mẫu (Họ và tên, Vai trò, Đơn vị …). Tải tệp mẫu và ghi vào đó."
        )
    return columns


def _row(number: int, cells: Mapping[Column, Any]) -> Row:
    row: Row = {column.key: "" for column in COLUMNS} | {"number": number, "problems": []}
    for column, value in cells.items():
        if isinstance(value, Formula):
            row["problems"].append(f"{column.title}: ô chứa công thức; ghi giá trị thay cho công thức.")
            continue
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, date):
            value = f"{value:%d/%m/%Y}"
        try:
            row[column.key] = clean_text(str(value) if value is not None else "", column.limit)
        except TextTooLongError as error:
            row["problems"].append(f"{column.title}: {error}")
    return row


# --- what a list would do --------------------------------------------------------------


VERBS = {
    "create": "Tạo mới",
    "change": "Sửa",
    "move": "Chuyển đơn vị",
    "close": "Ngừng hoạt động",
    "same": "Giữ nguyên",
    "refuse": "Từ chối",
}


@dataclass
class Outcome:
    """What becomes of one row: verb is one of VERBS; `duties` is what nobody would see to any more."""

    number: int
    name: str
    verb: str
    lines: list[str] = field(default_factory=list)
    duties: list[Duty] = field(default_factory=list)

    @property
    def is_refused(self) -> bool:
        return self.verb == "refuse"

    @property
    def label(self) -> str:
        return VERBS[self.verb]


class Choices:
    """The units, roles and departments a list may name, by how they are written."""

    def __init__(self, province: Unit, user: User) -> None:
        self.roles = {search_name(name): code for code, name in roles_for(user)}
        self.departments = {search_name(d.name): d for d in departments(province)}
        self.by_label: dict[str, Unit] = {}
        self.by_code: dict[str, list[Unit]] = {}
        self.by_name: dict[str, list[Unit]] = {}
        for unit in places(province):
            self.by_label[search_name(label(unit))] = unit
            self.by_code.setdefault(unit.code.lstrip("0"), []).append(unit)
            for name in {unit.search_name, search_name(unit.name)}:
                self.by_name.setdefault(name, []).append(unit)

    def unit(self, text: str) -> Unit:
        wanted = search_name(text)
        if wanted in self.by_label:
            return self.by_label[wanted]
        found = self.by_code.get(text.lstrip("0"), []) if text.isdecimal() else self.by_name.get(wanted, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise Refused({"unit": f"Có {len(found)} đơn vị tên “{text}”; chọn trong danh sách để rõ đơn vị nào."})
        raise Refused({"unit": f"Không có đơn vị “{text}” trong tỉnh; chọn trong danh sách của tệp mẫu."})

    def role(self, text: str) -> str:
        if search_name(text) not in self.roles:
            raise Refused({"role": f"Không có vai trò “{text}”, hoặc bạn không được giao vai trò này."})
        return self.roles[search_name(text)]

    def department(self, text: str) -> Department | None:
        if not text:
            return None
        if search_name(text) not in self.departments:
            raise Refused({"department": f"Không có sở, ngành “{text}”; chọn trong danh sách của tệp mẫu."})
        return self.departments[search_name(text)]


class Changed(Exception):
    """The list would no longer do what its preview showed; `outcomes` is what it would do now."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__("Dữ liệu đã thay đổi từ khi xem trước.")
        self.outcomes = outcomes


def preview(rows: list[Row], province: Unit, by: User) -> list[Outcome]:
    """What applying the rows would do now; nothing is kept."""
    with transaction.atomic():
        outcomes = _run(rows, province, by)
        transaction.set_rollback(True)
    return outcomes


def apply(rows: list[Row], province: Unit, by: User, seen: str) -> list[Outcome]:
    """Do what the clean rows ask, all or nothing; raises Changed unless that is what was `seen`."""
    with transaction.atomic():
        outcomes = _run(rows, province, by)
        if fingerprint(outcomes) != seen:
            transaction.set_rollback(True)
    if fingerprint(outcomes) != seen:
        raise Changed(outcomes)
    return outcomes


def fingerprint(outcomes: Iterable[Outcome]) -> str:
    told = [[o.number, o.name, o.verb, o.lines, [duty.text for duty in o.duties]] for o in outcomes]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def seal(rows: list[Row], province: Unit, by: User, outcomes: list[Outcome]) -> str:
    """The rows and what their preview showed, signed for this person to send back within the hour."""
    content = {"rows": rows, "province": province.pk, "by": by.pk, "seen": fingerprint(outcomes)}
    return signing.dumps(content, salt=SALT, compress=True)


def unseal(sealed: str, by: User) -> tuple[list[Row], int, str]:
    """Rows, province and the preview's fingerprint; raises signing.BadSignature (also when too old)."""
    content = signing.loads(sealed, salt=SALT, max_age=VALID_FOR)
    if content["by"] != by.pk:
        raise signing.BadSignature("signed for somebody else")
    return content["rows"], content["province"], content["seen"]


def _run(rows: list[Row], province: Unit, by: User) -> list[Outcome]:
    choices = Choices(province, by)
    seen: dict[tuple, list[tuple[int, str, tuple]]] = {}
    outcomes = []
    do = {CREATE: _create, CHANGE: _change, MOVE: _move, CLOSE: _close}
    for row in rows:
        name = row["full_name"] or row["username"] or f"Dòng {row['number']}"
        try:
            if row["problems"]:
                raise Refused({str(at): problem for at, problem in enumerate(row["problems"])})
            action = _action(row)
            _require_once(row, action, choices, seen)
            with transaction.atomic():
                outcomes.append(do[action](row, choices, by))
        except Refused as refused:
            outcomes.append(Outcome(row["number"], name, "refuse", list(refused.errors.values())))
    return outcomes


def _require_once(row: Row, action: str, choices: Choices, seen: dict[tuple, list[tuple[int, str, tuple]]]) -> None:
    """Refuse a row that repeats an earlier one, or that speaks of a person whom an earlier one moves or
    closes (or the other way round): which of the two is meant, nobody can tell."""
    what: tuple = ()
    if action in {CREATE, CHANGE}:
        role = choices.role(row["role"]) if row["role"] else ""
        what = (role, choices.unit(row["unit"]).pk if row["unit"] else None)
    name, username = sort_key(row["full_name"]), row["username"].casefold()
    who = (username, name) if action == CREATE or not username else (username,)
    for number, before, was in seen.get(who, []):
        if (before, was) == (action, what):
            raise Refused({"": f"Trùng với dòng {number} của danh sách này."})
        if {before, action} & {MOVE, CLOSE}:
            raise Refused({"": f"Người này đã có ở dòng {number} ({before.lower()}); mỗi lần chỉ làm một việc."})
    seen.setdefault(who, []).append((row["number"], action, what))


def _action(row: Row) -> str:
    action = next((a for a in ACTIONS if search_name(a) == search_name(row["action"] or CREATE)), None)
    if action is None:
        raise Refused({"action": f"Không có việc “{row['action']}”; chọn {', '.join(ACTIONS)}."})
    return action


def _create(row: Row, choices: Choices, by: User) -> Outcome:
    missing = [c.title for c in COLUMNS if c.key in {"full_name", "role", "unit"} and not row[c.key]]
    if missing:
        raise Refused({"": f"Thiếu: {', '.join(missing)}."})
    role = {
        "unit": choices.unit(row["unit"]),
        "role": choices.role(row["role"]),
        "department": choices.department(row["department"]),
        "may_send": bool(_flag(row, "may_send")),
        "may_lead": bool(_flag(row, "may_lead")),
        "starts_on": _day(row, "starts_on"),
        "ends_on": _day(row, "ends_on"),
    }
    _require(by, "role.give", (role["unit"], role["role"]))
    person = users.create_person(by, profile=_profile(row), username=row["username"], role=role)
    return Outcome(row["number"], person.full_name, "create", [f"Tên đăng nhập: {person.username}", *_roles_of(person)])


def _change(row: Row, choices: Choices, by: User) -> Outcome:
    person = _person(row, by)
    changed = users.change_profile(person, by, {name: text for name, text in _profile(row).items() if text})
    left: list[Duty] = []
    if row["role"] or row["unit"]:
        role_changed, left = _change_role(row, person, choices, by)
        changed |= role_changed
    person = User.objects.get(pk=person.pk)
    lines = [users.describe_profile(person), *_roles_of(person)] if changed else ["Không có gì thay đổi."]
    return Outcome(row["number"], person.full_name, "change" if changed else "same", lines, left)


def _change_role(row: Row, person: User, choices: Choices, by: User) -> tuple[bool, list[Duty]]:
    """The role named in the row: its dates and rights if the person has it, else given anew. Whether
    anything changed, and what is left behind where it ends the role or the right to lead."""
    if not (row["role"] and row["unit"]):
        raise Refused({"role": "Muốn sửa hoặc giao thêm vai trò thì ghi cả Vai trò và Đơn vị."})
    unit, role, department = choices.unit(row["unit"]), choices.role(row["role"]), choices.department(row["department"])
    _require(by, "role.give", (unit, role))
    given: dict[str, Any] = {name: _flag(row, name) for name in ("may_send", "may_lead")}
    given |= {name: _day(row, name) for name in ("starts_on", "ends_on")}
    given = {name: value for name, value in given.items() if value is not None}
    held = Membership.objects.standing(today()).filter(user=person, unit=unit, role=role)
    membership = next((m for m in held if department is None or m.department_id == department.pk), None)
    if membership is None:
        users.give_role(person, by, unit=unit, role=role, department=department, **given)
        return True, []
    ends = given.get("ends_on", membership.ends_on) != membership.ends_on
    ends |= membership.may_lead and not given.get("may_lead", True)
    left = duties(person, by, membership) if ends else []
    return users.change_role(membership, by, given), left


def _move(row: Row, choices: Choices, by: User) -> Outcome:
    person = _person(row, by)
    starts_on = _day(row, "starts_on")
    if not row["unit"] or starts_on is None:
        raise Refused({"": "Chuyển đơn vị: ghi Đơn vị (nơi mới) và Từ ngày."})
    unit = choices.unit(row["unit"])
    held = Membership.objects.standing(today()).filter(user=person, unit__level=unit.level)
    if row["role"]:
        held = held.filter(role=choices.role(row["role"]))
    standing = list(held.select_related("unit"))
    if len(standing) != 1:
        raise Refused(
            {
                "": f"Người này có {len(standing)} vai trò có thể chuyển; ghi rõ Vai trò, "
                "hoặc chuyển ở trang của người đó."
            }
        )
    for place in (unit, standing[0].unit):
        _require(by, "role.give", (place, standing[0].role))
    before, left = users.describe(standing[0]), duties(person, by, standing[0])
    there = users.move(standing[0], by, unit=unit, starts_on=starts_on, reason=row["reason"])
    return Outcome(row["number"], person.full_name, "move", [f"Từ: {before}", f"Đến: {users.describe(there)}"], left)


def _close(row: Row, choices: Choices, by: User) -> Outcome:
    person = _person(row, by)
    if not row["reason"]:
        raise Refused({"reason": "Ghi lý do ngừng hoạt động."})
    left = duties(person, by)
    users.deactivate(person, by, row["reason"])
    return Outcome(row["number"], person.full_name, "close", [f"Lý do: {row['reason']}"], left)


def _person(row: Row, by: User) -> User:
    """Whom the row speaks of, if the list's sender sees and may change them."""
    if not row["username"]:
        raise Refused({"username": f"Ghi tên đăng nhập của người cần {row['action'].lower()}."})
    person = access.visible_people(by).filter(username__iexact=row["username"]).first()
    if person is None:
        raise Refused({"username": f"Không có tài khoản “{row['username']}” trong phạm vi của bạn."})
    _require(by, "person.change", person)
    return person


def _require(by: User, action: str, obj: Any) -> None:
    decision = access.can(by, action, obj)
    if not decision:
        raise Refused({"": decision.reason})


def _profile(row: Row) -> dict[str, str]:
    if row["email"]:
        try:
            validate_email(row["email"])
        except ValidationError:
            raise Refused({"email": f"“{row['email']}” không phải địa chỉ e-mail."}) from None
    if row["full_name"] and not re.search(r"[^\W\d_]", row["full_name"]):
        raise Refused({"full_name": f"“{row['full_name']}” không phải họ và tên."})
    return {name: row[name] for name in users.PROFILE}


def _roles_of(person: User) -> list[str]:
    rows = Membership.objects.standing(today()).filter(user=person).select_related("unit", "department")
    return [users.describe(membership) for membership in rows]


def _flag(row: Row, key: str) -> bool | None:
    """True or False as written, None for an empty cell."""
    text = search_name(row[key])
    if text in {"", "co", "x", "khong"}:
        return {"": None, "khong": False}.get(text, True)
    raise Refused({key: f"“{row[key]}”: ghi {YES} hoặc {NO}."})


def _day(row: Row, key: str) -> date | None:
    if not row[key]:
        return None
    title = next(column.title for column in COLUMNS if column.key == key)
    try:
        return datetime.strptime(row[key], "%d/%m/%Y").date()  # noqa: DTZ007 - a day has no time zone
    except ValueError:
        raise Refused({key: f"{title}: “{row[key]}” không phải ngày như 31/12/2025."}) from None
