"""The minutes as a Word document: drawn from a template whose fields officers know by name.

The built-in form is `templates/inspections/minutes.docx`; a province may put its own in its
place. A template may hold fields, `for` over the lists and `if`, nothing else: it is written by
people outside the team that runs the server. It is checked when it comes in (`check_template`), and
drawn in a sandbox all the same. docxtpl is imported when a document is drawn.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.files import File

from communes.documents import mark_pages, to_bytes
from criteria.evidence import MB, Checked, UploadRefused, check_upload, format_size
from inspections.minutes.data import (
    CriterionText,
    Dossier,
    IndicatorText,
    Minutes,
    Person,
    Shortcoming,
)

BUILT_IN = settings.BASE_DIR / "templates" / "inspections" / "minutes.docx"
MAX_TEMPLATE = 2 * MB
MAX_XML = 4 * MB  # of all parts together; a form of ten pages has about 300 KB
LOOP = ("index", "first", "last", "length")  # what a loop knows of itself
DEEPEST = 2  # loops within each other: criteria, and their indicators


@dataclass(frozen=True, slots=True)
class Listed:
    """A list to go through with `for`: what it is, and the fields of each of its rows."""

    meaning: str
    fields: Mapping[str, str | Listed]


_PERSON = {
    "ho_ten": "Họ và tên",
    "chuc_vu": "Chức vụ",
    "co_quan": "Cơ quan",
    "vai_tro": "Vai trò trong đoàn",
    "gioi_thieu": "Họ tên, chức vụ, cơ quan trên một dòng",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """What a loop's variable stands for: one row of a list."""

    fields: Mapping[str, str | Listed]


# Every field a template may use, by its name, with what it prints.
FIELDS: Mapping[str, str | Listed] = {
    "co_quan_tren": "Ủy ban nhân dân cấp lập đoàn, chữ in hoa",
    "co_quan": "Tên đoàn, chữ in hoa",
    "dia_danh_ngay": "Địa danh, ngày tháng năm lập biên bản",
    "hinh_thuc": "Hình thức kiểm tra",
    "ma": "Mã cuộc kiểm tra",
    "xa": "Tên xã, viết hoa đầu dòng",
    "xa_trong_cau": "Tên xã trong câu",
    "huyen": "Tên huyện (có thể trống)",
    "tinh": "Tên tỉnh",
    "dia_diem": "Xã, huyện, tỉnh",
    "ngay": "Ngày kiểm tra, viết bằng chữ ngày, tháng, năm",
    "quyet_dinh": "Số quyết định thành lập đoàn (có thể trống)",
    "bo_tieu_chi": "Tên bộ tiêu chí",
    "pham_vi": "Số tiêu chí được kiểm tra",
    "doan": Listed("Thành viên đoàn, trưởng đoàn đứng đầu", _PERSON),
    "tham_du": Listed("Thành phần tham dự", _PERSON),
    "truong_doan": "Họ tên trưởng đoàn",
    "thu_ky": "Họ tên thư ký (có thể trống)",
    "ho_so": "Câu tổng hợp về minh chứng",
    "thieu_minh_chung": "Các chỉ tiêu thiếu minh chứng (có thể trống)",
    "tieu_chi": Listed(
        "Kết quả theo từng tiêu chí",
        {
            "so": "Số thứ tự tiêu chí",
            "ten": "Tên tiêu chí",
            "xa_danh_gia": "Xã tự đánh giá",
            "doan_danh_gia": "Đoàn đánh giá",
            "muc_do": "Mức độ đạt theo đoàn",
            "ton_tai": "Tồn tại, hạn chế của cả tiêu chí",
            "kien_nghi": "Kiến nghị, thời hạn",
            "chi_tieu": Listed(
                "Các chỉ tiêu của tiêu chí",
                {
                    "ma": "Mã chỉ tiêu",
                    "ten": "Tên chỉ tiêu",
                    "yeu_cau": "Yêu cầu",
                    "xa_danh_gia": "Xã tự đánh giá",
                    "doan_danh_gia": "Đoàn đánh giá",
                    "nhan_xet": "Nhận xét của đoàn",
                    "ton_tai": "Tồn tại, hạn chế",
                    "kien_nghi": "Kiến nghị, thời hạn",
                },
            ),
        },
    ),
    "ket_qua": "Câu tổng hợp kết quả của đoàn",
    "ly_do_khong_cham": "Lý do có chỉ tiêu đoàn không chấm (có thể trống)",
    "y_kien_xa": "Ý kiến của xã (có thể trống)",
    "ket_luan": "Kết luận của đoàn",
    "ghi_chu": "Ghi chú khi không ghi nhận kết quả chính thức (có thể trống)",
}
# Minutes without these aren't minutes.
NEEDED = ("tieu_chi", "ket_luan")


