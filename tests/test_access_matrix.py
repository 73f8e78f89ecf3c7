"""Every address × every member of the cast: who gets what. DESIGN §6 as a table that can't be forgotten.

The addresses come from the resolver: one that isn't listed here fails the test. A cell is
the status of a GET; for an address that only takes a POST, that of an empty POST. 422 and
400 mean that the person was let in and the empty form refused.
"""

import os

from django.core.files.base import ContentFile
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from communes.models import Membership, Unit
from criteria import uploads
from criteria.evidence import store
from criteria.models import (
    CriteriaSet,
    CriterionOwner,
    Evidence,
    EvidenceLink,
    Indicator,
    Question,
    Recognition,
    Registration,
    ReportingPeriod,
    Submission,
    Target,
    TargetReport,
)
from inspections.models import Finding, Meeting, MeetingItem, TeamMember, Visit
from ntm.accounts.models import User
from reports import jobs
from tests.criteria.files import image
from tests.criteria.history_world import workbook
from tests.factories import MembershipFactory
from tests.reports.worlds import make_table

WHO = [
    "canbo.dongphu",
    "lanhdao.dongphu",
    "canbo.dongthinh",
    "huyen.dongson",
    "doan.truong",
    "doan.vien",
    "so.giaoduc",
    "dieuphoi.thanhhoa",
    "canbo.kimsongtruong",
    "huyen.canloc",
    "doan.hatinh",
    "dieuphoi.hatinh",
    "xem.hatinh",
    "admin",
    "",  # nobody
]

# A letter a status; "-" is the redirect to the sign-in page.
LETTER = {200: "o", 302: "r", 403: "f", 404: "n", 422: "u", 400: "b", 409: "c"}


class Things:
    """What the addresses speak of: Đông Phú, its documents and visits at Đông Thịnh, Kim Lộc of 2018."""

    def __init__(self):
        def commune(code):
            return Unit.objects.get(level="commune", code=code, closed_on__isnull=True)

        self.dong_phu, self.dong_thinh = commune("16420"), commune("16414")
        self.kim_loc = Unit.objects.get(level="commune", code="18424")
        self.dong_son = Unit.objects.get(level="district", code="405")
        self.thanh_hoa = Unit.objects.get(level="province", code="38")
        self.indicator = Indicator.objects.get(criterion__criteria_set__code="xa-ntm-2021-2025", code="17.1")
        self.school = Indicator.objects.get(criterion__criteria_set__code="xa-ntm-2021-2025", code="14.1")
        self.sent = Evidence.objects.filter(unit=self.dong_phu, links__indicator=self.indicator).first()
        self.fresh = Evidence.objects.create(
            unit=self.dong_phu, form="paper", title="Chưa gửi", kept_at="UBND xã", uploaded_by=self.sent.uploaded_by
        )
        self.link = EvidenceLink.objects.create(
            evidence=self.fresh, unit=self.dong_phu, indicator=self.indicator, created_by=self.sent.uploaded_by
        )
        self.planned = Visit.objects.get(code="38-2024-002")
        self.done = Visit.objects.get(code="38-2024-001")
        self.member = TeamMember.objects.create(
            visit=self.planned, user_id=None, name="Khách mời", role=TeamMember.Role.ATTENDEE
        )
        self.finding = Finding.objects.get(visit=self.done, criterion__number=17)
        self.draft_finding = Finding.objects.create(
            visit=self.planned,
            criterion=self.indicator.criterion,
            description="Chưa kết luận",
            due_on="2024-09-30",
            created_by=self.planned.planned_by,
        )
        self.officer = User.objects.get(username="canbo.dongphu")
        self.role = Membership.objects.get(user=self.officer)
        self.colleague = User.objects.get(username="dieuphoi.thanhhoa")
        self.to_district = Question.objects.get(unit=self.dong_phu, office="district")
        self.to_province = Question.objects.get(unit=self.dong_phu, office="province")
        self.kim_loc_visit = Visit.objects.get(code="42-2018-001")
        self.submission = Submission.objects.create(
            unit=self.dong_phu,
            criteria_set=self.indicator.criterion.criteria_set,
            sent_by=self.sent.uploaded_by,
            sent_at=self.sent.uploaded_at,
        )
        self.submission.criteria.add(self.indicator.criterion, self.school.criterion)
        self.owner = CriterionOwner.objects.create(
            unit=self.dong_phu,
            criterion=self.school.criterion,
            user=MembershipFactory(unit=self.dong_phu).user,
            name="Công chức văn hóa",
            starts_on="2024-01-01",
        )
        self.pictures = [
            store(self.dong_phu, [], ContentFile(image(colour=colour), f"{colour}.jpg"), by=self.sent.uploaded_by)[0]
            for colour in ("red", "green")
        ]
        self.area_meeting = Meeting.objects.get(unit=self.dong_son)
        self.commune_meeting = Meeting.objects.create(
            unit=self.dong_phu,
            title="Giao ban xã",
            held_on="2024-06-28",
            chair_post="Chủ tịch UBND xã",
            created_by=self.area_meeting.created_by,
        )
        self.item = MeetingItem.objects.create(meeting=self.commune_meeting, position=1, text="Ra quân vệ sinh")
        self.draft_set = CriteriaSet.objects.create(
            code="du-thao", name="Dự thảo", level="commune", grade="standard", first_year=2024, province=self.thanh_hoa
        )
        self.minutes = self.done.minutes_files.get(kind="pdf")
        self.national_target = Target.objects.filter(indicator=self.indicator, province=None).first()
        self.local_target, self.free_target = (
            Target.objects.create(
                indicator=self.school, province=self.thanh_hoa, from_year=year, operator="pass", text="Đạt"
            )
            for year in (2024, 2025)
        )
        self.target_report = TargetReport.objects.create(
            unit=self.dong_phu, indicator=self.indicator, text="Mức sai", reported_by=self.officer
        )
        self.open_period = ReportingPeriod.objects.get(area=self.thanh_hoa, closed_at=None)
        self.closed_period = ReportingPeriod.objects.get(area=self.thanh_hoa, closed_at__isnull=False)
        self.district_period = ReportingPeriod.objects.create(
            area=self.dong_son, kind="month", name="Tháng 6", ends_on="2024-06-30", due_on="2024-07-05"
        )
        self.table = make_table(self.thanh_hoa, name="Biểu thử")
        self.registration = Registration.objects.get(unit=self.dong_phu, year=2024)
        self.recognition = Recognition.objects.create(
            unit=self.dong_phu,
            criteria_set=CriteriaSet.objects.get(code="xa-ntm-nang-cao-2021-2025"),
            decision="12/QĐ-UBND",
            decided_on="2024-01-20",
            recorded_by=self.colleague,
        )
        self.old_table = uploads.take(
            "history",
            ContentFile(workbook([["TT", "Tên xã", 1, 2], [1, "Đông Phú", "x", "x"]]), "cu.xlsx"),
            by=self.colleague,
            unit=self.thanh_hoa,
            criteria_set=self.indicator.criterion.criteria_set,
            options={"stage": "province", "day": "2022-12-31", "note": "Báo cáo", "clash": "keep", "sheet": 0},
            begin=False,
        )
        self.report = jobs.start(
            User.objects.get(username="dieuphoi.thanhhoa"),
            "matrix",
            {"area": self.thanh_hoa.pk, "set": self.indicator.criterion.criteria_set.code, "stage": "self"},
        )
        jobs.work(str(self.report.pk), "tests")


