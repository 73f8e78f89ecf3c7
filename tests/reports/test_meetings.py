"""Giao ban: who holds meetings, what is on their lists, carrying over, two people at once, the printed sheet."""

import datetime
import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from communes.models import Role
from inspections import meetings as rules
from inspections.models import Finding, Meeting, MeetingItem
from inspections.planning import Closed, Invalid
from tests.factories import CriterionFactory, FindingFactory, IndicatorFactory, MembershipFactory, VisitFactory
from tests.inspections.world import build_place, person

TODAY = datetime.date(2024, 6, 30)
HELD = datetime.date(2024, 6, 24)


@pytest.fixture
def place(db):
    return build_place()


def url(name, *args):
    return reverse(f"reports:{name}", args=args)


def concluded_visit(place, unit=None, **fields):
    fields = {"criteria_set": place.criteria_set, "planned_by": place.leader, "held_on": HELD, **fields}
    return VisitFactory(
        unit=unit or place.unit,
        state="concluded",
        concluded_at=timezone.now(),
        concluded_by=place.leader,
        **fields,
    )


def finding(place, unit=None, **fields):
    fields.setdefault("criterion", place.criterion(1))
    return FindingFactory(visit=concluded_visit(place, unit), created_by=place.leader, **fields)


def fields(**changed):
    return {
        "title": "Giao ban tuần 26",
        "held_on": HELD,
        "chair_post": "Chủ tịch UBND xã",
        "participants": "Công chức địa chính\nTrưởng thôn",
        **changed,
    }


def meeting_of(place, who="officer", unit=None, **changed):
    return rules.hold(unit or place.unit, fields(**changed), by=getattr(place, who))


def item_of(meeting, **changed):
    position = meeting.items.count() + 1
    return MeetingItem.objects.create(meeting=meeting, position=position, **{"text": "Ra quân vệ sinh", **changed})


def item_data(item, **changed):
    names = ("text", "promised", "done", "next_step", "by_post", "version")
    data = {name: getattr(item, name) for name in names}
    return {**data, "due_on": f"{item.due_on:%d/%m/%Y}" if item.due_on else "", **changed}


# --- who ------------------------------------------------------------------------------------------

READERS = {  # who reads the commune's meeting, the district's, the province's
    "officer": (200, 404, 404),
    "neighbour_officer": (404, 404, 404),
    "district_staff": (404, 200, 404),
    "coordinator": (404, 200, 200),
    "leader": (404, 404, 404),
    "reviewer": (404, 404, 404),
    "viewer": (404, 404, 404),
    "stranger": (404, 404, 404),
}


@pytest.mark.parametrize("who", READERS)
def test_meetings_are_read_by_who_works_there_and_the_coordinator_above(place, who):
    meetings = [
        meeting_of(place),
        meeting_of(place, "district_staff", place.district),
        meeting_of(place, "coordinator", place.province),
    ]
    client = place.client(getattr(place, who))
    for meeting, status in zip(meetings, READERS[who], strict=True):
        item = item_of(meeting)
        pages = [url("meeting_detail", meeting.pk), url("meeting_edit", meeting.pk), url("meeting_add", meeting.pk)]
        pages += [url("meeting_item", meeting.pk, item.pk), url("meeting_item_remove", meeting.pk, item.pk)]
        for page in pages:
            assert client.get(page).status_code == status, page
        if status == 404:
            assert client.post(url("meeting_next", meeting.pk)).status_code == 404
            move = url("meeting_item_move", meeting.pk, item.pk)
            assert client.post(move, {"direction": "up"}).status_code == 404
            assert client.post(url("meeting_item", meeting.pk, item.pk), item_data(item)).status_code == 404
    seen = {200: sum(status == 200 for status in READERS[who])}[200]
    answer = client.get(url("meeting_list"))
    assert answer.status_code == (
        200 if who in ("officer", "neighbour_officer", "district_staff", "coordinator") else 403
    )
    if answer.status_code == 200:
        assert len(answer.context["page"]) == seen
    assert ("/meetings/" in client.get("/").text) == (answer.status_code == 200)


