"""What waits for each role, and that every count leads to the list it counts."""

import random
from datetime import UTC, date, datetime

import pytest
from django.contrib.auth import get_user_model
from django.db.models import F
from django.test import Client
from django.urls import reverse

from communes.models import Membership, Role, Succession
from criteria import owners, submissions
from criteria.models import CriterionDepartment, CriterionOwner, Entry, PeriodText, ReportingPeriod, TargetReport
from criteria.owners import Person
from inspections.models import Meeting, MeetingItem, TeamMember, Visit
from reports.home import home_sections
from tests.factories import CommuneFactory, DepartmentFactory, UserFactory
from tests.reports.worlds import (
    DAY,
    concluded_visit,
    fill,
    find,
    indicators_of,
    make_province,
    make_set,
    make_table,
    member,
    prove,
    say,
    unconfirmed,
)

pytestmark = pytest.mark.django_db

TABLES, WORDS = "Biểu bổ sung của kỳ chưa nhập", "Kết quả, khó khăn, kiến nghị của kỳ chưa viết"


@pytest.fixture
def criteria_set():
    return make_set(criteria=3, indicators=2)


@pytest.fixture
def communes(criteria_set):
    return make_province(communes=3)[1]


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def fresh(user):
    """The person as the next request reads them."""
    return get_user_model().objects.get(pk=user.pk)


def read(user):
    response = client_of(user).get("/")
    assert response.status_code == 200
    return response.content.decode()


def enter(unit, indicators, by, *, sent=0):
    for indicator in indicators:
        Entry.objects.create(
            unit=unit, indicator=indicator, verdict="not_met", effective_on=DAY, sent_version=sent, updated_by=by
        )


def todos(user):
    return {todo.label: todo.count for section in home_sections(user) for todo in section.todos}


def test_an_officer_goes_on_entering_until_everything_is_assessed(communes, criteria_set):
    unit, indicators = communes[0], indicators_of(criteria_set)
    officer = member(unit, Role.OFFICER, may_send=True)
    enter(unit, indicators[:4], officer)
    prove(unit, indicators[0], expires_on=date(2024, 6, 1))
    find(concluded_visit(unit, criteria_set), 1, due_on=date(2024, 6, 1))
    ReportingPeriod.objects.create(
        area=unit.province, kind="month", name="Tháng 6 năm 2024", ends_on="2024-06-30", due_on="2024-07-05"
    )
    assert todos(officer) == {
        "Chỉ tiêu bị trả lại để bổ sung": 0,
        "Tiêu chí chờ lãnh đạo duyệt": 0,
        "Chỉ tiêu chưa đánh giá": 2,
        "Duyệt và gửi: chỉ tiêu thay đổi": 4,
        "Chỉ tiêu thiếu minh chứng": 5,
        "Minh chứng hết hạn": 1,
        "Minh chứng sắp hết hạn trong 30 ngày": 0,
        "Tồn tại quá hạn": 1,
        "Tồn tại chưa khắc phục": 0,  # said by the line above
        "Việc giao ban quá hạn": 0,
        "Câu hỏi chờ cấp trên trả lời": 0,
        TABLES: 0,
        WORDS: 1,
    }
    page = read(officer)
    assert "Còn 2 chỉ tiêu chưa đánh giá." in page
    assert "còn 5 ngày" in page
    assert page.partition("<main")[2].partition("</main>")[0].count("btn-primary") == 1
    enter(unit, indicators[4:], officer)
    assert f"/units/{unit.pk}/send/?set={criteria_set.code}" in read(get_user_model().objects.get(pk=officer.pk))


def test_who_may_not_send_is_told_who_does(communes, criteria_set):
    officer = member(communes[0], Role.OFFICER)
    enter(communes[0], indicators_of(criteria_set), officer)
    page = read(officer)
    assert "lãnh đạo xã hoặc người được giao sẽ gửi" in page
    assert "/send/" not in page


def test_nothing_left_to_do_says_so(communes, criteria_set):
    officer = member(communes[0], Role.OFFICER)
    enter(communes[0], indicators_of(criteria_set), officer, sent=1)
    for indicator in indicators_of(criteria_set):
        prove(communes[0], indicator)
    page = read(officer)
    assert "Đã gửi hết kết quả" in page
    assert "Không còn việc nào đang chờ" in page


