"""Criteria sets come in whole, twice the same, and with what people confirmed left alone."""

import copy
import json
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from communes.models import Department
from criteria.loading import Malformed, load, read_departments, read_sets
from criteria.models import CriteriaSet, Criterion, CriterionDepartment, Entry, Indicator, Target
from criteria.targets import resolve_one
from tests.factories import CommuneFactory, ProvinceFactory, UserFactory

FIXTURES = Path(settings.BASE_DIR) / "fixtures"
pytestmark = pytest.mark.django_db


def run(*paths) -> str:
    out = StringIO()
    call_command("load_criteria", *map(str, paths), stdout=out)
    return out.getvalue()


def rows():
    return [list(model.objects.order_by("pk").values()) for model in (CriteriaSet, Criterion, Indicator, Target)]


# --- the decisions' own files --------------------------------------------------------------


def counted(code):
    own = Indicator.objects.filter(criterion__criteria_set__code=code)
    return sum(indicator.is_counted for indicator in own), own.filter(part_of__isnull=False).count()


def test_all_sets_load_with_their_official_counts():
    out = run()
    assert {code: counted(code) for code in CriteriaSet.objects.values_list("code", flat=True)} == {
        "xa-ntm-2021-2025": (57, 2),
        "xa-ntm-2016-2020": (49, 1),
        "xa-ntm-nang-cao-2021-2025": (75, 0),
        "huyen-ntm-2021-2025": (36, 0),
        "huyen-ntm-2016-2020": (14, 0),
        "xa-ntm-kieu-mau-2021-2025": (4, 0),
        "kdc-ntm-kieu-mau-ha-tinh-2014": (1, 0),
        "xa-ntm-2026-2030": (0, 0),
    }
    for criteria_set in CriteriaSet.objects.all():
        assert criteria_set.criteria.count() == criteria_set.official_criteria
        if not Indicator.objects.filter(criterion__criteria_set=criteria_set, stands_for_criterion=True).exists():
            assert counted(criteria_set.code)[0] == (criteria_set.official_indicators or counted(criteria_set.code)[0])
    assert "xa-ntm-2021-2025: 19 tiêu chí, 57/57 chỉ tiêu (và 2 phần)" in out
    assert "xa-ntm-2026-2030: 10 tiêu chí, 0/47 chỉ tiêu; chưa đủ chỉ tiêu: 10 tiêu chí" in out


def test_what_the_sets_say_of_themselves():
    run()
    standard = CriteriaSet.objects.get(code="xa-ntm-2021-2025")
    advanced = CriteriaSet.objects.get(code="xa-ntm-nang-cao-2021-2025")
    model = CriteriaSet.objects.get(code="xa-ntm-kieu-mau-2021-2025")
    assert (advanced.requires, model.requires, standard.requires) == (standard, advanced, None)
    assert standard.mountain_variant == "trung-du-mien-nui-phia-bac"
    assert (standard.decision, standard.issued_on, standard.period) == ("318/QĐ-TTg", date(2022, 3, 8), "2021–2025")
    assert standard.nearly_met_threshold == 80
    assert [bucket["label"] for bucket in standard.buckets] == ["19", "15-18", "10-14", "5-9", "<5"]
    assert [bucket["label"] for bucket in CriteriaSet.objects.get(code="xa-ntm-2026-2030").buckets] == [
        "10",
        "5-9",
        "<5",
    ]
    assert any(rule.startswith("Quảng Nam: Điều kiện thêm") for rule in standard.rules)
    part = Indicator.objects.get(criterion__criteria_set=standard, code="17.1b")
    assert part.part_of.code == "17.1"
    assert Criterion.objects.get(criteria_set=standard, number=5).group_name == "Hạ tầng kinh tế - xã hội"
    # Where the province sets the level, no target was invented.
    assert not Target.objects.filter(indicator__criterion__criteria_set=standard, indicator__code="2.1").exists()


def test_a_criterion_without_indicators_stands_for_itself():
    run()
    for indicator in Indicator.objects.filter(criterion__criteria_set__code="xa-ntm-2026-2030"):
        assert (indicator.code, indicator.name) == (str(indicator.criterion.number), indicator.criterion.name)
        assert (indicator.kind, indicator.stands_for_criterion, indicator.is_counted) == ("boolean", True, False)
    village = Indicator.objects.filter(criterion__criteria_set__code="kdc-ntm-kieu-mau-ha-tinh-2014")
    assert village.get(criterion__number=3).code == "3.x"
    assert village.filter(stands_for_criterion=True).count() == 9


