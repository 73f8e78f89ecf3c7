"""G9: a province's entry workbook, filled whole: read, checked, its differences shown.

The reference is what can't be saved: a bare calamine read of the sheet, one plain query for each
table that is asked (places, indicators, targets, drafts, periods), and 0.2 seconds.
"""

from datetime import date
from io import BytesIO
from time import perf_counter

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client as Browser

from communes.models import Unit
from criteria import uploads
from criteria.evidence import write_file
from criteria.exchange.drafts import units_of
from criteria.exchange.entry_sheet import SHEET, draw
from criteria.exchange.entry_workbook import about_now, indicators_of, lines_of
from criteria.models import Entry, Upload
from ntm.clock import today
from tests.bench.table import Report, in_turn
from tests.bench.world import World

ROUNDS = 10
CONSTANT = 0.2
COORDINATOR = "dieuphoi.hatinh"


def measure(report: Report, world: World) -> None:
    import python_calamine

    person = get_user_model().objects.get(username=COORDINATOR)
    fill_drafts(world, person)
    content, count = filled(world, person)
    browser = Browser(HTTP_HOST="127.0.0.1")
    browser.force_login(person)
    upload = Upload.objects.create(
        kind=Upload.Kind.ENTRIES,
        unit=world.province,
        criteria_set=world.criteria_set,
        file=write_file(ContentFile(content, "bieu.xlsx"), "uploads"),
        original_name="bieu.xlsx",
        uploaded_by=person,
    )

    def ours() -> float:
        Upload.objects.filter(pk=upload.pk).update(state=Upload.State.CHECKING, plan={})  # as just handed in
        start = perf_counter()
        uploads.check(Upload.objects.select_related("unit", "criteria_set", "uploaded_by").get(pk=upload.pk))
        page = browser.get(f"/uploads/{upload.pk}/")
        took = perf_counter() - start
        assert page.status_code == 200
        return took

    def reference() -> float:
        start = perf_counter()
        book = python_calamine.load_workbook(BytesIO(content))
        book.get_sheet_by_name(SHEET).to_python()
        with connection.cursor() as cursor:
            for query, given in queries(world):
                cursor.execute(query, given)
                cursor.fetchall()
        return perf_counter() - start + CONSTANT

    mine, bare = in_turn(ours, reference, ROUNDS)
    upload.refresh_from_db()
    counts = upload.plan["counts"]
    told = ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number)
    report.ratio(
        "G9", f"entry workbook of {count} filled rows: read, checked, shown ({told}; {ROUNDS})", mine, bare, 1.5
    )


def queries(world: World) -> list[tuple[str, list]]:
    """One plain query a table."""
    units = "SELECT id FROM communes_unit WHERE province_id = %s AND level = 'commune'"
    items = (
        "SELECT i.id FROM criteria_indicator i JOIN criteria_criterion c ON c.id = i.criterion_id "
        "WHERE c.criteria_set_id = %s"
    )
    province, chosen = world.province.pk, world.criteria_set.pk
    return [
        (f"SELECT * FROM communes_unit WHERE id IN ({units})", [province]),
        (f"SELECT * FROM criteria_indicator WHERE id IN ({items})", [chosen]),
        (f"SELECT * FROM criteria_target WHERE indicator_id IN ({items})", [chosen]),
        (
            f"SELECT * FROM criteria_entry WHERE unit_id IN ({units}) AND indicator_id IN ({items})",
            [province, chosen],
        ),
        ("SELECT * FROM criteria_reportingperiod WHERE area_id = %s", [province]),
    ]


def fill_drafts(world: World, person) -> None:
    """Every commune has told something of every indicator, and sent it."""
    units = Unit.objects.within(world.province).rural_communes().existing(today())
    items = world.criteria_set.criteria.values_list("indicators", flat=True)
    Entry.objects.filter(unit__in=units).delete()
    Entry.objects.bulk_create(
        Entry(
            unit_id=unit,
            indicator_id=item,
            verdict="not_met",
            attainment=0,
            effective_on=date(2024, 1, 31),
            version=1,
            sent_version=1,
            updated_by=person,
        )
        for unit in units.values_list("pk", flat=True)
        for item in items
    )


def filled(world: World, person) -> tuple[bytes, int]:
    """The province's workbook with something in every row, and how many rows those are."""
    about = about_now(world.province, world.criteria_set)
    indicators = indicators_of(world.criteria_set, about.last_day)
    about.lines = lines_of(units_of(world.province), world.criteria_set, indicators, person, about.last_day)
    for number, line in enumerate(about.lines):
        value, verdict = (1 + number % 90, None) if line.indicator.is_numeric else (None, "Cơ bản đạt")
        line.typed = (value, None, None, verdict, None, None if number % 10 else f"Dòng {number}")
    return draw(about), len(about.lines)