def test_a_superuser_reads_no_meeting(place, admin_client):
    meeting = meeting_of(place)
    assert admin_client.get(url("meeting_detail", meeting.pk)).status_code == 404
    assert admin_client.get(url("meeting_list")).status_code == 403


def test_the_rules_ask_for_the_right_themselves(place):
    meeting, theirs = meeting_of(place), place.neighbour_officer
    item = item_of(meeting)
    for step in (
        lambda: rules.hold(place.unit, fields(), by=theirs),
        lambda: rules.hold(place.province, fields(), by=place.district_staff),
        lambda: rules.hold(place.district, fields(), by=place.officer),
        lambda: rules.change(meeting, fields(), seen_version=1, by=theirs),
        lambda: rules.hold_next(meeting, by=theirs),
        lambda: rules.add_items(meeting, text="x", by=theirs),
        lambda: rules.change_item(item, {}, seen_version=1, by=theirs),
        lambda: rules.remove_item(item, by=theirs),
        lambda: rules.move_item(item, up=True, by=theirs),
    ):
        with pytest.raises(PermissionDenied):
            step()
    assert Meeting.objects.count() == MeetingItem.objects.count() == 1


def test_a_leader_of_the_commune_holds_them_too(place):
    boss = person("Đào Thị Chủ", place.unit, Role.COMMUNE_LEADER)
    assert rules.hold(place.unit, fields(), by=boss).created_by == boss


# --- a meeting's own fields ------------------------------------------------------------------------


def posted(**changed):
    return {**fields(held_on="24/06/2024"), "version": 0, **changed}


def test_a_meeting_is_made_and_changed(place):
    client = place.client(place.officer)
    assert "30/06/2024" in client.get(url("meeting_create")).text
    answer = client.post(url("meeting_create"), posted())
    meeting = Meeting.objects.get()
    assert answer["Location"] == url("meeting_add", meeting.pk)
    assert (meeting.unit, meeting.held_on, meeting.created_by) == (place.unit, HELD, place.officer)
    client.post(url("meeting_edit", meeting.pk), posted(title="Giao ban tháng 6", version=1))
    meeting.refresh_from_db()
    assert (meeting.title, meeting.version) == ("Giao ban tháng 6", 2)
    text = client.get(url("meeting_list")).text
    assert "Giao ban tháng 6" in text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"title": " \u200b"}, "Nhập tên cuộc họp."),
        ({"title": "a" * 300}, "vượt quá 200"),
        ({"chair_post": "a" * 300}, "vượt quá 150"),
        ({"participants": "a" * 2001}, "vượt quá 2000"),
        ({"held_on": ""}, "Nhập ngày."),
        ({"held_on": "31/02/2024"}, "Nhập ngày như"),
        ({"held_on": "01/01/1024"}, "quá xa trong quá khứ"),
        ({"held_on": "01/01/2099"}, "tối đa một năm"),
    ],
)
def test_bad_input_is_said_beside_the_field(place, changed, words):
    client = place.client(place.officer)
    answer = client.post(url("meeting_create"), posted(**changed))
    assert answer.status_code == 422
    assert words in answer.text
    assert not Meeting.objects.exists()
    meeting = meeting_of(place)
    assert client.post(url("meeting_edit", meeting.pk), posted(**{"version": 1, **changed})).status_code == 422


def test_hidden_marks_are_not_stored(place):
    place.client(place.officer).post(url("meeting_create"), posted(title="Giao\u202e ban\x07 tuần"))
    assert Meeting.objects.get().title == "Giao ban tuần"


@pytest.mark.parametrize("unit", ["0", "abc", "9" * 40, "²"])
def test_an_unknown_place_is_not_found(place, unit):
    assert place.client(place.officer).get(url("meeting_create"), {"unit": unit}).status_code == 404
    theirs = {"unit": place.neighbour.pk}
    assert place.client(place.officer).get(url("meeting_create"), theirs).status_code == 404