class TemplateRefused(Exception):
    """A file that can't be a template; the message says what to change."""


def draw_word(minutes: Minutes, template: bytes | None = None) -> bytes:
    """The Word document, from a province's template or the built-in form. Raises whatever the template makes happen."""
    from docx import Document
    from docxtpl import DocxTemplate

    form = DocxTemplate(io.BytesIO(template) if template is not None else str(BUILT_IN))
    form.render(fields(minutes), _sandbox(), autoescape=True)
    drawn = to_bytes(form)
    if not minutes.marks:
        return drawn
    document = Document(io.BytesIO(drawn))  # read anew: drawing leaves headers that can't be added to
    mark_pages(document, minutes.marks)
    return to_bytes(document)


def fields(minutes: Minutes) -> dict[str, Any]:
    """The minutes under the names of FIELDS."""
    return {
        "co_quan_tren": minutes.committee,
        "co_quan": minutes.team_name,
        "dia_danh_ngay": minutes.place_and_day,
        "hinh_thuc": minutes.kind,
        "ma": minutes.code,
        "xa": minutes.unit,
        "xa_trong_cau": minutes.unit_in_sentence,
        "huyen": minutes.district,
        "tinh": minutes.province,
        "dia_diem": minutes.place,
        "ngay": minutes.day,
        "quyet_dinh": minutes.decision,
        "bo_tieu_chi": minutes.criteria_set,
        "pham_vi": minutes.scope,
        "doan": [_person(person) for person in minutes.team],
        "tham_du": [_person(person) for person in minutes.attendees],
        "truong_doan": minutes.leader,
        "thu_ky": minutes.secretary,
        "ho_so": minutes.dossier.sentence,
        "thieu_minh_chung": minutes.dossier.lacking_sentence,
        "tieu_chi": [
            {
                "so": str(criterion.number),
                "ten": criterion.name,
                "xa_danh_gia": criterion.claim,
                "doan_danh_gia": criterion.found,
                "muc_do": criterion.attainment,
                **_shortcomings(criterion.shortcomings),
                "chi_tieu": [
                    {
                        "ma": row.code,
                        "ten": row.name,
                        "yeu_cau": row.requirement,
                        "xa_danh_gia": row.claim,
                        "doan_danh_gia": row.found,
                        "nhan_xet": row.remark,
                        **_shortcomings(row.shortcomings),
                    }
                    for row in criterion.indicators
                ],
            }
            for criterion in minutes.criteria
        ],
        "ket_qua": minutes.result,
        "ly_do_khong_cham": minutes.unscored_reason,
        "y_kien_xa": minutes.opinion,
        "ket_luan": minutes.conclusion,
        "ghi_chu": minutes.remark,
    }


def _person(person: Person) -> dict[str, str]:
    return {
        "ho_ten": person.name,
        "chuc_vu": person.post,
        "co_quan": person.organisation,
        "vai_tro": person.role,
        "gioi_thieu": person.line,
    }


def _shortcomings(found: tuple[Shortcoming, ...]) -> dict[str, str]:
    return {
        "ton_tai": "\n".join(shortcoming.text for shortcoming in found),
        "kien_nghi": "\n".join(shortcoming.recommendation for shortcoming in found),
    }


def _sandbox() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined)


# --- checking a template ---------------------------------------------------------------


def check_template(file: File) -> Checked:
    """Judge an uploaded template: a real .docx without macros or links to elsewhere, of bearable
    size, with known fields only, that can be drawn. Raises UploadRefused or TemplateRefused."""
    checked = check_upload(file)
    name = checked.original_name
    if not name.lower().endswith(".docx"):
        raise TemplateRefused(f"Mẫu biên bản phải là tệp Word .docx; “{name}” là loại khác.")
    if checked.size > MAX_TEMPLATE:
        raise UploadRefused(
            f"Mẫu “{name}” nặng {format_size(checked.size)}, vượt quá {format_size(MAX_TEMPLATE)}. "
            "Bỏ bớt ảnh trong mẫu rồi tải lại.",
            413,
        )
    file.seek(0)
    content = file.read()
    _check_parts(name, content)
    _check_fields(name, content)
    return checked


