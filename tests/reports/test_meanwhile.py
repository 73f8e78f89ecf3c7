"""A workbook tells of one moment, though others save between its queries; and they needn't wait for it."""

import threading
from io import BytesIO

import openpyxl
import pytest
from django.db import connection
from django.test import Client

from communes.models import Role
from criteria.models import Standing
from reports.jobs import start, work
from reports.models import ReportJob
from reports.views import tables
from tests.factories import UserFactory
from tests.reports.worlds import make_province, make_set, member, say

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place():
    criteria_set = make_set(criteria=3, indicators=2)
    province, communes = make_province(communes=3, districts=2)
    for commune in communes:
        say(commune, criteria_set, "self", ["met"] * 6)
    return criteria_set, province, communes


def then_saved(monkeypatch, module, name, place):
    """After the function has read, somebody else saves that nothing is met any more."""
    criteria_set, _, communes = place
    read = getattr(module, name)
    saved = []

    def save():
        try:
            say(communes[0], criteria_set, "self", ["not_met"] * 6)
            saved.append(Standing.objects.get(unit=communes[0], stage="self").criteria_met)
        finally:
            connection.close()

    def reading(*args, **kwargs):
        found = read(*args, **kwargs)
        if not saved:
            thread = threading.Thread(target=save)
            thread.start()
            thread.join()
        return found

    monkeypatch.setattr(module, name, reading)
    return saved


def cells(content):
    book = openpyxl.load_workbook(BytesIO(content), data_only=True)
    return {sheet.title: [[cell.value for cell in row] for row in sheet] for sheet in book}


def test_the_matrix_at_once(place, monkeypatch):
    from reports.views import downloads

    criteria_set, province, _ = place
    client = Client()
    client.force_login(member(province, Role.COORDINATOR))
    address = f"/reports/matrix/{province.pk}.xlsx?set={criteria_set.code}&stage=self"
    before = cells(client.get(address).content)
    saved = then_saved(monkeypatch, downloads, "matrix", place)
    assert cells(client.get(address).content) == before
    assert saved == [0], "saved while the workbook was drawn"
    assert cells(client.get(address).content) != before


def test_several_tables_in_one(place, monkeypatch):
    criteria_set, province, _ = place
    client = Client()
    client.force_login(member(province, Role.COORDINATOR))
    address = (
        f"/reports/bundle.xlsx?report=headline&report=opinions&area={province.pk}&set={criteria_set.code}&stage=self"
    )
    before = cells(client.get(address).content)
    saved = then_saved(monkeypatch, tables, "asked_of", place)
    assert cells(client.get(address).content) == before
    assert saved == [0]
    assert cells(client.get(address).content) != before


@pytest.mark.parametrize("kind", ["matrix", "nation"])
def test_in_the_background(kind, place, monkeypatch, media):
    from criteria.evidence import stored_path
    from reports import builders
    from reports.workbooks import nation

    criteria_set, province, _ = place
    person = UserFactory(is_superuser=True, is_staff=True)
    params = {"set": criteria_set.code, "stage": "self"} | ({"area": province.pk} if kind == "matrix" else {})

    def built():
        job = start(person, kind, params)
        work(str(job.pk), "w")
        job = ReportJob.objects.get(pk=job.pk)
        content = cells(stored_path(str(job.file)).read_bytes())
        job.delete()
        return content

    before = built()
    saved = then_saved(monkeypatch, *((builders, "matrix") if kind == "matrix" else (nation, "nation")), place)
    assert built() == before
    assert saved == [0]
    assert built() != before
