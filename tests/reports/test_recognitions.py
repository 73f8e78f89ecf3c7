"""Recognitions: recorded many at once, pasted, revoked, voided; never carried over; known on a day as known then."""

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.test import Client

from communes.models import Role, Succession, Unit, UnitVersion
from criteria.models import Recognition
from criteria.recognitions import RecognitionRefused, recognise, recognised, revoke, void
from criteria.registrations import register
from reports.moments import When
from reports.tables import communes, headline, regression
from reports.tables.asked import Asked
from reports.tables.table import value_of
from tests.factories import CommuneFactory, DepartmentFactory, UserFactory, VillageFactory
from tests.reports.worlds import make_province, make_set, member, prove_all, say

pytestmark = pytest.mark.django_db

DAY = date(2023, 12, 20)


class World:
    def __init__(self, communes: int = 3) -> None:
        self.set = make_set(criteria=2, indicators=1, first_year=2021)
        self.province, self.communes = make_province(communes=communes)
        self.staff = member(self.province, Role.COORDINATOR)
        self.ids = [unit.pk for unit in self.communes]

    def client(self, user=None) -> Client:
        client = Client()
        client.force_login(user or self.staff)
        return client

    @property
    def url(self) -> str:
        return f"/recognitions/?area={self.province.pk}&set={self.set.code}"

    @property
    def paste_url(self) -> str:
        return f"/recognitions/paste/?area={self.province.pk}&set={self.set.code}"

    def recognise(self, ids=None, **changes) -> tuple[int, int]:
        told = {"place": self.province, "communes": ids or self.ids, "criteria_set": self.set}
        told |= {"decision": "12/QĐ-UBND", "decided_on": DAY, "by": self.staff} | changes
        return recognise(**told)


@pytest.fixture
def small():
    return World()


def test_ticked_communes_are_recorded_once(small):
    page = small.client().get(small.url).content.decode()
    assert "0/3 xã được công nhận" in page and "Chưa ghi nhận" in page
    data = {"commune": small.ids[:2], "decision": "12/QĐ-UBND", "decided_on": "20/12/2023"}
    page = small.client().post(small.url, data, follow=True).content.decode()
    assert "Đã ghi 2 xã được công nhận." in page and "2/3 xã được công nhận" in page
    page = small.client().post(small.url, data | {"commune": small.ids}, follow=True).content.decode()
    assert "Đã ghi 1 xã được công nhận. 2 xã đã ghi từ trước" in page and "12/QĐ-UBND, 20/12/2023" in page
    assert Recognition.objects.count() == 3
    page = small.client().post(small.url, data, follow=True).content.decode()
    assert "Không có xã nào mới" in page


def test_bad_input_is_told_and_keeps_the_ticks(small):
    good = {"commune": small.ids[:1], "decision": "12/QĐ-UBND", "decided_on": "20/12/2023"}
    stranger, village = CommuneFactory().pk, VillageFactory(parent=small.communes[0]).pk
    for changes, words in (
        ({"commune": []}, "Chọn ít nhất một xã"),
        ({"commune": ["x", "9" * 30]}, "Chọn ít nhất một xã"),
        ({"commune": [stranger, small.ids[0]]}, "không thuộc địa bàn"),
        ({"commune": [village]}, "không thuộc địa bàn"),
        ({"decision": ""}, "Nhập số, ký hiệu"),
        ({"decision": "x" * 101}, "100"),
        ({"decided_on": "31/02/2024"}, "Nhập ngày như"),
        ({"decided_on": "15/01/2030"}, "chưa đến"),
        ({"decided_on": "15/01/2019"}, "trước giai đoạn"),
    ):
        answer = small.client().post(small.url, good | changes)
        assert answer.status_code == 422, changes
        assert words in answer.content.decode(), changes
        assert not Recognition.objects.exists()
    text = small.client().post(small.url, good | {"decision": ""}).content.decode()
    assert f'value="{small.ids[0]}" checked' in text
    for query in ("set=khong-co", "area=987654", f"area={small.province.pk}&as_of=x"):
        assert small.client().get(f"/recognitions/?{query}").status_code == 404


def test_a_commune_can_not_be_recognised_before_it_was_or_after_it_ended(small):
    old, new, _ = small.communes
    Unit.objects.filter(pk=old.pk).update(closed_on=date(2023, 6, 1))
    Unit.objects.filter(pk=new.pk).update(opened_on=date(2024, 1, 1))
    for ids, words in (([old.pk], "đã kết thúc"), ([new.pk], "Ghi cho xã cũ")):
        with pytest.raises(RecognitionRefused, match=words):
            small.recognise(ids)
    assert small.recognise([old.pk], decided_on=date(2022, 12, 20)) == (1, 0)
    # A first day that was only derived from a list is the latest possible one.
    Succession.objects.create(predecessor=old, successor=new, effective_on=date(2024, 1, 1))
    assert small.recognise([new.pk]) == (1, 0)