def _check_parts(name: str, content: bytes) -> None:
    """What an ordinary form never holds: another document type, embedded programs, links to fetch from elsewhere."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        xml = [member for member in members if member.filename.lower().endswith((".xml", ".rels"))]
        if sum(member.file_size for member in xml) > MAX_XML:
            raise TemplateRefused(f"Mẫu “{name}” quá dài. Mẫu chỉ cần khung biên bản, không cần nội dung.")
        if any(re.search(r"(?i)/(embeddings|activex)/", f"/{member.filename}") for member in members):
            raise TemplateRefused(f"Mẫu “{name}” chứa đối tượng nhúng. Bỏ đối tượng nhúng rồi tải lại.")
        for member in xml:
            part = archive.read(member)
            if b"\0" in part or b"<!DOCTYPE" in part or b"<!ENTITY" in part:
                raise TemplateRefused(f"Mẫu “{name}” có phần XML không bình thường. Lưu lại bằng Word rồi tải lên.")
            if member.filename.lower().endswith(".rels") and _links_outside(part):
                raise TemplateRefused(
                    f"Mẫu “{name}” liên kết tới tệp ở nơi khác (ảnh hoặc mẫu gốc). Chèn hẳn ảnh vào tệp, bỏ liên kết."
                )


def _links_outside(relations: bytes) -> bool:
    """Whether a part needs something from elsewhere; a plain hyperlink is only text to click."""
    for relation in re.findall(rb"<[^>]*Relationship\b[^>]*>", relations):
        if re.search(rb"TargetMode\s*=\s*[\"']External", relation) and b"/hyperlink" not in relation:
            return True
    return False


def _check_fields(name: str, content: bytes) -> None:
    from docxtpl import DocxTemplate
    from jinja2 import TemplateSyntaxError

    try:
        template = DocxTemplate(io.BytesIO(content))
        sources = list(_sources(template))
    except Exception:  # python-docx raises anything on a document it can't read
        raise TemplateRefused(f"Không đọc được mẫu “{name}”. Mở bằng Word, lưu lại dạng .docx rồi tải lên.") from None
    used = _Used()
    for source in sources:
        try:
            used.read(_sandbox().parse(source))
        except TemplateSyntaxError as wrong:
            raise TemplateRefused(
                f"Mẫu “{name}” viết sai cú pháp{_near(source, wrong.lineno)}. "
                "Mỗi trường viết {{ ten_truong }}, mỗi {% for … %} có {% endfor %}, mỗi {% if … %} có {% endif %}."
            ) from None
    if used.forbidden:
        raise TemplateRefused(
            f"Mẫu “{name}” dùng lệnh không được phép: {', '.join(sorted(used.forbidden))}. "
            "Mẫu chỉ được dùng trường, vòng lặp for theo danh sách và điều kiện if."
        )
    if used.unknown:
        shown = ", ".join("{{ " + field + " }}" for field in sorted(used.unknown))
        raise TemplateRefused(
            f"Mẫu “{name}” có trường không có trong danh sách: {shown}. Sửa tên trường theo bảng bên dưới rồi tải lại."
        )
    missing = [field for field in NEEDED if field not in used.known]
    if missing:
        raise TemplateRefused(
            f"Mẫu “{name}” chưa có trường bắt buộc: {', '.join(missing)}. Tải mẫu đang dùng về và sửa từ mẫu đó."
        )
    _try_out(name, content)


def _sources(template: Any) -> Iterator[str]:
    """Every text that drawing will read fields in, as it will read it."""
    template.init_docx()
    yield template.patch_xml(template.get_xml())
    for uri in (template.HEADER_URI, template.FOOTER_URI):
        for _, part in template.get_headers_footers(uri):
            yield template.patch_xml(template.get_part_xml(part))
    for part in template.docx.part.package.parts:
        if part.content_type.endswith(".footnotes+xml"):
            yield template.patch_xml(part.blob.decode())
    properties = template.docx.core_properties
    for prop in ("author", "comments", "identifier", "language", "subject", "title"):
        yield getattr(properties, prop)


def _near(source: str, line: int) -> str:
    lines = re.sub(r"<w:p[ >]", r"\n\g<0>", source).splitlines()
    text = " ".join(re.sub(r"<[^>]+>", "", part) for part in lines[max(0, line - 1) : line]).strip()
    return f" gần “{text[:60]}”" if text else ""


class _Used:
    """What the parsed sources use: known and unknown fields, and commands a template may not hold."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.unknown: set[str] = set()
        self.forbidden: set[str] = set()

    def read(self, node: Any, scope: Mapping[str, Any] = FIELDS, depth: int = 0) -> None:
        from jinja2 import nodes

        if isinstance(node, nodes.For):
            self._loop(node, scope, depth)
        elif isinstance(node, nodes.Name | nodes.Getattr):
            if isinstance(self._find(node, scope), Listed | _Row):
                self.forbidden.add(f"in cả danh sách {_written(node)}")
        elif isinstance(node, nodes.If):
            self._test(node.test, scope)
            for child in [*node.body, *node.elif_, *node.else_]:
                self.read(child, scope, depth)
        elif isinstance(node, nodes.Template | nodes.Output | nodes.TemplateData):
            for child in node.iter_child_nodes():
                self.read(child, scope, depth)
        else:
            self.forbidden.add(type(node).__name__.lower())

    def _loop(self, node: Any, scope: Mapping[str, Any], depth: int) -> None:
        from jinja2 import nodes

        rows = self._find(node.iter, scope) if isinstance(node.iter, nodes.Name | nodes.Getattr) else None
        if rows is None and isinstance(node.iter, nodes.Name | nodes.Getattr):
            return  # an unknown list: its rows can't be judged
        if not isinstance(rows, Listed) or not isinstance(node.target, nodes.Name) or node.test or node.recursive:
            self.forbidden.add("for không theo danh sách")
            return
        if depth >= DEEPEST:
            self.forbidden.add(f"for lồng nhau quá {DEEPEST} tầng")
            return
        inner = {**scope, node.target.name: _Row(rows.fields), "loop": _Row(dict.fromkeys(LOOP, ""))}
        for child in [*node.body, *node.else_]:
            self.read(child, inner, depth + 1)

    def _test(self, node: Any, scope: Mapping[str, Any]) -> None:
        """A condition: fields, also whole lists, compared or not."""
        from jinja2 import nodes

        if isinstance(node, nodes.Name | nodes.Getattr):
            self._find(node, scope)
        elif isinstance(node, nodes.Not | nodes.And | nodes.Or | nodes.Compare | nodes.Operand):
            for child in node.iter_child_nodes():
                self._test(child, scope)
        elif not isinstance(node, nodes.Const):
            self.forbidden.add(type(node).__name__.lower())

    def _find(self, node: Any, scope: Mapping[str, Any]) -> Any:
        """What a name or `row.field` stands for; None, and noted, where there is no such field."""
        from jinja2 import nodes

        if isinstance(node, nodes.Name):
            found = scope.get(node.name)
        elif isinstance(node.node, nodes.Name):
            row = scope.get(node.node.name)
            found = row.fields.get(node.attr) if isinstance(row, _Row) else None
        else:
            found = None
        (self.known if found is not None else self.unknown).add(_written(node))
        return found


