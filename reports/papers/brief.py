"""Báo cáo nhanh: one page for a leader, of a commune or of an area, in sentences made from the figures.

Of a commune it prints `Readiness`: the sentence, the indicators met and the progress at the
stage asked for, what each stage says, the criteria not met yet with what is missing in each,
and the findings open. Of an area it prints `Matrix`: the headline figures with their n/N, the
buckets, the criteria that hold back most communes, the communes that have furthest to go,
and, of a province, its districts.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from communes import access
from communes.documents import plain
from communes.models import Level
from criteria.numbers import format_number, one_decimal, two_decimals
from criteria.verdicts import STATES as LOOKS
from reports.home import published_findings
from reports.house import house_of
from reports.matrix import STAGES as AREA_STAGES
from reports.matrix import Matrix
from reports.papers.paper import Column, Paper, Part, Table, per_cent, shortened
from reports.readiness import KINDS, NO_OPINION_AT, READY, STAGES, CriterionLine, Readiness, sentence
from reports.workbooks.layout import day_text

# What fits on the page; of more it says how many.
WEAK_AT_MOST = 10
FINDINGS_AT_MOST = 3
HARDEST_AT_MOST = 6
BEHIND_AT_MOST = 8
DISTRICTS_AT_MOST = 16

NAME, TITLE = "Bao-cao-nhanh", "BÁO CÁO NHANH"
SIGNERS = ("NGƯỜI LẬP BÁO CÁO", "THỦ TRƯỞNG ĐƠN VỊ")


def commune_brief(result: Readiness, user: Any) -> Paper:
    """One commune (or village) at one stage."""
    unit = result.unit
    area = unit.district.in_sentence if unit.district else ""
    place = ", ".join(filter(None, [unit.in_sentence, area, unit.province.in_sentence if unit.province else ""]))
    limited = (f"Chỉ gồm {len(result.criteria)} tiêu chí của sở, ngành",) if result.limited else ()
    return Paper(
        name=NAME,
        agency=house_of(user, unit).agency,
        place=_place(user, unit),
        title=TITLE,
        subtitle=f"Tình hình thực hiện tiêu chí nông thôn mới của {place}",
        lines=(
            result.criteria_set.name,
            f"Tính đến ngày {day_text(result.as_of)} · Căn cứ: {STAGES[result.stage]}",
            *limited,
        ),
        as_of=result.as_of,
        parts=(_standing(result), _weak(result), _findings(result)),
        signers=SIGNERS,
        about=unit.full_name,
    )


def _place(user: Any, unit: Any) -> str:
    """Where the document is written: where the person works, else the reported unit."""
    homes = access.home_units(user)
    return (homes[0] if homes else unit).name


def _standing(result: Readiness) -> Part:
    """The sentence of the stage asked for, and beside it what every stage says."""
    unit = result.unit
    sentences = []
    if result.rollup:
        rollup = result.rollup
        sentences.append(f"{unit.full_name}: {result.sentence}.")
        sentences.append(
            f"Đạt {rollup.indicators_met}/{rollup.indicators_total} chỉ tiêu; "
            f"mức độ đạt chung {per_cent(rollup.progress)}."
            + (f" Số liệu mới nhất ngày {day_text(result.latest)}." if result.latest else "")
        )
    else:
        sentences.append(f"{unit.full_name}: {NO_OPINION_AT[result.stage].lower()}.")
    if result.newer_selfs:
        sentences.append(
            f"{result.newer_selfs} chỉ tiêu xã đã tự đánh giá lại sau lần thẩm tra, thẩm định gần nhất, "
            "chưa tính vào kết quả trên."
        )
    rows = []
    for code, label in STAGES.items():
        found = result.rollups[code]
        said = sentence(found, code) if found else NO_OPINION_AT[code]
        rows.append((label, said, per_cent(found.progress) if found else ""))
    columns = (Column("Cấp đánh giá", 25), Column("Kết quả", 57), Column("Mức độ đạt chung", 18, True))
    return Part("1. Kết quả chung", tuple(sentences), table=Table(columns, tuple(rows)))


def _weak(result: Readiness) -> Part:
    """The criteria not met at the stage with what is missing in each, and what is missing in all."""
    heading = "2. Nội dung còn thiếu"
    if result.is_ready:
        needs = "; ".join(result.recognition_needs)
        return Part(heading, (f"{READY}. Để được xét công nhận còn cần: {needs}.",))
    counts = Counter(item.kind for item in result.missing)
    said = ", ".join(f"{counts[kind]} {label.lower()}" for kind, label in KINDS.items() if counts[kind])
    sentences = [f"Còn {len(result.missing)} nội dung: {said}."]
    rollup = result.rollup
    if rollup is None:
        return Part(heading, tuple(sentences))
    lacking = [
        line for line in result.criteria if rollup.states[line.number].state in ("not_met", "nearly_met", "incomplete")
    ]
    rows = tuple(_weak_row(line, result) for line in lacking[:WEAK_AT_MOST])
    if len(lacking) > WEAK_AT_MOST:
        sentences.append(f"{WEAK_AT_MOST}/{len(lacking)} tiêu chí chưa đạt đủ đầu tiên:")
    columns = (
        Column("Số", 6, True),
        Column("Tiêu chí", 25),
        Column("Đánh giá", 13),
        Column("Mức độ đạt", 11, True),
        Column("Còn thiếu", 45),
    )
    return Part(heading, tuple(sentences), table=Table(columns, rows) if rows else None)


def _weak_row(line: CriterionLine, result: Readiness) -> tuple[str, ...]:
    state = line.states[result.stage]
    own = [item for item in result.missing if item.criterion == line.number and item.finding_id is None]
    by_indicator: dict[str, list[str]] = {}
    for item in own:
        by_indicator.setdefault(item.indicator, []).append(item.text or item.label.lower())
    texts = [f"{code}: {', '.join(said)}" for code, said in by_indicator.items() if code]
    lacks = "; ".join(texts[:3]) + (f"; và {len(texts) - 3} nội dung khác" if len(texts) > 3 else "")
    return (
        str(line.number),
        plain(line.name),
        LOOKS[state.state].label,
        per_cent(state.attainment),
        lacks or (own[0].text if own else ""),
    )


def _findings(result: Readiness) -> Part:
    heading = "3. Tồn tại, hạn chế sau kiểm tra"
    found = result.findings
    if not found:
        return Part(heading, ("Không có tồn tại nào chưa xử lý xong.",))
    overdue = sum(finding.is_overdue for finding in found)
    items = [
        f"Tiêu chí {finding.criterion}: {shortened(finding.description, 110).rstrip('.')} "
        f"(thời hạn {day_text(finding.due_on)}, {finding.state_label.lower()})"
        for finding in found
        if finding.description
    ]
    return Part(
        heading,
        (f"Còn {len(found)} tồn tại chưa xử lý xong, trong đó {overdue} quá hạn.",),
        items=tuple(items[:FINDINGS_AT_MOST]),
    )


# --- an area ---------------------------------------------------------------------------


def area_brief(result: Matrix, user: Any) -> Paper:
    """A district or province at one stage."""
    area = result.area
    parts = [_headline(result, user), _buckets(result), _hardest(result), _behind(result)]
    if area.level == Level.PROVINCE:
        parts.append(_districts(result))
    limited = (f"Chỉ gồm {len(result.criteria)} tiêu chí của sở, ngành",) if result.limited else ()
    return Paper(
        name=NAME,
        agency=house_of(user, area).agency,
        place=_place(user, area),
        title=TITLE,
        subtitle=f"Tình hình thực hiện tiêu chí nông thôn mới trên địa bàn {area.in_sentence}",
        lines=(
            result.criteria_set.name,
            f"Tính đến ngày {day_text(result.as_of)} · Căn cứ: {AREA_STAGES[result.stage]}",
            *limited,
        ),
        as_of=result.as_of,
        parts=tuple(part for part in parts if part is not None),
        signers=SIGNERS,
        about=area.full_name,
    )


def _headline(result: Matrix, user: Any) -> Part:
    """The headline figures, always together and with their n/N."""
    figures, criteria = result.figures, len(result.criteria)
    base = f"{figures.with_opinion}/{figures.communes} xã"
    partial = f"; {figures.partial} xã mới đánh giá một phần, không tính" if figures.partial else ""
    sentences = [f"Có {base} đã có kết quả trên toàn bộ tiêu chí{partial}."]
    if figures.with_opinion:
        sentences.append(
            f"{figures.whole_set}/{figures.with_opinion} xã đạt đủ {criteria} tiêu chí. "
            f"Tổng số tiêu chí đạt {format_number(figures.criteria_met)}, "
            f"cơ bản đạt {format_number(figures.criteria_nearly)}; "
            f"bình quân {two_decimals(figures.average_met)}/{criteria} tiêu chí một xã; "
            f"tiến độ chung {per_cent(figures.progress)}."
        )
    if access.sees_files(user, result.area):  # viewers read no findings
        counts = published_findings(user, result.area, result.moment)
        if any(counts.values()):
            sentences.append(
                f"Tồn tại sau kiểm tra: {counts['overdue']} quá hạn, {counts['remedied']} chờ xác nhận đã khắc phục."
            )
    return Part("1. Kết quả chung", tuple(sentences))


def _buckets(result: Matrix) -> Part | None:
    counted = result.counted(result.scheme("")) if result.figures.with_opinion else []
    if not counted:
        return None
    said = "; ".join(
        f"{bucket.words}: {bucket.communes} xã"
        + (f" ({one_decimal(bucket.share)} %)" if bucket.share is not None else "")
        for bucket in counted
    )
    return Part("2. Nhóm xã theo số tiêu chí đạt", (f"{said}.",))


def _hardest(result: Matrix) -> Part | None:
    if not result.hardest:
        return None
    rows = tuple(
        (
            str(total.criterion.number),
            plain(total.criterion.name),
            f"{total.met}/{total.with_opinion}",
            f"{one_decimal(total.percent)} %",
            str(total.nearly),
            str(total.not_met),
        )
        for total in result.hardest[:HARDEST_AT_MOST]
    )
    columns = (
        Column("Số", 8, True),
        Column("Tiêu chí", 40),
        Column("Số xã đạt", 13, True),
        Column("Tỷ lệ", 13, True),
        Column("Cơ bản đạt", 13, True),
        Column("Chưa đạt", 13, True),
    )
    return Part("3. Tiêu chí còn nhiều xã chưa đạt nhất", table=Table(columns, rows))


def _behind(result: Matrix) -> Part | None:
    """The communes that meet fewest criteria, of those that count and don't meet all."""
    behind = sorted(
        (row for row in result.rows if row.counts and (row.met or 0) < len(result.criteria)),
        key=lambda row: (row.met or 0, row.nearly or 0),
    )
    if not behind:
        return None
    where = result.area.level == Level.PROVINCE
    said = "; ".join(
        f"{row.name}{_in_brackets(row.district) if where else ''} {row.met}/{len(result.criteria)}"
        for row in behind[:BEHIND_AT_MOST]
    )
    return Part("4. Xã đạt ít tiêu chí nhất", (f"{plain(said)}.",))