def test_what_a_commune_owes_of_the_open_periods_report(communes, criteria_set, count_queries):
    province, unit = communes[0].province, communes[0]
    officer = member(unit, Role.OFFICER)
    day = date(2024, 6, 30)
    period = ReportingPeriod.objects.create(area=province, kind="month", name="Tháng 6", ends_on=day, due_on=day)
    assert todos(officer)[TABLES] == 0 and todos(officer)[WORDS] == 1
    first = make_table(province, period_kinds=["month"])
    with count_queries() as few:
        todos(fresh(officer))
    make_table(province, name="Ngày công", period_kinds=["month"])
    make_table(province, name="Năm", period_kinds=["year"])
    make_table(make_province(communes=1)[0], period_kinds=["month"])
    with count_queries() as many:
        assert todos(fresh(officer))[TABLES] == 2, "the province's, and those of the period's kind"
    assert len(many) == len(few)
    page = read(officer)
    assert TABLES in page and f"/units/{unit.pk}/period-report/{period.pk}/" in page
    fill(unit, period, first, by=officer, chance=random.Random(1))
    fill(communes[1], period, first, by=officer, chance=random.Random(1))
    PeriodText.objects.create(unit=unit, period=period, saved_by=officer, results="Làm đường")
    found = todos(officer)
    assert found[TABLES] == 1 and found[WORDS] == 0
    assert TABLES not in todos(member(communes[0].district, Role.DISTRICT_STAFF))
    ReportingPeriod.objects.update(ends_on=date(2024, 8, 31), due_on=date(2024, 9, 5))
    assert TABLES not in todos(officer), "a period to come asks for nothing yet"
    ReportingPeriod.objects.update(ends_on=day, due_on=day, closed_at=datetime(2024, 7, 1, tzinfo=UTC))
    assert TABLES not in todos(officer)


def test_every_count_is_the_length_of_the_list_it_leads_to(communes, criteria_set):
    unit, indicators = communes[0], indicators_of(criteria_set)
    officer = member(unit, Role.OFFICER)
    enter(unit, indicators[:3], officer)
    prove(unit, indicators[0], expires_on=date(2024, 6, 1))
    visit = concluded_visit(unit, criteria_set)
    find(visit, 1, due_on=date(2024, 6, 1))
    find(visit, 2)
    client = client_of(officer)
    for section in home_sections(officer):
        for todo in section.waiting:
            context = client.get(todo.url).context
            if "groups" in context:
                assert sum(len(rows) for _, rows in context["groups"]) == todo.count, todo.label
            else:
                assert context["page"].paginator.count == todo.count, todo.label


def test_findings_of_a_predecessor_count_as_they_are_listed(communes, criteria_set):
    unit = communes[0]
    old = CommuneFactory(parent=unit.district, closed_on=date(2023, 4, 1))
    Succession.objects.create(predecessor=old, successor=unit, effective_on=date(2023, 4, 1))
    for place in (unit, old):
        find(concluded_visit(place, criteria_set), 1, due_on=date(2024, 6, 1))
    officer = member(unit, Role.OFFICER)
    todo = next(todo for todo in home_sections(officer)[0].todos if todo.label == "Tồn tại quá hạn")
    assert todo.count == client_of(officer).get(todo.url).context["page"].paginator.count == 2
    # Who works elsewhere too reads one commune's at a time.
    member_elsewhere = get_user_model().objects.get(pk=officer.pk)
    Membership.objects.create(user=member_elsewhere, unit=communes[1], role=Role.OFFICER)
    sections = home_sections(member_elsewhere)
    todo = next(todo for section in sections for todo in section.todos if unit.code in todo.url and todo.is_urgent)
    assert todo.count == client_of(member_elsewhere).get(todo.url).context["page"].paginator.count == 1


def test_a_commune_reads_every_state_it_sent(communes, criteria_set):
    say(communes[0], criteria_set, "self", ["met", "met", "nearly_met", "met", "not_met", "met"])
    page = read(member(communes[0], Role.OFFICER))
    assert "1/3 tiêu chí đạt</strong> · 1 cơ bản đạt · 1 chưa đạt" in page
    assert "Mức độ đạt chung" in page


