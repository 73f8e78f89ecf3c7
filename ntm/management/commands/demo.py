"""The demonstration world: real communes and sets, invented results, marked as such.

Everything here is deterministic. It is loaded once, in one transaction; afterwards the
command changes nothing, so that what a person entered stays (README: `make run`).
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from communes.loading import refresh_statistics
from communes.models import Department, Level, Membership, Role, Unit
from communes.names import search_name
from criteria import publish, targets
from criteria.attainment import NUMERIC_OPERATORS
from criteria.checks import Judged, judge
from criteria.models import (
    Assessment,
    BaseFigure,
    CriteriaSet,
    Criterion,
    Entry,
    Evidence,
    EvidenceLink,
    Indicator,
    Operator,
    PeriodStep,
    PeriodText,
    Plan,
    Question,
    QuestionMessage,
    Recognition,
    Registration,
    ReportingPeriod,
    Revision,
    Source,
    Standing,
    SupplementaryColumn,
    SupplementaryReturn,
    SupplementaryTable,
    SupplementaryValue,
    Target,
)
from criteria.models.sets import Provenance
from criteria.numbers import format_number, round_half_up
from criteria.targets import Resolved
from criteria.verdicts import Stage, Verdict
from inspections.conclude import conclude
from inspections.models import Finding, FindingEvent, Meeting, MeetingItem, MinutesFile, Score, TeamMember, Visit
from inspections.progress import visit_progress
from inspections.summary import summary_sentence
from ntm import env
from ntm.accounts.models import User

INVENTED = "Dữ liệu minh họa"
SNAPSHOT = date(2023, 4, 1)
THANH_HOA, HA_TINH = "38", "42"
DONG_SON, CAN_LOC = "405", "443"
STANDARD, ADVANCED, EARLIER = "xa-ntm-2021-2025", "xa-ntm-nang-cao-2021-2025", "xa-ntm-2016-2020"

# username, name, unit (level, code), role, extra columns of the membership
CAST: list[tuple[str, str, tuple[str, str], str, dict[str, Any]]] = [
    ("canbo.dongphu", "Cán bộ xã Đông Phú", (Level.COMMUNE, "16420"), Role.OFFICER, {"may_send": True}),
    ("lanhdao.dongphu", "Lãnh đạo xã Đông Phú", (Level.COMMUNE, "16420"), Role.COMMUNE_LEADER, {}),
    ("canbo.dongthinh", "Cán bộ xã Đông Thịnh", (Level.COMMUNE, "16414"), Role.OFFICER, {"may_send": True}),
    ("huyen.dongson", "Văn phòng điều phối huyện Đông Sơn", (Level.DISTRICT, DONG_SON), Role.DISTRICT_STAFF, {}),
    ("doan.truong", "Trưởng đoàn thẩm định Thanh Hóa", (Level.PROVINCE, THANH_HOA), Role.INSPECTOR, {"may_lead": True}),
    ("doan.vien", "Thành viên đoàn Thanh Hóa", (Level.PROVINCE, THANH_HOA), Role.INSPECTOR, {}),
    ("so.giaoduc", "Cán bộ Sở Giáo dục và Đào tạo", (Level.PROVINCE, THANH_HOA), Role.DEPARTMENT_REVIEWER, {}),
    ("dieuphoi.thanhhoa", "Điều phối viên Thanh Hóa", (Level.PROVINCE, THANH_HOA), Role.COORDINATOR, {}),
    ("canbo.kimsongtruong", "Cán bộ xã Kim Song Trường", (Level.COMMUNE, "18436"), Role.OFFICER, {"may_send": True}),
    ("huyen.canloc", "Văn phòng điều phối huyện Can Lộc", (Level.DISTRICT, CAN_LOC), Role.DISTRICT_STAFF, {}),
    ("doan.hatinh", "Trưởng đoàn thẩm định Hà Tĩnh", (Level.PROVINCE, HA_TINH), Role.INSPECTOR, {"may_lead": True}),
    ("dieuphoi.hatinh", "Điều phối viên Hà Tĩnh", (Level.PROVINCE, HA_TINH), Role.COORDINATOR, {}),
    ("xem.hatinh", "Người xem Hà Tĩnh", (Level.PROVINCE, HA_TINH), Role.VIEWER, {}),
]

# The communes whose officers sign in.
OFFICERS = {"16420": "canbo.dongphu", "16414": "canbo.dongthinh", "18436": "canbo.kimsongtruong"}

# Invented targets where the decision leaves the level to the province: indicator → [(from year, operator, value)].
LOCAL_TARGETS: dict[str, list[tuple[int | None, str, str]]] = {
    "2.1": [(None, ">=", "100")],
    "2.2": [(None, ">=", "90")],
    "2.3": [(None, ">=", "85")],
    "2.4": [(None, ">=", "75")],
    "6.1": [(None, "pass", "")],
    "10": [(2022, ">=", "44"), (2023, ">=", "46"), (2024, ">=", "48"), (2025, ">=", "50")],
    "17.2": [(None, ">=", "90")],
    "17.6": [(None, ">=", "80")],
    "17.8": [(None, ">=", "85")],
    "17.9": [(None, ">=", "70")],
    "17.11": [(None, ">=", "30")],
    "17.12": [(None, ">=", "50")],
}

FIRM_IN_KIM_LOC = {1, 5, 9, 12, 14, 19}
HELD_IN_KIM_LOC = date(2018, 7, 17)


class Command(BaseCommand):
    help = "Loads the demonstration world once and prints its accounts."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demonstration world is refused in production.")
        if User.objects.filter(username="admin").exists():
            self.say(options, "The demonstration world is there already; nothing was changed.")
        else:
            with transaction.atomic():
                World().build()
            self.say(options, "The demonstration world is loaded.")
        self.say(options, f"\nAddress: http://127.0.0.1:{env.integer('PORT', 8000, minimum=1)}/")
        self.say(options, f"Accounts (password {settings.DEMONSTRATION_PASSWORD}):")
        for username, name, *_ in [*CAST, ("admin", "Quản trị hệ thống")]:
            self.say(options, f"  {username:22} {name}")

    def say(self, options: dict[str, Any], text: str) -> None:
        if options["verbosity"]:
            self.stdout.write(text)


class World:
    """Builds the world step by step; every step reads what the ones before it made."""

    def build(self) -> None:
        call_command("load_units", date=SNAPSHOT, province=[THANH_HOA, HA_TINH], history=True, verbosity=0)
        call_command("load_criteria", verbosity=0)
        self.standard = CriteriaSet.objects.get(code=STANDARD)
        self.earlier = CriteriaSet.objects.get(code=EARLIER)
        self.people()
        self.local_targets()
        self.confirm_targets()
        self.base_figures()
        self.periods()
        self.supplementary()
        for province in (THANH_HOA, HA_TINH):
            self.results(self.unit(Level.PROVINCE, province))
        refresh_statistics(Revision, Assessment, Standing, Target)
        self.registrations()
        self.recognitions()
        self.plans()
        self.own_drafts()
        self.evidence()
        self.kim_loc()
        self.visits()
        self.meetings()
        self.questions()

    def unit(self, level: str, code: str, on: date | None = None) -> Unit:
        """The unit that bears the code now; with a day, the one that bore it then."""
        if on is None:
            return Unit.objects.get(level=level, code=code, closed_on__isnull=True)
        return Unit.objects.existing(on).get(level=level, code=code)

    # --- people, targets, figures --------------------------------------------------------

    def people(self) -> None:
        self.users: dict[str, User] = {}
        admin = User(
            username="admin",
            full_name="Quản trị hệ thống",
            search_name="quan tri he thong",
            is_superuser=True,
            is_staff=True,
        )
        admin.set_password(settings.DEMONSTRATION_PASSWORD)
        admin.save()
        self.users["admin"] = admin
        department = Department.objects.get(code="so-giao-duc-va-dao-tao", province=None)
        for username, name, (level, code), role, extra in CAST:
            unit = self.unit(level, code)
            user = User(
                username=username,
                full_name=name,
                search_name=search_name(name),
                post="Trưởng đoàn" if extra.get("may_lead") else Role(role).label,
                organisation=unit.full_name,
                is_staff=role == Role.COORDINATOR,
                # One hash for all: hashing each anew would take longer than everything else.
                password=admin.password,
            )
            user.save()
            Membership.objects.create(
                user=user,
                unit=unit,
                role=role,
                department=department if role == Role.DEPARTMENT_REVIEWER else None,
                **extra,
            )
            self.users[username] = user

    def local_targets(self) -> None:
        indicators = {i.code: i for i in Indicator.objects.filter(criterion__criteria_set=self.standard)}
        for code, coordinator in ((THANH_HOA, "dieuphoi.thanhhoa"), (HA_TINH, "dieuphoi.hatinh")):
            province = self.unit(Level.PROVINCE, code)
            Target.objects.bulk_create(
                Target(
                    indicator=indicators[number],
                    province=province,
                    from_year=year,
                    operator=operator,
                    value=Decimal(value) if value else None,
                    text=self.target_text(indicators[number], operator, value),
                    source=INVENTED,
                    decision=INVENTED,
                    provenance=Provenance.RECALLED,
                    confirmed_by=self.users[coordinator],
                    confirmed_at=datetime(2023, 1, 5, 2, 0, tzinfo=UTC),
                )
                for number, rows in LOCAL_TARGETS.items()
                for year, operator, value in rows
            )

    @staticmethod
    def target_text(indicator: Indicator, operator: str, value: str) -> str:
        if operator == Operator.PASS:
            return "Đạt"
        measure = "%" if indicator.measure == "%" else f" {indicator.measure}"
        return f"{Operator(operator).label}{format_number(Decimal(value))}{measure}"

    def confirm_targets(self) -> None:
        """National rows that were compared with the decision's text, and all of the usual ones
        of the standard sets but one criterion, so that both kinds are to be seen."""
        Target.objects.filter(
            indicator__criterion__criteria_set__in=[self.standard, self.earlier], province__isnull=True
        ).exclude(indicator__criterion__number=16).update(
            confirmed_by=self.users["admin"], confirmed_at=datetime(2023, 1, 4, 2, 0, tzinfo=UTC)
        )

    def base_figures(self) -> None:
        units = list(Unit.objects.filter(level=Level.COMMUNE))
        for unit in units:
            rng = random.Random(f"base {unit.code} {unit.name}")
            unit.households = rng.randint(900, 2800)
            unit.population = round(unit.households * rng.uniform(3.4, 4.1))
        Unit.objects.bulk_update(units, ["households", "population"], batch_size=500)
        for code, username in OFFICERS.items():
            unit = self.unit(Level.COMMUNE, code)
            households, population = unit.households or 0, unit.population or 0
            rng = random.Random(f"base figures {code}")
            figures: dict[str, int | Decimal] = {
                "households": households,
                "poor_households": round(households * rng.uniform(0.01, 0.03)),
                "near_poor_households": round(households * rng.uniform(0.02, 0.04)),
                "population": population,
                "villages": rng.randint(7, 14),
                "schools": rng.randint(3, 4),
                "village_roads": Decimal(rng.randint(80, 190)) / 10,
            }
            BaseFigure.objects.bulk_create(
                BaseFigure(
                    unit=unit,
                    year=2024,
                    key=key,
                    value=value,
                    updated_by=self.users[username],
                    updated_at=datetime(2024, 1, 15, 2, 30, tzinfo=UTC),
                )
                for key, value in figures.items()
            )

    def periods(self) -> None:
        for code, coordinator in ((THANH_HOA, "dieuphoi.thanhhoa"), (HA_TINH, "dieuphoi.hatinh")):
            area, closed_at = self.unit(Level.PROVINCE, code), datetime(2024, 6, 10, 2, 0, tzinfo=UTC)
            may = ReportingPeriod.objects.create(
                area=area,
                kind="month",
                name="Tháng 5 năm 2024",
                ends_on=date(2024, 5, 31),
                due_on=date(2024, 6, 5),
                closed_at=closed_at,
            )
            PeriodStep.objects.create(period=may, kind=PeriodStep.Kind.CLOSED, by=self.users[coordinator], at=closed_at)
            ReportingPeriod.objects.create(
                area=area,
                kind="half_year",
                name="6 tháng đầu năm 2024",
                ends_on=date(2024, 6, 30),
                due_on=date(2024, 7, 10),
            )

    def supplementary(self) -> None:
        """A table of funding in Thanh Hóa, which the communes of one district have filled in for both periods."""
        province = self.unit(Level.PROVINCE, THANH_HOA)
        coordinator = self.users["dieuphoi.thanhhoa"]
        table = SupplementaryTable.objects.create(
            province=province,
            name="Vốn huy động theo nguồn",
            purpose="Vốn đã giải ngân từ đầu năm đến hết kỳ, ngày công và đất dân góp.",
            period_kinds=["month", "half_year", "year"],
            is_funding=True,
            starts_on=date(2024, 1, 1),
            updated_by=coordinator,
        )
        money = {"kind": "money", "measure": "triệu đồng"}
        columns = [
            ("Ngân sách trung ương", money),
            ("Ngân sách tỉnh", money),
            ("Ngân sách huyện, xã", money),
            ("Doanh nghiệp", money),
            ("Dân góp tiền", money),
            ("Ngày công", {"kind": "number", "measure": "công"}),
            ("Đất hiến", {"kind": "number", "measure": "m²"}),
            ("Nguồn khác", {"kind": "text"}),
        ]
        made = [
            SupplementaryColumn.objects.create(
                table=table,
                position=place,
                name=name,
                is_required=more["kind"] == "money",
                added_at=datetime(2024, 1, 2, tzinfo=UTC),
                **more,
            )
            for place, (name, more) in enumerate(columns, 1)
        ]
        rng = random.Random("supplementary")
        communes = Unit.objects.rural_communes().filter(district=self.unit(Level.DISTRICT, DONG_SON))
        for period in province.periods.order_by("ends_on"):
            for unit in communes.existing(period.ends_on).order_by("code"):
                if period.closed_at is None and (unit.code == "16420" or rng.random() < 0.4):
                    continue
                officer = {"16420": "canbo.dongphu", "16414": "canbo.dongthinh"}.get(unit.code, "dieuphoi.thanhhoa")
                told = {"unit": unit, "period": period, "saved_by": self.users[officer]}
                told["saved_at"] = datetime.combine(period.ends_on, time(2), UTC)
                row = SupplementaryReturn.objects.create(table=table, **told)
                SupplementaryValue.objects.bulk_create(
                    SupplementaryValue(filled=row, column=column, number=rng.randrange(0, 4000))
                    for column in made
                    if column.is_summed
                )
                PeriodText.objects.create(
                    **told,
                    results="Hoàn thành đường trục thôn, chỉnh trang nhà văn hóa; vệ sinh môi trường hằng tuần.",
                    difficulties="Huy động dân góp chậm; vật liệu tăng giá.",
                    proposals="Đề nghị huyện, tỉnh cấp xi măng theo tiến độ.",
                )

    # --- invented results ----------------------------------------------------------------

    def results(self, province: Unit) -> None:
        """Opinions of the three stages for the province's rural communes, written in bulk."""
        communes = [
            commune
            for commune in Unit.objects.within(province)
            .rural_communes()
            .filter(closed_on__isnull=True)
            .select_related("district")
            if self.reports(commune.district)
        ]
        indicators = list(
            Indicator.objects.filter(criterion__criteria_set=self.standard).select_related("criterion").order_by("pk")
        )
        demanded = targets.resolve_area(communes, self.standard, date(2024, 6, 30), indicators)
        coordinator = self.users["dieuphoi.thanhhoa" if province.code == THANH_HOA else "dieuphoi.hatinh"]
        revisions: list[Revision] = []
        for commune in communes:
            rng = random.Random(f"results {commune.code}")
            strength = rng.uniform(0.80, 0.995)
            stages = [Stage.SELF]
            if rng.random() < 0.6:
                stages.append(Stage.DISTRICT)
                if strength > 0.93:
                    stages.append(Stage.PROVINCE)
            if commune.code == "16420":  # Đông Phú: something to enter, nothing yet appraised
                strength, stages = 0.93, [Stage.SELF, Stage.DISTRICT]
            held = {
                Stage.SELF: date(2024, 5, rng.randint(10, 31)),
                Stage.DISTRICT: date(2024, 6, rng.randint(3, 14)),
                Stage.PROVINCE: date(2024, 6, rng.randint(17, 27)),
            }
            for indicator in indicators:
                target = demanded[commune.pk][indicator.pk]
                if indicator.part_of_id and not target.operator:
                    continue
                wanted = self.draw(rng, strength)
                for stage in stages:
                    if stage != Stage.SELF and wanted == Verdict.MET and rng.random() < 0.03:
                        wanted = Verdict.NEARLY_MET
                    if stage == Stage.SELF and rng.random() < 0.015:
                        continue
                    judged = self.opinion(rng, commune, indicator, target, wanted)
                    revisions.append(self.revision(commune, indicator, target, stage, judged, held[stage], coordinator))
        Revision.objects.bulk_create(revisions, batch_size=2000)
        self.cache_assessments(communes)
        standings = []
        for stage in Stage:
            judged_units = {r.unit_id for r in revisions if r.stage == stage}
            units = [commune for commune in communes if commune.pk in judged_units]
            for unit_id, fields in publish.compute_standings(units, self.standard, stage).items():
                standings.append(Standing(unit_id=unit_id, criteria_set=self.standard, stage=stage, **fields))
        Standing.objects.bulk_create(standings, batch_size=1000)

    def registrations(self) -> None:
        """The officers' communes and a few others registered to reach the standard in 2024."""
        for province, username in ((THANH_HOA, "dieuphoi.thanhhoa"), (HA_TINH, "dieuphoi.hatinh")):
            communes = Unit.objects.within(self.unit(Level.PROVINCE, province)).rural_communes()
            chosen = [
                unit
                for unit in communes.filter(closed_on__isnull=True)
                if unit.code in OFFICERS or random.Random(f"registered {unit.code}").random() < 0.15
            ]
            Registration.objects.bulk_create(
                Registration(
                    unit=unit,
                    criteria_set=self.standard,
                    year=2024,
                    decision=INVENTED,
                    decided_on=date(2024, 1, 15),
                    recorded_by=self.users[username],
                    recorded_at=datetime(2024, 1, 16, 2, 0, tzinfo=UTC),
                )
                for unit in chosen
            )

    def recognitions(self) -> None:
        """Most communes of a chance choice recognised under the set of 2016–2020, some again under the one after
        it, one revoked since; Kim Lộc before it was merged. The decisions are invented, and say so."""
        rows = []
        for province, username in ((THANH_HOA, "dieuphoi.thanhhoa"), (HA_TINH, "dieuphoi.hatinh")):
            told = {"decision": INVENTED, "recorded_by": self.users[username]}
            told["recorded_at"] = datetime(2024, 1, 16, 2, 0, tzinfo=UTC)
            communes = Unit.objects.within(self.unit(Level.PROVINCE, province)).rural_communes()
            for unit in communes.filter(closed_on__isnull=True).order_by("code"):
                rng = random.Random(f"recognised {unit.code}")
                earlier, later = date(rng.randrange(2016, 2020), 12, 20), date(rng.randrange(2022, 2024), 12, 20)
                if rng.random() < 0.6 and (unit.opened_on is None or unit.opened_on <= earlier):
                    rows.append(Recognition(unit=unit, criteria_set=self.earlier, decided_on=earlier, **told))
                if rng.random() < 0.3 and (unit.opened_on is None or unit.opened_on <= later):
                    rows.append(Recognition(unit=unit, criteria_set=self.standard, decided_on=later, **told))
        kim_loc = self.unit(Level.COMMUNE, "18424", date(2018, 7, 1))
        rows.append(Recognition(unit=kim_loc, criteria_set=self.earlier, decided_on=date(2018, 12, 20), **told))
        revoked = next(row for row in rows if row.criteria_set == self.standard)
        revoked.revoked_decision, revoked.revoked_on = f"{INVENTED} (thu hồi)", date(2024, 5, 15)
        revoked.revoked_at, revoked.revoked_by = datetime(2024, 5, 16, 2, 0, tzinfo=UTC), revoked.recorded_by
        Recognition.objects.bulk_create(rows)

    def plans(self) -> None:
        """The officers' communes plan to meet by the year's end nearly all of what they don't meet yet."""
        for code, username in OFFICERS.items():
            unit = self.unit(Level.COMMUNE, code)
            rng = random.Random(f"plans {code}")
            said = Assessment.objects.filter(
                unit=unit, stage=Stage.SELF, indicator__criterion__criteria_set=self.standard
            ).select_related("revision")
            rows = []
            for one in said.order_by("pk"):
                keeps = one.verdict in {Verdict.MET, Verdict.FIRMLY_MET, Verdict.NOT_APPLICABLE} or rng.random() < 0.2
                value = one.value if keeps or one.revision.target_value is None else one.revision.target_value
                told = {"value": value, "verdict": one.verdict if keeps else Verdict.MET, "note": one.note[:500]}
                rows.append(
                    Plan(
                        unit=unit,
                        indicator_id=one.indicator_id,
                        ends_on=date(2024, 12, 31),
                        saved_by=self.users[username],
                        saved_at=datetime(2024, 6, 3, 2, 0, tzinfo=UTC),
                        **told,
                    )
                )
            Plan.objects.bulk_create(rows)

    @staticmethod
    def reports(district: Unit) -> bool:
        """About half of the districts have reported, so that "n/N xã" is to be seen."""
        return district.code in {DONG_SON, CAN_LOC} or random.Random(f"reports {district.code}").random() < 0.45

    @staticmethod
    def cache_assessments(communes: list[Unit]) -> None:
        """Each indicator has one revision a stage here, so that the cache is its copy."""
        columns = ", ".join(str(f.column) for f in Assessment._meta.concrete_fields if f.name not in {"id", "revision"})
        marks = ", ".join(["%s"] * len(communes))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO criteria_assessment (revision_id, {columns}) "  # noqa: S608 - our own column names
                f"SELECT id, {columns} FROM criteria_revision WHERE unit_id IN ({marks})",
                [commune.pk for commune in communes],
            )

    @staticmethod
    def draw(rng: random.Random, strength: float) -> str:
        drawn = rng.random()
        if drawn < strength:
            return Verdict.MET
        return Verdict.NEARLY_MET if drawn < strength + (1 - strength) * 0.7 else Verdict.NOT_MET

    def opinion(
        self, rng: random.Random, unit: Unit, indicator: Indicator, target: Resolved, wanted: str, by_team: bool = False
    ) -> Judged:
        """An opinion that fits the wanted verdict, through the same check as a person's."""
        value = part = whole = entered = None
        if indicator.is_numeric and target.operator in NUMERIC_OPERATORS and target.value is not None:
            value = self.figure(rng, target, wanted)
            if indicator.kind == Indicator.Kind.PERCENT and " hộ " in f" {indicator.name} " and unit.households:
                whole = Decimal(unit.households)
                counted = whole * value / 100
                up = (target.operator == "<=") != (wanted in {Verdict.MET, Verdict.FIRMLY_MET})
                part = counted.to_integral_value("ROUND_CEILING" if up else "ROUND_FLOOR")
                value = None
            elif indicator.kind == Indicator.Kind.COUNT:
                value = value.to_integral_value()
        elif wanted in {Verdict.NEARLY_MET, Verdict.NOT_MET}:
            low, high = (82, 97) if wanted == Verdict.NEARLY_MET else (40, 75)
            entered = Decimal(rng.randint(low, high))
        return judge(
            indicator,
            target,
            verdict=wanted,
            value=value,
            part=part,
            whole=whole,
            entered_attainment=entered,
            note="",
            by_team=by_team,
        )

    @staticmethod
    def figure(rng: random.Random, target: Resolved, wanted: str) -> Decimal:
        """A value on the wanted side of the target."""
        goal = target.value or Decimal(0)
        share = Decimal(
            str(round(rng.uniform(0.86, 0.97) if wanted == Verdict.NEARLY_MET else rng.uniform(0.5, 0.75), 3))
        )
        met = wanted in {Verdict.MET, Verdict.FIRMLY_MET}
        more = Decimal(str(round(rng.uniform(0, 0.6), 2)))
        if target.operator == "=":
            return goal if met else goal + rng.randint(1, 4)
        if target.operator == ">=":
            if met:
                room = (Decimal(100) - goal) if goal <= 100 else goal / 5
                return round_half_up(goal + room * more, 1)
            return round_half_up(goal * share, 1)
        if met:
            return round_half_up(goal * (1 - more / 2), 2)
        return round_half_up(goal / share if goal else Decimal(1), 2)

    @staticmethod
    def revision(
        unit: Unit, indicator: Indicator, target: Resolved, stage: str, judged: Judged, held_on: date, by: User
    ) -> Revision:
        return Revision(
            unit=unit,
            indicator=indicator,
            stage=stage,
            verdict=judged.verdict,
            value=judged.value,
            part=judged.part,
            whole=judged.whole,
            attainment=judged.attainment,
            note=judged.note,
            target=target.target,
            target_operator=target.operator,
            target_value=target.value,
            target_text=target.text,
            effective_on=held_on,
            recorded_at=datetime.combine(held_on + timedelta(days=1), time(2, 30), tzinfo=UTC),
            recorded_by=by,
            source=Source.IMPORT,
            source_ref=INVENTED,
        )

    def own_drafts(self) -> None:
        """The rows of the communes whose officers sign in equal what was sent; some wait to be entered."""
        for code, username in OFFICERS.items():
            unit = self.unit(Level.COMMUNE, code)
            if code == "16420":
                self.withdraw(unit, ["17.11", "12.1", "13.4"])
            Entry.objects.bulk_create(
                Entry(
                    unit=unit,
                    indicator_id=a.indicator_id,
                    effective_on=a.effective_on,
                    version=1,
                    sent_version=1,
                    updated_by=self.users[username],
                    updated_at=a.revision.recorded_at,
                    entered_attainment=a.attainment if a.value is None and a.verdict != Verdict.MET else None,
                    **{
                        field: getattr(a, field)
                        for field in ("verdict", "value", "part", "whole", "attainment", "note")
                    },
                )
                for a in Assessment.objects.filter(
                    unit=unit, stage=Stage.SELF, indicator__criterion__criteria_set=self.standard
                ).select_related("revision")
            )

    def withdraw(self, unit: Unit, codes: list[str]) -> None:
        """Leave indicators without an opinion of the commune, for a visitor to enter."""
        rows = Revision.objects.filter(
            unit=unit, stage=Stage.SELF, indicator__code__in=codes, indicator__criterion__criteria_set=self.standard
        )
        Assessment.objects.filter(revision__in=rows).delete()
        rows.delete()
        publish.refresh_standing(unit, self.standard, Stage.SELF)

    def evidence(self) -> None:
        """Paper-only documents for what the three communes claim, named as invented."""
        for code, username in OFFICERS.items():
            unit = self.unit(Level.COMMUNE, code)
            rng = random.Random(f"evidence {code}")
            claimed = Assessment.objects.filter(unit=unit, stage=Stage.SELF, verdict=Verdict.MET).select_related(
                "indicator__criterion"
            )
            by_criterion: dict[Criterion, list[Indicator]] = defaultdict(list)
            for assessment in claimed.order_by("indicator__criterion__number", "indicator__position"):
                if rng.random() < 0.85:
                    by_criterion[assessment.indicator.criterion].append(assessment.indicator)
            for criterion, indicators in by_criterion.items():
                issued = date(2024, rng.randint(1, 5), rng.randint(1, 28))
                document = Evidence(
                    unit=unit,
                    form=Evidence.Form.PAPER,
                    title=f"Báo cáo kết quả thực hiện tiêu chí {criterion.number} ({INVENTED.lower()})",
                    document_number=f"{rng.randint(10, 180)}/BC-UBND",
                    issued_on=issued,
                    kept_at="Văn phòng UBND xã",
                    uploaded_by=self.users[username],
                    uploaded_at=datetime.combine(issued, time(3), tzinfo=UTC),
                )
                document.set_search_text()
                document.save()
                EvidenceLink.objects.bulk_create(
                    EvidenceLink(
                        evidence=document,
                        unit=unit,
                        indicator=indicator,
                        created_by=self.users[username],
                        created_at=document.uploaded_at,
                        published_at=document.uploaded_at,
                    )
                    for indicator in indicators
                )

    # --- visits --------------------------------------------------------------------------

    def kim_loc(self) -> None:
        """The joint team's visit to Kim Lộc in July 2018: six criteria firmly met, the rest nearly."""
        unit = self.unit(Level.COMMUNE, "18424", HELD_IN_KIM_LOC)
        leader = self.users["doan.hatinh"]
        visit = Visit.objects.create(
            code=f"{HA_TINH}-2018-001",
            unit=unit,
            criteria_set=self.earlier,
            stage=Stage.PROVINCE,
            kind=Visit.Kind.APPRAISAL,
            decision_number=INVENTED,
            planned_on=HELD_IN_KIM_LOC,
            state=Visit.State.UNDER_WAY,
            held_on=HELD_IN_KIM_LOC,
            planned_by=leader,
        )
        TeamMember.objects.create(
            visit=visit,
            user=leader,
            name=leader.full_name,
            post="Trưởng đoàn",
            organisation="Đoàn liên ngành tỉnh Hà Tĩnh",
            role=TeamMember.Role.LEADER,
        )
        for name, post, organisation in (
            ("Đại diện Ban chỉ đạo huyện", "Thành phần tham dự", "Huyện Can Lộc"),
            ("Đại diện lãnh đạo xã", "Thành phần tham dự", "Xã Kim Lộc"),
        ):
            TeamMember.objects.create(
                visit=visit, name=name, post=post, organisation=organisation, role=TeamMember.Role.ATTENDEE
            )
        rng = random.Random("Kim Lộc 2018")
        self.score(visit, rng, lambda number: Verdict.FIRMLY_MET if number in FIRM_IN_KIM_LOC else Verdict.NEARLY_MET)
        for number, description, recommendation, due in (
            (
                2,
                "Một số tuyến đường trục thôn chưa được cứng hóa.",
                "Hoàn thành các tuyến còn lại.",
                date(2018, 10, 30),
            ),
            (
                6,
                "Khu thể thao xã còn thiếu hạng mục phụ trợ.",
                "Bố trí vốn hoàn thiện khu thể thao.",
                date(2018, 11, 30),
            ),
            (
                17,
                "Vệ sinh môi trường tại một số khu dân cư chưa bảo đảm.",
                "Ra quân chỉnh trang, thu gom rác.",
                date(2018, 9, 30),
            ),
        ):
            self.finding(visit, number, description, recommendation, due, leader)
        conclude(
            visit,
            held_on=HELD_IN_KIM_LOC,
            commune_opinion="Xã tiếp thu ý kiến của đoàn và cam kết khắc phục đúng thời hạn.",
            summary=self.summary(visit),
            unscored_reason="",
            by=leader,
        )
        self.stamp(visit, HELD_IN_KIM_LOC)

    @staticmethod
    def stamp(visit: Visit, day: date) -> None:
        """Set a visit's moments to the day it was held: concluded at 17:00, planned ten days before."""
        told = datetime.combine(day, time(10), tzinfo=UTC)
        Visit.objects.filter(pk=visit.pk).update(concluded_at=told, created_at=told - timedelta(days=10))
        Score.objects.filter(visit=visit).update(scored_at=told - timedelta(hours=2))
        Finding.objects.filter(visit=visit).update(created_at=told - timedelta(hours=1))
        FindingEvent.objects.filter(finding__visit=visit).update(at=told)
        MinutesFile.objects.filter(visit=visit).update(at=told)
        Revision.objects.filter(source=Source.VISIT, source_ref=visit.code).update(recorded_at=told)

    def score(self, visit: Visit, rng: random.Random, wanted: Any) -> None:
        """Score everything in the visit's set; `wanted` gives the verdict by criterion number."""
        leader = visit.team.get(role=TeamMember.Role.LEADER).user
        indicators = Indicator.objects.filter(criterion__criteria_set=visit.criteria_set).select_related("criterion")
        demanded = targets.resolve_unit(visit.unit, visit.criteria_set, visit.day, indicators)
        scores = []
        for indicator in indicators.order_by("pk"):
            target = demanded[indicator.pk]
            if indicator.part_of_id and not target.operator:
                continue
            judged = self.opinion(rng, visit.unit, indicator, target, wanted(indicator.criterion.number), by_team=True)
            scores.append(
                Score(
                    visit=visit,
                    indicator=indicator,
                    scorer=leader,
                    **{name: getattr(judged, name) for name in ("verdict", "value", "part", "whole", "attainment")},
                    entered_attainment=judged.entered_attainment,
                )
            )
        Score.objects.bulk_create(scores)

    def finding(self, visit: Visit, number: int, description: str, recommendation: str, due: date, by: User) -> Finding:
        return Finding.objects.create(
            visit=visit,
            criterion=visit.criteria_set.criteria.get(number=number),
            description=description,
            recommendation=recommendation,
            due_on=due,
            created_by=by,
        )

    @staticmethod
    def summary(visit: Visit) -> str:
        return summary_sentence(visit_progress(visit).states, visit.criteria_set.criteria.count())

    def questions(self) -> None:
        """What the department and the district ask Đông Phú: one to answer, one answered."""
        unit = self.unit(Level.COMMUNE, "16420")
        indicators = {i.code: i for i in Indicator.objects.filter(criterion__criteria_set=self.standard)}
        Question.objects.create(
            unit=unit,
            indicator=indicators["14.1"],
            office=Stage.PROVINCE,
            from_commune=False,
            text="Đề nghị bổ sung quyết định công nhận đạt chuẩn phổ cập giáo dục năm 2023.",
            due_on=date(2024, 7, 10),
            asked_by=self.users["so.giaoduc"],
            asked_at=datetime(2024, 6, 25, 2, 0, tzinfo=UTC),
        )
        answered = Question.objects.create(
            unit=unit,
            indicator=indicators["17.1"],
            office=Stage.DISTRICT,
            from_commune=False,
            text="Số hộ dùng nước sạch tính theo rà soát tháng nào?",
            state=Question.State.ANSWERED,
            version=1,
            asked_by=self.users["huyen.dongson"],
            asked_at=datetime(2024, 6, 24, 2, 0, tzinfo=UTC),
        )
        QuestionMessage.objects.create(
            question=answered,
            kind=QuestionMessage.Kind.ANSWER,
            text="Theo rà soát cuối tháng 5/2024 của các thôn.",
            by=self.users["canbo.dongphu"],
            at=datetime(2024, 6, 24, 8, 30, tzinfo=UTC),
        )

    def visits(self) -> None:
        """A verification by the district that left something to remedy, and one visit to come in each province."""
        district = self.users["huyen.dongson"]
        visit = Visit.objects.create(
            code=f"{THANH_HOA}-2024-001",
            unit=self.unit(Level.COMMUNE, "16414"),
            criteria_set=self.standard,
            stage=Stage.DISTRICT,
            kind=Visit.Kind.VERIFICATION,
            decision_number=INVENTED,
            planned_on=date(2024, 6, 20),
            state=Visit.State.UNDER_WAY,
            held_on=date(2024, 6, 20),
            planned_by=district,
        )
        TeamMember.objects.create(
            visit=visit, user=district, name=district.full_name, post="Trưởng đoàn", role=TeamMember.Role.LEADER
        )
        rng = random.Random("Đông Thịnh 2024")
        self.score(visit, rng, lambda number: Verdict.NEARLY_MET if number in {2, 17} else Verdict.MET)
        self.finding(
            visit,
            17,
            "Tỷ lệ phân loại rác tại nguồn ở hai thôn còn thấp.",
            "Tập huấn và cấp thùng phân loại cho các hộ.",
            date(2024, 6, 28),
            district,
        )
        self.finding(
            visit,
            2,
            "Đường nội đồng thôn cuối xã chưa cứng hóa hết.",
            "Hoàn thành 0,6 km.",
            date(2024, 8, 31),
            district,
        )
        conclude(
            visit,
            held_on=date(2024, 6, 20),
            commune_opinion="Xã nhất trí với kết quả thẩm tra.",
            summary=self.summary(visit),
            unscored_reason="",
            by=district,
        )
        self.stamp(visit, date(2024, 6, 20))
        for code, unit, username, day in (
            (f"{THANH_HOA}-2024-002", "16414", "doan.truong", date(2024, 7, 9)),
            (f"{HA_TINH}-2024-001", "18436", "doan.hatinh", date(2024, 7, 4)),
        ):
            leader = self.users[username]
            planned = Visit.objects.create(
                code=code,
                unit=self.unit(Level.COMMUNE, unit),
                criteria_set=self.standard,
                stage=Stage.PROVINCE,
                kind=Visit.Kind.APPRAISAL,
                decision_number=INVENTED,
                planned_on=day,
                planned_by=leader,
            )
            TeamMember.objects.create(
                visit=planned, user=leader, name=leader.full_name, post=leader.post, role=TeamMember.Role.LEADER
            )

    # --- meetings ------------------------------------------------------------------------

    def meetings(self) -> None:
        """A meeting of Đông Sơn at which what the verification of Đông Thịnh left open was shared out."""
        district, staff = self.unit(Level.DISTRICT, DONG_SON), self.users["huyen.dongson"]
        meeting = Meeting.objects.create(
            unit=district,
            title="Giao ban tiến độ nông thôn mới tháng 6 năm 2024",
            held_on=date(2024, 6, 24),
            chair_post="Phó Chủ tịch UBND huyện",
            participants="Văn phòng điều phối huyện\nPhòng Nông nghiệp và Phát triển nông thôn\nLãnh đạo các xã",
            created_by=staff,
        )
        findings = Finding.objects.filter(visit__code=f"{THANH_HOA}-2024-001").select_related("visit")
        for position, finding in enumerate(findings.order_by("due_on"), start=1):
            MeetingItem.objects.create(
                meeting=meeting,
                position=position,
                finding=finding,
                unit_id=finding.visit.unit_id,
                text=finding.description,
                next_step=finding.recommendation,
                by_post="Chủ tịch UBND xã Đông Thịnh",
                due_on=finding.due_on,
            )