def test_every_target_of_the_files_is_there_with_its_provenance():
    run()
    for path in (FIXTURES / "criteria").glob("*.json"):
        data = json.loads(path.read_text())
        for criterion in data["criteria"]:
            for row in criterion["indicators"]:
                indicator = Indicator.objects.get(criterion__criteria_set__code=data["code"], code=row["code"])
                assert (indicator.provenance, indicator.note) == (row["provenance"], row["note"] or "")
                found = {
                    (t.variant, t.from_year, t.operator, t.value, t.text, t.provenance) for t in indicator.targets.all()
                }
                assert found == {
                    (
                        t["variant"] or "",
                        t["year"],
                        t["operator"],
                        None if t["value"] is None else Decimal(str(t["value"])),
                        t["text"],
                        t["provenance"],
                    )
                    for t in row["targets"]
                }


def test_loading_twice_changes_nothing():
    run()
    before = rows()
    out = run()
    assert out.count("không có thay đổi") == 8
    assert rows() == before


# --- provinces and departments -------------------------------------------------------------


def test_a_provinces_rows_wait_for_the_province():
    out = run()
    assert "Bỏ qua 3 yêu cầu của Đồng Nai" in out
    assert CriteriaSet.objects.get(code="kdc-ntm-kieu-mau-ha-tinh-2014").status == "draft"
    dong_nai, ha_tinh = ProvinceFactory(code="75", name="Đồng Nai"), ProvinceFactory(code="42", name="Hà Tĩnh")
    assert "Đồng Nai" not in run()
    village = CriteriaSet.objects.get(code="kdc-ntm-kieu-mau-ha-tinh-2014")
    assert (village.status, village.province_id) == ("published", ha_tinh.pk)
    water = Indicator.objects.get(criterion__criteria_set__code="xa-ntm-2021-2025", code="17.1")
    commune = CommuneFactory(parent__parent=dong_nai)
    found = resolve_one(commune, water, date(2024, 6, 30))
    assert (found.value, found.later.value) == (Decimal("84.5"), 85)
    assert found.reason == "Quy định của tỉnh Đồng Nai, từ năm 2024"
    before = rows()
    run()
    assert rows() == before


def test_a_province_formed_later_is_not_the_one_that_decided():
    ProvinceFactory(code="75", name="Đồng Nai", opened_on=date(2025, 7, 1))
    assert "Bỏ qua 3 yêu cầu của Đồng Nai" in run()


def test_usual_departments_answer_for_sets_of_nineteen():
    run()
    reviewed = CriterionDepartment.objects.filter(department__code="so-giao-duc-va-dao-tao")
    assert {(row.criterion.criteria_set.code, row.criterion.number) for row in reviewed} == {
        (code, number)
        for code in ("xa-ntm-2021-2025", "xa-ntm-2016-2020", "xa-ntm-nang-cao-2021-2025")
        for number in (5, 14)
    }
    covered = CriterionDepartment.objects.filter(criterion__criteria_set__code="xa-ntm-2021-2025")
    assert set(covered.values_list("criterion__number", flat=True)) == set(range(1, 20))
    assert not Department.objects.filter(province__isnull=False).exists()


def test_a_changed_national_assignment_is_left_alone():
    run()
    criterion = Criterion.objects.get(criteria_set__code="xa-ntm-2021-2025", number=17)
    row = criterion.responsibilities.get(department__code="so-tai-nguyen-va-moi-truong")
    row.delete()
    run()
    assert [r.department.code for r in criterion.responsibilities.all()] == ["so-nong-nghiep-va-ptnt"]


# --- changed files -------------------------------------------------------------------------


@pytest.fixture
def small():
    """A set of two criteria, the first with an indicator, a part of it and targets."""
    indicator = {
        "code": "1.1", "name": "Tỷ lệ hộ dùng nước sạch", "kind": "percent", "unit": "%",
        "targets": [
            {"variant": None, "year": None, "operator": ">=", "value": 90, "text": "≥90%", "provenance": "verified"},
            {"variant": "a", "year": 2023, "operator": ">=", "value": 80.5, "text": "≥80,5%", "provenance": "recalled"},
        ],
        "set_by_province": False, "provenance": "verified", "source": None, "note": None, "confidence": "high",
        "part_of": None, "may_be_not_applicable": False,
    }  # fmt: skip
    part = {**indicator, "code": "1.1b", "part_of": "1.1", "targets": []}
    criterion = {"number": 1, "group": "I", "name": "Nước", "provenance": "verified", "note": None}
    return {
        "code": "thu", "name": "Bộ thử", "level": "commune", "grade": "standard", "decision": None, "issued": "2022-03",
        "period": [2021, 2025], "official_counts": {"criteria": 2, "indicators": 2},
        "variants": [{"code": "a", "name": "Vùng A"}], "groups": [{"code": "I", "name": "Nhóm"}],
        "criteria": [
            {**criterion, "indicators": [indicator, part]},
            {**criterion, "number": 2, "name": "Điện", "indicators": [{**indicator, "code": "2.1", "targets": []}]},
        ],
        "rules": [], "sources": [],
    }  # fmt: skip