# --- two people at once ----------------------------------------------------------------------------


def test_the_second_to_save_sees_what_the_first_saved(place):
    meeting = meeting_of(place)
    item = item_of(meeting)
    client = place.client(place.officer)
    stale_item = item_data(item, done="Của tôi")
    assert client.post(url("meeting_item", meeting.pk, item.pk), item_data(item, done="Của bạn")).status_code == 302
    answer = client.post(url("meeting_item", meeting.pk, item.pk), stale_item)
    assert answer.status_code == 422
    assert "vừa được người khác lưu" in answer.text
    assert "Của bạn" in answer.text
    assert "Của tôi" in answer.text  # what was typed isn't lost
    item.refresh_from_db()
    assert (item.done, item.version) == ("Của bạn", 2)
    assert 'name="version" value="2"' in answer.text  # having seen it, the next save goes through
    assert client.post(url("meeting_item", meeting.pk, item.pk), {**stale_item, "version": 2}).status_code == 302
    assert MeetingItem.objects.get().done == "Của tôi"
    client.post(url("meeting_edit", meeting.pk), posted(title="Một", version=1))
    answer = client.post(url("meeting_edit", meeting.pk), posted(title="Hai", version=1))
    assert answer.status_code == 422
    assert "<dd>Một</dd>" in answer.text
    assert Meeting.objects.get().title == "Một"


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 30])
def test_a_forged_version_is_refused(place, version):
    item = item_of(meeting_of(place))
    answer = place.client(place.officer).post(
        url("meeting_item", item.meeting_id, item.pk), item_data(item, version=version, done="x")
    )
    assert answer.status_code == 422
    assert MeetingItem.objects.get().done == ""


def twice_at_once(step):
    """What two clicks at once made, and what they raised."""
    barrier, made, errors = threading.Barrier(2), [], []

    def click():
        try:
            barrier.wait()
            made.append(step().pk)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made, errors


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_make_one_next_meeting():
    place = build_place()
    meeting = meeting_of(place)
    item_of(meeting)
    made, errors = twice_at_once(lambda: rules.hold_next(meeting, by=place.officer))
    assert errors == []
    assert len(set(made)) == 1
    assert Meeting.objects.count() == MeetingItem.objects.count() == 2


def test_the_same_meeting_sent_twice_is_one(place):
    client = place.client(place.officer)
    client.post(url("meeting_create"), posted())
    answer = client.post(url("meeting_create"), posted(), follow=True)
    meeting = Meeting.objects.get()
    assert answer.redirect_chain == [(url("meeting_detail", meeting.pk), 302)]
    assert "không lập thêm cuộc thứ hai" in answer.text
    # Another day, other words, or a colleague's are another meeting.
    for changed in ({"held_on": "25/06/2024"}, {"title": "Giao ban đột xuất"}):
        client.post(url("meeting_create"), posted(**changed))
    place.client(person("Đào Thị Chủ", place.unit, Role.COMMUNE_LEADER)).post(url("meeting_create"), posted())
    assert Meeting.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_make_one_meeting():
    place = build_place()
    made, errors = twice_at_once(lambda: meeting_of(place))
    assert [type(error) for error in errors] == [rules.Twice]
    assert [errors[0].meeting.pk] == made == [Meeting.objects.get().pk]


# --- what is on the list ---------------------------------------------------------------------------


