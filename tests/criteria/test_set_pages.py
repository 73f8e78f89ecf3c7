"""Sets in the workshop: handed in, looked at, drafted, published, amended, without losing what people entered."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.urls import reverse

from communes.models import Membership, Role
from criteria import uploads
from criteria.loading import write_set
from criteria.models import (
    CriteriaSet,
    Entry,
    Indicator,
    ReportingPeriod,
    Revision,
    Source,
    Standing,
    Target,
    TargetReport,
    Upload,
    Wording,
)
from criteria.publish import Published, publish
from criteria.sheets import sheets
from criteria.state import Moment, roll_up_units
from criteria.submissions import unsent_entries
from criteria.workshop.set_data import as_stored, described, to_json
from criteria.workshop.set_sheets import set_workbook
from criteria.workshop.sets import Refused, publish_set
from ntm.clock import today
from tests.criteria.set_world import XLSX, edited, indicator, small, target
from tests.factories import CommuneFactory, CriteriaSetFactory, DistrictFactory, ProvinceFactory, UserFactory

pytestmark = pytest.mark.django_db
TODAY = date(2024, 6, 30)


class World:
    def __init__(self):
        self.province, self.other = (
            ProvinceFactory(code="38", name="Thanh Hóa"),
            ProvinceFactory(code="42", name="Hà Tĩnh"),
        )
        self.district = DistrictFactory(parent=self.province)
        self.commune = CommuneFactory(parent=self.district, target_group="nhom-1")
        self.boss = UserFactory(is_superuser=True)
        self.keeper = self.with_role(self.province, Role.COORDINATOR)
        self.neighbour = self.with_role(self.other, Role.COORDINATOR)
        self.officer = self.with_role(self.commune, Role.OFFICER)
        self.viewer = self.with_role(self.province, Role.VIEWER)

    @staticmethod
    def with_role(unit, role):
        user = UserFactory()
        Membership.objects.create(user=user, unit=unit, role=role)
        return user


@pytest.fixture
def town():
    return World()


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def hand_in(user, content: bytes | dict, name="bo.xlsx", **extra: Any):
    """The page of the upload after the file was handed in, and the upload."""
    content = set_workbook(content) if isinstance(content, dict) else content
    file = ContentFile(content, name)
    client = client_of(user)
    answer = client.post(
        reverse("criteria:set_upload"), {"file": file, "first_day": "30/06/2024", **extra}, follow=True
    )
    return answer, Upload.objects.order_by("-uploaded_at").first()


def confirm(user, upload):
    return client_of(user).post(
        reverse("criteria:upload_apply", args=[upload.pk]), {"fingerprint": upload.fingerprint}, follow=True
    )


def bring(user, data: dict, **extra: Any) -> CriteriaSet:
    """Hand in and confirm."""
    _, upload = hand_in(user, data, **extra)
    assert upload.state == "ready", (upload.problem, upload.plan)
    answer = confirm(user, upload)
    upload.refresh_from_db()
    assert (answer.status_code, upload.state) == (200, "done"), upload.problem
    return CriteriaSet.objects.get(code=data["code"])


def published(user, data: dict) -> CriteriaSet:
    return publish_set(bring(user, data), TODAY, by=user)


# --- a new set -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["xlsx", "json"])
def test_a_new_set_becomes_a_draft_and_then_is_published(town, form):
    content = set_workbook(small()) if form == "xlsx" else to_json(small())
    answer, upload = hand_in(town.boss, content, f"bo.{form}")
    assert "thành <strong>dự thảo</strong>" in answer.text
    assert "Xác nhận, ghi bộ mới" in answer.text
    assert not CriteriaSet.objects.exists()
    answer = confirm(town.boss, upload)
    assert "Mở bộ tiêu chí" in answer.text
    made = CriteriaSet.objects.get()
    assert (made.status, made.province, described(made)) == ("draft", None, as_stored(small()))
    # A draft is nobody's to work with yet.
    assert not CriteriaSet.objects.for_unit(town.commune).exists()
    page = client_of(town.boss).get(reverse("criteria:set", args=["bo-thu"])).text
    assert "3 chỉ tiêu, khớp số của văn bản" in page
    assert "1 chỉ tiêu chưa quy định mức" in page
    assert "2 yêu cầu bằng số chưa xác nhận" in page
    answer = client_of(town.boss).post(
        reverse("criteria:set_publish", args=["bo-thu"]), {"on": "30/06/2024"}, follow=True
    )
    assert "Đã công bố, áp dụng từ ngày 30/06/2024." in answer.text
    made.refresh_from_db()
    assert (made.status, made.effective_on) == ("published", TODAY)
    assert made in CriteriaSet.objects.for_unit(town.commune)


def test_a_set_is_offered_from_its_day_on(town):
    made = publish_set(bring(town.boss, small()), TODAY + timedelta(days=1), by=town.boss)
    assert not CriteriaSet.objects.for_unit(town.commune).exists()
    assert not CriteriaSet.objects.for_area(town.province).exists()
    assert not Indicator.objects.for_unit(town.commune).exists()
    CriteriaSet.objects.update(effective_on=TODAY)
    assert list(CriteriaSet.objects.for_unit(town.commune)) == [made]


@pytest.mark.parametrize(
    ("on", "told"),
    [
        ("", "Nhập ngày."),
        ("2024-13-01", "Nhập ngày như"),
        ("01/01/2031", "trong giai đoạn 2021–2025"),
        ("31/12/2020", "trong giai đoạn 2021–2025"),
        ("01/01/1800", "từ 1990"),
    ],
)
def test_a_bad_day_of_publication_is_told(town, on, told):
    bring(town.boss, small())
    answer = client_of(town.boss).post(reverse("criteria:set_publish", args=["bo-thu"]), {"on": on})
    assert answer.status_code == 422
    assert told in answer.text
    assert CriteriaSet.objects.get().status == "draft"


def test_a_set_whose_condition_is_a_draft_waits(town):
    bring(town.boss, small())
    above = bring(town.boss, small(code="bo-tren", requires="bo-thu"))
    with pytest.raises(Refused, match="Công bố “Bộ thử” trước"):
        publish_set(above, TODAY, by=town.boss)
    publish_set(above.requires, TODAY, by=town.boss)
    publish_set(above, TODAY, by=town.boss)
    with pytest.raises(Refused, match="đã được công bố"):
        publish_set(above, TODAY, by=town.boss)


def test_a_provinces_set_is_its_coordinators(town):
    made = bring(town.keeper, small(province="38"))
    assert made.province_id == town.province.pk
    url = reverse("criteria:set", args=["bo-thu"])
    assert client_of(town.keeper).get(url).status_code == 200
    for stranger in (town.neighbour, town.officer, town.viewer):
        for name in ("set", "set_workbook", "set_json", "set_discard"):
            assert client_of(stranger).get(reverse(f"criteria:{name}", args=["bo-thu"])).status_code == 404
        assert client_of(stranger).post(reverse("criteria:set_publish", args=["bo-thu"])).status_code == 404
    for stranger in (town.officer, town.viewer):
        assert client_of(stranger).get(reverse("criteria:set_list")).status_code == 403
        assert client_of(stranger).get(reverse("criteria:set_upload")).status_code == 403
        assert client_of(stranger).get(reverse("criteria:set_template")).status_code == 403
    assert "Bộ thử" not in client_of(town.neighbour).get(reverse("criteria:set_list")).text
    assert "Bộ thử" in client_of(town.keeper).get(reverse("criteria:set_list")).text


def test_a_coordinator_sees_the_nations_sets_and_changes_none(town):
    bring(town.boss, small())
    client, url = client_of(town.keeper), reverse("criteria:set", args=["bo-thu"])
    assert client.get(url).status_code == 404  # a draft of the nation
    publish_set(CriteriaSet.objects.get(), TODAY, by=town.boss)
    assert "Tải lên bản đã sửa" not in client.get(url).text
    assert "Tải lên bản đã sửa" in client_of(town.boss).get(url).text
    assert client.get(reverse("criteria:set_workbook", args=["bo-thu"]))["Content-Type"] == XLSX
    assert client.post(reverse("criteria:set_publish", args=["bo-thu"]), {"on": "30/06/2024"}).status_code == 403
    # Their file may not speak for the nation, nor for others.
    for data in (small(), small(code="khac", province="42")):
        _, upload = hand_in(town.keeper, data)
        assert upload.state == "refused"
        (problem,) = upload.plan["shown"]["problems"]
        assert (problem["sheet"], problem["row"], problem["column"]) == ("Bộ tiêu chí", 7, "B")
        assert "Phải là 38" in problem["reason"]
    _, upload = hand_in(town.keeper, small(province="38"))
    assert "mã “bo-thu” đã dùng" in upload.plan["shown"]["problems"][0]["reason"].lower()


def test_problems_are_a_table_of_places(town):
    def change(book):
        book["Yêu cầu"]["E2"] = "chín mươi"
        book["Chỉ tiêu"]["A4"] = 9

    answer, upload = hand_in(town.boss, edited(small(), change))
    assert upload.state == "refused"
    assert "Có 2 chỗ cần sửa; chưa ghi gì." in answer.text
    assert "Trang “Yêu cầu”" in answer.text
    assert "E (Mức)" in answer.text
    assert client_of(town.boss).post(reverse("criteria:upload_apply", args=[upload.pk])).status_code in {200, 302}
    assert not CriteriaSet.objects.exists()


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"ma,ten\n1,2", "bo.xlsx", "không phải tệp Excel"),
        (b"", "bo.xlsx", "Tệp rỗng"),
        (b"PK\x03\x04", "bo.xlsx", "hỏng"),
        (b"\xd0\xcf\x11\xe0", "bo.xls", ".xls cũ"),
    ],
)
def test_other_files_are_refused_on_the_form(town, content, name, told):
    answer, upload = hand_in(town.boss, content, name)
    assert answer.status_code == 422
    assert told in answer.text
    assert upload is None


def test_the_form_asks_for_a_file_and_a_day(town):
    answer = client_of(town.boss).post(reverse("criteria:set_upload"), {"first_day": "31/02/2024"})
    assert answer.status_code == 422
    assert "Chọn tệp cần tải lên." in answer.text
    assert "Nhập ngày như 31/12/2025." in answer.text


def test_bad_json_is_told_with_its_place(town):
    data = small()
    data["criteria"][0]["indicators"][0]["targets"][0]["value"] = "90"
    answer, upload = hand_in(town.boss, to_json(data), "bo.json")
    assert upload.state == "refused"
    assert "criteria[0].indicators[0].targets[0].value" in answer.text
    answer, upload = hand_in(town.boss, b'{"code": ', "bo.json")
    assert "Không đúng cú pháp JSON" in answer.text


def test_a_set_that_needs_an_unknown_one_is_refused(town):
    _, upload = hand_in(town.boss, small(requires="khong-co"))
    assert "không có bộ tiêu chí" in upload.plan["shown"]["problems"][0]["reason"].lower()


def test_a_draft_is_written_over_and_thrown_away(town):
    made = bring(town.boss, small())
    data = small()
    data["criteria"] = data["criteria"][:1]
    data["criteria"][0]["indicators"].pop()
    data["official_counts"] = {"criteria": 1, "indicators": 1}
    answer, upload = hand_in(town.boss, data)
    assert "Ghi đè lên dự thảo đang có" in answer.text
    assert upload.plan["counts"] == {"removed": 3, "changed": 1}
    confirm(town.boss, upload)
    made.refresh_from_db()
    assert described(made) == as_stored(data)
    answer = client_of(town.boss).get(reverse("criteria:set_discard", args=["bo-thu"]))
    assert "sẽ bị xóa" in answer.text
    client_of(town.boss).post(reverse("criteria:set_discard", args=["bo-thu"]))
    assert not CriteriaSet.objects.exists()
    assert not Indicator.objects.exists()


def test_a_published_set_is_not_thrown_away(town):
    published(town.boss, small())
    assert client_of(town.boss).post(reverse("criteria:set_discard", args=["bo-thu"])).status_code == 404
    assert CriteriaSet.objects.exists()


# --- a published set -----------------------------------------------------------------------


def test_the_same_file_again_changes_nothing(town):
    made = published(town.boss, small())
    answer, upload = hand_in(town.boss, described(made))
    assert "không có gì để ghi" in answer.text
    assert "Xác nhận, ghi" not in answer.text
    assert upload.plan["lines"] == []


def confirmed(town, **where):
    Target.objects.filter(**where).update(confirmed_by=town.boss, confirmed_at="2024-01-01T00:00:00Z")


def with_target(*targets: dict, **fields: Any) -> dict:
    """The set with these targets of 1.1, with the day it was published on, as an export has it."""
    data = described_as(small(**fields))
    data["criteria"][0]["indicators"][0]["targets"] = list(targets)
    return data


def years(code="1.1"):
    """(first year, last year, level, confirmed) of each of its targets."""
    rows = Target.objects.filter(indicator__code=code).order_by("variant", "from_year")
    found = [(row.from_year, row.to_year, row.value and int(row.value), row.is_confirmed) for row in rows]
    return sorted(found, key=lambda row: row[0] or 0)


def test_one_changed_target_is_one_difference(town):
    published(town.boss, small())
    _, upload = hand_in(town.boss, with_target(target(value=Decimal("92.5"), text="≥92,5%")))
    assert [(line["kind"], line["about"], line["before"], line["after"]) for line in upload.plan["lines"]] == [
        ("target_changed", "Chỉ tiêu 1.1", "≥90%", "≥92,5%")
    ]
    confirm(town.boss, upload)
    assert years() == [(None, None, 92, False)]  # nobody had confirmed it yet


def test_another_level_than_the_confirmed_one_begins_in_the_chosen_days_year(town):
    made = published(town.boss, small())
    confirmed(town)
    data = with_target(target(value=95, text="≥95%"))
    _, upload = hand_in(town.boss, data)
    assert [(line["kind"], line["before"], line["after"]) for line in upload.plan["lines"]] == [
        ("target_changed", "≥90%", "≥90%, đến hết năm 2023; từ năm 2024: ≥95%")
    ]
    confirm(town.boss, upload)
    assert years() == [(None, 2023, 90, True), (2024, None, 95, False)]
    # The export comes in again as it is; so does the file, in whatever year it is handed in again.
    for again, day in ((described(made), "30/06/2024"), (data, "30/06/2024"), (data, "01/01/2025")):
        _, upload = hand_in(town.boss, again, first_day=day)
        assert upload.plan["lines"] == []
    # Yet another level from the year after.
    confirmed(town)
    bring(town.boss, with_target(target(value=97, text="≥97%")), first_day="01/01/2025")
    assert years() == [(None, 2023, 90, True), (2024, 2024, 95, True), (2025, None, 97, False)]


def test_a_confirmed_target_the_file_lacks_ends_and_published_results_keep_it(town):
    made = published(town.boss, small())
    confirmed(town)
    say(town, made, "1.1")
    row = Target.objects.get(indicator__code="1.1")
    assert Revision.objects.get().target == row
    _, upload = hand_in(town.boss, with_target())
    assert upload.plan["counts"] == {"target_changed": 1}
    confirm(town.boss, upload)
    assert years() == [(None, 2023, 90, True)]
    assert Revision.objects.get().target == row
    for again in (described(made), with_target()):
        _, upload = hand_in(town.boss, again)
        assert upload.plan["lines"] == []


def test_a_confirmed_target_given_a_year_ends_the_year_before(town):
    published(town.boss, small())
    confirmed(town)
    _, upload = hand_in(town.boss, with_target(target(year=2025)))
    assert upload.plan["counts"] == {"target_changed": 1}
    confirm(town.boss, upload)
    assert years() == [(None, 2024, 90, True), (2025, None, 90, False)]


def test_a_target_nobody_relied_on_goes_with_its_row(town):
    published(town.boss, small())
    bring(town.boss, with_target())
    assert years() == []


@pytest.mark.parametrize("how", ["result", "report", "pass"])
def test_what_results_or_reports_rest_on_or_binds_by_itself_does_not_go_away(town, how):
    demand = target(operator="pass", value=None, text="Đạt") if how == "pass" else target()
    made = published(town.boss, with_target(demand))
    row = Target.objects.get(indicator__code="1.1")
    if how == "result":
        say(town, made, "1.1")
        Revision.objects.update(target=row)
    elif how == "report":
        TargetReport.objects.create(
            unit=town.commune, indicator=row.indicator, target=row, text="Sai", reported_by=town.officer
        )
    bring(town.boss, with_target())
    row.refresh_from_db()
    assert row.to_year == 2023


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        ([], "không có trong tệp nhưng đã được dùng"),
        ([target(value=91), target(year=2023, value=95)], "các năm đã qua"),
        ([target(value=91, to_year=2022), target(year=2024, value=95)], "các năm đã qua"),
    ],
)
def test_what_would_rewrite_past_years_is_refused_with_advice(town, targets, told):
    made = published(town.boss, with_target(target(), target(year=2024, value=95)))
    confirmed(town)
    before = described(made)
    answer, upload = hand_in(town.boss, with_target(*targets))
    assert upload.state == "refused"
    assert told in answer.text
    assert upload.plan["shown"]["problems"][0]["sheet"] == "Chỉ tiêu"
    assert described(made) == before


def test_a_group_that_an_ended_target_is_for_stays_in_the_set(town):
    made = published(town.boss, small())
    confirmed(town)
    data = described_as(small(variants=[{"code": "nhom-2", "name": "Xã nhóm 2"}]))
    data["criteria"][0]["indicators"][1]["targets"] = []
    bring(town.boss, data)
    made.refresh_from_db()
    assert [row["code"] for row in made.variants] == ["nhom-2", "nhom-1"]
    assert years("1.2") == [(None, 2023, 80, True)]
    _, upload = hand_in(town.boss, described(made))
    assert upload.plan["lines"] == []


def test_local_targets_of_a_set_in_use_are_not_the_files(town):
    """A file of yesterday would bring back what a province has changed since."""
    of = {"province": "Thanh Hóa", "province_code": "38", "indicator": "1.1", "decision": "9/QĐ-UBND"}
    first = {**target(value=92, text="≥92%"), **of}
    del first["provenance"]
    made = published(town.boss, small(provincial_targets=[first]))
    old = described(made)
    Target.objects.filter(province=town.province).update(value=94, text="≥94%", provenance="verified")
    confirmed(town, province=town.province)
    old["criteria"][1]["name"] = "Điện nông thôn"
    answer, upload = hand_in(town.boss, old)
    assert [line["kind"] for line in upload.plan["lines"]] == ["reworded"]
    assert "1 yêu cầu của tỉnh khác với đang lưu: không ghi" in answer.text
    confirm(town.boss, upload)
    assert made.criteria.get(number=2).name == "Điện nông thôn"
    row = Target.objects.get(province=town.province)
    assert (int(row.value), row.text, row.provenance, row.is_confirmed) == (94, "≥94%", "verified", True)
    answer, upload = hand_in(town.boss, described(made))
    assert upload.plan["lines"] == [] and "yêu cầu của tỉnh khác" not in answer.text


def test_a_draft_that_loses_an_indicator_loses_its_local_targets(town):
    of = {"province": "Thanh Hóa", "province_code": "38", "indicator": "1.2", "decision": "9/QĐ-UBND"}
    first = {**target(value=92, text="≥92%"), **of}
    del first["provenance"]
    bring(town.boss, small(provincial_targets=[first]))
    data = small(official_counts={"criteria": 2, "indicators": 2})
    data["criteria"][0]["indicators"].pop()
    bring(town.boss, data)
    assert not Target.objects.filter(province=town.province).exists()


def described_as(data: dict) -> dict:
    """The data with the day it was published on, as an export has it."""
    return {**data, "effective": "2024-06-30"}


def test_an_amending_decision_adds_dated_targets_and_wordings_to_the_same_indicators(town):
    made = published(town.boss, small())
    before = {row.code: row.pk for row in Indicator.objects.all()}
    data = described_as(small(amended_by=["2/QĐ"]))
    data["criteria"][0]["indicators"][0]["targets"].append(target(year=2024, value=95, text="≥95%", decision="2/QĐ"))
    data["wordings"] = [
        {"indicator": "1.1", "from": "2024-03-01", "name": "Nội dung mới", "decision": "2/QĐ"},
        {"indicator": "1.1", "from": "2025-01-01", "name": "Nội dung sau nữa"},
    ]
    _, upload = hand_in(town.boss, data)
    assert upload.plan["counts"] == {"added": 1, "reworded": 2, "target_added": 1}
    confirm(town.boss, upload)
    made.refresh_from_db()
    assert {row.code: row.pk for row in Indicator.objects.all()} == before
    assert made.has_wordings
    assert set(Target.objects.filter(indicator__code="1.1").values_list("from_year", "decision")) == {
        (None, "1/QĐ"), (2024, "2/QĐ"),
    }  # fmt: skip
    (first, *_), *_ = [sheet.rows for sheet in sheets(town.commune, made, town.officer, drafts=True)]
    assert (first.indicator.name, first.target.text) == ("Nội dung mới", "≥95%")
    assert Indicator.objects.get(code="1.1").name == "Tỷ lệ hộ theo nội dung 1.1"
    # Taken out again, the set is what it was.
    bring(town.boss, described_as(small()))
    made.refresh_from_db()
    assert not made.has_wordings
    assert not Wording.objects.exists()


def say(town, made, code, verdict="met", value=96, day=date(2024, 6, 1)):
    with transaction.atomic():
        publish(
            town.commune, made, "self",
            [Published(Indicator.objects.get(criterion__criteria_set=made, code=code).pk, verdict, effective_on=day,
                       value=value and Decimal(value))],
            source=Source.IMPORT, source_ref="thu", by=town.officer,
        )  # fmt: skip


def test_indicators_the_file_lacks_end_and_keep_their_results(town):
    made = published(town.boss, small())
    say(town, made, "1.1")
    say(town, made, "1.2")
    assert Standing.objects.get(stage="self").indicators_total == 3
    data = described_as(small())
    data["criteria"][0]["indicators"][1] = indicator("1.3", target())
    answer, upload = hand_in(town.boss, data, first_day="01/07/2024")
    assert "Bộ <strong>đang dùng</strong>" in answer.text
    assert upload.plan["counts"] == {"added": 1, "ended": 1}
    confirm(town.boss, upload)
    old, new = Indicator.objects.get(code="1.2"), Indicator.objects.get(code="1.3")
    assert (old.in_force_to, new.in_force_from) == (date(2024, 6, 30), date(2024, 7, 1))
    assert Revision.objects.filter(indicator=old).exists()
    # The export says when each is in force, and comes in again as it is.
    _, upload = hand_in(town.boss, described(made))
    assert upload.plan["lines"] == []
    # So does the file without those dates.
    _, upload = hand_in(town.boss, data, first_day="01/07/2024")
    assert upload.plan["lines"] == []


def test_standings_follow_the_set(town):
    made = published(town.boss, small())
    for code in ("1.1", "1.2"):
        say(town, made, code)
    assert Standing.objects.get(stage="self").criteria_met == 1
    data = described_as(small())
    data["criteria"][0]["indicators"].append(indicator("1.3", target()))
    data["official_counts"]["indicators"] = 4
    bring(town.boss, data)
    standing = Standing.objects.get(stage="self")
    assert (standing.criteria_met, standing.criteria_incomplete, standing.indicators_total) == (0, 1, 4)


@pytest.mark.parametrize(
    ("change", "sheet", "told"),
    [
        (lambda data: data["criteria"].pop(), "Tiêu chí", "thiếu tiêu chí 2"),
        (lambda data: data["criteria"][0]["indicators"][0].update(kind="number"), "Chỉ tiêu", "không đổi kiểu"),
        (lambda data: data["criteria"][1]["indicators"].append(data["criteria"][0]["indicators"].pop()), "Chỉ tiêu",
         "thuộc tiêu chí 1; đặt mã khác"),
        (lambda data: data.update(level="village"), "Bộ tiêu chí", "không đổi cấp"),
    ],
)  # fmt: skip
def test_what_a_set_in_use_cannot_undergo(town, change, sheet, told):
    made = published(town.boss, small())
    say(town, made, "1.1")
    data = small(official_counts={"criteria": None, "indicators": None})
    change(data)
    _, upload = hand_in(town.boss, data)
    assert upload.state == "refused"
    assert [problem["sheet"] for problem in upload.plan["shown"]["problems"] if told in problem["reason"].lower()] == [
        sheet
    ]
    assert described(made) == as_stored(described_as(small()))


def test_a_day_after_the_period_is_refused(town):
    published(town.boss, small())
    answer, _ = hand_in(town.boss, small(name="Khác"), first_day="01/01/2026")
    assert "sau giai đoạn 2021–2025" in answer.text


# --- placeholders --------------------------------------------------------------------------


def hollow() -> dict:
    data = small(incomplete=True)
    for row in data["criteria"]:
        row["indicators"] = []
    return data


def test_a_placeholder_ends_the_day_before_the_indicators_begin_and_its_result_is_shown(town):
    made = published(town.boss, hollow())
    say(town, made, "1", value=None)
    Entry.objects.create(
        unit=town.commune, indicator=Indicator.objects.get(code="1"), verdict="nearly_met", version=2, sent_version=1,
        effective_on=date(2024, 6, 2), updated_by=town.officer,
    )  # fmt: skip
    page = reverse("criteria:criterion", args=[town.commune.pk, 1])
    assert "Kết quả trước đây" not in client_of(town.officer).get(page).text
    _, upload = hand_in(town.boss, described_as(small()), first_day="15/06/2024")
    confirm(town.boss, upload)
    old = Indicator.objects.get(stands_for_criterion=True)
    assert (old.criterion.number, old.in_force_to) == (1, date(2024, 6, 14))
    begun = Indicator.objects.filter(stands_for_criterion=False)
    assert set(begun.values_list("in_force_from", flat=True)) == {date(2024, 6, 15)}
    # On no day are both in force, on no day neither.
    for day in (date(2024, 6, 14), date(2024, 6, 15)):
        stands = {row.stands_for_criterion for row in old.criterion.indicators.in_force(day)}
        assert stands == {day == date(2024, 6, 14)}
    text = client_of(town.officer).get(page).text
    assert "Kết quả trước đây của cả tiêu chí" in text
    assert "Đến hết ngày 14/06/2024" in text
    assert "Xã đã nhập, chưa gửi" in text
    assert reverse("criteria:revision_list", args=[town.commune.pk, old.pk]) in text
    assert not unsent_entries(town.commune, made).exists()
    assert Standing.objects.get(stage="self").indicators_assessed == 0
    # A criterion nothing was said of shows nothing.
    assert "Kết quả trước đây" not in client_of(town.officer).get(page.replace("criteria/1", "criteria/2")).text


def test_an_indicator_with_the_placeholders_code_is_another_one(town):
    made = published(town.boss, hollow())
    say(town, made, "1", value=None)
    data = described_as(small())
    data["criteria"][0]["indicators"][0]["code"] = "1"
    bring(town.boss, data)
    old = Indicator.objects.get(stands_for_criterion=True)
    new = Indicator.objects.get(code="1")
    assert (old.code, old.in_force_to) == ("TC1", TODAY - timedelta(days=1))
    assert not Revision.objects.filter(indicator=new).exists()
    assert Revision.objects.filter(indicator=old).exists()


def test_a_placeholder_makes_way_beside_what_carries_the_history(town):
    """Tables of past years have made TC1 in the meantime; both give way to indicators with their codes."""
    made = published(town.boss, hollow())
    say(town, made, "1", value=None)
    criterion = made.criteria.get(number=1)
    history = Indicator.objects.create(
        criterion=criterion, code="TC1", position=0, name="Cả tiêu chí", kind="boolean", stands_for_criterion=True,
        for_history=True, in_force_to=date(2020, 12, 31),
    )  # fmt: skip
    data = described_as(small())
    data["criteria"][0]["indicators"][0]["code"] = "1"
    bring(town.boss, data)
    history.refresh_from_db()
    old = Indicator.objects.get(stands_for_criterion=True, for_history=False)
    assert (history.code, old.code, old.in_force_to) == ("TC1", "TC1-2", TODAY - timedelta(days=1))
    data["criteria"][0]["indicators"][1]["code"] = "TC1"
    bring(town.boss, data)
    history.refresh_from_db()
    assert (history.code, history.in_force_to) == ("TC1-3", date(2020, 12, 31))
    assert not Indicator.objects.get(code="TC1").for_history


def test_what_carries_the_history_is_no_part_of_the_set(town):
    made = published(town.boss, small())
    history = Indicator.objects.create(
        criterion=made.criteria.get(number=1), code="TC1", position=0, name="Cả tiêu chí theo bảng cũ", kind="boolean",
        stands_for_criterion=True, for_history=True, in_force_to=date(2020, 12, 31),
    )  # fmt: skip
    Target.objects.create(indicator=history, operator="pass", text="Đạt")
    page = client_of(town.boss).get(reverse("criteria:set", args=["bo-thu"])).text
    assert "Cả tiêu chí theo bảng cũ" not in page
    assert "Thay cho cả tiêu chí" not in page
    assert "3 chỉ tiêu, khớp số của văn bản" in page


def closed_period(area, day, closed_at="2024-06-20T00:00:00Z"):
    return ReportingPeriod.objects.create(
        area=area, kind="quarter", name=f"Kỳ đến {day:%d/%m/%Y}", ends_on=day, due_on=day, closed_at=closed_at
    )


def test_figures_of_a_closed_period_are_not_changed_by_an_amendment(town):
    made = published(town.boss, hollow())
    say(town, made, "1", value=None, day=date(2024, 3, 1))
    closed_period(town.province, date(2024, 3, 31))
    period = closed_period(town.district, date(2024, 6, 15))
    moment = Moment(period.ends_on, datetime(2024, 6, 20, tzinfo=UTC))
    Revision.objects.update(recorded_at="2024-06-02T00:00:00Z")
    before = roll_up_units([town.commune], made, "self", moment)
    assert before[town.commune.pk].criteria_met == 1
    answer, upload = hand_in(town.boss, described_as(small()), first_day="15/06/2024")
    assert upload.state == "refused"
    (problem,) = upload.plan["shown"]["problems"]  # of criterion 2 nothing was told
    assert problem["sheet"] == "Tiêu chí"
    assert "Tiêu chí 1 đổi chỉ tiêu sẽ đổi số của kỳ đã khóa “Kỳ đến 15/06/2024”" in answer.text
    assert "chọn ngày áp dụng sau ngày 15/06/2024" in answer.text
    _, upload = hand_in(town.boss, described_as(small()), first_day="15/03/2024")
    assert "và 1 kỳ khác" in upload.plan["shown"]["problems"][0]["reason"]
    bring(town.boss, described_as(small()), first_day="16/06/2024")
    assert roll_up_units([town.commune], made, "self", moment) == before


@pytest.mark.parametrize("where", ["open", "other", "earlier", "untold"])
def test_periods_that_an_amendment_does_not_reach_dont_hold_it_up(town, where):
    made = published(town.boss, hollow())
    say(town, made, "1", value=None, day=date(2024, 6, 18) if where == "untold" else date(2024, 3, 1))
    area = town.other if where == "other" else town.province
    day = date(2024, 5, 31) if where == "earlier" else date(2024, 6, 15)
    closed_period(area, day, None if where == "open" else "2024-06-20T00:00:00Z")
    _, upload = hand_in(town.boss, described_as(small()), first_day="10/06/2024")
    assert upload.state == "ready"


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"in_force_to": "2024-06-10"}, True),
        ({"in_force_to": "2024-06-15"}, False),
        ({"in_force_from": "2024-03-01"}, False),  # it was in force on the period's last day, and is
        ({"in_force_from": "2024-06-20"}, True),
    ],
)
def test_days_typed_in_the_file_are_held_to_it_too(town, fields, refused):
    made = published(town.boss, small())
    say(town, made, "1.1", day=date(2024, 3, 1))
    closed_period(town.province, date(2024, 6, 15))
    data = described_as(small(official_counts={"criteria": None, "indicators": None}))
    data["criteria"][0]["indicators"][1] |= fields
    answer, upload = hand_in(town.boss, data)
    assert (upload.state == "refused") is ("kỳ đã khóa" in answer.text) is refused


def test_results_that_will_count_no_more_are_told_of(town):
    made = published(town.boss, hollow())
    say(town, made, "1", value=None, day=date(2024, 6, 20))
    answer, _ = hand_in(town.boss, described_as(small()), first_day="15/06/2024")
    assert "1 kết quả đã công bố ghi từ ngày 15/06/2024 trên dòng thay cho cả tiêu chí" in answer.text
    answer, _ = hand_in(town.boss, described_as(small()), first_day="21/06/2024")
    assert "kết quả đã công bố ghi từ ngày" not in answer.text


def test_placeholders_that_end_later_are_in_force_until_then(town):
    published(town.boss, hollow())
    bring(town.boss, described_as(small()), first_day="01/08/2024")
    assert set(Indicator.objects.filter(stands_for_criterion=True).values_list("in_force_to", flat=True)) == {
        date(2024, 7, 31)
    }


# --- two at once ---------------------------------------------------------------------------


def test_two_files_for_one_new_code_make_one_set(town):
    _, first = hand_in(town.boss, small())
    _, second = hand_in(town.boss, small(name="Bộ khác"))
    confirm(town.boss, first)
    answer = confirm(town.boss, second)
    assert answer.status_code == 409
    assert "Số liệu đã thay đổi từ lúc xem trước nên chưa ghi gì" in answer.text
    assert CriteriaSet.objects.get().name == "Bộ thử"
    second.refresh_from_db()
    assert [line["after"] for line in second.plan["lines"]] == ["Bộ khác"]


def test_a_change_between_looking_and_writing_is_seen(town, monkeypatch):
    from criteria.workshop import set_workbook as kind

    made = published(town.boss, small())
    _, upload = hand_in(town.boss, described_as(small(name="Mới")))
    planned = kind.plan(upload, uploads.book_of(upload), lambda rows: None)
    CriteriaSet.objects.filter(pk=made.pk).update(note="Người khác sửa")
    with pytest.raises(uploads.UploadChanged), transaction.atomic():
        kind.write(upload, planned, town.boss)
    made.refresh_from_db()
    assert made.name == "Bộ thử"


def test_a_new_code_taken_at_this_moment_writes_nothing(town, monkeypatch):
    """Another writes the same code between the look and the insert: the unique code holds."""
    from criteria.workshop import set_workbook as kind

    _, upload = hand_in(town.boss, small())
    real = kind.write_set

    def late(*args, **kwargs):
        CriteriaSetFactory(code="bo-thu-khac")
        args[0]["code"] = "bo-thu-khac"
        monkeypatch.setattr("criteria.loading.CriteriaSet.objects.filter", lambda **where: CriteriaSet.objects.none())
        return real(*args, **kwargs)

    monkeypatch.setattr(kind, "write_set", late)
    planned = kind.plan(upload, uploads.book_of(upload), lambda rows: None)
    with pytest.raises(uploads.UploadChanged), transaction.atomic():
        kind.write(upload, planned, town.boss)
    assert not Indicator.objects.exists()


# --- pages ---------------------------------------------------------------------------------


def test_the_difference_of_two_sets(town):
    published(town.boss, small())
    bring(town.boss, small(code="bo-hai", name="Bộ hai"))
    url = reverse("criteria:set_difference", args=["bo-hai"])
    text = client_of(town.boss).get(url, {"other": "bo-thu"}).text
    assert "2 điểm khác" in text  # the name, and the day it was published on
    assert client_of(town.boss).get(url, {"other": "khong-co"}).status_code == 404
    assert client_of(town.boss).get(url).status_code == 302
    assert client_of(town.keeper).get(url, {"other": "bo-thu"}).status_code == 404  # a draft of the nation
    assert "giống hệt nhau" in client_of(town.boss).get(url, {"other": "bo-hai"}).text


def test_pages_ask_as_much_for_thirty_sets_and_indicators_as_for_three(town, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def write(code, indicators):
        data = small(code=code, official_counts={"criteria": None, "indicators": None})
        data["criteria"][0]["indicators"] = [indicator(f"1.{place}", target()) for place in range(1, indicators + 1)]
        data["wordings"] = [{"indicator": "1.1", "from": "2024-01-01", "name": "Mới"}]
        with transaction.atomic():
            write_set(data, province=None, requires=None, first_day=TODAY)

    def asked(url, **query):
        client = client_of(town.boss)
        client.get(url, query)
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert client.get(url, query).status_code == 200
        return len(caught)

    write("nho", 3)
    write("lon", 30)
    for name in ("set", "set_workbook", "set_json"):
        assert asked(reverse(f"criteria:{name}", args=["nho"])) == asked(reverse(f"criteria:{name}", args=["lon"]))
    few = asked(reverse("criteria:set_list"))
    for place in range(28):
        write(f"them-{place}", 3)
    assert asked(reverse("criteria:set_list")) == few


def test_wordings_cost_one_query_and_none_where_there_are_none(town):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def asked(made):
        with CaptureQueriesContext(connection) as caught:
            found = sheets(town.commune, made, town.officer, drafts=True)
        return len(caught), [row.indicator.name for sheet in found for row in sheet.rows]

    made = published(town.boss, small())
    made.refresh_from_db()
    asked(made)  # reads the person's roles
    plain, _ = asked(made)
    bring(town.boss, described_as(small(wordings=[
        {"indicator": "1.1", "from": "2021-01-01", "name": "Lần một"},
        {"indicator": "1.1", "from": "2024-06-30", "name": "Lần hai"},
        {"indicator": "1.2", "from": "2024-07-01", "name": "Ngày mai"},
    ])))  # fmt: skip
    made.refresh_from_db()
    amended, names = asked(made)
    assert amended == plain + 1
    assert names == ["Lần hai", "Tỷ lệ hộ theo nội dung 1.2", "Tỷ lệ hộ theo nội dung 2.1"]
    assert today() == TODAY


# --- local targets in a set's files ----------------------------------------------------------


def with_local_targets(town):
    """The small set with a level of each of the two provinces, neither confirmed."""
    made = published(town.boss, small())
    indicator = Indicator.objects.get(code="1.1")
    for province in (town.province, town.other):
        Target.objects.create(
            indicator=indicator, province=province, operator=">=", value=97, text=f"≥97% của {province.name}"
        )
    return made


def provinces_in(answer) -> set[str]:
    book = openpyxl.load_workbook(BytesIO(answer.content))
    return {row[1] for row in book["Yêu cầu của tỉnh"].iter_rows(min_row=2, values_only=True) if row[1]}


def test_files_of_a_set_hold_no_other_provinces_targets(town):
    made = with_local_targets(town)
    book, plain = reverse("criteria:set_workbook", args=[made.code]), reverse("criteria:set_json", args=[made.code])
    for user, codes in ((town.keeper, {"38"}), (town.neighbour, {"42"}), (town.boss, {"38", "42"})):
        client = client_of(user)
        assert provinces_in(client.get(book)) == codes
        assert {row["province_code"] for row in client.get(plain).json()["provincial_targets"]} == codes
    # Another province can't be asked for either.
    answer = client_of(town.keeper).get(plain, {"province": town.other.pk})
    assert {row["province_code"] for row in answer.json()["provincial_targets"]} == {"38"}


def test_a_difference_tells_no_other_provinces_targets(town):
    made = with_local_targets(town)
    empty = published(town.boss, small(code="bo-khac"))
    address = reverse("criteria:set_difference", args=[made.code])
    page = client_of(town.keeper).get(address, {"other": empty.code}).text
    assert "của Thanh Hóa" in page and "của Hà Tĩnh" not in page


def test_what_a_coordinator_downloads_is_a_start_of_an_own_set(town):
    made = with_local_targets(town)
    data = client_of(town.keeper).get(reverse("criteria:set_json", args=[made.code])).json()
    own = bring(town.keeper, data | {"code": "bo-cua-tinh", "province": "38"})
    rows = Target.objects.filter(indicator__criterion__criteria_set=own, province__isnull=False)
    assert [row.province for row in rows] == [town.province]
    assert Target.objects.filter(indicator__criterion__criteria_set=made, province=town.other).exists()