def test_what_a_predecessor_held_is_shown_as_its_own_and_not_carried_over(small):
    old, new, _ = small.communes
    Unit.objects.filter(pk=old.pk).update(closed_on=date(2024, 1, 1))
    Succession.objects.create(predecessor=old, successor=new, effective_on=date(2024, 1, 1), is_verified=True)
    small.recognise([old.pk])
    page = small.client().get(f"/units/{new.pk}/").content.decode()
    assert f"Của các xã cũ, không chuyển sang {new.full_name}" in page
    assert f"Chưa ghi nhận quyết định công nhận nào của {new.full_name}" in page
    assert "Đã được công nhận theo bộ tiêu chí này" not in page
    today = date(2024, 6, 30)
    assert set(recognised(small.ids, today)) == {old.pk}
    assert "0/2 xã được công nhận" in small.client().get(small.url).content.decode()
    # The closed commune's own page still takes what was decided in its time.
    assert small.client().get(f"/units/{old.pk}/recognitions/new/").status_code == 200


def test_the_communes_page_records_and_says_recognised_apart_from_complete(small):
    unit = small.communes[0]
    say(unit, small.set, "self", ["met", "met"])
    prove_all(unit, small.set)
    url = f"/units/{unit.pk}/?set={small.set.code}&stage=self"
    before = small.client().get(url).content.decode()
    assert "Đủ tiêu chí và minh chứng" in before and "Để được xét công nhận còn cần" in before
    assert "Đã được công nhận" not in before
    form = f"/units/{unit.pk}/recognitions/new/?set={small.set.code}"
    assert small.client().get(form).status_code == 200
    data = {"criteria_set": small.set.code, "decision": "12/QĐ-UBND", "decided_on": "20/12/2023"}
    for changes in ({"criteria_set": "x"}, {"decision": ""}, {"decided_on": "20/12/2030"}):
        assert small.client().post(form, data | changes).status_code == 422
    page = small.client().post(form, data, follow=True).content.decode()
    assert "Đã được công nhận theo bộ tiêu chí này: 12/QĐ-UBND, 20/12/2023" in page
    again = small.client().post(form, data, follow=True).content.decode()
    assert "quyết định đang có giữ nguyên" in again and Recognition.objects.count() == 1
    after = small.client().get(url).content.decode()
    assert "Để được xét công nhận còn cần" not in after
    past = small.client().get(f"{url}&as_of=2023-12-19").content.decode()
    assert "12/QĐ-UBND" not in past and "Ghi quyết định công nhận" not in past


def test_revoked_from_its_day_on_and_recognised_anew(small):
    small.recognise(small.ids[:1])
    mine = Recognition.objects.get()
    url = f"/recognitions/{mine.pk}/revoke/"
    client = small.client()
    assert client.get(url).status_code == 200
    for data, words in (
        ({"decision": "", "revoked_on": "01/05/2024"}, "Nhập số"),
        ({"decision": "9/QĐ-UBND", "revoked_on": "01/05/2030"}, "chưa đến"),
        ({"decision": "9/QĐ-UBND", "revoked_on": "01/05/2023"}, "trước ngày công nhận"),
    ):
        answer = client.post(url, data)
        assert (answer.status_code, words in answer.content.decode()) == (422, True)
    page = client.post(url, {"decision": "9/QĐ-UBND", "revoked_on": "01/05/2024"}, follow=True).content.decode()
    assert "Đã thu hồi" in page and "9/QĐ-UBND, 01/05/2024" in page
    assert client.post(url, {"decision": "9/QĐ-UBND", "revoked_on": "01/05/2024"}).status_code == 404
    assert revoke(mine, "10/QĐ-UBND", date(2024, 5, 2), small.staff) is False
    assert recognised(small.ids, date(2024, 4, 30)) and not recognised(small.ids, date(2024, 5, 1))
    assert small.recognise(small.ids[:1], decided_on=date(2024, 6, 1)) == (1, 0)
    assert small.recognise(small.ids[:1], decided_on=date(2024, 6, 2)) == (0, 1)


