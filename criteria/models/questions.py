"""Questions between a commune and an office above it, on one indicator: asked, answered, done."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria.models.evidence import Evidence
from criteria.models.sets import Indicator
from criteria.verdicts import Stage


def _own_share(user: Any) -> Q:
    return access.own_share(user, "unit", "indicator__criterion")


class QuestionQuerySet(access.ScopedQuerySet):
    def unsettled(self) -> QuestionQuerySet:
        return self.exclude(state=Question.State.DONE)

    def waiting_for(self, user: Any) -> QuestionQuerySet:
        """Unanswered ones whose answer is the person's to give: in a commune, on their criteria."""
        _, office = access.question_sides(user)
        mine = (_own_share(user) & Q(from_commune=False)) | (office & Q(from_commune=True))
        return self.filter(mine, state=Question.State.WAITING)

    def answered_for(self, user: Any) -> QuestionQuerySet:
        """Answered ones the person's side asked, in a commune on their criteria: to be read, and settled
        or asked again."""
        _, office = access.question_sides(user)
        mine = (_own_share(user) & Q(from_commune=True)) | (office & Q(from_commune=False))
        return self.filter(mine, state=Question.State.ANSWERED)

    def awaited_by(self, user: Any) -> QuestionQuerySet:
        """Unanswered ones the person's side asked, in a commune on their criteria: the other side's turn."""
        _, office = access.question_sides(user)
        mine = (_own_share(user) & Q(from_commune=True)) | (office & Q(from_commune=False))
        return self.filter(mine, state=Question.State.WAITING)

    def of_own_criteria(self, user: Any) -> QuestionQuerySet:
        """Those of the person's communes on criteria they answer for (Tiêu chí của tôi)."""
        return self.filter(_own_share(user))

    def overdue(self, on: date) -> QuestionQuerySet:
        return self.filter(state=Question.State.WAITING, due_on__lt=on)


class Question(models.Model):
    """What one side wants to know of an indicator of a unit, or wants to have supplemented by a day.

    The two sides are the unit's commune and one office above it: the district's, or the
    province's (its coordinators, and the department that answers for the criterion). Nobody
    else sees it. `from_commune`: the commune asks; otherwise the office does. `due_on` makes
    it a request to supplement until the end of that day. `version` rises by one with each
    message, so that a page knows whether it has seen the last one.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Chờ trả lời"
        ANSWERED = "answered", "Đã trả lời"
        DONE = "done", "Đã xong"

    OFFICES = [(Stage.DISTRICT.value, "Cấp huyện"), (Stage.PROVINCE.value, "Cấp tỉnh")]

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="questions", verbose_name="Đơn vị")
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="questions", verbose_name="Chỉ tiêu")
    office = models.CharField("Cơ quan cấp trên", max_length=10, choices=OFFICES)
    from_commune = models.BooleanField("Do xã hỏi")
    text = models.TextField("Nội dung", max_length=2000)
    due_on = models.DateField("Đề nghị bổ sung trước ngày", null=True, blank=True)
    state = models.CharField("Trạng thái", max_length=10, choices=State.choices, default=State.WAITING)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=0)

    unit_path = "unit"
    scope_kind = "question"
    objects = QuestionQuerySet.as_manager()

    class Meta:
        verbose_name = "câu hỏi"
        verbose_name_plural = "câu hỏi"
        ordering = [models.F("due_on").asc(nulls_last=True), "-asked_at", "pk"]
        indexes = [
            models.Index(fields=["unit", "indicator"], name="question_place"),
            models.Index(fields=["state", "due_on"], name="question_due"),
        ]
        constraints = [models.CheckConstraint(name="question_says_something", condition=~Q(text=""))]

    def __str__(self) -> str:
        return self.text[:80]

    def is_overdue(self, on: date) -> bool:
        return self.state == self.State.WAITING and self.due_on is not None and self.due_on < on

    @property
    def office_name(self) -> str:
        """The office's place: "Huyện Đông Sơn", "Tỉnh Thanh Hóa"."""
        place = self.unit.district if self.office == Stage.DISTRICT else self.unit.province
        return place.full_name if place else self.get_office_display()

    @property
    def asker(self) -> str:
        return self.unit.full_name if self.from_commune else self.office_name

    @property
    def answerer(self) -> str:
        return self.office_name if self.from_commune else self.unit.full_name


class QuestionMessage(models.Model):
    """One step of a question after it was asked: an answer, asked again, done. Append-only.

    `due_on` is the day asked for anew. `evidence` are documents of the unit an answer points to.
    """

    class Kind(models.TextChoices):
        ANSWER = "answer", "Trả lời"
        AGAIN = "again", "Hỏi lại"
        DONE = "done", "Đã xong"

    question = models.ForeignKey(Question, models.CASCADE, related_name="messages")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    text = models.TextField(max_length=2000, blank=True)
    due_on = models.DateField(null=True, blank=True)
    evidence = models.ManyToManyField(Evidence, blank=True, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "trao đổi"
        verbose_name_plural = "trao đổi"
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(name="question_message_says_something", condition=Q(kind="done") | ~Q(text=""))
        ]
