"""Teams, their reps and absences."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from sla.models.calendar import WorkCalendar

#: The longest name of a person: first and last name with the space between them.
NAME_AT_MOST: Final = 301


class Team(models.Model):
    name = models.CharField(max_length=120, unique=True)
    calendar = models.ForeignKey(WorkCalendar, on_delete=models.PROTECT, related_name="teams")
    managers = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="managed_teams")
    reassigns_on_breach = models.BooleanField(
        default=False, help_text="A first contact that is overdue goes to the next rep in turn."
    )
    unworked_at_most = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Accepted leads without a contact, beyond which a rep gets no more. Empty: no limit.",
    )

    def __str__(self) -> str:
        return self.name


class Rep(models.Model):
    """A person as a receiver of handoffs."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="rep")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="reps")
    is_active = models.BooleanField(default=True)
    is_away = models.BooleanField(default=False)
    capacity = models.PositiveSmallIntegerField(default=30, help_text="Open handoffs at most.")
    weight = models.PositiveSmallIntegerField(default=1)
    last_assigned_at = models.DateTimeField(null=True, blank=True, editable=False)
    calendar = models.ForeignKey(
        WorkCalendar, on_delete=models.PROTECT, null=True, blank=True, help_text="Empty: the team's."
    )

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="rep_weight_counts", condition=Q(weight__gte=1))]

    def __str__(self) -> str:
        return str(self.user)


class Absence(models.Model):
    rep = models.ForeignKey(Rep, on_delete=models.CASCADE, related_name="absences")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    label = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="absence_in_order", condition=Q(starts_at__lt=F("ends_at"))),
            # At the ends of the calendar an instant has no wall time in some zones, and routing reads these.
            models.CheckConstraint(
                name="absence_in_our_time",
                condition=Q(
                    starts_at__gte=dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
                    ends_at__lt=dt.datetime(2200, 1, 1, tzinfo=dt.UTC),
                ),
                violation_error_message="Give dates between 2000 and 2199.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rep} {self.starts_at:%Y-%m-%d}"