def test_a_wrong_row_is_voided_with_its_reason_and_kept(small):
    small.recognise(small.ids[:1])
    mine = Recognition.objects.get()
    url = f"/recognitions/{mine.pk}/void/"
    assert small.client().get(url).status_code == 200
    assert small.client().post(url, {"reason": ""}).status_code == 422
    assert small.client().post(url, {"reason": "Nhầm xã"}).status_code == 302
    assert small.client().post(url, {"reason": "Lần nữa"}).status_code == 404
    mine.refresh_from_db()
    assert (mine.void_reason, mine.voided_by) == ("Nhầm xã", small.staff)
    assert not recognised(small.ids, date(2024, 6, 30)) and void(mine, "x", small.staff) is False
    assert small.recognise(small.ids[:1]) == (1, 0)


def test_a_day_in_the_past_and_a_closed_period_know_what_was_recorded_then(small):
    small.recognise()
    first, second, third = Recognition.objects.order_by("unit")
    when = Recognition.objects.all()
    when.update(recorded_at=datetime(2024, 1, 20, tzinfo=UTC))
    when.filter(pk=first.pk).update(
        revoked_decision="9/QĐ", revoked_on=date(2024, 3, 1), revoked_at=datetime(2024, 4, 10, tzinfo=UTC)
    )
    when.filter(pk=second.pk).update(voided_at=datetime(2024, 4, 10, tzinfo=UTC), void_reason="Nhầm")

    def known(day, known_at=None):
        return set(recognised(small.ids, day, known_at))

    everyone = set(small.ids)
    assert known(date(2023, 12, 19)) == set()
    assert known(date(2024, 2, 29)) == {first.unit_id, third.unit_id}
    assert known(date(2024, 3, 1)) == {third.unit_id}
    assert known(date(2024, 3, 31), datetime(2024, 4, 5, tzinfo=UTC)) == everyone
    assert known(date(2024, 3, 31), datetime(2024, 4, 15, tzinfo=UTC)) == {third.unit_id}
    assert known(date(2024, 1, 31), datetime(2024, 1, 18, tzinfo=UTC)) == set()
    page = small.client().get(f"{small.url}&as_of=2024-02-29").content.decode()
    assert "2/3 xã được công nhận" in page and "Đang xem quá khứ" in page and "Ghi các xã đã chọn" not in page


