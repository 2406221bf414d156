"""Working calendars, their versions and changes."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from leads.models import append_only


class WorkCalendar(models.Model):
    """A team's working hours: weekly hours in its zone, a country's holidays, own days."""

    name = models.CharField(max_length=120, unique=True)
    zone = models.CharField(max_length=64, default="UTC")
    country = models.CharField(max_length=2, blank=True, help_text="For public holidays; empty: none.")
    subdivision = models.CharField(max_length=16, blank=True)

    def __str__(self) -> str:
        return self.name


class WorkHours(models.Model):
    calendar = models.ForeignKey(WorkCalendar, on_delete=models.CASCADE, related_name="hours")
    weekday = models.PositiveSmallIntegerField(help_text="0 Monday to 6 Sunday.")
    opens = models.PositiveSmallIntegerField(help_text="Minutes after midnight.")
    closes = models.PositiveSmallIntegerField(
        help_text="Minutes after midnight; at or before opening: runs into the next day."
    )

    class Meta:
        verbose_name_plural = "work hours"
        constraints: ClassVar = [
            models.CheckConstraint(name="hours_on_a_weekday", condition=Q(weekday__lte=6)),
            models.CheckConstraint(name="hours_within_a_day", condition=Q(opens__lt=1440, closes__lte=1440)),
        ]

    def __str__(self) -> str:
        return f"{self.weekday} {self.opens // 60:02}:{self.opens % 60:02}-{self.closes // 60:02}:{self.closes % 60:02}"


class SpecialDay(models.Model):
    """An own holiday (no hours) or the special hours of a date, which beat a public holiday."""

    calendar = models.ForeignKey(WorkCalendar, on_delete=models.CASCADE, related_name="special_days")
    date = models.DateField()
    opens = models.PositiveSmallIntegerField(null=True, blank=True)
    closes = models.PositiveSmallIntegerField(null=True, blank=True)
    label = models.CharField(max_length=120)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="special_day_closed_or_hours",
                condition=Q(opens__isnull=True, closes__isnull=True) | Q(opens__isnull=False, closes__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.date}: {self.label}"


class CalendarVersion(models.Model):
    """A calendar exactly as it was when a clock started by it, as a dict of sla.business_time.arithmetic."""

    calendar = models.ForeignKey(WorkCalendar, on_delete=models.PROTECT, related_name="versions")
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["calendar", "digest"], name="calendar_version_once")]
        triggers: ClassVar = [append_only("calendar_versions_stay")]

    def __str__(self) -> str:
        return f"{self.calendar} {self.created_at:%Y-%m-%d}"


class CalendarChange(models.Model):
    """A person's change of a calendar, with when and why. Clocks create versions, too, but change nothing."""

    calendar = models.ForeignKey(WorkCalendar, on_delete=models.PROTECT, related_name="changes")
    version = models.ForeignKey(CalendarVersion, on_delete=models.PROTECT, related_name="changes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    said = models.TextField(help_text="What is different, in words.")
    why = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="calendar_change_says_what", condition=~Q(said=""))]
        triggers: ClassVar = [append_only("calendar_changes_stay")]

    def __str__(self) -> str:
        return f"{self.calendar}: {self.said}"
