"""Two communes, their district, a department and a province's team at work in any order, fresh and stale.

Each run keeps its own short account of what was said; after each step the stored world must equal it:
published is what was last sent and what was last concluded, drafts are seen by nobody above, and states
move by the table only. A run begins amid the work and must come to every outcome of OUTCOMES by itself:
one that no longer comes about is one that is no longer tested.
"""

import datetime
import random
from collections import Counter
from decimal import Decimal
from functools import partial

import pytest
from django.core.exceptions import PermissionDenied

from communes.models import Role
from criteria import submissions
from criteria.checks import Refused
from criteria.entries import save_entry
from criteria.models import Assessment, CriterionDepartment, Entry, Standing, Submission
from criteria.publish import ChangedMeanwhile, NothingToSend, compute_standings, send
from criteria.submissions import StepRefused
from criteria.verdicts import Stage
from inspections import conclude as conclusion
from inspections import desk, findings, planning, scoring
from inspections.desk import Judgement
from inspections.models import Finding, Score, Visit
from tests.factories import MembershipFactory
from tests.inspections.world import TODAY, build_place

DAYS = [TODAY - datetime.timedelta(days=back) for back in (10, 5, 0)]
CODES = ["1.1", "1.2", "2.1", "3.1"]
OWN = CODES[:2]  # criterion 1, the department's
SELF, PROVINCE = Stage.SELF.value, Stage.PROVINCE.value
# What may be said of each indicator; 1.1 has a confirmed target of 95, so that the last of its rows is refused.
SAYINGS = {
    "1.1": [("", None), ("met", 96), ("met", 99), ("not_met", 60), ("met", 51)],
    "1.2": [("", None), ("met", None), ("not_met", None), ("not_applicable", None)],
    "2.1": [("", None), ("met", None), ("nearly_met", None), ("not_met", None)],
    "3.1": [("", None), ("met", 50), ("not_met", 40)],
}
REFUSED = ("met", 51)
SAYING = [(code, said) for code in CODES for said in SAYINGS[code]] + [("1.1", REFUSED)] * 2

# A run takes so many steps at least, and goes on until it has come to every outcome, or fails.
SEEDS, AT_LEAST, AT_MOST = 4, 200, 800
COMMUNE, DAY = [0, 0, 0, 1], DAYS
SELDOM, OFTEN = [False, False, False, True], [False, True]
# How often a step comes, and what there must be before.
STEPS = {
    "enter": (7, ""),
    "open_the_sending": (1, "drafts"),
    "send": (6, "drafts"),
    "answer": (5, "sendings"),
    "open_the_desk": (1, "sendings"),
    "review": (4, "sendings"),
    "plan": (4, ""),
    "start_or_cancel": (6, "visits"),
    "score": (12, "visits"),
    "raise_finding": (4, "visits"),
    "open_the_conclusion": (3, "visits"),
    "conclude": (7, "visits"),
    "follow": (9, "findings"),
}

# The tables, written out once more so that a changed one is noticed: step → where it begins, where it ends.
GOING = {"planned": "planned", "under_way": "under_way"}
VISIT_STEPS = {
    "start": {"planned": "under_way", "under_way": "under_way"},
    "cancel": {"planned": "cancelled", "under_way": "cancelled"},
    "conclude": {"planned": "concluded", "under_way": "concluded"},
    "score": GOING,
    "raise a finding": GOING,
}
FINDING_STEPS = {
    "remedy": {"open": "remedied"},
    "close": {"remedied": "closed"},
    "reopen": {"remedied": "open", "closed": "open"},
}
RECEIVE = {"sent": "received"}
RETURN = {"sent": "returned", "received": "returned", "returned": "returned"}

OUTCOMES = {
    "entered", "entry refused",
    "sent", "nothing to send", "sending changed meanwhile",
    "received", "returned", "answer refused",
    "published by review", "review changed meanwhile", "review refused",
    "planned", "planned twice", "score saved", "score stale", "score refused", "finding raised",
    "published by visit", "conclusion changed meanwhile", "conclusion refused",
    "finding remedied", "finding closed", "finding reopened", "finding out of step", "finding still a draft",
    *(f"{step} on a {state} visit" for step in VISIT_STEPS for state in ("concluded", "cancelled")),
}  # fmt: skip


def figure(number):
    return None if number is None else Decimal(number)


def opinion(said):
    verdict, value = said
    note = "Không có đối tượng" if verdict == "not_applicable" else ""
    return {"verdict": verdict, "value": figure(value), "note": note}