@pytest.mark.parametrize("role", [Role.DISTRICT_STAFF, Role.COORDINATOR])
def test_an_area_has_its_next_thing_with_a_button(communes, criteria_set, role):
    user = member(communes[0].district if role == Role.DISTRICT_STAFF else communes[0].province, role)
    find(concluded_visit(communes[0], criteria_set), 1, due_on=date(2024, 6, 1))
    page = read(user)
    assert "Tồn tại quá hạn: 1." in page
    assert page.partition("<main")[2].partition("</main>")[0].count("btn-primary") == 1


def test_a_communes_menu_leads_to_its_work(communes, criteria_set):
    unit = communes[0]
    page = read(member(unit, Role.OFFICER)).partition("<main")[0]
    assert f'href="/units/{unit.pk}/entry/"' in page
    assert "Kho tài liệu" in page
    assert "/matrix/" not in page
    page = read(member(unit.district, Role.DISTRICT_STAFF)).partition("<main")[0]
    assert 'href="/matrix/"' in page
    assert "Nhập kết quả" not in page


def test_district_staff_see_their_communes_and_no_others(communes, criteria_set):
    say(communes[0], criteria_set, "self", ["met"] * 6)
    other = make_province(communes=1)[1][0]
    staff = member(communes[0].district, Role.DISTRICT_STAFF)
    find(concluded_visit(communes[0], criteria_set), 1, state="remedied")
    page = read(staff)
    assert "1/3" in page  # one of three communes has an opinion
    assert "3/3" in page  # its criteria met
    assert "Chưa thẩm định" in page
    assert f"/units/{other.pk}/" not in page
    assert "Chưa gửi trên hệ thống" in page
    assert f"/reports/matrix/{communes[0].district_id}.xlsx" in page
    assert todos(staff)["Tồn tại chờ xác nhận đã khắc phục"] == 1
    assert todos(staff)["Xã chưa gửi kết quả lần nào"] == 3


def test_an_inspector_sees_how_far_their_own_part_has_come(communes, criteria_set):
    inspector = member(communes[0].province, Role.INSPECTOR)
    visit = concluded_visit(communes[0], criteria_set, state="under_way")
    seat = TeamMember.objects.create(visit=visit, user=inspector, name="A", role="member")
    seat.criteria.add(criteria_set.criteria.get(number=1))
    visit.scores.create(indicator=indicators_of(criteria_set)[0], verdict="met", scorer=inspector)
    page = read(inspector)
    assert "đã chấm 1/2 chỉ tiêu của tôi" in page
    assert f"/visits/{visit.pk}/" in page
    Visit.objects.update(state="planned", planned_on=date(2024, 7, 9))
    assert "Chưa có cuộc kiểm tra nào sắp tới" not in read(inspector)


def test_a_coordinator_sees_unconfirmed_targets_of_the_province(communes, criteria_set):
    coordinator = member(
        communes[0].province,
        Role.COORDINATOR,
    )
    indicator = indicators_of(criteria_set)[0]
    unconfirmed(indicator)
    indicator.targets.update(province=communes[0].province)
    assert todos(coordinator)["Yêu cầu của tỉnh chưa xác nhận"] == 1
    assert "Trang quản trị" in read(coordinator)


def test_a_coordinator_reads_which_communes_have_no_group(communes, criteria_set):
    coordinator = member(communes[0].province, Role.COORDINATOR)
    assert not todos(coordinator).get("Xã chưa xếp nhóm")  # the set goes by regions
    criteria_set.variants = [{"code": "nhom-1", "name": "Xã nhóm 1"}]
    criteria_set.save()
    communes[0].target_group = "nhom-1"
    communes[0].save()
    todo = next(t for t in home_sections(coordinator)[0].todos if t.label == "Xã chưa xếp nhóm")
    assert todo.count == client_of(coordinator).get(todo.url).context["page"].paginator.count == len(communes) - 1