def test_the_database_keeps_the_rules(small):
    told = {"unit": small.communes[0], "criteria_set": small.set, "decision": "1/QĐ", "recorded_by": small.staff}
    for broken in (
        {"revoked_on": date(2024, 1, 1)},
        {"revoked_on": date(2023, 1, 1), "revoked_at": datetime(2024, 1, 1, tzinfo=UTC), "revoked_decision": "2/QĐ"},
        {"voided_at": datetime(2024, 1, 1, tzinfo=UTC)},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Recognition.objects.create(**told, decided_on=DAY, **broken)
    Recognition.objects.create(**told, decided_on=DAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Recognition.objects.create(**told, decided_on=date(2024, 1, 1))


def test_pasted_lines_are_shown_before_they_are_written(small):
    first, second, third = small.communes
    small.recognise([third.pk])
    for unit, code in zip(small.communes, ("01234", "16420", "16421"), strict=True):
        Unit.objects.filter(pk=unit.pk).update(code=code)
        UnitVersion.objects.filter(unit=unit).delete()
    lines = (
        "Mã xã\tQuyết định\tNgày",
        "1234\t5/QĐ-UBND\t20/12/2022",  # a spreadsheet takes the leading zero
        "16420\t=1+1\t1/6/2023",
        "16421\t7/QĐ-UBND\t20/12/2022",
        "99999\t7/QĐ-UBND\t20/12/2022",
        "16420\t8/QĐ-UBND\t20/12/2023",
        "16420\t\t20/12/2022",
        "16420\t8/QĐ-UBND\t2022",
        "1234\t8/QĐ-UBND\t20/12/2030",
        "\t8/QĐ-UBND\t20/12/2022",
    )
    client = small.client()
    shown = client.post(small.paste_url, {"text": "\r\n".join(lines)})
    page = shown.content.decode()
    assert Recognition.objects.count() == 1
    assert dict(shown.context["counts"]) == {"save": 2, "same": 1, "refused": 6}
    for words in (
        "Không có xã nào mang mã 99999", "Trùng với dòng 3", "Thiếu số quyết định", "Nhập ngày như", "chưa đến",
        "Thiếu mã xã", first.full_name,
    ):  # fmt: skip
        assert words in page, words
    done = client.post(small.paste_url, {"text": "\r\n".join(lines), "save": "1"}, follow=True).content.decode()
    assert "Đã ghi 2 xã được công nhận. 1 xã đã ghi từ trước, giữ nguyên. 6 dòng không nhận." in done
    told = set(Recognition.objects.values_list("unit", "decision", "decided_on"))
    assert {(first.pk, "5/QĐ-UBND", date(2022, 12, 20)), (second.pk, "=1+1", date(2023, 6, 1))} < told
    for text, words in (("", "Chưa có nội dung"), (" \n", "Chưa có"), ("a\n" * 301, "300 dòng"), ("Mã\tSố", "Chưa có")):
        answer = client.post(small.paste_url, {"text": text})
        assert (answer.status_code, words in answer.content.decode()) == (422, True), text[:5]


def test_an_old_list_pasted_again_revives_nothing_that_was_revoked(small):
    unit, other = small.communes[:2]
    Unit.objects.filter(pk=unit.pk).update(code="16420")
    UnitVersion.objects.filter(unit=unit).delete()
    small.recognise([unit.pk])
    revoke(Recognition.objects.get(), "99/QĐ-UBND", date(2024, 3, 1), small.staff)
    client = small.client()

    def outcome(decision, day, **more):
        text = f"16420\t{decision}\t{day}"
        return client.post(small.paste_url, {"text": text} | more, follow=True).content.decode()

    for decision, day in (("12/QĐ-UBND", "20/12/2023"), ("12/qđ-ubnd", "29/02/2024"), ("1/QĐ-UBND", "01/02/2022")):
        page = outcome(decision, day)
        assert "đã bị thu hồi theo 99/QĐ-UBND, 01/03/2024" in page, (decision, day)
        outcome(decision, day, save="1")
    data = {"commune": [unit.pk, other.pk], "decision": "12/QĐ-UBND", "decided_on": "20/12/2023"}
    answer = client.post(small.url, data)
    assert answer.status_code == 422 and "đã bị thu hồi theo 99/QĐ-UBND" in answer.content.decode()
    assert Recognition.objects.count() == 1 and not recognised(small.ids, date(2024, 6, 1))
    assert "Đã ghi 1 xã" in outcome("12/QĐ-UBND", "01/03/2024", save="1")  # recognised anew, by the same number


def test_a_pasted_code_means_the_commune_that_bore_it_on_the_day(small):
    old, new, _ = small.communes
    for unit, since, until in ((old, date(2010, 1, 1), date(2023, 6, 1)), (new, date(2023, 6, 1), None)):
        Unit.objects.filter(pk=unit.pk).update(code="18436", opened_on=since, closed_on=until)
        UnitVersion.objects.filter(unit=unit).delete()
        UnitVersion.objects.create(
            unit=unit, valid_from=since, valid_to=until, name=unit.name, code="18436", kind=unit.kind,
            province=small.province, district=unit.district, commune=unit,
        )  # fmt: skip
    for day, unit in (("20/12/2022", old), ("20/12/2023", new)):
        answer = small.client().post(small.paste_url, {"text": f"18436\t1/QĐ-UBND\t{day}"})
        assert [line.unit for line in answer.context["lines"]] == [unit]


def test_only_the_provinces_coordinator_records_and_everyone_in_scope_reads(small):
    small.recognise(small.ids[:1])
    mine, unit = Recognition.objects.get(), small.communes[0]
    other = make_province(communes=1, code="97")[0]
    data = {"commune": small.ids, "decision": "1/QĐ", "decided_on": "15/01/2024"}
    for role, place, reads, extra in (
        (Role.VIEWER, small.province, True, {}),
        (Role.DISTRICT_STAFF, unit.district, False, {}),  # of the province's list; its own district's it sees
        (Role.DEPARTMENT_REVIEWER, small.province, True, {"department": DepartmentFactory()}),
        (Role.OFFICER, unit, False, {}),
        (Role.COORDINATOR, other, False, {}),
    ):
        client = small.client(member(place, role, **extra))
        assert client.get(small.url).status_code == (200 if reads else 404), role
        assert client.post(small.url, data).status_code == (403 if reads else 404), role
        assert client.get(small.paste_url).status_code == (403 if reads else 404), role
        page = client.get(f"/units/{unit.pk}/")
        outside = place is other
        assert page.status_code == (404 if outside else 200), role
        assert outside or ("12/QĐ-UBND" in page.content.decode() and "Ghi thu hồi" not in page.content.decode())
        for step in (f"/recognitions/{mine.pk}/revoke/", f"/recognitions/{mine.pk}/void/"):
            assert client.get(step).status_code == (404 if outside else 403), (role, step)
        assert client.get(f"/units/{unit.pk}/recognitions/new/").status_code == (404 if outside else 403), role
    own = small.client(member(unit.district, Role.DISTRICT_STAFF))
    assert own.get(f"/recognitions/?area={unit.district.pk}&set={small.set.code}").status_code == 200
    for act in (
        lambda by: revoke(mine, "1/QĐ", date(2024, 1, 1), by),
        lambda by: void(mine, "x", by),
        lambda by: small.recognise(by=by),
    ):
        with pytest.raises(PermissionDenied):
            act(UserFactory(is_superuser=True))


def asked(small, stage="self", when=None, **options) -> Asked:
    return Asked(small.staff, small.province, small.set, stage, when or When(), options)


def figures(small, **more) -> dict:
    table = headline.draw(asked(small, **more)).tables[0]
    return {line.cells[1]: value_of(line.cells[3]) for line in table.lines} | {"note": table.note}


def test_headline_figures_say_recognised_or_that_nothing_is_recorded(small):
    every, own = "Số xã đã được công nhận (cùng mức, mọi giai đoạn)", "Số xã đã được công nhận theo bộ tiêu chí này"
    nothing = figures(small)
    assert (nothing[every], nothing[own]) == (None, None) and "chưa ghi nhận" in nothing["note"]
    earlier = make_set(first_year=2016, last_year=2020)
    advanced = make_set(first_year=2021, grade="advanced")
    small.recognise(small.ids[:1])
    small.recognise(small.ids[:2], criteria_set=earlier, decided_on=date(2019, 12, 20))
    small.recognise(small.ids, criteria_set=advanced)
    told = figures(small)
    assert (told[every], told[own], told["note"]) == (2, 1, "")
    revoke(Recognition.objects.get(criteria_set=small.set), "9/QĐ", date(2024, 5, 1), small.staff)
    assert (figures(small)[every], figures(small)[own]) == (2, 0)


def test_recognised_communes_that_lost_a_criterion_also_those_never_complete_here(small):
    first, second, third = small.communes
    say(first, small.set, "self", ["met", "not_met"])
    say(second, small.set, "self", ["met", "met"])
    say(third, small.set, "self", ["nearly_met", ""])
    say(third, small.set, "province", ["met", "met"])

    def rows() -> list:
        table = next(table for table in regression.draw(asked(small)).tables if table.key == "da_cong_nhan")
        return [line.cells[1:2] + line.cells[5:] for line in table.lines] or table.empty

    assert rows() == "Chưa ghi nhận quyết định công nhận nào của các xã trên địa bàn."
    small.recognise([second.pk])
    assert rows() == "Không có xã nào đã được công nhận mà nay có tiêu chí không còn đạt."
    small.recognise()
    expected = [(first.full_name, "Xã tự đánh giá", 1, "2"), (third.full_name, "Xã tự đánh giá", 1, "1")]
    assert sorted(rows()) == sorted(expected)


def test_pages_ask_as_much_for_many_communes_as_for_few(count_queries):
    counts = []
    for many in (3, 30):
        small = World(many)
        small.recognise(small.ids[::2])
        client = small.client()
        text = "\n".join(f"{unit.code}\t1/QĐ\t20/12/2023" for unit in small.communes)
        ticked = {"commune": small.ids, "decision": "1/QĐ", "decided_on": "20/12/2023"}
        for url, data in (
            (small.url, None),
            (f"{small.url}&as_of=2024-03-31", None),
            (small.paste_url, {"text": text}),
            (small.url, ticked),
        ):
            client.get(small.url)
            with count_queries() as queries:
                client.post(url, data) if data else client.get(url)
            counts.append(len(queries))
    assert counts[:4] == counts[4:]


def test_an_area_without_communes(small):
    Unit.objects.filter(pk__in=small.ids).update(closed_on=date(2024, 1, 1))
    assert "không có xã" in small.client().get(small.url).content.decode()


def test_the_matrix_in_words_says_when_registered_and_by_what_recognised(small):
    earlier = make_set(first_year=2016, last_year=2020)
    small.recognise(small.ids[:1], criteria_set=earlier, decided_on=date(2019, 12, 20))
    small.recognise(small.ids[:1])
    for year in (2025, 2024):
        register(small.province, small.ids[1:2], small.set, year, "1/KH", date(2024, 1, 15), small.staff)
    table = communes.draw(asked(small)).tables[0]
    told = [line.cells[-2:] for line in table.rows]
    words = f"{earlier.label}: 12/QĐ-UBND, 20/12/2019; {small.set.label}: 12/QĐ-UBND, 20/12/2023"
    assert told == [("", words), ("2024, 2025", ""), ("", "")]