def test_findings_and_unmet_criteria_and_other_matters_are_put_on_the_list(place):
    place.claim("1.1", "nearly_met", value=90)
    place.claim("1.2", "met")
    place.claim("2.1", "met")
    late = finding(place, due_on=datetime.date(2024, 6, 20), description="Rác chưa phân loại")
    closed, foreign = finding(place, state="closed"), finding(place, place.neighbour)
    meeting = meeting_of(place)
    client = place.client(place.officer)
    page = client.get(url("meeting_add", meeting.pk))
    assert [row for row, _ in page.context["rows"]] == [late]
    assert "Quá hạn 10 ngày" in page.text
    unmet = {row.criterion.number: row.text for row in page.context["unmet"]}
    assert set(unmet) == {1, 3}  # criterion 2 is met, though it lacks evidence
    assert unmet[1].startswith("Tiêu chí 1 – Quy hoạch: cơ bản đạt. Còn thiếu: 1.1 còn thiếu 5 điểm phần trăm")
    assert unmet[3] == "Tiêu chí 3 – Thu nhập: chưa đánh giá. Còn thiếu: chưa được đánh giá."
    data = {
        "finding": [late.pk, closed.pk, foreign.pk, "x", "9" * 40],
        "criterion": [place.criterion(1).pk, place.criterion(2).pk, "x"],
        "text": "Ra quân vệ sinh",
    }
    assert client.post(url("meeting_add", meeting.pk), data).status_code == 302
    items = list(meeting.items.values_list("position", "finding", "criterion", "text"))
    assert items == [
        (1, late.pk, None, "Rác chưa phân loại"),
        (2, None, place.criterion(1).pk, unmet[1]),
        (3, None, None, "Ra quân vệ sinh"),
    ]
    again = client.post(url("meeting_add", meeting.pk), {**data, "text": ""})
    assert again.status_code == 422  # what is there isn't put there twice
    assert "Đánh dấu ít nhất một nội dung" in again.text
    assert meeting.items.count() == 3


def test_an_area_chooses_a_commune_for_its_criteria(place):
    mine, theirs = finding(place), finding(place, place.neighbour)
    meeting = meeting_of(place, "district_staff", place.district)
    client = place.client(place.district_staff)
    page = client.get(url("meeting_add", meeting.pk))
    assert {row for row, _ in page.context["rows"]} == {mine, theirs}
    assert page.context["unmet"] == []
    one = client.get(url("meeting_add", meeting.pk), {"unit": place.neighbour.pk})
    assert [row for row, _ in one.context["rows"]] == [theirs]
    assert [row.criterion.number for row in one.context["unmet"]] == [1, 2, 3]
    address = f"{url('meeting_add', meeting.pk)}?unit={place.neighbour.pk}"
    client.post(address, {"criterion": [place.criterion(2).pk], "finding": [theirs.pk]})
    assert set(meeting.items.values_list("unit", flat=True)) == {place.neighbour.pk}
    for unit in ("0", "abc", "9" * 40, place.district.pk):
        assert client.get(url("meeting_add", meeting.pk), {"unit": unit}).status_code == 404


def test_the_overdue_list_and_the_meeting_show_the_same_findings(place):
    for day in (1, 15, 29, 30):
        finding(place, due_on=datetime.date(2024, 6, day))
    finding(place, due_on=datetime.date(2024, 6, 1), state="remedied")
    FindingFactory(visit=VisitFactory(unit=place.unit, criteria_set=place.criteria_set), criterion=place.criterion(1))
    meeting = meeting_of(place)
    client = place.client(place.officer)
    overdue = [row.pk for row in client.get(reverse("inspections:finding_list"), {"state": "overdue"}).context["page"]]
    chosen = client.get(url("meeting_add", meeting.pk)).context["rows"]
    assert [row.pk for row, days in chosen if days] == overdue
    assert client.get(url("meeting_detail", meeting.pk)).context["unlisted"] == len(overdue) == 3
    client.post(url("meeting_add", meeting.pk), {"finding": overdue[:2]})
    page = client.get(url("meeting_detail", meeting.pk))
    assert page.context["unlisted"] == 1
    assert "Quá hạn 29 ngày" in page.text


def test_a_finding_of_another_place_is_refused_by_the_rule(place):
    foreign = finding(place, place.neighbour)
    meeting = meeting_of(place)
    with pytest.raises(Invalid, match="không thuộc địa bàn"):
        rules.add_items(meeting, findings=[foreign], by=place.officer)
    draft = FindingFactory(visit=VisitFactory(unit=place.unit), criterion=place.criterion(1))
    with pytest.raises(Invalid):
        rules.add_items(meeting, findings=[draft], by=place.officer)