def test_a_department_sees_its_own_criteria(communes, criteria_set):
    say(communes[0], criteria_set, "self", ["not_met"] * 6)
    department = DepartmentFactory()
    CriterionDepartment.objects.create(criterion=criteria_set.criteria.get(number=2), department=department)
    page = read(member(communes[0].province, Role.DEPARTMENT_REVIEWER, department=department))
    assert "2. Tiêu chí 2" in page
    assert "1. Tiêu chí 1" not in page


def test_a_department_without_criteria_is_told_who_assigns_them(communes):
    reviewer = member(communes[0].province, Role.DEPARTMENT_REVIEWER, department=DepartmentFactory())
    assert "Chưa được phân công tiêu chí" in read(reviewer)


def test_a_viewer_sees_figures(communes, criteria_set):
    say(communes[0], criteria_set, "self", ["met"] * 6)
    page = read(member(communes[0].province, Role.VIEWER))
    assert "1/3" in page
    assert "Chưa có ý kiến về xã nào" in page


def test_the_administrator_is_led_to_the_admin(communes):
    admin = UserFactory(is_superuser=True, is_staff=True)
    assert "/admin/" in read(admin)


def test_without_a_role_one_is_told_whom_to_ask(db):
    assert "Tài khoản chưa được giao vai trò" in read(UserFactory())


@pytest.mark.parametrize("role", [Role.COMMUNE_LEADER, Role.DISTRICT_STAFF, Role.COORDINATOR, Role.VIEWER])
def test_an_empty_country_has_pages_too(role):
    unit = make_province(communes=1)[1][0]
    place = {Role.COMMUNE_LEADER: unit, Role.DISTRICT_STAFF: unit.district}.get(role, unit.province)
    assert "Chưa có bộ tiêu chí" in read(member(place, role))