def rows(t):
    """(name of the address, what it speaks of, arguments) for every address of the product."""
    unit = [t.dong_phu.pk]
    row = [t.dong_phu.pk, t.indicator.pk]
    return [
        ("healthz", "", []),
        ("favicon", "", []),
        ("help", "", []),
        ("help_chapter", "", ["can-bo-xa"]),
        ("account_login", "", []),
        ("account_logout", "", []),
        ("account_change_password", "", []),
        ("account_reauthenticate", "", []),
        ("account_reminders", "", []),
        ("mfa_index", "", []),
        ("mfa_authenticate", "", []),
        ("mfa_reauthenticate", "", []),
        ("mfa_activate_totp", "", []),
        ("mfa_deactivate_totp", "", []),
        ("mfa_view_recovery_codes", "", []),
        ("mfa_generate_recovery_codes", "", []),
        ("mfa_download_recovery_codes", "", []),
        ("criteria:set_list", "", []),
        ("criteria:set_upload", "", []),
        ("criteria:set_template", "", []),
        ("criteria:set", "national", ["xa-ntm-2021-2025"]),
        ("criteria:set", "Hà Tĩnh", ["kdc-ntm-kieu-mau-ha-tinh-2014"]),
        ("criteria:set", "draft Thanh Hóa", [t.draft_set.code]),
        ("criteria:set_difference", "draft Thanh Hóa", [t.draft_set.code]),
        ("criteria:set_workbook", "national", ["xa-ntm-2021-2025"]),
        ("criteria:set_workbook", "draft Thanh Hóa", [t.draft_set.code]),
        ("criteria:set_json", "draft Thanh Hóa", [t.draft_set.code]),
        ("criteria:set_publish", "national", ["xa-ntm-2021-2025"]),
        ("criteria:set_publish", "draft Thanh Hóa", [t.draft_set.code]),
        ("criteria:set_discard", "draft Thanh Hóa", [t.draft_set.code]),
        ("communes:user_list", "", []),
        ("communes:user_create", "", []),
        ("communes:slip_list", "", []),
        ("communes:rights_log", "", []),
        ("communes:user_import", "", []),
        ("communes:user_template", "", []),
        ("communes:user_import_apply", "", []),
        ("communes:user_detail", "canbo.dongphu", [t.officer.pk]),
        ("communes:user_detail", "dieuphoi.thanhhoa", [t.colleague.pk]),
        ("communes:user_edit", "canbo.dongphu", [t.officer.pk]),
        ("communes:user_edit", "dieuphoi.thanhhoa", [t.colleague.pk]),
        ("communes:user_close", "canbo.dongphu", [t.officer.pk]),
        ("communes:user_reopen", "canbo.dongphu", [t.officer.pk]),
        ("communes:user_password", "canbo.dongphu", [t.officer.pk]),
        ("communes:user_password", "dieuphoi.thanhhoa", [t.colleague.pk]),
        ("communes:user_second_factor", "dieuphoi.thanhhoa", [t.colleague.pk]),
        ("communes:role_create", "canbo.dongphu", [t.officer.pk]),
        ("communes:role_edit", "canbo.dongphu", [t.officer.pk, t.role.pk]),
        ("communes:role_move", "canbo.dongphu", [t.officer.pk, t.role.pk]),
        ("reports:home", "", []),
        ("reports:unit_search", "", []),
        ("reports:unit_detail", "Đông Phú", unit),
        ("reports:unit_detail", "Kim Lộc", [t.kim_loc.pk]),
        ("reports:unit_by_code", "Đông Phú", ["16420"]),
        ("reports:matrix", "", []),
        ("reports:nation", "", []),
        ("reports:nation_xlsx", "", []),
        ("reports:desk", "", []),
        ("reports:desk_review", "Đông Phú 14", [t.school.criterion_id, t.dong_phu.pk]),
        ("reports:desk_review", "Đông Phú 17", [t.indicator.criterion_id, t.dong_phu.pk]),
        ("reports:desk_report", "Đông Phú 14.1", [t.school.criterion_id, t.dong_phu.pk, t.school.pk]),
        ("reports:desk_next", "Đông Phú 14", [t.school.criterion_id, t.dong_phu.pk]),
        ("reports:report_list", "", []),
        ("reports:job_list", "", []),
        ("reports:job_start", "", []),
        ("reports:job", "of dieuphoi.thanhhoa", [t.report.pk]),
        ("reports:job_cancel", "of dieuphoi.thanhhoa", [t.report.pk]),
        ("reports:job_again", "of dieuphoi.thanhhoa", [t.report.pk]),
        ("reports:job_file", "of dieuphoi.thanhhoa", [t.report.pk]),
        ("reports:readiness_xlsx", "Đông Phú", unit),
        ("reports:readiness_xlsx", "Kim Lộc", [t.kim_loc.pk]),
        ("reports:readiness_zip", "Đông Phú", unit),
        ("reports:readiness_zip", "Kim Lộc", [t.kim_loc.pk]),
        ("reports:matrix_xlsx", "Đông Sơn", [t.dong_son.pk]),
        ("reports:matrix_xlsx", "Thanh Hóa", [t.thanh_hoa.pk]),
        ("reports:table", "", ["headline"]),
        ("reports:table_xlsx", "", ["headline"]),
        ("reports:table_zip", "", ["headline"]),
        ("reports:bundle_xlsx", "", []),
        ("reports:registration_list", "", []),
        ("reports:registration_list", "Đông Sơn", [], f"?area={t.dong_son.pk}"),
        ("reports:registration_withdraw", "Đông Phú", [t.registration.pk]),
        ("reports:recognition_list", "", []),
        ("reports:recognition_list", "Đông Sơn", [], f"?area={t.dong_son.pk}"),
        ("reports:recognition_paste", "", []),
        ("reports:recognition_create", "Đông Phú", unit),
        ("reports:recognition_revoke", "Đông Phú", [t.recognition.pk]),
        ("reports:recognition_void", "Đông Phú", [t.recognition.pk]),
        ("reports:brief", "Đông Phú", unit),
        ("reports:brief", "Đông Sơn", [t.dong_son.pk]),
        ("reports:brief_docx", "Đông Phú", unit),
        ("reports:brief_docx", "Thanh Hóa", [t.thanh_hoa.pk]),
        ("reports:notice", "Đông Phú", unit),
        ("reports:notice_docx", "Kim Lộc", [t.kim_loc.pk]),
        ("criteria:entry", "Đông Phú", unit),
        ("criteria:entry", "Kim Lộc", [t.kim_loc.pk]),
        ("criteria:entry_paste", "Đông Phú", unit),
        ("criteria:entry_book", "Đông Phú", unit),
        ("criteria:entry_book", "Kim Lộc", [t.kim_loc.pk]),
        ("criteria:entry_book", "Đông Sơn", [t.dong_son.pk]),
        ("criteria:entry_book", "Thanh Hóa", [t.thanh_hoa.pk]),
        ("criteria:entry_book_xlsx", "Đông Phú", unit),
        ("criteria:entry_book_xlsx", "Kim Lộc", [t.kim_loc.pk]),
        ("criteria:entry_book_xlsx", "Đông Sơn", [t.dong_son.pk]),
        ("criteria:entry_book_xlsx", "Thanh Hóa", [t.thanh_hoa.pk]),
        ("criteria:entry_met", "Đông Phú", unit),
        ("criteria:entry_renew", "Đông Phú 17", [*unit, 17]),
        ("criteria:take_over", "Đông Phú 17.1", row),
        ("criteria:crosswalk", "", []),
        ("criteria:workshop", "", []),
        ("criteria:upload_list", "", []),
        ("criteria:upload", "old table", [t.old_table.pk]),
        ("criteria:upload_apply", "old table", [t.old_table.pk]),
        ("criteria:upload_recheck", "old table", [t.old_table.pk]),
        ("criteria:upload_refused", "old table", [t.old_table.pk]),
        ("criteria:upload_withdraw", "old table", [t.old_table.pk]),
        ("criteria:plan", "Đông Phú", unit),
        ("criteria:plan", "Kim Lộc", [t.kim_loc.pk]),
        ("criteria:base_figures", "Đông Phú", unit),
        ("criteria:base_figures", "Kim Lộc", [t.kim_loc.pk]),
        ("criteria:criterion", "Đông Phú 17", [*unit, 17]),
        ("criteria:criterion", "Đông Phú 14", [*unit, 14]),
        ("reports:criterion_past", "Đông Phú 14", [*unit, 14], "?as_of=2024-05-01"),
        ("criteria:criterion_finish", "Đông Phú 17", [*unit, 17]),
        ("criteria:criterion_finish", "Đông Phú 14", [*unit, 14]),
        ("criteria:owner_list", "Đông Phú", unit),
        ("criteria:owner_hand_over", "Đông Phú", unit),
        ("criteria:owner_end", "Đông Phú", [*unit, t.owner.pk]),
        ("criteria:submission_send", "Đông Phú", unit),
        ("criteria:submission_list", "", []),
        ("criteria:submission_detail", "Đông Phú", [t.submission.pk]),
        ("criteria:submission_receive", "Đông Phú", [t.submission.pk]),
        ("criteria:submission_return", "Đông Phú", [t.submission.pk]),
        ("criteria:entry_save", "Đông Phú 17.1", row),
        ("criteria:entry_suggestion", "Đông Phú 17.1", row),
        ("criteria:revision_list", "Đông Phú 17.1", row),
        ("criteria:revision_list", "Đông Phú 14.1", [t.dong_phu.pk, t.school.pk]),
        ("criteria:target_report", "Đông Phú 17.1", row),
        ("criteria:evidence_list", "", []),
        ("criteria:evidence_detail", "sent", [t.sent.pk]),
        ("criteria:evidence_detail", "not sent", [t.fresh.pk]),
        ("criteria:evidence_file", "not sent", [t.fresh.pk]),
        ("criteria:evidence_preview", "not sent", [t.fresh.pk]),
        ("criteria:evidence_edit", "sent", [t.sent.pk]),
        ("criteria:evidence_retire", "sent", [t.sent.pk]),
        ("criteria:evidence_undo", "not sent", [t.fresh.pk]),
        ("criteria:evidence_unlink", "not sent", [t.link.pk]),
        ("criteria:evidence_upload", "Đông Phú", unit),
        ("criteria:evidence_register", "Đông Phú", unit, f"?form=paper&indicator={t.indicator.pk}"),
        ("criteria:evidence_links", "sent", [*unit, t.sent.pk]),
        ("criteria:evidence_panel", "Đông Phú 17.1", row),
        ("criteria:evidence_attach", "Đông Phú 17.1", row),
        ("criteria:evidence_attach_many", "Đông Phú", unit, f"?evidence={t.sent.pk}"),
        ("criteria:evidence_combine", "Đông Phú", unit, "?" + "&".join(f"evidence={row.pk}" for row in t.pictures)),
        ("criteria:history_list", "", []),
        ("criteria:history_about", "Thanh Hóa", [t.old_table.pk]),
        ("criteria:history_sheet", "Thanh Hóa", [t.old_table.pk]),
        ("criteria:history_headings", "Thanh Hóa", [t.old_table.pk]),
        ("criteria:history_columns", "Thanh Hóa", [t.old_table.pk]),
        ("criteria:history_marks", "Thanh Hóa", [t.old_table.pk]),
        ("criteria:history_communes", "Thanh Hóa", [t.old_table.pk]),
        ("criteria:history_void", "Thanh Hóa", [t.old_table.pk]),
        ("reports:meeting_list", "", []),
        ("reports:meeting_overdue", "", []),
        ("reports:meeting_create", "Đông Sơn", [], f"?unit={t.dong_son.pk}"),
        ("reports:meeting_create", "Đông Phú", [], f"?unit={t.dong_phu.pk}"),
        ("reports:meeting_detail", "Đông Sơn", [t.area_meeting.pk]),
        ("reports:meeting_detail", "Đông Phú", [t.commune_meeting.pk]),
        ("reports:meeting_edit", "Đông Sơn", [t.area_meeting.pk]),
        ("reports:meeting_edit", "Đông Phú", [t.commune_meeting.pk]),
        ("reports:meeting_next", "Đông Sơn", [t.area_meeting.pk]),
        ("reports:meeting_add", "Đông Sơn", [t.area_meeting.pk]),
        ("reports:meeting_add", "Đông Phú", [t.commune_meeting.pk]),
        ("reports:meeting_item", "Đông Phú", [t.commune_meeting.pk, t.item.pk]),
        ("reports:meeting_item_move", "Đông Phú", [t.commune_meeting.pk, t.item.pk]),
        ("reports:meeting_item_remove", "Đông Phú", [t.commune_meeting.pk, t.item.pk]),
        ("criteria:period_list", "", []),
        ("criteria:period_create", "", []),
        ("criteria:period_create_year", "", []),
        ("criteria:period_detail", "Thanh Hóa", [t.open_period.pk]),
        ("criteria:period_detail", "Thanh Hóa closed", [t.closed_period.pk]),
        ("criteria:period_detail", "Đông Sơn", [t.district_period.pk]),
        ("criteria:period_late", "Thanh Hóa closed", [t.closed_period.pk]),
        ("criteria:period_edit", "Thanh Hóa", [t.open_period.pk]),
        ("criteria:period_edit", "Đông Sơn", [t.district_period.pk]),
        ("criteria:period_delete", "Thanh Hóa", [t.open_period.pk]),
        ("criteria:period_delete", "Đông Sơn", [t.district_period.pk]),
        ("criteria:period_close", "Thanh Hóa", [t.open_period.pk]),
        ("criteria:period_close", "Đông Sơn", [t.district_period.pk]),
        ("criteria:period_reopen", "Thanh Hóa closed", [t.closed_period.pk]),
        ("criteria:period_reopen", "Đông Sơn", [t.district_period.pk]),
        ("criteria:question_list", "", []),
        ("criteria:question_ask", "Đông Phú 17.1", row),
        ("criteria:question_ask", "Đông Phú 14.1", [t.dong_phu.pk, t.school.pk]),
        ("criteria:question_detail", "district", [t.to_district.pk]),
        ("criteria:question_detail", "province", [t.to_province.pk]),
        ("criteria:question_answer", "district", [t.to_district.pk]),
        ("criteria:question_answer", "province", [t.to_province.pk]),
        ("criteria:question_again", "district", [t.to_district.pk]),
        ("criteria:question_again", "province", [t.to_province.pk]),
        ("criteria:question_settle", "district", [t.to_district.pk]),
        ("criteria:question_settle", "province", [t.to_province.pk]),
        ("criteria:target_grid", "", []),
        ("criteria:target_bulk", "", [], "?criterion=17"),
        ("criteria:target_confirm", "", []),
        ("criteria:target_create", "", []),
        ("criteria:target_edit", "Thanh Hóa", [t.local_target.pk]),
        ("criteria:target_edit", "nation", [t.national_target.pk]),
        ("criteria:target_delete", "Thanh Hóa", [t.free_target.pk]),
        ("criteria:target_workbook", "", []),
        ("criteria:target_upload", "", []),
        ("criteria:target_report_list", "", []),
        ("criteria:target_report_answer", "Đông Phú", [t.target_report.pk]),
        ("criteria:supplementary_list", "", []),
        ("criteria:supplementary_create", "", []),
        ("criteria:supplementary_edit", "Thanh Hóa", [t.table.pk]),
        ("criteria:supplementary_column_add", "Thanh Hóa", [t.table.pk]),
        ("criteria:supplementary_column", "Thanh Hóa", [t.table.pk, t.table.columns.first().pk]),
        ("criteria:period_report_present", "Đông Phú", unit),
        ("criteria:period_report", "Đông Phú", [*unit, t.open_period.pk]),
        ("criteria:period_texts", "Đông Phú", [*unit, t.open_period.pk]),
        ("criteria:period_texts", "Đông Phú, closed", [*unit, t.closed_period.pk]),
        ("criteria:supplementary_fill", "Đông Phú", [*unit, t.open_period.pk, t.table.pk]),
        ("reports:unit_period", "Đông Phú", [*unit, t.open_period.pk]),
        ("reports:unit_period_xlsx", "Đông Phú", [*unit, t.closed_period.pk]),
        ("reports:unit_period_zip", "Đông Phú", [*unit, t.closed_period.pk]),
        ("reports:settings", "", []),
        ("reports:buckets", "", []),
        ("reports:table", "texts", ["texts"]),
        ("reports:table", "supplementary", ["supplementary"]),
        ("criteria:group_list", "", []),
        ("criteria:group_workbook", "", []),
        ("criteria:group_upload", "", []),
        ("inspections:visit_list", "", []),
        ("inspections:visit_create", "", []),
        ("inspections:visit_detail", "planned", [t.planned.pk]),
        ("inspections:visit_detail", "concluded", [t.done.pk]),
        ("inspections:visit_detail", "Kim Lộc", [t.kim_loc_visit.pk]),
        ("inspections:visit_edit", "planned", [t.planned.pk]),
        ("inspections:visit_start", "planned", [t.planned.pk]),
        ("inspections:visit_cancel", "planned", [t.planned.pk]),
        ("inspections:visit_team", "planned", [t.planned.pk]),
        ("inspections:team_assign", "planned", [t.planned.pk]),
        ("inspections:member_edit", "planned", [t.planned.pk, t.member.pk]),
        ("inspections:member_remove", "planned", [t.planned.pk, t.member.pk]),
        ("inspections:visit_criterion", "planned 17", [t.planned.pk, 17]),
        ("inspections:visit_criterion", "concluded 17", [t.done.pk, 17]),
        ("inspections:score_save", "planned", [t.planned.pk, t.indicator.pk]),
        ("inspections:score_agree", "planned", [t.planned.pk, t.indicator.pk]),
        ("inspections:remark_save", "planned", [t.planned.pk, t.indicator.pk]),
        ("inspections:score_save", "concluded", [t.done.pk, t.indicator.pk]),
        ("inspections:target_report", "planned", [t.planned.pk, t.indicator.pk]),
        ("inspections:finding_create", "planned", [t.planned.pk]),
        ("inspections:visit_findings", "planned", [t.planned.pk]),
        ("inspections:finding_recheck", "planned", [t.planned.pk, t.finding.pk]),
        ("inspections:visit_conclude", "planned", [t.planned.pk]),
        ("inspections:visit_conclude", "concluded", [t.done.pk]),
        ("inspections:visit_annex", "concluded", [t.done.pk]),
        ("inspections:visit_minutes", "planned", [t.planned.pk]),
        ("inspections:visit_minutes", "concluded", [t.done.pk]),
        ("inspections:visit_minutes", "Kim Lộc", [t.kim_loc_visit.pk]),
        ("inspections:minutes_docx", "planned", [t.planned.pk]),
        ("inspections:minutes_pdf", "planned", [t.planned.pk]),
        ("inspections:minutes_file", "concluded", [t.done.pk, t.minutes.pk]),
        ("inspections:minutes_template", "Thanh Hóa", [t.thanh_hoa.pk]),
        ("inspections:minutes_template_file", "Thanh Hóa", [t.thanh_hoa.pk]),
        ("inspections:minutes_template_reset", "Thanh Hóa", [t.thanh_hoa.pk]),
        ("inspections:finding_list", "", []),
        ("inspections:finding_detail", "published", [t.finding.pk]),
        ("inspections:finding_detail", "not yet", [t.draft_finding.pk]),
        ("inspections:finding_edit", "not yet", [t.draft_finding.pk]),
        ("inspections:finding_delete", "not yet", [t.draft_finding.pk]),
        ("inspections:finding_remedy", "published", [t.finding.pk]),
        ("inspections:finding_close", "published", [t.finding.pk]),
        ("inspections:finding_reopen", "published", [t.finding.pk]),
        ("inspections:finding_slip", "published", [t.finding.pk]),
        ("inspections:finding_comment", "published", [t.finding.pk]),
    ]