def test_who_works_in_two_communes_keeps_their_meetings_apart(place):
    MembershipFactory(user=place.officer, unit=place.neighbour, role=Role.OFFICER)
    mine, theirs = finding(place), finding(place, place.neighbour)
    meeting = meeting_of(place)
    page = place.client(place.officer).get(url("meeting_add", meeting.pk))
    assert [row for row, _ in page.context["rows"]] == [mine]
    with pytest.raises(Invalid):
        rules.add_items(meeting, findings=[theirs], by=place.officer)


def test_a_list_has_an_end(place, monkeypatch):
    monkeypatch.setattr(rules, "MAX_ITEMS", 2)
    meeting = meeting_of(place)
    for text in ("một", "hai"):
        rules.add_items(meeting, text=text, by=place.officer)
    answer = place.client(place.officer).post(url("meeting_add", meeting.pk), {"text": "ba"})
    assert answer.status_code == 422
    assert "tối đa 2 nội dung" in answer.text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"text": "\u200b"}, "Nhập nội dung."),
        ({"text": "a" * 3001}, "vượt quá 3000"),
        ({"by_post": "a" * 300}, "vượt quá 150"),
        ({"next_step": "a" * 2001}, "vượt quá 2000"),
        ({"due_on": "23/06/2024"}, "từ ngày họp (24/06/2024)"),
        ({"due_on": "01/01/2099"}, "quá xa"),
        ({"due_on": "mai"}, "Nhập ngày như"),
    ],
)
def test_bad_input_of_an_item_is_said_beside_the_field(place, changed, words):
    item = item_of(meeting_of(place))
    page = url("meeting_item", item.meeting_id, item.pk)
    answer = place.client(place.officer).post(page, item_data(item, **changed))
    assert answer.status_code == 422
    assert words in answer.text
    assert MeetingItem.objects.get().version == 1


def test_an_item_of_another_meeting_is_not_found(place):
    first, second = meeting_of(place), meeting_of(place, title="Giao ban tuần 27")
    item = item_of(first)
    client = place.client(place.officer)
    for name in ("meeting_item", "meeting_item_remove"):
        assert client.get(url(name, second.pk, item.pk)).status_code == 404
    assert client.post(url("meeting_item_move", second.pk, item.pk), {"direction": "up"}).status_code == 404


def test_an_item_says_what_its_criterion_lacks_now(place):
    place.claim("3.1", "not_met", value=40)
    meeting = meeting_of(place)
    client = place.client(place.officer)
    client.post(url("meeting_add", meeting.pk), {"criterion": [place.criterion(3).pk]})
    page = url("meeting_item", meeting.pk, meeting.items.get().pk)
    assert "Hiện nay: Tiêu chí 3 – Thu nhập: chưa đạt" in client.get(page).text
    place.claim("3.1", "met", value=60, effective_on=datetime.date(2024, 6, 29))
    assert "Hiện nay tiêu chí 3 đã đạt" in client.get(page).text


def test_an_item_is_removed_after_one_question(place):
    item = item_of(meeting_of(place))
    client = place.client(place.officer)
    page = url("meeting_item_remove", item.meeting_id, item.pk)
    assert client.get(page).status_code == 200
    assert MeetingItem.objects.exists()
    assert client.post(page).status_code == 302
    assert not MeetingItem.objects.exists()


def order(meeting):
    return list(meeting.items.order_by("position", "pk").values_list("text", flat=True))