@pytest.mark.parametrize("role", [Role.DISTRICT_STAFF, Role.COORDINATOR, Role.VIEWER, Role.INSPECTOR])
def test_queries_do_not_grow(criteria_set, count_queries, role):
    counts = []
    for size in (3, 30):
        province, communes = make_province(communes=size)
        user = member(communes[0].district if role == Role.DISTRICT_STAFF else province, role)
        for commune in communes:
            say(commune, criteria_set, "self", ["met"] * 6)
            visit = concluded_visit(commune, criteria_set, state="under_way")
            if role == Role.INSPECTOR:
                TeamMember.objects.create(visit=visit, user=user, name="A", role="leader")
        client = client_of(user)
        client.get("/")
        with count_queries() as queries:
            client.get("/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 25, "\n".join(queries)


# --- what comes first ------------------------------------------------------------------------------


def first_url(user):
    section = home_sections(user)[0]
    return section.action.url


def test_what_waits_stands_before_figures_and_lists(communes, criteria_set):
    say(communes[0], criteria_set, "self", ["met"] * 6)
    find(concluded_visit(communes[0], criteria_set), 1, due_on=date(2024, 6, 1))
    department = DepartmentFactory()
    CriterionDepartment.objects.create(criterion=criteria_set.criteria.get(number=1), department=department)
    province = communes[0].province
    for user in (
        member(communes[0], Role.OFFICER),
        member(communes[0].district, Role.DISTRICT_STAFF),
        member(province, Role.COORDINATOR),
        member(province, Role.DEPARTMENT_REVIEWER, department=department),
    ):
        page = read(user).partition("<main")[2]
        todos, figures = page.index("list-links"), page.find("table")
        assert page.index("next-step") < todos
        assert figures == -1 or todos < figures


def test_a_commune_that_sent_all_goes_on_with_what_is_overdue(communes, criteria_set):
    unit = communes[0]
    officer = member(unit, Role.OFFICER)
    enter(unit, indicators_of(criteria_set), officer, sent=1)
    assert "show=evidence" in first_url(officer)
    find(concluded_visit(unit, criteria_set), 1, due_on=date(2024, 6, 1))
    assert "state=overdue" in first_url(officer)


def finish_url(unit, number):
    return reverse("criteria:criterion_finish", args=[unit.pk, number])


def test_who_sends_first_approves_what_officers_finished(communes, criteria_set):
    unit = communes[0]
    leader, officer = member(unit, Role.COMMUNE_LEADER), member(unit, Role.OFFICER)
    enter(unit, indicators_of(criteria_set)[:2], officer)
    assert "show=missing#criterion-2" in first_url(leader)
    submissions.finish(unit, criteria_set.criteria.get(number=1), by=officer)
    assert f"/units/{unit.pk}/send/" in first_url(leader)
    assert "show=missing#criterion-2" in first_url(officer)


def test_what_was_changed_after_it_was_finished_waits_for_nobodys_approval(communes, criteria_set):
    unit = communes[0]
    leader, officer = member(unit, Role.COMMUNE_LEADER), member(unit, Role.OFFICER)
    first, second = indicators_of(criteria_set)[:2]
    enter(unit, [first, second], officer)
    submissions.finish(unit, criteria_set.criteria.get(number=1), by=officer)
    page, url = client_of(officer), f"/units/{unit.pk}/criteria/1/?set={criteria_set.code}"
    assert "Chưa xong, nhập tiếp" in page.get(url).text
    assert todos(leader)["Tiêu chí chờ lãnh đạo duyệt"] == 1
    Entry.objects.filter(unit=unit, indicator=first).update(version=F("version") + 1, note="Sửa lại")
    assert todos(leader)["Tiêu chí chờ lãnh đạo duyệt"] == 0
    assert "show=missing" in first_url(leader)
    (group,) = client_of(leader).get(f"/units/{unit.pk}/send/").context["groups"]
    assert group["waiting"].is_changed_since
    answer = page.get(url).text
    assert "Sửa sau khi báo xong." in answer
    assert "Chưa xong, nhập tiếp" not in answer
    assert page.post(finish_url(unit, 1)).status_code == 302
    assert "Chưa xong, nhập tiếp" in page.get(url).text
    assert todos(leader)["Tiêu chí chờ lãnh đạo duyệt"] == 1


@pytest.mark.parametrize("role", [Role.COMMUNE_LEADER, Role.OFFICER])
def test_who_may_send_always_finds_what_to_approve(communes, criteria_set, role):
    """Though something is still to be assessed, and nobody said that a criterion is finished."""
    unit = communes[0]
    sender = member(unit, role, may_send=role == Role.OFFICER)
    helper, lead = member(unit, Role.OFFICER), member(unit, Role.COMMUNE_LEADER)
    # Another officer's criteria are sent by them, too.
    owners.assign(
        unit, criteria_set.criteria.filter(number=1), Person(helper.pk, str(helper)),
        CriterionOwner.Role.LEAD, starts_on=DAY, by=lead,
    )  # fmt: skip
    assert "Duyệt và gửi" not in read(sender)
    enter(unit, indicators_of(criteria_set)[:2], helper)
    prove(unit, indicators_of(criteria_set)[2], published=False)
    label = "Duyệt và gửi: chỉ tiêu thay đổi"
    todo = next(todo for todo in home_sections(fresh(sender))[0].waiting if todo.label == label)
    assert todo.count == 3
    assert todo.url == f"/units/{unit.pk}/send/?set={criteria_set.code}"
    groups = client_of(sender).get(todo.url).context["groups"]
    assert sum(len(group["rows"]) + len(group["documents"]) for group in groups) == 3
    assert label in read(sender)
    assert label not in read(helper)


def test_who_may_not_send_is_led_to_say_what_is_finished(communes, criteria_set):
    unit, indicators = communes[0], indicators_of(criteria_set)
    officer = member(unit, Role.OFFICER)
    client = client_of(officer)
    enter(unit, indicators[:2], officer)
    assert "show=missing" in first_url(officer)  # its proof is lacking
    for indicator in indicators[:2]:
        prove(unit, indicator)
    assert first_url(officer) == f"/units/{unit.pk}/criteria/1/?set={criteria_set.code}#finish"
    assert 'id="finish"' in client.get(first_url(officer)).text
    client.post(finish_url(unit, 1))
    assert "show=missing#criterion-2" in first_url(officer)
    enter(unit, indicators[2:], officer)
    for number in (2, 3):
        assert f"/criteria/{number}/" in first_url(officer)
        client.post(finish_url(unit, number))
    assert "show=unsent" in first_url(officer)
    assert "đã báo xong; lãnh đạo xã hoặc người được giao sẽ gửi" in read(officer)


def test_an_office_does_its_own_work_before_it_presses_others(communes, criteria_set):
    staff = member(communes[0].district, Role.DISTRICT_STAFF)
    find(concluded_visit(communes[0], criteria_set), 1, due_on=date(2024, 6, 1))
    assert "state=overdue" in first_url(staff)
    find(concluded_visit(communes[0], criteria_set), 2, state="remedied")
    assert "state=remedied" in first_url(staff)


@pytest.mark.parametrize("role", [Role.OFFICER, Role.COMMUNE_LEADER, Role.DISTRICT_STAFF, Role.COORDINATOR])
def test_overdue_promises_of_the_own_place_are_counted(communes, role):
    unit = communes[0]
    place = {Role.DISTRICT_STAFF: unit.district, Role.COORDINATOR: unit.province}.get(role, unit)
    user = member(place, role)
    for held_in in (unit, unit.district, unit.province, communes[1]):
        meeting = Meeting.objects.create(
            unit=held_in, title="Giao ban", held_on=date(2024, 6, 24), chair_post="Chủ tịch", created_by=user
        )
        for position, due_on in enumerate([date(2024, 6, 29), date(2024, 6, 30), None], start=1):
            MeetingItem.objects.create(meeting=meeting, position=position, text="Dọn kênh", due_on=due_on)
    todo = next(t for section in home_sections(user) for t in section.todos if t.label == "Việc giao ban quá hạn")
    assert todo.is_urgent
    assert todo.count == client_of(user).get(todo.url).context["page"].paginator.count == 1


def test_a_coordinator_reads_who_waits_for_a_password(communes, criteria_set):
    coordinator = member(communes[0].province, Role.COORDINATOR)
    waiting = member(communes[0], Role.OFFICER)
    waiting.set_unusable_password()
    waiting.save()
    todo = next(t for t in home_sections(coordinator)[0].todos if t.label == "Tài khoản chưa có mật khẩu")
    assert todo.count == len(client_of(coordinator).get(todo.url).context["page"]) == 1


def test_counts_of_the_admin_lead_to_lists_of_that_length(communes, criteria_set):
    admin = UserFactory(is_superuser=True, is_staff=True)
    member(communes[0].province, Role.COORDINATOR)
    first, second = indicators_of(criteria_set)[:2]
    unconfirmed(first)
    unconfirmed(second)
    second.targets.update(operator="judge", value=None)  # nothing to confirm
    section = home_sections(admin)[-1]
    assert section.action.url == section.todos[0].url
    assert section.todos[0].count == 1
    page = client_of(admin).get(section.todos[0].url).content.decode()
    assert first.name in page


def test_a_new_install_and_a_new_province_are_led_to_the_first_steps(communes, criteria_set):
    """Until somebody works there; what waits besides comes first."""
    admin = UserFactory(is_superuser=True, is_staff=True)
    steps = home_sections(admin)[-1].action
    assert steps.label == "Xem các bước bắt đầu"
    page, _, anchor = steps.url.partition("#")
    assert f'id="{anchor}"' in client_of(admin).get(page).content.decode()

    coordinator = member(communes[0].province, Role.COORDINATOR)
    assert home_sections(admin)[-1].action.url != steps.url
    section = home_sections(coordinator)[0]
    assert section.action.url == steps.url
    assert section.data["overview"].criteria == 3
    reported = TargetReport.objects.create(
        unit=communes[0], indicator=indicators_of(criteria_set)[0], text="Sai mức", reported_by=coordinator
    )
    assert home_sections(coordinator)[0].action.label == "Trả lời"
    reported.delete()
    member(communes[1], Role.OFFICER)
    assert home_sections(coordinator)[0].action.url != steps.url


def test_a_member_of_no_team_is_told_when_a_visit_will_show(communes):
    inspector = member(communes[0].province, Role.INSPECTOR)
    assert "Khi trưởng đoàn đưa bạn vào đoàn" in read(inspector)
    assert first_url(inspector) == "/visits/"


def test_the_next_visit_comes_with_its_day(communes, criteria_set):
    inspector = member(communes[0].province, Role.INSPECTOR, may_lead=True)
    visit = concluded_visit(communes[0], criteria_set, state="planned", planned_on=date(2024, 7, 9))
    TeamMember.objects.create(visit=visit, user=inspector, name="A", role="leader")
    page = read(inspector)
    assert "09/07/2024, còn 9 ngày" in page
    assert first_url(inspector) == f"/visits/{visit.pk}/"


def test_only_who_has_more_than_a_commune_is_offered_the_search(communes):
    assert "home-search" not in read(member(communes[0], Role.OFFICER))
    assert "home-search" in read(member(communes[0].district, Role.DISTRICT_STAFF))


# --- on a team without being an inspector ----------------------------------------------------------


def on_team(user, unit, criteria_set, role="member", **visit):
    visit = concluded_visit(unit, criteria_set, **({"state": "under_way"} | visit))
    seat = TeamMember.objects.create(visit=visit, user=user, name="A", role=role)
    seat.criteria.add(criteria_set.criteria.get(number=1))
    return visit


@pytest.mark.parametrize("role", [Role.DISTRICT_STAFF, Role.DEPARTMENT_REVIEWER, Role.COORDINATOR])
@pytest.mark.parametrize("state", ["under_way", "planned"])
def test_whoever_is_on_the_team_of_todays_visit_goes_there_first(communes, criteria_set, role, state):
    unit = communes[0]
    place = unit.district if role == Role.DISTRICT_STAFF else unit.province
    extra = {"department": DepartmentFactory()} if role == Role.DEPARTMENT_REVIEWER else {}
    user, colleague = member(place, role, **extra), member(place, role, **extra)
    find(concluded_visit(unit, criteria_set), 1, due_on=date(2024, 6, 1))  # the office's own work
    visit = on_team(user, unit, criteria_set, stage="district", state=state, planned_on=date(2024, 6, 30))
    assert first_url(user) == f"/visits/{visit.pk}/"
    page = read(user).partition("<main")[2].partition("</main>")[0]
    assert unit.full_name in page[: page.index("btn-primary")]
    assert page.count("btn-primary") == 1
    assert f"/visits/{visit.pk}/" not in [section.action and section.action.url for section in home_sections(colleague)]


def test_a_visit_ahead_stands_after_the_own_work(communes, criteria_set):
    staff = member(communes[0].district, Role.DISTRICT_STAFF)
    visit = on_team(staff, communes[0], criteria_set, "leader", state="planned", planned_on=date(2024, 7, 9))
    own, team = home_sections(staff)
    assert own.template == "reports/_home_district.html"
    assert team.action.url == f"/visits/{visit.pk}/"
    assert "còn 9 ngày" in team.action.text
    visit.state = "concluded"
    visit.save()
    assert len(home_sections(get_user_model().objects.get(pk=staff.pk))) == 1


def test_who_left_the_province_is_on_no_team_of_it(communes, criteria_set):
    staff = member(communes[0].district, Role.DISTRICT_STAFF)
    on_team(staff, communes[0], criteria_set)
    staff.memberships.update(unit=make_province(communes=1)[1][0].district)
    assert "/visits/" not in first_url(staff)


def test_who_attends_a_visit_opens_it_and_scores_nothing(communes, criteria_set):
    staff = member(communes[0].district, Role.DISTRICT_STAFF)
    visit = on_team(staff, communes[0], criteria_set, "attendee")
    visit.team.get().criteria.clear()
    assert home_sections(staff)[0].action.label == "Mở cuộc kiểm tra"


def test_queries_do_not_grow_with_the_visits_of_a_team(communes, criteria_set, count_queries):
    staff, counts = member(communes[0].district, Role.DISTRICT_STAFF), []
    for size in (3, 30):
        for _ in range(size - Visit.objects.count()):
            on_team(staff, communes[0], criteria_set)
        with count_queries() as queries:
            home_sections(get_user_model().objects.get(pk=staff.pk))
        counts.append(len(queries))
    assert counts[0] == counts[1], "\n".join(queries)
