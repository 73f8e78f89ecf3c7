"""People by Excel list: the empty workbook, the preview, the confirmation, and files that mean harm."""

import re
import zipfile
from datetime import date
from io import BytesIO

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from communes import user_lists, workbooks
from communes.models import Membership, RightsChange
from communes.user_lists import COLUMNS, label
from communes.workbooks import UnsafeWorkbook
from ntm.accounts.models import User
from tests.communes.test_users import Place, client_of
from tests.factories import CommuneFactory, DepartmentFactory, MembershipFactory, UserFactory

TITLES = {column.key: column.title for column in COLUMNS}
OFFICER = "Cán bộ phụ trách tiêu chí"


@pytest.fixture
def here(db) -> Place:
    return Place("Bắc Sơn")


@pytest.fixture
def there(db) -> Place:
    return Place("Nam Hải")


@pytest.fixture
def client(here):
    return client_of(here.coordinator)


def template(client) -> openpyxl.Workbook:
    response = client.get("/users/import/template.xlsx")
    assert response["Content-Disposition"] == 'attachment; filename="Danh-sach-nguoi-dung_BacSon.xlsx"'
    return openpyxl.load_workbook(BytesIO(response.content))


def filled(*rows: dict, titles=TITLES) -> bytes:
    """A list with these rows, as Excel would save it."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(list(titles.values()))
    for row in rows:
        sheet.append([row.get(key) for key in titles])
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def send(client, data: bytes, name="danh-sach.xlsx"):
    return client.post("/users/import/", {"file": SimpleUploadedFile(name, data)})


def told(response) -> list[tuple[str, str, str]]:
    return [(o.name, o.verb, " | ".join(o.lines)) for o in response.context["outcomes"]]


def confirm(client, response):
    return client.post("/users/import/apply/", {"sealed": response.context["sealed"]})


def new(here, **changes) -> dict:
    return {"full_name": "Đặng Thị Hòa", "role": OFFICER, "unit": label(here.commune)} | changes


# --- the empty workbook ----------------------------------------------------------------------


def test_the_workbook_offers_what_the_province_has(client, here, there):
    DepartmentFactory(name="Sở của tỉnh", province=here.province)
    DepartmentFactory(name="Sở của tỉnh khác", province=there.province)
    book = template(client)
    assert book.sheetnames == ["Danh sách", "Hướng dẫn", "Danh mục"]
    assert [cell.value for cell in book["Danh sách"][1]] == list(TITLES.values())
    choices = {column[0].value: [c.value for c in column[1:] if c.value] for column in book["Danh mục"].iter_cols()}
    assert choices["Đơn vị"] == [
        f"{here.province.code} – Tỉnh Bắc Sơn",
        f"{here.district.code} – Huyện Bắc Sơn Hạ",
        f"{here.commune.code} – Xã Bắc Sơn Thượng, huyện Bắc Sơn Hạ",
        f"{here.other.code} – Xã Bắc Sơn Trung, huyện Bắc Sơn Hạ",
    ]
    assert "Điều phối viên tỉnh" not in choices["Vai trò"] and OFFICER in choices["Vai trò"]
    assert "Sở của tỉnh" in choices["Sở, ngành"] and "Sở của tỉnh khác" not in choices["Sở, ngành"]
    rules = {str(rule.sqref): rule.formula1 for rule in book["Danh sách"].data_validations.dataValidation}
    assert rules["G2:G301"] == "'Danh mục'!$C$2:$C$5"
    guide = " ".join(str(cell.value) for row in book["Hướng dẫn"].iter_rows() for cell in row)
    assert all(column.guide in guide for column in COLUMNS)


def test_the_filled_workbook_is_read_back(client, here):
    book = template(client)
    sheet = book["Danh sách"]
    for at, key in enumerate(TITLES, start=1):
        sheet.cell(2, at, new(here, starts_on=date(2024, 7, 1), may_send="Có").get(key))
    stream = BytesIO()
    book.save(stream)
    response = send(client, stream.getvalue())
    line = f"{OFFICER} – Xã Bắc Sơn Thượng; được gửi kết quả lên cấp trên; từ 01/07/2024"
    assert told(response) == [("Đặng Thị Hòa", "create", f"Tên đăng nhập: dangthihoa | {line}")]


# --- the preview -----------------------------------------------------------------------------


def test_a_preview_changes_nothing_and_the_confirmation_does_what_it_showed(client, here):
    here.officer.username = "can.bo"
    here.officer.save()
    leaving = here.person(here.other, "officer", username="sap.nghi", full_name="Lê Sắp Nghỉ")
    moving = here.person(here.commune, "officer", username="sap.chuyen", full_name="Lý Sắp Chuyển")
    before = User.objects.count()
    data = filled(
        new(here),
        {"action": "Sửa", "username": "can.bo", "post": "Kế toán", "role": OFFICER, "unit": label(here.commune),
         "may_send": "có"},
        {"action": "chuyển đơn vị", "username": "sap.chuyen", "unit": here.other.code, "starts_on": "01/08/2024"},
        {"action": "Ngừng hoạt động", "username": "SAP.NGHI", "reason": "Nghỉ hưu"},
        {"action": "Sửa", "username": "can.bo"},
        new(here, full_name=""),
    )  # fmt: skip
    response = send(client, data)
    assert [verb for _, verb, _ in told(response)] == ["create", "change", "move", "close", "same", "refuse"]
    assert (User.objects.count(), RightsChange.objects.count()) == (before, 0)
    assert "Thiếu: Họ và tên" in response.content.decode()

    done = confirm(client, response)
    assert done["Location"] == "/users/slips/"
    assert (
        "tạo 1, sửa 1, chuyển 1, ngừng hoạt động 1 người; bỏ qua 2 dòng"
        in client.get(done["Location"]).content.decode()
    )
    person = User.objects.get(username="dangthihoa")
    assert person.must_change_password and not person.has_usable_password()
    here.officer.refresh_from_db()
    assert here.officer.post == "Kế toán"
    assert Membership.objects.get(user=here.officer).may_send
    leaving.refresh_from_db()
    assert not leaving.is_active
    spans = Membership.objects.filter(user=moving).order_by("pk").values_list("unit", "starts_on", "ends_on")
    assert list(spans) == [
        (here.commune.pk, None, date(2024, 7, 31)), (here.other.pk, date(2024, 8, 1), None)
    ]  # fmt: skip
    assert set(RightsChange.objects.values_list("by", flat=True)) == {here.coordinator.pk}

    # A second click does nothing: the list would do something else now, and says what.
    again = confirm(client, response)
    assert again.status_code == 409
    assert [verb for _, verb, _ in told(again)] == ["refuse", "same", "refuse", "refuse", "same", "refuse"]
    assert User.objects.count() == before + 1


def test_what_changed_since_the_preview_is_shown_first(client, here):
    response = send(client, filled(new(here), new(here, full_name="Phạm Văn Khác")))
    UserFactory(username="dangthihoa")
    again = confirm(client, response)
    assert again.status_code == 409
    assert "Dữ liệu đã thay đổi từ lúc xem trước" in again.content.decode()
    assert not User.objects.filter(full_name="Phạm Văn Khác").exists()
    assert confirm(client, again).status_code == 302
    assert User.objects.get(full_name="Đặng Thị Hòa").username == "dangthihoa2"


def test_a_preview_is_bound_to_its_rows_its_person_and_an_hour(client, here, there):
    sealed = send(client, filled(new(here))).context["sealed"]
    for wrong in ("", "x", sealed[:-1] + ("A" if sealed[-1] != "A" else "B"), sealed.replace(":", "", 1)):
        response = client.post("/users/import/apply/", {"sealed": wrong})
        assert response["Location"] == "/users/import/"
    assert client_of(there.coordinator).post("/users/import/apply/", {"sealed": sealed})["Location"] == "/users/import/"
    Membership.objects.filter(user=here.coordinator).update(ends_on=date(2024, 6, 29))
    assert client.post("/users/import/apply/", {"sealed": sealed}).status_code == 403
    assert not User.objects.filter(username="dangthihoa").exists()


def test_an_old_preview_is_refused(client, here, monkeypatch):
    sealed = send(client, filled(new(here))).context["sealed"]
    monkeypatch.setattr(user_lists, "VALID_FOR", -1)
    client.post("/users/import/apply/", {"sealed": sealed})
    assert not User.objects.filter(username="dangthihoa").exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unit": "99999"}, "Không có đơn vị “99999”"),
        ({"unit": "Xã Không Có"}, "Không có đơn vị “Xã Không Có”"),
        ({"role": "Trưởng thôn"}, "Không có vai trò “Trưởng thôn”"),
        ({"role": "Điều phối viên tỉnh", "unit": "Tỉnh Bắc Sơn"}, "bạn không được giao vai trò này"),
        ({"role": "Văn phòng điều phối huyện"}, "chỉ giao ở cấp huyện"),
        ({"department": "Sở Vũ trụ"}, "Không có sở, ngành “Sở Vũ trụ”"),
        ({"full_name": "=1+1"}, "ô chứa công thức"),
        ({"unit": "=VLOOKUP(A1,B:C,2,0)"}, "Đơn vị: ô chứa công thức"),
        ({"full_name": None}, "Thiếu: Họ và tên"),
        ({"full_name": "12345"}, "không phải họ và tên"),
        ({"full_name": None, "role": None, "post": "Kế toán"}, "Thiếu: Họ và tên, Vai trò"),
        ({"full_name": "Ă" * 101}, "vượt quá 100 ký tự"),
        ({"email": "khong phai"}, "không phải địa chỉ e-mail"),
        ({"starts_on": "30/02/2024"}, "Từ ngày: “30/02/2024” không phải ngày"),
        ({"starts_on": "2024"}, "không phải ngày"),
        ({"may_send": "được"}, "ghi Có hoặc Không"),
        ({"username": "Hòa Đặng"}, "Tên đăng nhập gồm"),
        ({"username": "da.co"}, "đã có người dùng"),
        ({"action": "Xóa"}, "Không có việc “Xóa”"),
        ({"action": "Sửa"}, "Ghi tên đăng nhập"),
        ({"action": "Sửa", "username": "ai.do"}, "Không có tài khoản “ai.do” trong phạm vi của bạn"),
        ({"action": "Sửa", "username": "tinh.khac"}, "Không có tài khoản “tinh.khac” trong phạm vi của bạn"),
        ({"action": "Ngừng hoạt động", "username": "da.co"}, "Ghi lý do"),
        ({"action": "Chuyển đơn vị", "username": "da.co"}, "ghi Đơn vị (nơi mới) và Từ ngày"),
        ({"action": "Sửa", "username": "lanh.dao.tinh"}, "do quản trị hệ thống quản lý"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_the_others_stand(client, here, there, changes, reason):
    here.person(here.other, "officer", username="da.co")
    here.person(here.province, "coordinator", username="lanh.dao.tinh")
    there.person(there.commune, "officer", username="tinh.khac")
    response = send(client, filled(new(here, **changes), new(here, full_name="Người Hợp Lệ")))
    (_, verb, lines), (_, other, _) = told(response)
    assert (verb, other) == ("refuse", "create")
    assert reason in lines
    assert confirm(client, response).status_code == 302
    assert User.objects.filter(full_name="Người Hợp Lệ").exists()
    assert not User.objects.filter(full_name="Đặng Thị Hòa").exists()


def test_one_person_written_in_two_ways_is_one(client, here):
    """By the unit's code or its name, in capitals or not; a name without its marks is another person's."""
    here.person(here.commune, "officer", full_name="Lê Thị Bé", username="le.be")
    response = send(
        client,
        filled(
            new(here, full_name="Nguyễn Văn Ân", unit=here.commune.code),
            new(here, full_name="nguyễn văn ân", unit=here.commune.full_name),
            new(here, full_name="LÊ THỊ BÉ"),
            new(here, full_name="Lê Thị Be"),
        ),
    )
    verbs = [(verb, lines) for _, verb, lines in told(response)]
    assert [verb for verb, _ in verbs] == ["create", "refuse", "refuse", "create"]
    assert "Trùng với dòng 2" in verbs[1][1]
    assert "le.be" in verbs[2][1]


@pytest.mark.parametrize("move_first", [False, True])
def test_nobody_is_closed_and_moved_in_one_list(client, here, move_first):
    here.person(here.commune, "officer", full_name="Trần Văn Chuyển", username="tran.chuyen")
    rows = [
        {"action": "Ngừng hoạt động", "username": "tran.chuyen", "reason": "Nghỉ"},
        {"action": "Chuyển đơn vị", "username": "Tran.Chuyen", "unit": label(here.other), "starts_on": "01/08/2024"},
    ]
    response = send(client, filled(*(reversed(rows) if move_first else rows)))
    verbs = [(verb, lines) for _, verb, lines in told(response)]
    assert [verb for verb, _ in verbs] == ["move" if move_first else "close", "refuse"]
    assert "Người này đã có ở dòng 2" in verbs[1][1]


def test_duplicates_in_the_list_and_in_the_database(client, here):
    here.person(here.commune, "officer", full_name="Đã Có Sẵn", username="co.san")
    response = send(
        client,
        filled(
            new(here),
            new(here, full_name=" đặng thị  hoà ", unit=label(here.commune).upper()),
            new(here, full_name="Đã Có Sẵn"),
            new(here, username="hoa.hai"),
            new(here, username="hoa.hai", full_name="Người Thứ Hai"),
            new(here, unit=here.other.code),
        ),
    )
    verbs = [(verb, lines) for _, verb, lines in told(response)]
    assert [verb for verb, _ in verbs] == ["create", "refuse", "refuse", "create", "refuse", "create"]
    assert "Trùng với dòng 2 của danh sách này." in verbs[1][1]
    assert "Đã có Đã Có Sẵn (co.san)" in verbs[2][1]
    assert "đã có người dùng" in verbs[4][1]
    assert "dangthihoa2" in verbs[5][1]


def test_the_last_leader_stays_by_list_too(client, here):
    here.leader.username = "lanh.dao"
    here.leader.save()
    second = here.person(here.commune, "commune_leader", username="pho")
    rows = [{"action": "Ngừng hoạt động", "username": name, "reason": "Nghỉ"} for name in ("lanh.dao", "pho")]
    response = send(client, filled(*rows))
    assert [verb for _, verb, _ in told(response)] == ["close", "refuse"]
    assert "duy nhất" in told(response)[1][2]
    confirm(client, response)
    assert User.objects.get(pk=second.pk).is_active


def test_units_are_found_by_label_code_and_name(client, here):
    namesake = CommuneFactory(parent=here.district, name="Trùng Tên")
    CommuneFactory(parent=here.district, name="Trùng Tên")
    coded = CommuneFactory(parent=here.district, name="Mã Số", code="09977")
    rows = [
        new(here, full_name="A Một", unit=label(namesake)),
        new(here, full_name="B Hai", unit=9977),
        new(here, full_name="C Ba", unit=9977.0),
        new(here, full_name="D Bốn", unit="xã mã số"),
        new(here, full_name="E Năm", unit="Trùng Tên"),
    ]
    response = send(client, filled(*rows))
    verbs = [(verb, lines) for _, verb, lines in told(response)]
    assert [verb for verb, _ in verbs] == ["create"] * 4 + ["refuse"]
    assert "Có 2 đơn vị tên “Trùng Tên”" in verbs[4][1]
    confirm(client, response)
    assert Membership.objects.filter(unit=coded).count() == 3


def test_a_move_of_somebody_with_two_posts_must_say_which(client, here):
    person = here.person(here.commune, "officer", username="hai.viec")
    MembershipFactory(user=person, unit=here.commune, role="viewer")
    row = {"action": "Chuyển đơn vị", "username": "hai.viec", "unit": label(here.other), "starts_on": "01/08/2024"}
    assert "có 2 vai trò" in told(send(client, filled(row)))[0][2]
    assert told(send(client, filled(row | {"role": OFFICER})))[0][1] == "move"


def test_columns_may_stand_in_any_order(client, here):
    titles = {key: TITLES[key] for key in ("unit", "full_name", "role")} | {"note": "Ghi chú riêng"}
    response = send(client, filled(new(here, note="bỏ qua"), titles=titles))
    assert told(response)[0][1] == "create"


@pytest.mark.parametrize("titles", [{"a": "TT", "b": "Tên"}, {}, {"unit": "Đơn vị", "x": "Đơn vị"}])
def test_a_sheet_without_the_headings_is_no_list(client, here, titles):
    response = send(client, filled({"a": 1, "unit": "x"}, titles=titles))
    assert response.status_code == 422
    assert "tiêu đề của tệp mẫu" in response.content.decode()


def test_empty_and_too_long_lists(client, here):
    assert "chưa có người nào" in send(client, filled()).content.decode()
    assert "chưa có người nào" in send(client, filled({}, {"post": " "})).content.decode()
    many = filled(*(new(here, full_name=f"Người {chr(65 + n % 26)}") for n in range(301)))
    assert "hơn 300 người" in send(client, many).content.decode()


# --- files that mean harm --------------------------------------------------------------------


def repacked(data: bytes, *, drop: str = "", **members: bytes) -> bytes:
    """The workbook with members added or replaced; "__" stands for "/"."""
    members = {name.replace("__", "/"): content for name, content in members.items()}
    stream = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as fresh:
        for info in old.infolist():
            if info.filename not in members and info.filename != drop:
                fresh.writestr(info.filename, old.read(info))
        for name, content in members.items():
            fresh.writestr(name, content)
    return stream.getvalue()


SHEET = "xl__worksheets__sheet1.xml"


def bomb() -> bytes:
    return repacked(filled({"full_name": "a"}), **{"xl__media__image1.png": b"\0" * (21 * 1024 * 1024)})


def ratio() -> bytes:
    return repacked(filled({"full_name": "a"}), **{"xl__media__image1.png": b"\0" * (3 * 1024 * 1024)})


HARM = {
    "macros": (lambda: repacked(filled({}), **{"xl__vbaProject.bin": b"x"}), "macro"),
    "links": (lambda: repacked(filled({}), **{"xl__externalLinks__externalLink1.xml": b"<a/>"}), "liên kết"),
    "doctype": (
        lambda: repacked(filled({}), **{SHEET: b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>'}),
        "không an toàn",
    ),
    "doctype in UTF-16": (
        lambda: repacked(filled({}), **{SHEET: '<?xml version="1.0"?><!DocType x><a/>'.encode("utf-16")}),
        "không an toàn",
    ),
    "bomb": (bomb, "quá lớn"),
    "ratio": (ratio, "quá lớn"),
    "many members": (
        lambda: repacked(filled({}), **{f"a{n}.xml": b"" for n in range(250)}),
        "quá lớn",
    ),
    "no workbook": (lambda: repacked(filled({}), drop="xl/workbook.xml"), "không phải tệp Excel"),
    "broken sheet": (lambda: repacked(filled({}), **{SHEET: b"<worksheet><sheetData><row"}), "Không đọc được"),
    "cut short": (lambda: filled({})[:-60], "hỏng"),
    "old Excel": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000, "dạng .xls cũ"),
    "text": (lambda: "Họ và tên;Vai trò".encode(), "không phải tệp Excel"),
    "large": (lambda: b"PK\x03\x04" + b"x" * (2 * 1024 * 1024), "lớn hơn 2 MB"),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_harmful_file_is_refused_before_it_is_read(client, here, harm):
    make, reason = HARM[harm]
    response = send(client, make())
    assert response.status_code == 422
    assert reason in response.content.decode()


@pytest.mark.parametrize("row", [1_048_576, 6000])
def test_a_sheet_as_long_as_excel_allows_is_refused_quickly(client, here, row):
    sheet = re.sub(
        rb"</sheetData>",
        b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>x</t></is></c></row></sheetData>' % (row, row),
        zipfile.ZipFile(BytesIO(data := filled(new(here)))).read("xl/worksheets/sheet1.xml"),
    )
    response = send(client, repacked(data, **{SHEET: sheet}))
    assert response.status_code == 422
    assert "dài hơn 5.000 dòng" in response.content.decode()


def test_no_file_or_an_empty_one(client, here):
    assert "Chọn tệp" in client.post("/users/import/", {}).content.decode()
    assert "trống" in send(client, b"").content.decode()


def test_errors_left_by_formulas_are_no_values(here):
    data = filled(new(here, post="=1/0"))
    rows = dict(workbooks.read_rows(data))
    assert any(isinstance(cell, workbooks.Formula) for cell in rows[2])
    with pytest.raises(UnsafeWorkbook):
        user_lists.read_list(b"PK\x03\x04")


def test_each_row_costs_the_same_few_queries(client, here, count_queries):
    def cost(number: int) -> int:
        rows = user_lists.read_list(filled(*(new(here, full_name=f"Người {'A' * n}") for n in range(1, number + 1))))
        with count_queries() as queries:
            user_lists.preview(rows, here.province, here.coordinator)
        return len(queries)

    cost(1)
    assert (cost(20) - cost(10)) / 10 <= 14