EXPECTED = """
healthz                                            ooooooooooooooo
favicon                                            rrrrrrrrrrrrrrr
help                                               ooooooooooooooo
help_chapter                                       ooooooooooooooo
account_login                                      rrrrrrrrrrrrrro
account_logout                                     oooooooooooooo-
account_change_password                            oooooooooooooo-
account_reauthenticate                             oooooooooooooo-
account_reminders                                  oooooooooooooo-
mfa_index                                          oooooooooooooo-
mfa_authenticate                                   rrrrrrrrrrrrrr-
mfa_reauthenticate                                 rrrrrrrrrrrrrr-
mfa_activate_totp                                  rrrrrrrrrrrrrr-
mfa_deactivate_totp                                nnnnnnnnnnnnnn-
mfa_view_recovery_codes                            nnnnnnnnnnnnnn-
mfa_generate_recovery_codes                        rrrrrrrrrrrrrr-
mfa_download_recovery_codes                        nnnnnnnnnnnnnn-
communes:user_list                                 fofffffofffofo-
communes:user_create                               fffffffofffofo-
communes:slip_list                                 fffffffofffofo-
communes:rights_log                                fffffffofffofo-
communes:user_import                               fffffffofffofo-
communes:user_template                             fffffffofffofo-
communes:user_import_apply                         fffffffrfffrfr-
communes:user_detail canbo.dongphu                 nonnnnnonnnnno-
communes:user_detail dieuphoi.thanhhoa             nnnnnnnonnnnno-
communes:user_edit canbo.dongphu                   nfnnnnnonnnnno-
communes:user_edit dieuphoi.thanhhoa               nnnnnnnfnnnnno-
communes:user_close canbo.dongphu                  nfnnnnnonnnnno-
communes:user_reopen canbo.dongphu                 nfnnnnnonnnnno-
communes:user_password canbo.dongphu               nonnnnnonnnnno-
communes:user_password dieuphoi.thanhhoa           nnnnnnnfnnnnno-
communes:user_second_factor dieuphoi.thanhhoa      nnnnnnnfnnnnno-
communes:role_create canbo.dongphu                 nfnnnnnonnnnno-
communes:role_edit canbo.dongphu                   nfnnnnnonnnnno-
communes:role_move canbo.dongphu                   nfnnnnnonnnnno-
reports:home                                       oooooooooooooo-
reports:unit_search                                oooooooooooooo-
reports:unit_detail Đông Phú                       oononnoonnnnno-
reports:unit_detail Kim Lộc                        nnnnnnnnoooooo-
reports:unit_by_code Đông Phú                      rrnrnnrrnnnnnr-
reports:matrix                                     oooooooooooooo-
reports:nation                                     fffffffffffffo-
reports:nation_xlsx                                fffffffffffffn-
reports:desk                                       ffffffoofffoff-
reports:desk_review Đông Phú 14                    ffffffoofffnff-
reports:desk_review Đông Phú 17                    ffffffnofffnff-
reports:desk_report Đông Phú 14.1                  ffffffoffffnff-
reports:desk_next Đông Phú 14                      ffffffrrfffnff-
reports:report_list                                oooooooooooooo-
reports:job_list                                   oooooooooooooo-
reports:job_start                                  bbbbbbbbbbbbbb-
reports:job of dieuphoi.thanhhoa                   nnnnnnnonnnnnn-
reports:job_cancel of dieuphoi.thanhhoa            nnnnnnnrnnnnnn-
reports:job_again of dieuphoi.thanhhoa             nnnnnnnrnnnnnn-
reports:job_file of dieuphoi.thanhhoa              nnnnnnnonnnnnn-
reports:readiness_xlsx Đông Phú                    oononnoonnnnno-
reports:readiness_xlsx Kim Lộc                     nnnnnnnnoooooo-
reports:readiness_zip Đông Phú                     oononnoonnnnno-
reports:readiness_zip Kim Lộc                      nnnnnnnnoooooo-
reports:matrix_xlsx Đông Sơn                       nnnonnoonnnnno-
reports:matrix_xlsx Thanh Hóa                      nnnnnnoonnnnno-
reports:table                                      nnnonnoononooo-
reports:table_xlsx                                 nnnonnoononooo-
reports:table_zip                                  nnnonnoononooo-
reports:bundle_xlsx                                bbbbbbbbbbbbbb-
reports:registration_list                          nnnonnoononooo-
reports:registration_list Đông Sơn                 nnnonnoonnnnno-
reports:registration_withdraw Đông Phú             ffnonnfonnnnnf-
reports:recognition_list                           nnnonnoononooo-
reports:recognition_list Đông Sơn                  nnnonnoonnnnno-
reports:recognition_paste                          nnnfnnfonfnoff-
reports:recognition_create Đông Phú                ffnfnnfonnnnnf-
reports:recognition_revoke Đông Phú                ffnfnnfonnnnnf-
reports:recognition_void Đông Phú                  ffnfnnfonnnnnf-
reports:brief Đông Phú                             oononnoonnnnno-
reports:brief Đông Sơn                             nnnonnoonnnnno-
reports:brief_docx Đông Phú                        oononnoonnnnno-
reports:brief_docx Thanh Hóa                       nnnnnnoonnnnno-
reports:notice Đông Phú                            oononnoonnnnno-
reports:notice_docx Kim Lộc                        nnnnnnnnoooooo-
criteria:entry Đông Phú                            oonfnnffnnnnnf-
criteria:entry Kim Lộc                             nnnnnnnnofffff-
criteria:entry_paste Đông Phú                      oonfnnffnnnnnf-
criteria:entry_book Đông Phú                       oononnfonnnnnf-
criteria:entry_book Kim Lộc                        nnnnnnnnffffff-
criteria:entry_book Đông Sơn                       nnnonnfonnnnnf-
criteria:entry_book Thanh Hóa                      nnnnnnfonnnnnf-
criteria:entry_book_xlsx Đông Phú                  oononnfonnnnnf-
criteria:entry_book_xlsx Kim Lộc                   nnnnnnnnffffff-
criteria:entry_book_xlsx Đông Sơn                  nnnonnfonnnnnf-
criteria:entry_book_xlsx Thanh Hóa                 nnnnnnfunnnnnf-
criteria:entry_met Đông Phú                        rrnfnnffnnnnnf-
criteria:entry_renew Đông Phú 17                   rrnfnnffnnnnnf-
criteria:take_over Đông Phú 17.1                   nnnfnnffnnnnnf-
criteria:crosswalk                                 fffffffofffofo-
criteria:workshop                                  fffffffofffofo-
criteria:upload_list                               oooooooooooooo-
criteria:upload old table                          nnnnnnnrnnnnno-
criteria:upload_apply old table                    nnnnnnnrnnnnnf-
criteria:upload_recheck old table                  nnnnnnnrnnnnnf-
criteria:upload_refused old table                  nnnnnnnnnnnnnn-
criteria:upload_withdraw old table                 nnnnnnnonnnnnf-
criteria:plan Đông Phú                             oononnoonnnnno-
criteria:plan Kim Lộc                              nnnnnnnnoooooo-
criteria:base_figures Đông Phú                     oononnfonnnnnf-
criteria:base_figures Kim Lộc                      nnnnnnnnoofoff-
criteria:criterion Đông Phú 17                     oononnnonnnnno-
criteria:criterion Đông Phú 14                     oononnoonnnnno-
reports:criterion_past Đông Phú 14                 oononnoonnnnno-
criteria:criterion_finish Đông Phú 17              rrnfnnffnnnnnf-
criteria:criterion_finish Đông Phú 14              frnfnnffnnnnnf-
criteria:owner_list Đông Phú                       oononnoonnnnno-
criteria:owner_hand_over Đông Phú                  oonfnnffnnnnnf-
criteria:owner_end Đông Phú                        rrnfnnffnnnnnf-
criteria:submission_send Đông Phú                  oonfnnffnnnnnf-
criteria:submission_list                           oooooooooooooo-
criteria:submission_detail Đông Phú                oononnoonnnnno-
criteria:submission_receive Đông Phú               ffnrnnfrnnnnnf-
criteria:submission_return Đông Phú                ffnunnuunnnnnf-
criteria:entry_save Đông Phú 17.1                  uunfnnffnnnnnf-
criteria:entry_suggestion Đông Phú 17.1            oonfnnffnnnnnf-
criteria:revision_list Đông Phú 17.1               oononnnonnnnno-
criteria:revision_list Đông Phú 14.1               oononnoonnnnno-
criteria:history_list                              fffffffofffoff-
criteria:history_about Thanh Hóa                   nnnnnnnonnnnnf-
criteria:history_sheet Thanh Hóa                   nnnnnnnonnnnnf-
criteria:history_headings Thanh Hóa                nnnnnnnonnnnnf-
criteria:history_columns Thanh Hóa                 nnnnnnnrnnnnnf-
criteria:history_marks Thanh Hóa                   nnnnnnnrnnnnnf-
criteria:history_communes Thanh Hóa                nnnnnnnrnnnnnf-
criteria:history_void Thanh Hóa                    nnnnnnnrnnnnnf-
criteria:target_report Đông Phú 17.1               oonfnnffnnnnnf-
criteria:evidence_list                             oooooooooooofo-
criteria:evidence_detail sent                      oononnnonnnnno-
criteria:evidence_detail not sent                  oonnnnnnnnnnnn-
criteria:evidence_file not sent                    nnnnnnnnnnnnnn-
criteria:evidence_preview not sent                 nnnnnnnnnnnnnn-
criteria:evidence_edit sent                        oonfnnnfnnnnnf-
criteria:evidence_retire sent                      oonfnnnfnnnnnf-
criteria:evidence_undo not sent                    rrnnnnnnnnnnnn-
criteria:evidence_unlink not sent                  rrnnnnnnnnnnnn-
criteria:evidence_upload Đông Phú                  rrnfnnffnnnnnf-
criteria:evidence_register Đông Phú                oonfnnffnnnnnf-
criteria:evidence_links sent                       oonfnnffnnnnnf-
criteria:evidence_panel Đông Phú 17.1              oononnoonnnnno-
criteria:evidence_attach Đông Phú 17.1             oonfnnffnnnnnf-
criteria:evidence_attach_many Đông Phú             oonfnnffnnnnnf-
reports:meeting_list                               oooofffooofoff-
reports:meeting_overdue                            oooofffooofoff-
reports:meeting_create Đông Sơn                    nnnofffnnnfnff-
reports:meeting_detail Đông Sơn                    nnnonnnonnnnnn-
reports:meeting_edit Đông Sơn                      nnnonnnonnnnnn-
reports:meeting_next Đông Sơn                      nnnrnnnrnnnnnn-
reports:meeting_add Đông Sơn                       nnnonnnonnnnnn-
criteria:evidence_combine Đông Phú                 oonfnnffnnnnnf-
reports:meeting_create Đông Phú                    oonnfffnnnfnff-
reports:meeting_detail Đông Phú                    oonnnnnnnnnnnn-
reports:meeting_edit Đông Phú                      oonnnnnnnnnnnn-
reports:meeting_add Đông Phú                       oonnnnnnnnnnnn-
reports:meeting_item Đông Phú                      oonnnnnnnnnnnn-
reports:meeting_item_move Đông Phú                 bbnnnnnnnnnnnn-
reports:meeting_item_remove Đông Phú               oonnnnnnnnnnnn-
criteria:set_list                                  fffffffofffofo-
criteria:set_upload                                fffffffofffofo-
criteria:set_template                              fffffffofffofo-
criteria:set national                              nnnnnnnonnnono-
criteria:set Hà Tĩnh                               nnnnnnnnnnnono-
criteria:set draft Thanh Hóa                       nnnnnnnonnnnno-
criteria:set_difference draft Thanh Hóa            nnnnnnnrnnnnnr-
criteria:set_workbook national                     nnnnnnnonnnono-
criteria:set_workbook draft Thanh Hóa              nnnnnnnonnnnno-
criteria:set_json draft Thanh Hóa                  nnnnnnnonnnnno-
criteria:set_publish national                      nnnnnnnfnnnfnu-
criteria:set_publish draft Thanh Hóa               nnnnnnnunnnnnu-
criteria:set_discard draft Thanh Hóa               nnnnnnnonnnnno-
criteria:period_list                               oooooooooooooo-
criteria:period_create                             fffofffofofoff-
criteria:period_create_year                        fffofffofofoff-
criteria:period_detail Thanh Hóa                   oooooooonnnnno-
criteria:period_detail Thanh Hóa closed            oooooooonnnnno-
criteria:period_detail Đông Sơn                    oooooooonnnnno-
criteria:period_late Thanh Hóa closed              oooooooonnnnno-
criteria:period_edit Thanh Hóa                     fffffffonnnnnf-
criteria:period_edit Đông Sơn                      fffofffonnnnnf-
criteria:period_delete Thanh Hóa                   fffffffonnnnnf-
criteria:period_delete Đông Sơn                    fffofffonnnnnf-
criteria:period_close Thanh Hóa                    fffffffonnnnnf-
criteria:period_close Đông Sơn                     fffofffonnnnnf-
criteria:period_reopen Thanh Hóa closed            fffffffonnnnnf-
criteria:period_reopen Đông Sơn                    fffffffrnnnnnf-
criteria:question_list                             oooooooooooooo-
criteria:question_ask Đông Phú 17.1                oononnnonnnnnf-
criteria:question_ask Đông Phú 14.1                oononnoonnnnnf-
criteria:question_detail district                  oononnnnnnnnnn-
criteria:question_detail province                  oonnnnoonnnnnn-
criteria:question_answer district                  uunfnnnnnnnnnn-
criteria:question_answer province                  funnnnffnnnnnn-
criteria:question_again district                   ffnunnnnnnnnnn-
criteria:question_again province                   ffnnnnuunnnnnn-
criteria:question_settle district                  ffnunnnnnnnnnn-
criteria:question_settle province                  ffnnnnuunnnnnn-
criteria:target_grid                               fffffffofffofo-
criteria:target_bulk                               fffffffofffofo-
criteria:target_confirm                            fffffffnfffnfn-
criteria:target_create                             fffffffofffofo-
criteria:target_edit Thanh Hóa                     fffffffofffnfo-
criteria:target_edit nation                        fffffffffffffo-
criteria:target_delete Thanh Hóa                   fffffffofffnfo-
criteria:target_workbook                           fffffffofffofo-
criteria:target_upload                             fffffffofffofo-
criteria:target_report_list                        fffffffofffofo-
criteria:target_report_answer Đông Phú             ffnnnnnonnnnno-
criteria:supplementary_list                        fffffffofffofo-
criteria:supplementary_create                      fffffffofffofo-
criteria:supplementary_edit Thanh Hóa              nnnnnnfonnnnno-
criteria:supplementary_column_add Thanh Hóa        nnnnnnfonnnnno-
criteria:supplementary_column Thanh Hóa            nnnnnnfonnnnno-
criteria:period_report_present Đông Phú            rrnrnnrrnnnnnr-
criteria:period_report Đông Phú                    oononnoonnnnno-
criteria:period_texts Đông Phú                     oonfnnffnnnnnf-
criteria:period_texts Đông Phú, closed             ffnfnnffnnnnnf-
criteria:supplementary_fill Đông Phú               oonfnnffnnnnnf-
reports:unit_period Đông Phú                       oononnoonnnnno-
reports:unit_period_xlsx Đông Phú                  oononnoonnnnno-
reports:unit_period_zip Đông Phú                   oononnoonnnnno-
reports:settings                                   fffffffofffofo-
reports:buckets                                    fffffffofffofo-
reports:table texts                                nnnonnoononofo-
reports:table supplementary                        nnnonnoononooo-
criteria:group_list                                fffffffofffofo-
criteria:group_workbook                            fffffffofffofo-
criteria:group_upload                              fffffffofffofo-
inspections:visit_list                             oooooooooooofo-
inspections:visit_create                           fffooffofoooff-
inspections:visit_detail planned                   nnooonnonnnnno-
inspections:visit_detail concluded                 nnooonoonnnnno-
inspections:visit_detail Kim Lộc                   nnnnnnnnoooono-
inspections:visit_edit planned                     nnffonnonnnnnf-
inspections:visit_start planned                    nnffrnnfnnnnnf-
inspections:visit_cancel planned                   nnffonnonnnnnf-
inspections:visit_team planned                     nnffonnonnnnnf-
inspections:team_assign planned                    nnffcnncnnnnnf-
inspections:member_edit planned                    nnffonnonnnnnf-
inspections:member_remove planned                  nnffonnonnnnnf-
inspections:visit_criterion planned 17             nnffonnonnnnnf-
inspections:visit_criterion concluded 17           nnooonnonnnnno-
inspections:score_save planned                     nnffunnfnnnnnf-
inspections:score_agree planned                    nnffunnfnnnnnf-
inspections:remark_save planned                    nnffunnfnnnnnf-
inspections:score_save concluded                   nnfffnnfnnnnnf-
inspections:target_report planned                  nnffonnfnnnnnf-
inspections:finding_create planned                 nnffonnfnnnnnf-
inspections:visit_findings planned                 nnooonnonnnnno-
inspections:finding_recheck planned                nnfffnnfnnnnnf-
inspections:visit_conclude planned                 nnffonnfnnnnnf-
inspections:visit_conclude concluded               nnfrfnffnnnnnf-
inspections:visit_annex concluded                  nnfofnffnnnnnf-
inspections:visit_minutes planned                  nnffonnonnnnnf-
inspections:visit_minutes concluded                nnooonfonnnnno-
inspections:visit_minutes Kim Lộc                  nnnnnnnnoooono-
inspections:minutes_docx planned                   nnffonnonnnnnf-
inspections:minutes_pdf planned                    nnffonnonnnnnf-
inspections:minutes_file concluded                 nnooonfonnnnno-
inspections:minutes_template Thanh Hóa             nnnnnnfonnnnno-
inspections:minutes_template_file Thanh Hóa        nnnnnnfonnnnno-
inspections:minutes_template_reset Thanh Hóa       nnnnnnfrnnnnnr-
inspections:finding_list                           oooooooooooofo-
inspections:finding_detail published               nnooonnonnnnno-
inspections:finding_detail not yet                 nnnnonnonnnnnn-
inspections:finding_edit not yet                   nnnnonnfnnnnnn-
inspections:finding_delete not yet                 nnnnonnfnnnnnn-
inspections:finding_remedy published               nnuffnnfnnnnnf-
inspections:finding_close published                nnfcfnncnnnnnf-
inspections:finding_reopen published               nnfufnnunnnnnf-
inspections:finding_slip published                 nnfufnnunnnnnf-
inspections:finding_comment published              nnfffnnfnnnnnf-
"""