@pytest.fixture
def load_small(small, tmp_path):
    def load_it(data=small):
        path = tmp_path / "thu.json"
        path.write_text(json.dumps(data))
        return load(read_sets([path]))[0]

    return load_it


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"value": 92.5}, "mức đã xác nhận >= 90 nay là >= 92,5"),
        ({"operator": "pass", "value": None}, "mức đã xác nhận >= 90 nay là “pass”"),
        ({"text": "≥95%"}, "yêu cầu đã xác nhận “≥90%” nay là “≥95%” (không ghi văn bản)"),
        ({"decision": "9/QĐ"}, "yêu cầu đã xác nhận “≥90%” nay là “≥90%” (9/QĐ)"),
    ],
)
def test_another_demand_takes_the_confirmation_back(small, load_small, change, note):
    load_small()
    Target.objects.update(confirmed_at=timezone.now(), confirmed_by=UserFactory())
    small["criteria"][0]["indicators"][0]["targets"][0].update(change)
    assert load_small().notes == [f"Chỉ tiêu 1.1: {note}; phải xác nhận lại."]
    assert {row.variant: row.is_confirmed for row in Target.objects.all()} == {"": False, "a": True}


def test_where_it_was_read_and_how_the_sets_decision_is_written_leave_the_confirmation(small, load_small):
    small["decision"] = "318/QĐ"
    load_small()
    Target.objects.update(confirmed_at=timezone.now(), confirmed_by=UserFactory())
    small["decision"] = "318/QĐ-TTg"
    small["criteria"][0]["indicators"][0]["targets"][0].update(source="trang 5", to_year=2024)
    assert load_small().notes == []
    assert {(row.decision, row.is_confirmed) for row in Target.objects.all()} == {("318/QĐ-TTg", True)}


def test_what_is_not_in_the_file_is_kept_and_told(small, load_small):
    load_small()
    del small["criteria"][0]["indicators"][0]["targets"][1]
    assert load_small().notes == ["Giữ lại 1 yêu cầu không có trong tệp."]
    assert Target.objects.count() == 2


def test_a_provinces_own_rows_are_not_the_files_business(load_small):
    load_small()
    indicator = Indicator.objects.get(code="2.1")
    Target.objects.create(indicator=indicator, province=ProvinceFactory(), operator="pass", text="Đạt")
    assert load_small().notes == []


def test_a_placeholder_ends_when_the_indicators_come(small, load_small):
    indicators = [criterion["indicators"] for criterion in small["criteria"]]
    for criterion in small["criteria"]:
        criterion["indicators"] = []
    small["incomplete"] = True
    assert load_small().placeholders == 2
    used = Indicator.objects.get(code="1")
    Entry.objects.create(
        unit=CommuneFactory(), indicator=used, verdict="met", effective_on=date(2024, 1, 1), updated_by=UserFactory()
    )
    for criterion, rows_of_it in zip(small["criteria"], indicators, strict=True):
        criterion["indicators"] = rows_of_it
    assert "ngừng áp dụng" in load_small().notes[0]
    used.refresh_from_db()
    assert used.in_force_to == date(2024, 6, 29)
    assert not Indicator.objects.filter(code="2").exists()
    assert load_small().changed == 0


def test_a_set_declared_incomplete_still_has_no_more_than_stated(small, load_small):
    small["criteria"][1]["indicators"] = []
    small["incomplete"] = True
    assert load_small().placeholders == 1
    small["official_counts"]["indicators"] = 0
    with pytest.raises(Malformed, match="có 1 chỉ tiêu, văn bản nói 0"):
        load_small()


def test_texts_of_files_are_cleaned(small, load_small):
    small["criteria"][0]["indicators"][0]["name"] = " Tỷ  lệ\u00a0hộ\u200b "
    load_small()
    assert Indicator.objects.get(code="1.1").name == "Tỷ lệ hộ"
    assert load_small().changed == 0


