"""A province with its communes, a coordinator, and old tables as offices keep them, made by openpyxl."""

from dataclasses import dataclass
from datetime import date
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from django.test import Client
from openpyxl import Workbook

from communes.models import Role, Unit
from criteria.models import CriteriaSet, Upload
from ntm.accounts.models import User
from tests.factories import CommuneFactory, DistrictFactory, ProvinceFactory
from tests.reports.worlds import make_set, member

DAY = date(2022, 12, 31)
NAMES = ("Đông Phú", "Đông Thịnh", "Hòa Lộc", "Quảng Thạch", "Nga Tân", "Xuân Lai")


@dataclass
class Place:
    province: Unit
    communes: list[Unit]
    criteria_set: CriteriaSet
    coordinator: User
    client: Client

    def upload(self, content, follow=True, **fields):
        """Hand in a table; the response."""
        file = BytesIO(content)
        file.name = fields.pop("filename", "Tong hop 2022.xlsx")
        data = {
            "file": file,
            "criteria_set": self.criteria_set.code,
            "stage": "province",
            "day": "31/12/2022",
            "note": "Báo cáo 15/BC-VPĐP",
            "clash": "keep",
        } | fields
        return self.client.post("/workshop/history/", data, follow=follow)

    def walk(self, content, marks=(), communes=(), columns=None, figures="only", threshold=None, **fields):
        """All steps with what they guess but for what is named; the upload as it then is."""
        return self.finish(self.upload(content, **fields), marks, communes, columns, figures, threshold)

    def finish(self, response, marks=(), communes=(), columns=None, figures="only", threshold=None):
        """The steps from the one this response shows."""
        assert response.status_code == 200, response.content.decode()
        for _ in range(8):
            url = response.redirect_chain[-1][0] if response.redirect_chain else response.request["PATH_INFO"]
            step = url.rstrip("/").rpartition("/")[2]
            context = response.context
            if step == "sheet":
                data = {"sheet": context["form"]["sheet"].value()}
            elif step == "headings":
                data = {name: context["form"][name].value() for name in ("top", "last")}
            elif step == "columns":
                data = {f"role-{c['number']}": c["role"] for c in context["columns"]}
                data |= {f"way-{c['number']}": c["way"] for c in context["columns"] if c["way"]}
                data |= columns or {}
            elif step == "marks":
                wanted = dict(marks)
                data = {f"mark-{m['place']}": wanted.get(m["text"], m["meaning"]) for m in context["marks"]}
                data |= {"figures": figures, "threshold": threshold or context["threshold"]}
            elif step == "communes":
                data = dict(communes)
            else:
                break
            response = self.client.post(url, data, follow=True)
            assert response.status_code == 200, response.content.decode()
        return Upload.objects.latest("uploaded_at")

    def confirm(self, upload):
        return self.client.post(f"/uploads/{upload.pk}/apply/", {"fingerprint": upload.fingerprint}, follow=True)


def make_place(names=NAMES, criteria=3, indicators=2, **fields):
    province = ProvinceFactory(name="Thanh Hóa")
    areas = [DistrictFactory(parent=province, name=name) for name in ("Đông Sơn", "Hậu Lộc")]
    communes = [CommuneFactory(parent=areas[place % 2], name=name) for place, name in enumerate(names)]
    coordinator = member(province, Role.COORDINATOR)
    client = Client()
    client.force_login(coordinator)
    return Place(province, communes, make_set(criteria, indicators, **fields), coordinator, client)


def workbook(rows, *, merged=(), sheet="Biểu 1", others=()):
    """A workbook whose sheet has these rows; `merged` in Excel's words; `others`: more sheets by name."""
    book = Workbook()
    page = book.active
    page.title = sheet
    for row in rows:
        page.append(row)
    for area in merged:
        page.merge_cells(area)
    for name, content in dict(others).items():
        other = book.create_sheet(name)
        for row in content:
            other.append(row)
    body = BytesIO()
    book.save(body)
    return body.getvalue()


def with_sheet_part(content, old, new):
    """The workbook with words in its first sheet's XML replaced."""
    body = BytesIO()
    with ZipFile(BytesIO(content)) as given, ZipFile(body, "w", ZIP_DEFLATED) as made:
        for name in given.namelist():
            data = given.read(name)
            if name.endswith("sheet1.xml"):
                data = data.replace(old.encode(), new.encode(), 1)
            made.writestr(name, data)
    return body.getvalue()


def real_table(names, marks, criteria=3):
    """Titles, headings of two rows with merged cells, a row that numbers the columns, subtotals, a sum, notes.

    `marks`: by name a list of the criteria's marks."""
    width = criteria + 3
    rows = [
        ["UBND TỈNH THANH HÓA", None, None, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"],
        ["TỔNG HỢP KẾT QUẢ THỰC HIỆN BỘ TIÊU CHÍ ĐẾN 31/12/2022"],
        [],
        ["TT", "Tên xã", "Kết quả theo từng tiêu chí", *[None] * (criteria - 1), "Tổng số tiêu chí đạt"],
        [None, None, *range(1, criteria + 1), None],
        [f"({n})" for n in range(1, width + 1)],
        ["I", "Huyện Đông Sơn", *[None] * criteria, 12],
    ]
    half = (len(names) + 1) // 2
    for place, name in enumerate(names[:half], 1):
        rows.append([place, name, *marks[name], f'=COUNTIF(C{place + 7}:E{place + 7},"x")'])
    rows.append(["II", "Huyện Hậu Lộc"])
    for place, name in enumerate(names[half:], 1):
        rows.append([place, name, *marks[name]])
    rows += [
        [None, "Tổng cộng", *[3] * criteria],
        [None, "Tỷ lệ (%)", *[0.5] * criteria],
        [],
        [None, "Ghi chú: x là đạt, CĐ là chưa đạt"],
        [None, "Người lập biểu"],
    ]
    last = chr(ord("C") + criteria - 1)
    return workbook(rows, merged=("A2:F2", f"C4:{last}4", "A4:A5", "B4:B5"))