def table():
    """The expected cells by name of the address and what it speaks of."""
    lines = (line.rsplit(" ", 1) for line in EXPECTED.strip().splitlines())
    return {name.strip(): cells for name, cells in lines}


def ask(cast, clients, who, url):
    """The status of a GET, or of an empty POST where only that is taken; nothing is kept."""
    client = clients[who]
    mark = transaction.savepoint()
    try:
        answer = client.get(url)
        if answer.status_code == 405:
            answer = client.post(url)
        b"".join(answer)  # a file is read to its end and so closed
        if answer.status_code == 302 and "/accounts/login/" in answer["Location"]:
            return "-"
        return LETTER.get(answer.status_code, str(answer.status_code))
    finally:
        transaction.savepoint_rollback(mark)


def test_who_gets_what(cast, client):
    clients = {who: cast.client(who) if who else client for who in WHO}
    found = {}
    for name, what, args, *query in rows(Things()):
        url = reverse(name, args=args) + "".join(query)
        found[f"{name} {what}".strip()] = "".join(ask(cast, clients, who, url) for who in WHO)
    if os.environ.get("PRINT_MATRIX"):
        print("\n".join(f"{name:46} {cells}" for name, cells in found.items()))
    assert found == table()


def names(patterns, namespace=""):
    """The names of all addresses below, as reverse() takes them; an address without a name as its pattern."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from names(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}" if pattern.name else f"{namespace}{pattern.pattern}"


def test_every_address_is_in_the_table(world):
    listed = {name for name, *_ in rows(Things())}
    existing = {name for name in names(get_resolver().url_patterns) if not name.startswith("admin:")}
    assert existing - listed == set(), "addresses that nobody decided who gets"
    assert listed - existing == set(), "addresses that are gone"


def test_a_new_address_is_noticed(world, monkeypatch):
    from django.urls import path

    from reports import urls

    monkeypatch.setattr(urls, "urlpatterns", [*urls.urlpatterns, path("new/", lambda request: None, name="new")])
    listed = {name for name, *_ in rows(Things())}
    assert {f"reports:{pattern.name}" for pattern in urls.urlpatterns} - listed == {"reports:new"}


STAFF = {"dieuphoi.thanhhoa", "dieuphoi.hatinh", "admin"}


def test_the_admin_is_for_coordinators_and_superusers(cast, client):
    """Every list, form and page of the admin turns others away to the sign-in page."""
    pages = []
    for name in names(get_resolver().url_patterns):
        if name.startswith("admin:"):
            try:
                pages.append(reverse(name))
            except Exception:
                pages.append(reverse(name, args=["1"])) if "_change" in name or "_history" in name else None
    assert len(pages) > 20
    for who in WHO:
        if who in STAFF:
            continue
        asked = cast.client(who) if who else client
        for page in pages:
            if page.startswith(("/admin/login", "/admin/logout", "/admin/jsi18n")):
                continue
            assert asked.get(page).status_code in {302, 403, 404}, (who, page)