def _in_brackets(name: str) -> str:
    return f" ({name[:1].lower()}{name[1:]})"


def _districts(result: Matrix) -> Part | None:
    known = [group for group in result.groups if group.figures.with_opinion]
    rest = [group for group in result.groups if not group.figures.with_opinion]
    if not known:
        return None
    rows = tuple(
        (
            plain(group.name),
            f"{group.figures.with_opinion}/{group.figures.communes}",
            str(group.figures.whole_set),
            two_decimals(group.figures.average_met),
            per_cent(group.figures.progress),
        )
        for group in known[:DISTRICTS_AT_MOST]
    )
    columns = (
        Column("Huyện", 36),
        Column("Xã có kết quả", 16, True),
        Column(f"Đạt đủ {len(result.criteria)} tiêu chí", 18, True),
        Column("Bình quân", 14, True),
        Column("Tiến độ", 16, True),
    )
    sentences = []
    if len(known) > DISTRICTS_AT_MOST:
        sentences.append(f"{DISTRICTS_AT_MOST}/{len(known)} huyện có kết quả; cả bảng xem ở biểu số 01.")
    if rest:
        sentences.append(f"{len(rest)} huyện chưa có xã nào có kết quả trên toàn bộ tiêu chí.")
    return Part("5. Theo huyện", tuple(sentences), table=Table(columns, rows))