def test_items_are_moved_up_and_down_and_the_sheet_follows(place):
    meeting = meeting_of(place)
    first, second, third = (item_of(meeting, text=text) for text in ("một", "hai", "ba"))
    client = place.client(place.officer)
    answer = client.post(url("meeting_item_move", meeting.pk, third.pk), {"direction": "up"})
    assert answer["Location"] == f"{url('meeting_detail', meeting.pk)}#item-{third.pk}"
    assert order(meeting) == ["một", "ba", "hai"]
    client.post(url("meeting_item_move", meeting.pk, first.pk), {"direction": "down"})
    assert order(meeting) == ["ba", "một", "hai"]
    # The first goes no higher, the last no lower.
    client.post(url("meeting_item_move", meeting.pk, third.pk), {"direction": "up"})
    client.post(url("meeting_item_move", meeting.pk, second.pk), {"direction": "down"})
    page = client.get(url("meeting_detail", meeting.pk))
    assert [row.item.text for row in page.context["rows"]] == order(meeting) == ["ba", "một", "hai"]
    assert page.text.count(">Lên<") == page.text.count(">Xuống<") == 2
    assert 'Lên<span class="visually-hidden">: một</span>' in page.text
    # One removed in between leaves a gap, which is no place.
    rules.remove_item(first, by=place.officer)
    client.post(url("meeting_item_move", meeting.pk, second.pk), {"direction": "up"})
    assert order(meeting) == ["hai", "ba"]
    assert order(rules.hold_next(meeting, by=place.officer)) == ["hai", "ba"]


@pytest.mark.parametrize("direction", ["", "sideways", None])
def test_a_move_to_nowhere_is_refused(place, direction):
    meeting = meeting_of(place)
    item_of(meeting, text="một")
    last = item_of(meeting, text="hai")
    data = {} if direction is None else {"direction": direction}
    answer = place.client(place.officer).post(url("meeting_item_move", meeting.pk, last.pk), data)
    assert answer.status_code == 400
    assert order(meeting) == ["một", "hai"]
    assert place.client(place.officer).get(url("meeting_item_move", meeting.pk, last.pk)).status_code == 405


# --- what is overdue -------------------------------------------------------------------------------


def test_overdue_promises_of_ones_own_place_are_listed(place):
    day = datetime.date(2024, 6, 29)
    meeting, area = meeting_of(place), meeting_of(place, "district_staff", place.district)
    late = item_of(meeting, text="Dọn kênh", due_on=day)
    item_of(meeting, text="Còn hạn", due_on=TODAY)
    item_of(meeting, text="Xong rồi", due_on=day, is_done=True)
    item_of(meeting, text="Đã đóng", due_on=day, finding=finding(place, state="closed"))
    item_of(meeting, text="Không hẹn ngày")
    theirs = item_of(area, text="Việc của huyện", due_on=day)

    def listed(who, **query):
        page = place.client(getattr(place, who)).get(url("meeting_overdue"), query)
        return [item for item, _ in page.context["rows"]]

    assert listed("officer") == listed("officer", unit=place.unit.pk) == [late]
    assert listed("district_staff") == [theirs]
    assert listed("coordinator") == []  # a district's promises are the district's
    assert listed("neighbour_officer", unit=place.unit.pk) == []
    assert place.client(place.viewer).get(url("meeting_overdue")).status_code == 403
    assert "Quá hạn 1 ngày" in place.client(place.officer).get(url("meeting_overdue")).text
    # The next meeting takes the promise over: it is counted there, once.
    following = rules.hold_next(meeting, by=place.officer)
    assert [item.meeting for item in listed("officer")] == [following]


# --- carrying over ---------------------------------------------------------------------------------