# --- bad files -----------------------------------------------------------------------------


def set_in(data, path, value):
    *parents, last = path
    for key in parents:
        data = data[key]
    if value is ...:
        del data[last]
    elif isinstance(data, list) and last == len(data):
        data.append(value)
    else:
        data[last] = value


I11 = ("criteria", 0, "indicators", 0)
T0 = (*I11, "targets", 0)
PROVINCIAL = {
    "province": "Thử", "province_code": "75", "indicator": "1.1", "year": None, "operator": ">=", "value": 90,
    "text": "≥90%", "decision": None, "source": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "place", "reason"),
    [
        ((*T0, "operator"), ">", "criteria[0].indicators[0].targets[0].operator", "'>'"),
        ((*T0, "value"), None, "criteria[0].indicators[0].targets[0].value", "phải có mức bằng số"),
        ((*T0, "value"), "90", "criteria[0].indicators[0].targets[0].value", "phải là số nguyên hoặc số hoặc null"),
        ((*T0, "value"), True, "criteria[0].indicators[0].targets[0].value", "phải là số nguyên"),
        ((*T0, "value"), 100.5, "criteria[0].indicators[0].targets[0].value", "ngoài khoảng"),
        ((*T0, "value"), -1, "criteria[0].indicators[0].targets[0].value", "ngoài khoảng"),
        ((*T0, "value"), 90.12345, "criteria[0].indicators[0].targets[0].value", "thập phân"),
        ((*T0, "operator"), "pass", "criteria[0].indicators[0].targets[0].value", "không có mức"),
        ((*I11, "kind"), "boolean", "criteria[0].indicators[0].targets[0].operator", "không so sánh"),
        ((*I11, "kind"), "text", "criteria[0].indicators[0].kind", "'text'"),
        ((*T0, "variant"), "b", "criteria[0].indicators[0].targets[0].variant", "không có vùng, nhóm “b”"),
        ((*T0, "year"), 2020, "criteria[0].indicators[0].targets[0].year", "ngoài giai đoạn 2021–2025"),
        ((*T0, "year"), 2026, "criteria[0].indicators[0].targets[0].year", "ngoài giai đoạn"),
        ((*T0, "text"), "x" * 501, "criteria[0].indicators[0].targets[0].text", "500"),
        ((*I11, "targets", 1, "variant"), None, "criteria[0].indicators[0].targets", None),
        ((*I11, "code"), "2.1", "criteria[1].indicators[0].code", "“2.1” bị lặp"),
        ((*I11, "code"), "1.1.1.1.1.1.1", "criteria[0].indicators[0].code", "12"),
        (("criteria", 0, "indicators", 1, "part_of"), "9.9", "criteria[0].indicators[1].part_of", "“9.9”"),
        (("criteria", 0, "indicators", 1, "part_of"), "1.1b", "criteria[0].indicators[1].part_of", "“1.1b”"),
        (("criteria", 0, "indicators", 1, "part_of"), None, "criteria", "có 3 chỉ tiêu, văn bản nói 2"),
        (("criteria", 1, "number"), 1, "criteria[1].number", "số 1 bị lặp"),
        (("criteria", 1, "number"), 0, "criteria[1].number", "từ 1"),
        (("criteria", 1, "number"), "2", "criteria[1].number", "phải là số nguyên"),
        (("criteria", 1, "group"), "IX", "criteria[1].group", "không có nhóm “IX”"),
        (("criteria", 1, "name"), ..., "criteria[1].name", "thiếu khóa"),
        (("criteria", 1), [], "criteria[1]", "phải là một đối tượng"),
        (("official_counts", "criteria"), 3, "criteria", "có 2 tiêu chí, văn bản nói 3"),
        (("official_counts", "indicators"), "2", "official_counts.indicators", "phải là số nguyên"),
        (("period",), [2025, 2021], "period", "năm cuối trước năm đầu"),
        (("period",), ["2021", 2025], "period", "phải là [năm đầu"),
        (("issued",), "08/03/2022", "issued", "phải là ngày dạng"),
        (("level",), "nation", "level", "'nation'"),
        (("grade",), "best", "grade", "'best'"),
        (("code",), "có dấu cách", "code", ""),
        (("targetz",), 1, "targetz", "khóa lạ"),
        (("rules",), "một câu", "rules", "phải là danh sách"),
        (("rules",), [1], "rules[0]", "phải là văn bản"),
        (("variants", 1), {"code": "a", "name": "Lặp"}, "variants[1].code", "bị lặp"),
        (("mountain_variant",), "b", "mountain_variant", "“b”"),
        (("nearly_met_threshold",), 12345, "nearly_met_threshold", ""),
        (("nearly_met_threshold",), 500, "nearly_met_threshold", "trong khoảng 0–100"),
        (("nearly_met_threshold",), -0.5, "nearly_met_threshold", "trong khoảng 0–100"),
        (("name",), "Bộ\x00thử", "name", "ký tự điều khiển"),
        (("criteria", 0, "name"), "Nước\x1b", "criteria[0].name", "ký tự điều khiển"),
        ((*T0, "text"), "≥90%\ud800", "criteria[0].indicators[0].targets[0].text", "ký tự điều khiển"),
        (("variants", 0, "name"), "Vùng\x00", "variants[0].name", "ký tự điều khiển"),
        (("criteria", 1, "indicators"), [], "criteria[1].indicators", "văn bản nói cả bộ có 2"),
        (("period",), [0, 2025], "period", "1900–2999"),
        (("period",), [2021, 32000], "period", "1900–2999"),
        (("buckets",), [{"label": "x", "min": 3, "max": 1}], "buckets[0]", "không lớn hơn max"),
        (("requires",), "khong-co", "requires", "“khong-co”"),
        (("requires",), "thu", "requires", "“thu”"),
        (("provincial_targets",), [{**PROVINCIAL, "indicator": "7.7"}], "provincial_targets[0].indicator", "“7.7”"),
        (("provincial_targets",), [{**PROVINCIAL, "operator": "?"}], "provincial_targets[0].operator", "'?'"),
        (("provincial_targets",), [PROVINCIAL, PROVINCIAL], "provincial_targets[1]", "bị lặp"),
    ],
)
def test_a_malformed_file_is_refused_whole(small, load_small, path, value, place, reason):
    if reason is None:  # two targets for the same variant and year
        small["criteria"][0]["indicators"][0]["targets"][1]["year"] = None
        place, reason = "criteria[0].indicators[0].targets[1]", "yêu cầu bị lặp"
    good = copy.deepcopy(small)
    set_in(small, path, value)
    with pytest.raises(Malformed) as error:
        load_small()
    assert any(place in problem and reason in problem for problem in error.value.problems), error.value.problems
    assert not CriteriaSet.objects.exists()
    assert good != small


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"code": "x", ', "thu.json: dòng 1, cột 15: không đúng cú pháp JSON, hoặc tệp bị cắt cụt."),
        (b"", "không đúng cú pháp JSON"),
        (b"[]", "phải là một đối tượng"),
        ('{"code": "Tỉnh"}'.encode("cp1258", "replace") + b"\xff", "không phải mã hóa UTF-8"),
        (b'{"code": "x", "code": "y"}', "“code” xuất hiện hai lần"),
        (b'{"code": NaN}', "“NaN” không phải"),
        (b"[" * 100_000, "thu.json: danh sách, đối tượng lồng nhau quá sâu."),
    ],
)
def test_what_is_not_json_is_refused(tmp_path, content, reason):
    path = tmp_path / "thu.json"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="Không nạp gì") as error:
        run(path)
    assert reason in str(error.value)


def test_one_bad_file_stops_the_good_ones(small, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(small))
    (tmp_path / "b.json").write_text(json.dumps({**small, "code": "b", "level": "?"}))
    with pytest.raises(CommandError, match=r"b\.json: level"):
        run(tmp_path)
    assert not CriteriaSet.objects.exists()
    (tmp_path / "b.json").write_text(json.dumps(small))
    with pytest.raises(CommandError, match="“thu” có trong 2 tệp"):
        run(tmp_path)
    with pytest.raises(CommandError, match="không đọc được tệp"):
        run(tmp_path / "c.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match=r"không có tệp \*\.json"):
        run(tmp_path / "empty")


def test_a_malformed_file_of_departments_is_refused(tmp_path):
    data = json.loads((FIXTURES / "departments.json").read_text())
    data["departments"] += [{"code": "so-y-te", "name": "Lặp", "criteria": [20]}]
    path = tmp_path / "departments.json"
    path.write_text(json.dumps(data))
    with pytest.raises(Malformed) as error:
        read_departments(path)
    assert [problem.split(": ")[1] for problem in error.value.problems] == [
        "departments[16].code",
        "departments[16].criteria",
    ]