def criterion_of(code):
    return int(code[0])


def falling(*answers):
    """Dice that fall as told."""
    found = iter(answers)
    return lambda _: next(found)


class Work:
    """`said` holds what was published: by (stage, commune, code) rows of (day, number, verdict, value)."""

    def __init__(self, place):
        self.place = place
        self.units = [place.unit, place.neighbour]
        self.indicators = {code: place.indicator(code) for code in CODES}
        self.criteria = {number: place.criterion(number) for number in (1, 2, 3)}
        self.outcomes = Counter()
        self.said, self.count = {}, 0
        self.drafts, self.sent_versions = {}, {}  # by (commune, code): (version, said, day); version last sent
        self.sendings = {}  # by key: commune, state, codes, returned
        self.visits = {}  # by key: commune, state, scope, official, scores
        self.findings = {}  # by key: visit, state, criterion
        self.opened = {}  # pages as they were last opened
        self.turn, self.checked = 0, 0

    def prepare(self):
        """Results sent, a draft beside them; a visit under way, one concluded with a finding, one cancelled."""
        for code in CODES:
            self.enter(falling(0, (code, SAYINGS[code][1]), DAYS[0]))
        self.enter(falling(1, ("2.1", ("met", None)), DAYS[0]))
        self.send(falling(0, None, False))
        self.enter(falling(0, ("2.1", ("not_met", None)), DAYS[1]))
        for day, narrow in ((DAYS[0], True), (DAYS[1], False), (DAYS[2], True)):
            self.plan(falling(0, day, narrow, False))
        concluded, under_way, cancelled = sorted(self.visits)
        for pk in (concluded, under_way):
            self.start_or_cancel(falling("going", pk, "start"))
            for code in OWN:
                self.score(falling("going", pk, (code, SAYINGS[code][1]), False, False))
            self.raise_finding(falling("going", pk, 1))
        self.conclude(falling("going", concluded, DAYS[0], ""))
        self.start_or_cancel(falling("going", cancelled, "cancel"))
        self.check()

    def run(self, seed):
        choice = random.Random(seed).choice
        self.prepare()
        self.outcomes.clear()
        for taken in range(AT_MOST):
            if taken >= AT_LEAST and self.outcomes.keys() >= OUTCOMES:
                break
            possible = [
                name
                for name, (weight, needs) in STEPS.items()
                if not needs or getattr(self, needs)
                for _ in range(weight)
            ]
            getattr(self, choice(possible))(choice)
            self.check()

    # --- the account ---------------------------------------------------------------

    def person(self, name):
        """Somebody who comes with a request of their own: roles are kept for the length of one."""
        found = getattr(self.place, name)
        found.__dict__.pop("_roles", None)
        return found

    def publish(self, stage, commune, code, day, said):
        self.count += 1
        self.said.setdefault((stage, commune, code), []).append((day, self.count, *said))

    def current(self, stage, commune, code):
        return max(self.said.get((stage, commune, code), []), default=None)

    def standing_opinion(self, stage, commune, code):
        found = self.current(stage, commune, code)
        return found if found and found[2] else None

    def unsent(self, commune):
        """By criterion, the versions that wait to be sent."""
        waits = {}
        for (unit, code), (version, *_) in self.drafts.items():
            if unit == commune and self.sent_versions.get((unit, code)) != version:
                waits.setdefault(criterion_of(code), set()).add((code, version))
        return waits

    # --- the communes --------------------------------------------------------------

    def enter(self, draw):
        commune, (code, said), day = draw(COMMUNE), draw(SAYING), draw(DAY)
        key = (commune, code)
        version, *before = self.drafts.get(key, (0, ("", None), None))
        try:
            save_entry(
                self.units[commune], self.place.criteria_set, self.indicators[code], opinion(said),
                effective_on=day, seen_version=version, by=self.person(("officer", "neighbour_officer")[commune]),
            )  # fmt: skip
        except Refused:
            assert said == REFUSED
            self.outcomes["entry refused"] += 1
            return
        assert said != REFUSED
        self.outcomes["entered"] += 1
        if before != [said, day] and (version or said[0]):
            self.drafts[key] = (version + 1, said, day)

    def open_the_sending(self, draw):
        self.read_the_sending(draw(COMMUNE))

    def read_the_sending(self, commune):
        waiting = submissions.waiting(self.units[commune], self.place.criteria_set)
        shown = {pk: row.seen for pk, row in waiting.items() if row.seen}
        self.opened["sending", commune] = (shown, self.unsent(commune))

    def send(self, draw):
        """All criteria or one, on the page as it is now or as it was opened."""
        commune, only = draw(COMMUNE), draw([None, 1, 2, 3])
        if ("sending", commune) not in self.opened or not draw(OFTEN):
            self.read_the_sending(commune)
        shown, believed = self.opened["sending", commune]
        numbers = [number for number in believed if only in (None, number)]
        shown = {self.criteria[number].pk: shown[self.criteria[number].pk] for number in numbers}
        waits = {number: rows for number, rows in self.unsent(commune).items() if number in numbers}
        by = self.person(("officer", "chair")[commune])
        try:
            sending = send(self.units[commune], self.place.criteria_set, by, shown)
        except NothingToSend:
            assert not waits
            self.outcomes["nothing to send"] += 1
            return
        except ChangedMeanwhile:
            assert waits != {number: believed[number] for number in numbers}
            self.outcomes["sending changed meanwhile"] += 1
            return
        assert waits == {number: believed[number] for number in numbers}
        self.outcomes["sent"] += 1
        codes = sorted(code for rows in waits.values() for code, _ in rows)
        for code in codes:
            version, said, day = self.drafts[commune, code]
            self.publish(SELF, commune, code, day, said)
            self.sent_versions[commune, code] = version
        self.sendings[sending.pk] = {"commune": commune, "state": "sent", "codes": codes, "returned": set()}

    def answer(self, draw):
        by, returns = draw(["district_staff", "coordinator", "reviewer"]), draw([False, True])
        fresh = [pk for pk, row in self.sendings.items() if row["state"] == "sent"]
        pk = draw(sorted(self.sendings if draw(SELDOM) or not fresh else fresh))
        told = self.sendings[pk]
        code = draw(told["codes"])
        later = [
            other for key, other in self.sendings.items()
            if key > pk and other["commune"] == told["commune"] and code in other["codes"]
        ]  # fmt: skip
        sending = Submission.objects.get(pk=pk)
        try:
            if returns:
                submissions.return_(sending, {self.indicators[code].pk: "Bổ sung"}, by=self.person(by))
            else:
                submissions.receive(sending, by=self.person(by))
        except PermissionDenied:
            assert by == "reviewer"
            assert not returns
            self.outcomes["answer refused"] += 1
            return
        except StepRefused:
            foreign = by == "reviewer" and code not in OWN
            assert (later or code in told["returned"] or foreign) if returns else told["state"] not in RECEIVE
            self.outcomes["answer refused"] += 1
            return
        assert returns or by != "reviewer"
        assert not returns or not (later or code in told["returned"] or (by == "reviewer" and code not in OWN))
        self.outcomes["returned" if returns else "received"] += 1
        if returns:
            told["returned"].add(code)
        if by != "reviewer":
            told["state"] = (RETURN if returns else RECEIVE)[told["state"]]

    # --- a department --------------------------------------------------------------

    def fingerprint(self, commune):
        return [self.standing_opinion(stage, commune, code) for stage in (SELF, PROVINCE) for code in OWN]

    def open_the_desk(self, draw):
        self.read_the_desk(draw(COMMUNE))

    def read_the_desk(self, commune):
        reviewer = self.person("reviewer")
        (row,) = desk.desk_rows([self.units[commune]], self.criteria[1], self.place.criteria_set, reviewer)
        claims = {line.indicator.code: line.claim["revision_id"] for line in row.lines if line.claim}
        self.opened["desk", commune] = (row.seen, self.fingerprint(commune), claims)

    def review(self, draw):
        commune, comment = draw(COMMUNE), draw(["", "Đã xem hồ sơ"])
        words = [draw(["agree", "agree", None, *SAYINGS[code][1:]]) for code in OWN]
        if ("desk", commune) not in self.opened or not draw(OFTEN):
            self.read_the_desk(commune)
        seen, believed, claims = self.opened["desk", commune]
        given = {code: said for code, said in zip(OWN, words, strict=True) if said}
        judgements = {
            self.indicators[code].pk: Judgement(agrees_to=claims.get(code, 0))
            if said == "agree"
            else Judgement(opinion={"verdict": said[0], "value": figure(said[1])})
            for code, said in given.items()
        }
        claimed = {code: self.standing_opinion(SELF, commune, code) for code in OWN}
        refused = (
            not given
            or (len(given) < len(OWN) and not comment)
            or any(said == REFUSED for said in given.values())
            or any(said == "agree" and not claimed[code] for code, said in given.items())
            or (given.get("1.2") == ("not_applicable", None) and not comment)
        )
        stale = believed != self.fingerprint(commune)
        try:
            visit = desk.review(
                self.units[commune],
                self.criteria[1],
                judgements,
                comment=comment,
                seen=seen,
                by=self.person("reviewer"),
            )
        except (desk.ChangedMeanwhile, desk.Recorded):
            assert stale
            self.outcomes["review changed meanwhile"] += 1
            return
        except desk.ReviewRefused:
            assert refused
            self.outcomes["review refused"] += 1
            return
        assert not stale
        assert not refused
        self.outcomes["published by review"] += 1
        scores = {code: claimed[code][2:] if said == "agree" else said for code, said in given.items()}
        for code, said in scores.items():
            self.publish(PROVINCE, commune, code, TODAY, said)
        self.visits[visit.pk] = {
            "commune": commune, "state": "concluded", "scope": OWN, "official": True, "scores": scores,
        }  # fmt: skip

    # --- the province's team -------------------------------------------------------

    def take(self, pk, step, act):
        """A step of a visit: refused where the table has none, and then it leaves no trace."""
        state = self.visits[pk]["state"]
        try:
            done = act()
        except planning.Closed:
            assert state not in VISIT_STEPS[step]
            self.outcomes[f"{step} on a {state} visit"] += 1
            return None
        assert state in VISIT_STEPS[step]
        self.visits[pk]["state"] = VISIT_STEPS[step][state]
        return done or True

    def some_visit(self, draw):
        """Half of the time one that still goes on, else one concluded or cancelled."""
        state = draw(["going", "going", "concluded", "cancelled"])
        every = sorted(self.visits)
        fit = [pk for pk in every if state in (self.visits[pk]["state"], self.visits[pk]["state"] in GOING and "going")]
        return draw(fit or every)

    def plan(self, draw):
        commune, day, narrow, official = (
            draw(COMMUNE),
            draw([TODAY, TODAY, TODAY, *DAY]),
            draw([False, True]),
            not draw(SELDOM),
        )
        kind = Visit.Kind.APPRAISAL if official else Visit.Kind.MONITORING
        same = {"commune": commune, "planned_on": day, "official": official}
        try:
            visit = planning.plan_visit(
                unit=self.units[commune], criteria_set=self.place.criteria_set, stage=PROVINCE, kind=kind,
                planned_on=day, records_opinion=official, by=self.person("leader"),
                criteria=[self.criteria[1]] if narrow else [],
            )  # fmt: skip
        except planning.Twice as twice:
            assert same.items() <= self.visits[twice.visit.pk].items()
            assert self.visits[twice.visit.pk]["state"] in GOING
            self.outcomes["planned twice"] += 1
            return
        self.outcomes["planned"] += 1
        self.visits[visit.pk] = same | {"state": "planned", "scope": OWN if narrow else CODES, "scores": {}}

    def start_or_cancel(self, draw):
        pk, step = self.some_visit(draw), draw(["start", "start", "cancel"])
        visit = Visit.objects.get(pk=pk)
        act = {"start": planning.start_visit, "cancel": partial(planning.cancel_visit, reason="Trùng lịch")}[step]
        self.take(pk, step, lambda: act(visit))

    def score(self, draw):
        pk, (code, said), agrees, stale = self.some_visit(draw), draw(SAYING), draw([False, True]), draw(OFTEN)
        told = self.visits[pk]
        stored = Score.objects.filter(visit=pk, indicator=self.indicators[code]).first()
        versions = (stored.version, stored.note_version) if stored else (0, 0)
        claim = self.standing_opinion(SELF, told["commune"], code)
        revision = Assessment.objects.filter(
            unit=self.units[told["commune"]], indicator=self.indicators[code], stage=SELF
        ).first()
        common = {"seen_version": versions[0] + stale, "by": self.person("leader")}
        visit = Visit.objects.get(pk=pk)
        if agrees:
            said = claim[2:] if claim else None
            act = partial(scoring.agree, seen_claim=revision.revision_id if revision else 0)
            act = partial(act, visit, self.indicators[code], **common)
        else:
            act = partial(scoring.save_score, seen_note_version=versions[1])
            act = partial(act, visit, self.indicators[code], opinion(said), **common)
        try:
            saved = self.take(pk, "score", act)
        except Refused:
            assert said in (None, REFUSED)
            self.outcomes["score refused"] += 1
            return
        except scoring.Stale:
            assert stale
            self.outcomes["score stale"] += 1
            return
        if saved:
            assert said not in (None, REFUSED)
            assert not stale or told["scores"].get(code, ("", None)) == said, "saved over what was never seen"
            self.outcomes["score saved"] += 1
            if said[0] or code in told["scores"]:
                told["scores"][code] = said

    def raise_finding(self, draw):
        pk, number = self.some_visit(draw), draw([1, 2, 3])
        fields = {"criterion": self.criteria[number], "indicator": None, "description": "Còn thiếu"}
        fields["due_on"] = TODAY + datetime.timedelta(days=30)
        visit = Visit.objects.get(pk=pk)
        found = self.take(
            pk, "raise a finding", lambda: findings.raise_finding(visit, fields, by=self.person("leader"))
        )
        if found:
            self.outcomes["finding raised"] += 1
            self.findings[found.pk] = {"visit": pk, "state": "open", "criterion": number}

    def worked(self, pk):
        """What a conclusion of the visit sums up."""
        notes = sorted(key for key, told in self.findings.items() if told["visit"] == pk)
        return dict(self.visits[pk]["scores"]), notes, self.visits[pk]["state"]

    def open_the_conclusion(self, draw):
        self.read_the_conclusion(self.some_visit(draw))

    def read_the_conclusion(self, pk):
        seen = conclusion.fingerprint(Visit.objects.get(pk=pk))
        self.opened["conclusion", pk] = (seen, self.worked(pk))

    def conclude(self, draw):
        pk, day, reason = self.some_visit(draw), draw(DAY), draw(["", "Xem sau", "Xem sau", "Xem sau"])
        told = self.visits[pk]
        visit = Visit.objects.get(pk=pk)
        if ("conclusion", pk) not in self.opened or not draw(OFTEN):
            self.read_the_conclusion(pk)
        seen, believed = self.opened["conclusion", pk]
        published = {code: said for code, said in told["scores"].items() if code in told["scope"] and said[0]}
        lacking = told["official"] and (not published or (len(published) < len(told["scope"]) and not reason))
        changed = believed != self.worked(pk)
        act = partial(
            conclusion.conclude, visit, held_on=day, commune_opinion="", summary="Đã kiểm tra",
            unscored_reason=reason, by=self.person("leader"), seen_fingerprint=seen,
        )  # fmt: skip
        try:
            done = self.take(pk, "conclude", act)
        except conclusion.ScoresChanged:
            assert seen != conclusion.fingerprint(visit)
            self.outcomes["conclusion changed meanwhile"] += 1
            return
        except planning.Invalid:
            assert lacking
            self.outcomes["conclusion refused"] += 1
            return
        if done:
            assert not changed
            assert not lacking
            if told["official"]:
                self.outcomes["published by visit"] += 1
            for code, said in published.items() if told["official"] else ():
                self.publish(PROVINCE, told["commune"], code, day, said)

    def follow(self, draw):
        step, stale = draw(sorted(FINDING_STEPS)), draw(SELDOM)
        public = [pk for pk, row in self.findings.items() if self.visits[row["visit"]]["state"] == "concluded"]
        pk = draw(sorted(self.findings if draw(SELDOM) or not public else public))
        told = self.findings[pk]
        visit = self.visits[told["visit"]]
        finding = Finding.objects.get(pk=pk)
        officer = self.person(("officer", "neighbour_officer")[visit["commune"]])
        typed = {"note": "Ghi", "seen_version": finding.version - stale}
        act = {
            "remedy": partial(findings.remedy, evidence=[], by=officer),
            "close": partial(findings.close, by=self.person("leader")),
            "reopen": partial(findings.reopen, by=self.person("leader")),
        }[step]
        try:
            act(finding, **typed)
        except PermissionDenied:
            assert visit["state"] != "concluded", "a draft finding takes no step"
            self.outcomes["finding still a draft"] += 1
            return
        except findings.OutOfStep:
            assert stale or told["state"] not in FINDING_STEPS[step]
            self.outcomes["finding out of step"] += 1
            return
        assert visit["state"] == "concluded"
        assert not stale
        told["state"] = FINDING_STEPS[step][told["state"]]
        self.outcomes["finding " + {"remedy": "remedied", "close": "closed", "reopen": "reopened"}[step]] += 1

    # --- what must hold ------------------------------------------------------------

    def check(self):
        """What is read anew at length (who sees what, standings nobody published to) only after every fourth step."""
        self.turn += 1
        self.published_is_what_was_last_said()
        self.states_move_by_the_tables_only()
        if self.turn % 4 == 0 or self.count != self.checked:
            self.standings_are_those_computed_anew()
            self.checked = self.count
        if self.turn % 4 == 0:
            self.drafts_are_seen_below_and_results_above(self.turn // 4)

    def commune_of(self, pk):
        return [unit.pk for unit in self.units].index(pk)

    def published_is_what_was_last_said(self):
        """By (day, number): the communes' from their sendings only, the province's from what was concluded."""
        rows = Assessment.objects.values_list(
            "stage", "unit", "indicator__code", "effective_on", "verdict", "value"
        )  # fmt: skip
        found = {(stage, self.commune_of(unit), code): tuple(row) for stage, unit, code, *row in rows}
        told = {key: max(rows) for key, rows in self.said.items()}
        assert found == {key: (day, verdict, figure(value)) for key, (day, _, verdict, value) in told.items()}

    def standings_are_those_computed_anew(self):
        stored = {(row.stage, row.unit_id): row for row in Standing.objects.all()}
        assert {(stage, self.units[commune].pk) for stage, commune, _ in self.said} <= stored.keys()
        for stage in {stage for stage, _ in stored}:
            for unit, fields in compute_standings(self.units, self.place.criteria_set, stage).items():
                row = stored.get((stage, unit))
                assert row is None or fields == {name: getattr(row, name) for name in fields}

    def states_move_by_the_tables_only(self):
        assert dict(Visit.objects.values_list("pk", "state")) == {pk: row["state"] for pk, row in self.visits.items()}
        assert dict(Submission.objects.values_list("pk", "state")) == {
            pk: row["state"] for pk, row in self.sendings.items()
        }
        assert dict(Finding.objects.values_list("pk", "state")) == {
            pk: row["state"] for pk, row in self.findings.items()
        }
        scores = Score.objects.values_list("visit", "indicator__code", "verdict", "value")
        assert {(pk, code): (verdict, value) for pk, code, verdict, value in scores} == {
            (pk, code): (verdict, figure(value))
            for pk, row in self.visits.items()
            for code, (verdict, value) in row["scores"].items()
        }

    def drafts_are_seen_below_and_results_above(self, turn):
        """A commune's drafts by its own people; a visit's work by the coordinator, and below once concluded."""
        done = {pk for pk, row in self.visits.items() if row["state"] == "concluded"}
        of = [{pk for pk, row in self.visits.items() if row["commune"] == commune} for commune in (0, 1)]
        every = set(self.visits)
        shown = {
            "officer": ({0}, done & of[0], CODES),
            "neighbour_officer": ({1}, done & of[1], CODES),
            "district_staff": (set(), done, CODES),
            "reviewer": (set(), done, OWN),
            "coordinator": (set(), every, CODES),
            "viewer": (set(), set(), []),
            "stranger": (set(), set(), []),
        }
        name = sorted(shown)[turn % len(shown)]
        communes, visits, codes = shown[name]
        person = self.person(name)
        drafts = set(Entry.objects.visible_to(person).values_list("unit", "indicator__code"))
        assert drafts == {(self.units[unit].pk, code) for unit, code in self.drafts if unit in communes}, name
        scores = set(Score.objects.visible_to(person).values_list("visit", "indicator__code"))
        assert scores == {(pk, code) for pk in visits for code in self.visits[pk]["scores"] if code in codes}, name
        noted = set(Finding.objects.visible_to(person).values_list("pk", flat=True))
        numbers = {criterion_of(code) for code in codes}
        assert noted == {
            pk for pk, row in self.findings.items() if row["visit"] in visits and row["criterion"] in numbers
        }, name


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_order_of_sending_and_inspecting_keeps_the_account(seed, monkeypatch):
    """The minutes' files are left out: drawing them takes longer than all the rest (see test_minutes.py)."""
    monkeypatch.setattr(conclusion, "freeze", lambda visit, by: [])
    place = build_place()
    place.chair = MembershipFactory(unit=place.neighbour, role=Role.COMMUNE_LEADER).user
    CriterionDepartment.objects.create(
        criterion=place.criterion(1), department=place.reviewer.memberships.get().department
    )
    work = Work(place)
    work.run(seed)
    assert OUTCOMES - work.outcomes.keys() == set(), "never came about"
    assert work.outcomes.keys() - OUTCOMES == set(), "not foreseen"