def test_what_is_not_settled_goes_to_the_next_meeting(place):
    meeting = meeting_of(place)
    settled = finding(place, description="Đã khắc phục")
    still = finding(place, description="Còn rác")
    rules.add_items(meeting, findings=[settled, still], text="Ra quân", by=place.officer)
    item_of(meeting, text="Xong rồi", is_done=True)
    item_of(meeting, text="Nhắc lại", promised="Trồng hoa")
    MeetingItem.objects.filter(text="Ra quân").update(
        next_step="Dọn kênh", by_post="Bí thư đoàn xã", due_on="2024-06-25", done="Đã họp thôn"
    )
    Finding.objects.filter(pk=settled.pk).update(state="closed")
    client = place.client(place.officer)
    assert "3 việc chưa xong" in client.get(url("meeting_detail", meeting.pk)).text
    answer = client.post(url("meeting_next", meeting.pk))
    following = Meeting.objects.exclude(pk=meeting.pk).get()
    assert answer["Location"] == url("meeting_detail", following.pk)
    assert (following.unit, following.held_on, following.previous) == (place.unit, TODAY, meeting)
    rows = list(following.items.values_list("position", "text", "promised", "done", "next_step", "by_post", "due_on"))
    assert rows == [
        (1, "Còn rác", "", "", "", "", still.due_on),
        (2, "Ra quân", "Dọn kênh", "", "", "Bí thư đoàn xã", datetime.date(2024, 6, 25)),
        (3, "Nhắc lại", "Trồng hoa", "", "", "", None),
    ]
    # A date taken over may be past; the sheet says so, and it is kept when something else is saved.
    page = client.get(url("meeting_detail", following.pk)).text
    assert "Quá hạn</span>" in page
    assert "Cuộc trước: 24/06/2024" in page
    item = following.items.get(text="Ra quân")
    assert client.post(url("meeting_item", following.pk, item.pk), item_data(item, done="Dọn xong")).status_code == 302


def test_a_meeting_that_was_carried_over_does_not_change(place):
    meeting = meeting_of(place)
    item = item_of(meeting)
    following = rules.hold_next(meeting, by=place.officer)
    assert rules.hold_next(meeting, by=place.officer) == following
    client = place.client(place.officer)
    assert client.post(url("meeting_next", meeting.pk))["Location"] == url("meeting_detail", following.pk)
    page = client.get(url("meeting_detail", meeting.pk)).text
    assert "chỉ còn để xem" in page
    assert "Thêm nội dung" not in page
    for step in (
        lambda: rules.change(meeting, fields(), seen_version=1, by=place.officer),
        lambda: rules.add_items(meeting, text="x", by=place.officer),
        lambda: rules.change_item(item, {}, seen_version=1, by=place.officer),
        lambda: rules.remove_item(item, by=place.officer),
        lambda: rules.move_item(item, up=True, by=place.officer),
    ):
        with pytest.raises(Closed):
            step()
    answer = client.post(url("meeting_item", meeting.pk, item.pk), item_data(item, done="x"))
    assert answer.status_code == 422
    assert "đã chuyển sang cuộc giao ban sau" in answer.text
    assert client.post(url("meeting_edit", meeting.pk), posted(version=1)).status_code == 422
    assert client.get(url("meeting_add", meeting.pk)).status_code == 302
    assert client.post(url("meeting_add", meeting.pk), {"text": "x"}).status_code == 302
    assert client.post(url("meeting_item_remove", meeting.pk, item.pk)).status_code == 302
    moved = client.post(url("meeting_item_move", meeting.pk, item.pk), {"direction": "up"}, follow=True)
    assert "đã chuyển sang cuộc giao ban sau" in moved.text
    assert MeetingItem.objects.count() == 2


# --- cost ------------------------------------------------------------------------------------------


def test_pages_cost_the_same_at_3_and_30_rows(place, count_queries):
    area = meeting_of(place, "district_staff", place.district)
    client = place.client(place.district_staff)
    addresses = [
        url("meeting_list"),
        url("meeting_detail", area.pk),
        url("meeting_add", area.pk),
        f"{url('meeting_add', area.pk)}?unit={place.unit.pk}",
        url("meeting_overdue"),
    ]
    counts = []
    for more in (3, 27):
        for number in range(more):
            rules.add_items(area, findings=[finding(place)], by=place.district_staff)
            finding(place)
            meeting_of(place, "district_staff", place.district, title=f"Giao ban {more}.{number}")
            criterion = CriterionFactory(criteria_set=place.criteria_set)
            IndicatorFactory(criterion=criterion)
            item_of(area, criterion=criterion, unit=place.unit, due_on="2024-06-25")
        counts.append([])
        for address in addresses:
            client.get(address)
            with count_queries() as queries:
                assert client.get(address).status_code == 200
            counts[-1].append(len(queries))
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 26
