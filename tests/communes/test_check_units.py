"""check_units finds each fault it names, and none in good data."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command

from communes.checks import problems
from communes.models import Succession, Unit, UnitVersion
from tests.factories import CommuneFactory, DistrictFactory

pytestmark = pytest.mark.django_db
BEFORE, DAY, AFTER = date(2020, 1, 1), date(2022, 1, 1), date(2024, 1, 1)


def version(unit, valid_from, valid_to=None, **changed):
    same = {name: getattr(unit, name) for name in ("code", "name", "kind", "region")}
    same |= {name: getattr(unit, name) for name in ("parent", "province", "district", "commune")}
    return UnitVersion.objects.create(unit=unit, valid_from=valid_from, valid_to=valid_to, **(same | changed))


def close(unit, day=DAY):
    Unit.objects.filter(pk=unit.pk).update(closed_on=day)
    unit.refresh_from_db()


@pytest.fixture
def district():
    return DistrictFactory()


@pytest.fixture
def commune(district):
    return CommuneFactory(parent=district)


@pytest.fixture
def heir(district):
    return CommuneFactory(parent=district, opened_on=DAY)


def link(old, new, **fields):
    return Succession.objects.create(predecessor=old, successor=new, **({"effective_on": DAY} | fields))


def test_good_data_has_no_problems(commune, heir):
    version(commune, BEFORE, DAY, name="Tên cũ")
    version(commune, DAY)
    old = CommuneFactory(parent=commune.parent)
    version(old, BEFORE, DAY)
    close(old)
    link(old, heir)
    version(heir, DAY, code=heir.code)
    assert problems() == []
    out = StringIO()
    call_command("check_units", stdout=out)
    assert out.getvalue() == "Không có vấn đề nào.\n"


def overlap(commune, heir):
    version(commune, BEFORE, AFTER, name="Tên cũ")
    version(commune, DAY)
    return "hai giai đoạn chồng nhau từ ngày 01/01/2022"


def last_differs(commune, heir):
    version(commune, BEFORE, name="Tên khác", region="tay-nguyen")
    return "giai đoạn cuối khác hiện trạng về tên, vùng"


def last_ends_otherwise(commune, heir):
    version(commune, BEFORE, DAY)
    return "giai đoạn cuối không kết thúc cùng ngày"


def code_twice(commune, heir):
    version(commune, BEFORE, DAY, code="00001")
    version(commune, DAY)
    version(heir, date(2021, 12, 31), AFTER, code="00001")
    version(heir, AFTER)
    return "Mã 00001 (Xã) thuộc hai đơn vị cùng lúc từ ngày 31/12/2021"


def wrong_ancestor(commune, heir):
    Unit.objects.filter(pk=commune.pk).update(district=DistrictFactory())
    return "huyện không khớp với đơn vị trực thuộc"


def not_itself(commune, heir):
    Unit.objects.filter(pk=commune.pk).update(commune=heir)
    return "xã không khớp với đơn vị trực thuộc"


def no_province(commune, heir):
    Unit.objects.filter(pk=commune.pk).update(province=None)
    return "không thuộc tỉnh nào"


def no_successor(commune, heir):
    close(commune)
    return "kết thúc ngày 01/01/2022 mà chưa rõ đơn vị kế thừa"


def successor_too_late(commune, heir):
    close(commune, BEFORE)
    link(commune, heir, effective_on=BEFORE)
    return "thành lập sau ngày có hiệu lực 01/01/2020"


def successor_gone(commune, heir):
    close(commune, AFTER)
    Unit.objects.filter(pk=heir.pk).update(closed_on=date(2023, 1, 1))
    link(heir, commune, effective_on=date(2023, 1, 1), is_approximate=True)
    link(commune, heir, effective_on=AFTER)
    return "đã kết thúc trước ngày có hiệu lực 01/01/2024"


def circle(commune, heir):
    link(commune, heir, is_approximate=True)
    link(heir, commune, is_approximate=True)
    return "Kế thừa vòng tròn"


@pytest.mark.parametrize(
    "fault",
    [
        overlap, last_differs, last_ends_otherwise, code_twice, wrong_ancestor, not_itself, no_province, no_successor,
        successor_too_late, successor_gone, circle,
    ],
)  # fmt: skip
def test_each_fault_is_found(fault, commune, heir):
    expected = fault(commune, heir)
    found = problems()
    assert any(expected in line for line in found), found
    out, errors = StringIO(), StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("check_units", stdout=out, stderr=errors)
    assert stopped.value.code == 1
    assert expected in out.getvalue()


def test_districts_ended_with_their_level(commune):
    Unit.objects.filter(pk=commune.district_id).update(closed_on=date(2025, 7, 1))
    assert problems() == []


def test_what_follows_a_circle_is_not_blamed(commune, heir):
    circle(commune, heir)
    after = CommuneFactory(parent=commune.parent, name="Vô can")
    link(heir, after, is_approximate=True)
    assert not any("Vô can" in line for line in problems())


def test_present_since_another_day_than_the_last_version(commune):
    version(commune, BEFORE, DAY)
    version(commune, DAY)
    Unit.objects.filter(pk=commune.pk).update(present_since=DAY)
    assert problems() == []
    Unit.objects.filter(pk=commune.pk).update(present_since=BEFORE)
    (line,) = problems()
    assert "hiện trạng không tính từ ngày bắt đầu giai đoạn cuối" in line
