"""Old tables: read as they come, settled by a person, published as one, voided as one."""

import datetime
from decimal import Decimal

import pytest
from django.core.management import call_command

from criteria import publish
from criteria.models import Assessment, Indicator, RememberedChoice, Revision, Standing, Upload
from reports.readiness import readiness
from tests.criteria.history_world import DAY, NAMES, make_place, real_table, workbook

SORTED = ("Đông Phú", "Hòa Lộc", "Nga Tân", "Đông Thịnh", "Quảng Thạch", "Xuân Lai")  # by district
MARKS = {
    "Đông Phú": ["x", "X", "x"],
    "Hòa Lộc": ["đ", "Đ", "CĐ"],
    "Nga Tân": ["Đạt", "đạt", "Chưa đạt"],
    "Đông Thịnh": ["x", "cơ bản đạt", None],
    "Quảng Thạch": ["x", "-", "CĐ"],
    "Xuân Lai": ["CĐ", "CĐ", "CĐ"],
}


@pytest.fixture
def place(db, media):
    return make_place()


def standing(place, unit, stage="province"):
    return Standing.objects.get(unit=unit, criteria_set=place.criteria_set, stage=stage)


def test_a_real_table_from_upload_to_standings(place):
    upload = place.walk(real_table(SORTED, MARKS))
    assert upload.state == Upload.State.READY, upload.problem
    assert upload.plan["counts"] == {"communes": 6, "new": 16, "same": 0, "differs": 0, "refused": 0}
    assert not Revision.objects.exists()
    assert not Indicator.objects.filter(for_history=True).exists()
    place.confirm(upload)
    upload.refresh_from_db()
    assert upload.state == Upload.State.DONE
    phu = place.communes[0]
    assert standing(place, phu).criteria_met == 3
    assert standing(place, place.communes[1]).criteria == [
        [1, "met", "100.00"],
        [2, "nearly_met", "0.00"],
        [3, "not_assessed", "0.00"],
    ]
    assert standing(place, phu).indicators_assessed == 0  # nobody judged an indicator
    assert standing(place, phu).indicators_total == 6
    revision = Revision.objects.filter(unit=phu).first()
    assert (revision.effective_on, revision.source, revision.source_ref) == (DAY, "import", str(upload.pk))
    assert "Báo cáo 15/BC-VPĐP" in revision.note
    left_out = [line["name"] for line in upload.plan["shown"]["left_out"]]
    assert "Tổng cộng" in left_out
    call_command("rebuild_standings", check=True, verbosity=0)
