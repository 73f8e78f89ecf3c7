"""An amended wording is what people read: nothing of a day on which it holds shows the words it replaced."""

import zipfile
from datetime import date, timedelta
from io import BytesIO

import pytest
from django.urls import reverse

from criteria.models import CriteriaSet, Indicator, Wording
from criteria.wordings import worded, worded_each, worded_of_sets
from inspections.models import Finding
from tests.factories import IndicatorFactory
from tests.test_access_matrix import Things, rows

OLD, NEW = "LOI-VAN-CU", "LOI-VAN-MOI"

# What shows an indicator's words, and who may see it.
SHOWN = {
    "dieuphoi.thanhhoa": [
        "reports:unit_detail Đông Phú",
        "reports:desk",
        "reports:readiness_xlsx Đông Phú",
        "reports:matrix_xlsx Đông Sơn",
        "reports:notice Đông Phú",
        "criteria:entry_book_xlsx Đông Phú",
        "criteria:criterion Đông Phú 17",
        "criteria:revision_list Đông Phú 17.1",
        "criteria:evidence_detail sent",
        "criteria:question_detail province",
        "criteria:target_grid",
        "criteria:target_bulk",
        "criteria:target_create",
        "criteria:target_edit Thanh Hóa",
        "criteria:target_delete Thanh Hóa",
        "criteria:target_workbook",
        "criteria:target_report_list",
        "criteria:target_report_answer Đông Phú",
        "inspections:visit_detail concluded",
        "inspections:visit_criterion concluded 17",
        "inspections:visit_findings planned",
        "inspections:finding_detail published",
        "inspections:finding_detail not yet",
    ],
    "canbo.dongphu": [
        "criteria:entry Đông Phú",
        "criteria:entry_paste Đông Phú",
        "criteria:target_report Đông Phú 17.1",
        "criteria:question_ask Đông Phú 17.1",
        "criteria:evidence_register Đông Phú",
        "criteria:evidence_links sent",
        "criteria:evidence_attach Đông Phú 17.1",
        "criteria:evidence_attach_many Đông Phú",
    ],
    "doan.truong": [
        "inspections:visit_criterion planned 17",
        "inspections:target_report planned",
        "inspections:minutes_docx planned",
        "inspections:finding_create planned",
        "inspections:finding_edit not yet",
    ],
    "so.giaoduc": ["reports:desk_report Đông Phú 14.1", "reports:desk_review Đông Phú 14"],
}


def words_of(response):
    """All text of an answer: of a page, or of the parts of a workbook or document."""
    content = b"".join(response)
    if not content.startswith(b"PK"):
        return content.decode()
    with zipfile.ZipFile(BytesIO(content)) as parts:
        return "".join(parts.read(name).decode() for name in parts.namelist() if name.endswith("xml"))


def amend(starts_on):
    """Every indicator is named OLD, and NEW from the day on."""
    Indicator.objects.update(name=OLD)
    Wording.objects.bulk_create(
        Wording(indicator=indicator, starts_on=starts_on, name=NEW, decision="QĐ sửa đổi")
        for indicator in Indicator.objects.all()
    )
    CriteriaSet.objects.update(has_wordings=True)


def test_pages_and_workbooks_read_as_amended(cast):
    things = Things()
    for finding in Finding.objects.filter(indicator=None):
        finding.indicator = finding.criterion.indicators.first()
        finding.save()
    amend(date(2000, 1, 1))
    addresses = {f"{name} {what}".strip(): (name, args, query) for name, what, args, *query in rows(things)}
    for who, shown in SHOWN.items():
        client = cast.client(who)
        for key in shown:
            name, args, query = addresses[key]
            response = client.get(reverse(name, args=args) + "".join(query))
            assert response.status_code == 200, (who, key)
            text = words_of(response)
            assert (OLD in text, NEW in text) == (False, True), (who, key)


def test_a_visit_and_its_findings_keep_the_words_of_their_day(cast):
    things = Things()
    visit = things.done
    visit.findings.update(indicator=things.indicator)
    amend(visit.day + timedelta(days=1))
    client = cast.client("dieuphoi.thanhhoa")
    finding = visit.findings.first()
    for url in (
        reverse("inspections:visit_detail", args=[visit.pk]),
        reverse("inspections:finding_detail", args=[finding.pk]),
    ):
        text = words_of(client.get(url))
        assert (OLD in text, NEW in text) == (True, False), url
    assert NEW in words_of(client.get(reverse("criteria:entry_book_xlsx", args=[things.dong_phu.pk])))


@pytest.mark.parametrize("number", [3, 30])
def test_each_on_its_own_day_in_one_query(db, count_queries, number):
    indicators = [IndicatorFactory(name="ban đầu") for _ in range(number)]
    for indicator in indicators:
        for year, name in ((2024, "lần hai"), (2023, "lần một")):
            Wording.objects.create(indicator=indicator, starts_on=date(year, 1, 1), name=name, decision="QĐ")
    CriteriaSet.objects.update(has_wordings=True)
    days = (date(2022, 12, 31), date(2023, 1, 1), date(2024, 6, 30))
    fresh = [
        indicator
        for _ in days
        for indicator in Indicator.objects.select_related("criterion__criteria_set").order_by("pk")
    ]
    told = [(indicator, indicator.criterion.criteria_set, days[at // number]) for at, indicator in enumerate(fresh)]
    with count_queries() as queries:
        worded_each(told)
    assert len(queries) == 1
    assert [indicator.name for indicator in fresh] == [
        name for name in ("ban đầu", "lần một", "lần hai") for _ in range(number)
    ]


def test_a_set_that_was_never_amended_costs_no_query(db, count_queries):
    indicator = IndicatorFactory(name="ban đầu")
    criteria_set = indicator.criterion.criteria_set
    with count_queries() as queries:
        worded_each([(indicator, criteria_set, date(2024, 1, 1))])
        worded([indicator], criteria_set, date(2024, 1, 1))
        worded_of_sets([indicator], date(2024, 1, 1))
    assert len(queries) == 0 and indicator.name == "ban đầu"
