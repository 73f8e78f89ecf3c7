"""The workbook that describes a criteria set: its sheets and columns, and how it is written.

One table of columns for all: what is written, what `set_reading` looks for, and what the
workbook's own guide says. Values are plain (real numbers, real dates, texts): reading a
written workbook gives the same data (`set_data.filled`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from math import ceil
from typing import Any

from communes.models import Level
from criteria.models import CriteriaSet, Indicator, Operator
from criteria.models.sets import Provenance
from criteria.workshop.set_data import Data

TEMPLATE = "bo-tieu-chi/1"
YES, NO = "Có", "Không"
ROWS = 1_000  # rows that carry lists to choose from

TEXT, CODE, WHOLE, NUMBER, DAY, FLAG = "text", "code", "whole", "number", "day", "flag"


@dataclass(frozen=True, eq=False)
class Column:
    """A column (of the sheet of facts: a row): its key in the data, its heading, what may stand in it.

    `choices`: the data's codes with the words that stand in the sheet. `default`: what an empty
    cell means; required columns have none.
    """

    key: str
    title: str
    kind: str
    guide: str
    width: int = 16
    required: bool = False
    choices: dict[str, str] | None = None
    default: Any = None


PROVENANCES = dict(Provenance.choices)
LEVELS, GRADES, KINDS = dict(Level.choices), dict(CriteriaSet.Grade.choices), dict(Indicator.Kind.choices)
OPERATORS = dict(Operator.choices)

_PROVENANCE = Column(
    "provenance", "Nguồn gốc", TEXT, "Đã đối chiếu với văn bản hay chưa. Để trống: chưa đối chiếu.", 18,
    choices=PROVENANCES, default="recalled",
)  # fmt: skip
_SOURCE = Column("source", "Nguồn", TEXT, "Địa chỉ trang hoặc nơi đã xem văn bản.", 30)
_DECISION = Column("decision", "Văn bản", TEXT, "Số quyết định. Để trống: quyết định của cả bộ.", 20)
_NOTE = Column("note", "Ghi chú", TEXT, "Ghi chú.", 30)
_UNTIL = Column("to_year", "Đến hết năm", WHOLE, "Năm cuối yêu cầu này áp dụng. Để trống: chưa xác định.", 9)
_INDICATOR = Column("indicator", "Chỉ tiêu", CODE, "Mã chỉ tiêu, như ở trang “Chỉ tiêu”.", 10, required=True)
_DEMAND = (
    Column("variant", "Vùng, nhóm", CODE, "Mã ở trang “Vùng, nhóm”. Để trống: yêu cầu chung.", 18),
    Column("year", "Từ năm", WHOLE, "Yêu cầu áp dụng từ năm này. Để trống: từ đầu giai đoạn.", 9),
    Column(
        "operator", "So sánh", TEXT, "≥, ≤ hoặc = thì phải ghi cột “Mức”; Đạt, Xem xét theo nội dung thì không.", 12,
        required=True, choices=OPERATORS,
    ),
    Column("value", "Mức", NUMBER, "Chỉ ghi số, ví dụ 95 hoặc 84,5; không ghi đơn vị.", 10),
    Column("text", "Yêu cầu như văn bản", TEXT, "Chép nguyên văn, ví dụ: ≥95%.", 24, required=True),
)  # fmt: skip

HEAD = "Bộ tiêu chí"
FACTS = (
    Column("template", "Mẫu", CODE, "Không sửa ô này: hệ thống dựa vào đó để biết tệp theo mẫu nào.", required=True),
    Column("code", "Mã", CODE, "Chữ thường không dấu, số, dấu gạch nối, ví dụ xa-ntm-2026-2030. Trùng mã của bộ đã có "
           "thì tệp được ghi đè lên bộ ấy (cho xem trước từng thay đổi).", required=True),
    Column("name", "Tên", TEXT, "Tên đầy đủ của bộ tiêu chí.", required=True),
    Column("level", "Cấp", TEXT, "Bộ tiêu chí áp dụng cho cấp nào.", required=True, choices=LEVELS),
    Column("grade", "Mức", TEXT, "Nông thôn mới, nâng cao, kiểu mẫu hay hiện đại.", required=True, choices=GRADES),
    Column("province", "Mã tỉnh ban hành", CODE, "Để trống: bộ của trung ương."),
    Column("decision", "Quyết định", TEXT, "Số, ký hiệu quyết định ban hành, ví dụ 51/2025/QĐ-TTg."),
    Column("amended_by", "Sửa đổi bởi", TEXT, "Mỗi văn bản sửa đổi một dòng; cần thêm thì chép dòng này."),
    Column("issued", "Ngày ban hành", DAY, "Ngày/tháng/năm; chỉ biết tháng thì ghi chữ 2014-08."),
    Column("effective", "Có hiệu lực từ", DAY, "Ngày/tháng/năm; chỉ biết tháng thì ghi chữ 2014-08."),
    Column("first_year", "Từ năm", WHOLE, "Năm đầu của giai đoạn.", required=True),
    Column("last_year", "Đến năm", WHOLE, "Năm cuối của giai đoạn. Để trống: chưa xác định."),
    Column("requires", "Điều kiện: đã đạt bộ", CODE, "Mã bộ tiêu chí phải đạt trước, nếu có."),
    Column("mountain_variant", "Mức của vùng núi", CODE,
           "Mã vùng, nhóm mà xã được áp dụng mức miền núi dùng. Để trống: không có."),
    Column("nearly_met_threshold", "Ngưỡng gợi ý cơ bản đạt (%)", NUMBER, "Để trống: 80.", default=80),
    Column("official_criteria", "Số tiêu chí theo văn bản", WHOLE, "Để đối chiếu với số dòng ở trang “Tiêu chí”."),
    Column("official_indicators", "Số chỉ tiêu theo văn bản", WHOLE,
           "Để đối chiếu với trang “Chỉ tiêu” (không tính dòng là phần của chỉ tiêu khác và dòng đã hết áp dụng)."),
    Column("incomplete", "Chưa đủ chỉ tiêu", FLAG,
           "Có: tệp chưa đủ chỉ tiêu; tiêu chí chưa có chỉ tiêu thì đánh giá chung cả tiêu chí.", default=False),
    Column("note", "Ghi chú", TEXT, "Ghi chú chung."),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Table:
    """A sheet with one row a thing. `key`: where its rows are in the data."""

    key: str
    sheet: str
    columns: tuple[Column, ...]
    guide: str


VARIANTS = Table("variants", "Vùng, nhóm", (
    Column("code", "Mã", CODE, "Mã ngắn, ví dụ nhom-1.", 28, required=True),
    Column("name", "Tên", TEXT, "Tên như văn bản.", 36, required=True),
    Column("definition", "Định nghĩa", TEXT, "Xã nào thuộc vùng, nhóm này.", 70),
), "Các vùng, nhóm xã có mức yêu cầu khác nhau. Không có thì để trống.")  # fmt: skip
BUCKETS = Table("buckets", "Nhóm xã theo số tiêu chí", (
    Column("label", "Nhãn", CODE, "Cách ghi trong báo cáo, ví dụ 15-18.", 14, required=True),
    Column("min", "Từ", WHOLE, "Số tiêu chí đạt ít nhất.", 10, required=True),
    Column("max", "Đến", WHOLE, "Số tiêu chí đạt nhiều nhất.", 10, required=True),
), "Cách chia nhóm xã trong báo cáo. Để trống: 19, 15-18, 10-14, 5-9, dưới 5.")  # fmt: skip
CRITERIA = Table("criteria", "Tiêu chí", (
    Column("number", "Số", WHOLE, "Số thứ tự tiêu chí trong văn bản.", 7, required=True),
    Column("name", "Tên", TEXT, "Tên tiêu chí.", 40, required=True),
    Column("group", "Nhóm", CODE, "Ký hiệu nhóm: I, II … Không chia nhóm thì để trống.", 8),
    Column("group_name", "Tên nhóm", TEXT, "Tên của nhóm.", 34),
    Column("is_key", "Cốt lõi", FLAG, "Có: tiêu chí cốt lõi. Để trống: không.", 9, default=False),
    _PROVENANCE,
    _NOTE,
), "Mỗi tiêu chí một dòng.")  # fmt: skip
INDICATORS = Table("indicators", "Chỉ tiêu", (
    Column("criterion", "Tiêu chí", WHOLE, "Số của tiêu chí.", 9, required=True),
    Column("position", "TT", WHOLE, "Thứ tự trong tiêu chí. Để trống: theo thứ tự dòng.", 6),
    Column("code", "Mã", CODE, "Ghi dạng chữ, ví dụ 17.1 (số 1.10 sẽ mất số 0). Không trùng trong cả bộ.", 9,
           required=True),
    Column("name", "Nội dung", TEXT, "Nguyên văn như văn bản ban hành.", 60, required=True),
    Column("kind", "Kiểu", TEXT, "Có/không, Tỷ lệ (%), Số đo (có lẻ) hoặc Số lượng (số nguyên).", 12, required=True,
           choices=KINDS),
    Column("unit", "Đơn vị tính", TEXT, "%, triệu đồng/người …", 14),
    Column("part_of", "Là phần của", CODE, "Mã chỉ tiêu chính, khi dòng này là mức thứ hai của chỉ tiêu ấy.", 10),
    Column("may_be_not_applicable", "Có thể không áp dụng", FLAG, "Có: được chọn “Không áp dụng”. Để trống: không.", 12,
           default=False),
    Column("needs_evidence", "Cần minh chứng", FLAG, "Để trống: có.", 11, default=True),
    Column("set_by_province", "Mức do tỉnh quy định", FLAG, "Có: văn bản giao tỉnh quy định mức. Để trống: không.", 12,
           default=False),
    Column("in_force_from", "Áp dụng từ", DAY, "Ngày/tháng/năm. Để trống: từ đầu giai đoạn; thêm vào bộ đang dùng thì "
           "từ ngày áp dụng chọn khi tải lên.", 13),
    Column("in_force_to", "Áp dụng đến hết", DAY, "Ngày/tháng/năm. Để trống: còn áp dụng. Chỉ tiêu đang dùng không có "
           "trong tệp thì ngừng áp dụng, kết quả vẫn giữ.", 13),
    Column("guidance", "Hướng dẫn", TEXT, "Hướng dẫn người nhập.", 30),
    _PROVENANCE,
    Column("confidence", "Độ tin cậy", CODE, "high, medium hoặc low, khi chưa đối chiếu.", 10),
    _SOURCE,
    _NOTE,
), "Mỗi chỉ tiêu, hoặc phần của chỉ tiêu, một dòng.")  # fmt: skip
TARGETS = Table(
    "targets", "Yêu cầu", (_INDICATOR, *_DEMAND, _SOURCE, _DECISION, _PROVENANCE, _UNTIL),
    "Mức phải đạt. Quyết định sửa đổi: thêm dòng có cột “Từ năm”, giữ nguyên dòng cũ. "
    "Chưa biết mức thì không ghi dòng nào.",
)  # fmt: skip
PROVINCIAL = Table("provincial_targets", "Yêu cầu của tỉnh", (
    Column("province", "Tỉnh", TEXT, "Tên tỉnh.", 16, required=True),
    Column("province_code", "Mã tỉnh", CODE, "Mã đơn vị hành chính.", 9, required=True),
    Column("indicator", "Chỉ tiêu", CODE, "Mã chỉ tiêu. Để trống: điều kiện chung, đưa vào quy định kèm theo.", 10),
    *_DEMAND,
    Column("decision", "Văn bản", TEXT, "Số quyết định của tỉnh.", 20),
    _SOURCE,
    _UNTIL,
), "Mức riêng của từng tỉnh, nếu tệp có. Chỉ ghi với bộ mới, dự thảo; bộ đang dùng sửa ở trang Yêu cầu.")  # fmt: skip
WORDINGS = Table("wordings", "Nội dung sửa đổi", (
    _INDICATOR,
    Column("from", "Từ ngày", DAY, "Nội dung mới áp dụng từ ngày này.", 13, required=True),
    Column("name", "Nội dung", TEXT, "Nguyên văn nội dung sau khi sửa đổi.", 70, required=True),
    Column("decision", "Văn bản", TEXT, "Số quyết định sửa đổi.", 20),
    _SOURCE,
), "Quyết định sửa đổi lời văn: nội dung cũ ở trang “Chỉ tiêu” giữ nguyên.")  # fmt: skip
RULES = Table("rules", "Quy định kèm theo", (
    Column("text", "Nội dung", TEXT, "Mỗi quy định một dòng.", 110, required=True),
), "Quy định không gắn với chỉ tiêu nào.")  # fmt: skip
SOURCES = Table("sources", "Nguồn", (
    Column("text", "Nguồn", TEXT, "Mỗi nguồn một dòng.", 110, required=True),
), "Nơi đã xem văn bản.")  # fmt: skip
TABLES = (VARIANTS, BUCKETS, CRITERIA, INDICATORS, TARGETS, PROVINCIAL, WORDINGS, RULES, SOURCES)
GUIDE = "Hướng dẫn"

STEPS = (
    "Tệp này mô tả trọn một bộ tiêu chí. Ghi xong, tải lên ở mục “Bộ tiêu chí”.",
    "Hệ thống kiểm tra mọi dòng, nêu chỗ sai theo trang, dòng, cột, cho xem trước rồi mới ghi.",
    "Bộ mới được ghi thành dự thảo; chỉ người quản lý bộ xem được cho đến khi công bố.",
    "Không đổi tên trang và dòng tiêu đề; thêm, xóa, sắp xếp dòng thì được.",
    "Không gộp ô, không dùng công thức. Số và ngày ghi đúng dạng số, ngày của Excel; mã ghi dạng chữ.",
    "Cột có dấu * là bắt buộc.",
)


# --- rows ----------------------------------------------------------------------------------


def facts(data: Data) -> Iterator[tuple[Column, Any]]:
    """The rows of the first sheet with their values; one a line for what amended the set."""
    period, counts = data.get("period") or [None, None], data.get("official_counts") or {}
    own = {
        "template": TEMPLATE, "first_year": period[0], "last_year": period[1],
        "official_criteria": counts.get("criteria"), "official_indicators": counts.get("indicators"),
    }  # fmt: skip
    for column in FACTS:
        if column.key == "amended_by":
            for text in data.get("amended_by") or [None]:
                yield column, text
        else:
            yield column, own.get(column.key, data.get(column.key))


def rows(table: Table, data: Data) -> list[Data]:
    """The rows of a sheet, by column key."""
    if table in {RULES, SOURCES}:
        return [{"text": text} for text in data.get(table.key, [])]
    if table is CRITERIA:
        names = {row["code"]: row["name"] for row in data.get("groups", [])}
        return [{**row, "group_name": names.get(row["group"])} for row in data.get("criteria", [])]
    indicators = [
        {**one, "criterion": row["number"], "position": position}
        for row in data.get("criteria", [])
        for position, one in enumerate(row["indicators"], start=1)
    ]
    if table is INDICATORS:
        return indicators
    if table is TARGETS:
        return [{**target, "indicator": one["code"]} for one in indicators for target in one["targets"]]
    return data.get(table.key, [])


# --- writing -------------------------------------------------------------------------------


def set_workbook(data: Data | None = None) -> bytes:
    """The workbook of a set, given as data; without it an empty one to fill in."""
    return _Writer(data or {}).write()


class _Writer:
    def __init__(self, data: Data) -> None:
        import xlsxwriter

        self.data = data
        self.stream = BytesIO()
        self.book = xlsxwriter.Workbook(
            self.stream, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
        )
        font = {"font_name": "Times New Roman", "font_size": 12, "valign": "top"}
        made = self.book.add_format
        self.head = made({**font, "bold": True, "text_wrap": True, "border": 1, "valign": "vcenter",
                          "bg_color": "#E3EFEC"})  # fmt: skip
        shapes: dict[str, dict[str, Any]] = {
            TEXT: {"text_wrap": True},
            CODE: {"num_format": "@"},
            WHOLE: {"num_format": "0", "align": "center"},
            NUMBER: {"num_format": "General", "align": "center"},
            DAY: {"num_format": "dd/mm/yyyy", "align": "center"},
            FLAG: {"align": "center"},
        }
        line = {"border": 1, "border_color": "#B9C7C3"}
        self.cells = {kind: made({**font, **line, **shape}) for kind, shape in shapes.items()}
        # What is typed below the rows that are there: the same kind of cell, without lines.
        self.free = {kind: made({**font, **shape}) for kind, shape in shapes.items()}
        self.plain = made({**font, "text_wrap": True})
        self.hint = made({**font, "text_wrap": True, "font_color": "#4A5B57", "italic": True})
        self.title = made({**font, "bold": True, "font_size": 14})

    def write(self) -> bytes:
        self._facts()
        for table in TABLES:
            self._table(table)
        self._guide()
        self.book.close()
        return self.stream.getvalue()

    def _sheet(self, name: str, *, landscape: bool) -> Any:
        sheet = self.book.add_worksheet(name)
        sheet.set_paper(9)
        if landscape:
            sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_footer('&C&"Times New Roman"&A – trang &P/&N')
        return sheet

    def _facts(self) -> None:
        sheet = self._sheet(HEAD, landscape=False)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        for at, (title, width) in enumerate((("Thông tin", 30), ("Giá trị", 46), ("Giải thích", 66))):
            sheet.write_string(0, at, title, self.head)
            sheet.set_column(at, at, width)
        for at, (column, value) in enumerate(facts(self.data), start=1):
            sheet.write_string(at, 0, _heading(column), self.head)
            self._cell(sheet, at, 1, column, value)
            sheet.write_string(at, 2, column.guide, self.hint)
            sheet.set_row(at, _height((column.title, 30), (value, 46), (column.guide, 66)))
            self._choices(sheet, at, at, 1, column)

    def _table(self, table: Table) -> None:
        sheet = self._sheet(table.sheet, landscape=sum(column.width for column in table.columns) > 100)
        sheet.freeze_panes(1, 3 if table is INDICATORS else 1)
        sheet.repeat_rows(0)
        sheet.set_row(0, 48 if len(table.columns) > 1 else 24)
        found = rows(table, self.data)
        for at, column in enumerate(table.columns):
            sheet.write_string(0, at, _heading(column), self.head)
            sheet.set_column(at, at, column.width, self.free[column.kind])
            self._choices(sheet, 1, max(len(found), ROWS), at, column)
            for place, row in enumerate(found, start=1):
                self._cell(sheet, place, at, column, row.get(column.key))
        for place, row in enumerate(found, start=1):
            sheet.set_row(place, _height(*((row.get(column.key), column.width) for column in table.columns)))
        sheet.autofilter(0, 0, max(len(found), 1), len(table.columns) - 1)

    def _cell(self, sheet: Any, row: int, at: int, column: Column, value: Any) -> None:
        look = self.cells[column.kind]
        if value is None or value == "":
            sheet.write_blank(row, at, None, look)
        elif column.choices:
            sheet.write_string(row, at, column.choices.get(value, value), look)
        elif column.kind == FLAG:
            sheet.write_string(row, at, YES if value else NO, look)
        elif column.kind in {WHOLE, NUMBER}:
            sheet.write_number(row, at, value, look)
        elif column.kind == DAY and len(value) == len("2024-03-01"):
            sheet.write_datetime(row, at, date.fromisoformat(value), look)
        else:
            sheet.write_string(row, at, value, look)

    def _choices(self, sheet: Any, first: int, last: int, at: int, column: Column) -> None:
        rule: dict[str, Any] = {
            "validate": "any",
            "input_title": column.title[:32],
            "input_message": column.guide[:255],
        }
        wrong = {"error_type": "stop", "error_title": column.title[:32]}
        if column.choices or column.kind == FLAG:
            words = [*column.choices.values()] if column.choices else [YES, NO]
            rule |= {"validate": "list", "source": words, "error_message": "Chọn một giá trị trong danh sách.", **wrong}
        elif column.key in {"variant", "mountain_variant"}:
            rule |= {"validate": "list", "source": f"='{VARIANTS.sheet}'!$A$2:$A$51",
                     "error_message": f"Chọn mã ở trang “{VARIANTS.sheet}”.", **wrong}  # fmt: skip
        elif column.kind == WHOLE:
            rule |= {"validate": "integer", "criteria": "between", "minimum": 0, "maximum": 9999,
                     "error_message": "Ghi số nguyên.", **wrong}  # fmt: skip
        elif column.kind == NUMBER:
            rule |= {"validate": "decimal", "criteria": ">=", "value": 0, "error_message": "Ghi một số.", **wrong}
        sheet.data_validation(first, at, last, at, rule)

    def _guide(self) -> None:
        sheet = self._sheet(GUIDE, landscape=False)
        for at, width in enumerate((26, 30, 80)):
            sheet.set_column(at, at, width)
        sheet.write_string(0, 0, "Cách ghi tệp bộ tiêu chí", self.title)
        place = 2
        for text in STEPS:
            sheet.merge_range(place, 0, place, 2, text, self.plain)
            sheet.set_row(place, 20)
            place += 1
        place += 1
        for at, title in enumerate(("Trang", "Cột", "Ghi gì")):
            sheet.write_string(place, at, title, self.head)
        for name, columns, guide in [(HEAD, FACTS, "Mỗi dòng một thông tin, ghi ở cột “Giá trị”."), *(
            (table.sheet, table.columns, table.guide) for table in TABLES
        )]:  # fmt: skip
            place += 1
            sheet.write_string(place, 0, name, self.head)
            sheet.write_string(place, 1, "", self.plain)
            sheet.write_string(place, 2, guide, self.plain)
            sheet.set_row(place, _height((name, 24), (guide, 80)))
            for column in columns:
                place += 1
                sheet.write_string(place, 1, _heading(column), self.plain)
                sheet.write_string(place, 2, column.guide, self.plain)
                sheet.set_row(place, _height((column.title, 28), (column.guide, 80)))


def _height(*cells: tuple[Any, int]) -> float:
    """Points that the wrapped texts of a row need: neither Excel nor LibreOffice works it out on opening."""
    lines = [
        sum(max(1, ceil(len(part) / (width * 1.1))) for part in value.split("\n"))
        for value, width in cells
        if isinstance(value, str)
    ]
    return min(16.5 * max(lines, default=1), 400)


def _heading(column: Column) -> str:
    return f"{column.title} *" if column.required else column.title