def _written(node: Any) -> str:
    """A name as it stands in the template."""
    from jinja2 import nodes

    if isinstance(node, nodes.Getattr):
        return f"{_written(node.node)}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else "…"


def _try_out(name: str, content: bytes) -> None:
    """Draw the template with full and with empty minutes, and see that every text stands where Word expects it."""
    from docx import Document

    for minutes in (_sample(), _empty()):
        try:
            body = Document(io.BytesIO(draw_word(minutes, content))).part.blob
        except Exception:  # whatever a form can make go wrong, its author is told the same
            raise TemplateRefused(
                f"Không lập được biên bản từ mẫu “{name}”: trường hoặc vòng lặp đặt sai chỗ trong bảng. "
                "Tải mẫu đang dùng về, sửa từng phần rồi tải lại."
            ) from None
        if _has_stray_text(body):
            raise TemplateRefused(
                f"Mẫu “{name}” đặt trường sai chỗ. Không dùng dạng {{{{r … }}}} hay {{{{p … }}}}; viết {{{{ … }}}}."
            )


def _has_stray_text(body: bytes) -> bool:
    """Whether text stands between the parts of a Word document, where it shows nowhere."""
    from lxml import etree

    for element in etree.fromstring(body, etree.XMLParser(resolve_entities=False)).iter():
        if not isinstance(element.tag, str) or "wordprocessingml" not in element.tag:
            continue
        holds_text = element.tag.rpartition("}")[2] in {"t", "instrText", "delText"}
        if ((element.text or "").strip() and not holds_text) or (element.tail or "").strip():
            return True
    return False


def _sample() -> Minutes:
    """Minutes that use every field, for trying a template out."""
    person = Person("Họ và tên", "Chức vụ", "Cơ quan", "Trưởng đoàn")
    shortcoming = Shortcoming("Tồn tại <&>", "Kiến nghị\nThời hạn: 31/12/2024")
    row = IndicatorText("1.1", "Chỉ tiêu", "≥ 95%", "Đạt: 96 %", "Cơ bản đạt", "Nhận xét", (shortcoming,) * 2)
    criterion = CriterionText(1, "Tiêu chí", "Đạt", "Cơ bản đạt", "90 %", (shortcoming,), (row, row))
    return _minutes(
        "Nội dung <&>\nDòng hai", (person, person), (criterion, criterion), Dossier(3, 2, 4, 1, 1, ("1.2",))
    )


def _empty() -> Minutes:
    return _minutes("", (), (), Dossier(0, 0, 0, 0, 0, ()))


def _minutes(text: str, people: tuple[Person, ...], criteria: tuple[CriterionText, ...], dossier: Dossier) -> Minutes:
    texts = {name: text for name, kind in Minutes.__annotations__.items() if kind == "str"}
    return Minutes(is_draft=True, team=people, attendees=people, dossier=dossier, criteria=criteria, **texts)
