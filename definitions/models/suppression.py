"""Suppressions: dated exclusions outside the definition, and what each of them kept back."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, Final

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Count, F, Q

from config import company_days
from config.audit.triggers import AuditTrigger
from definitions.models.definition import Version
from definitions.vocabulary import SuppressionState, SuppressionSubject
from leads.models import Company, Lead, append_only
from leads.normalization import domain_names

#: The columns of an early end; a trigger refuses updates of all others.
_END: Final = ["ended_at", "ended_by", "end_reason"]


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    def in_force_within(self, start: dt.datetime | None, end: dt.datetime) -> SuppressionQuerySet:
        """Filter those in force at some instant of [start, end); without a start, at any instant before the end."""
        rows = self.filter(starts_at__lt=end).exclude(ended_at__lte=F("starts_at"))
        return rows if start is None else rows.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=start), until__gt=start)

    def not_over(self, at: dt.datetime) -> SuppressionQuerySet:
        """Filter those that are in force, or will be."""
        return self.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=at), until__gt=at)

    def with_counts(self) -> SuppressionQuerySet:
        """Add how many different leads and companies each kept back."""
        leads, companies = (Count(f"kept_back__{name}", distinct=True) for name in ("lead", "company"))
        return self.annotate(kept_back_leads=leads, kept_back_companies=companies)


class Suppression(models.Model):
    """A decision that some leads become no MQLs from `starts_at` until `until`, whatever the definition says (rules 9.21).

    `value` is the domain or the source, as the subject says. The row is never edited; it can be ended once, early.
    """

    subject = models.CharField(max_length=8, choices=SuppressionSubject.choices)
    value = models.CharField(max_length=253, blank=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, null=True, related_name="suppressions")
    company = models.ForeignKey(Company, on_delete=models.PROTECT, null=True, related_name="suppressions")
    reason = models.CharField(max_length=500)
    starts_at = models.DateTimeField()
    until = models.DateTimeField()
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    end_reason = models.CharField(max_length=500, blank=True)

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="suppression_of_one_subject",
                condition=(Q(subject__in=["domain", "source"], lead__isnull=True, company__isnull=True) & ~Q(value=""))
                | Q(subject="lead", value="", lead__isnull=False, company__isnull=True)
                | Q(subject="company", value="", lead__isnull=True, company__isnull=False),
            ),
            models.CheckConstraint(name="suppression_ends_after_start", condition=Q(until__gt=F("starts_at"))),
            models.CheckConstraint(name="suppression_has_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="suppression_ended_whole",
                condition=Q(ended_at__isnull=True, ended_by__isnull=True, end_reason="")
                | (Q(ended_at__isnull=False, ended_by__isnull=False) & ~Q(end_reason="")),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="suppressions_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="suppression_is_kept", exclude=_END),
            pgtrigger.Protect(
                name="suppression_ends_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__ended_at__isnull=False),
            ),
            AuditTrigger(personal=["reason", "end_reason"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_subject_display()} {self.subject_text}"

    @property
    def subject_text(self) -> str:
        """Return the domain, source, lead or company that it is about, as people read it."""
        if self.subject == SuppressionSubject.DOMAIN:
            return domain_names.to_letters(self.value)
        return str(self.lead or self.company or self.value)

    @property
    def ends_at(self) -> dt.datetime:
        """Return the instant from which it is not in force any more: its end, or its early end."""
        return self.until if self.ended_at is None else min(self.until, self.ended_at)

    @property
    def sentence(self) -> str:
        """Say until when, by whom and why, as a sentence."""
        return f"{self.clause[:1].upper()}{self.clause[1:]}."

    @property
    def clause(self) -> str:
        """Say until when, by whom and why, as the end of a sentence about whom it keeps back."""
        day, reason = company_days.day_of(self.ends_at), self.reason.rstrip(".")
        return f"suppressed until {day:%-d %B %Y} by {self.set_by} because “{reason}”"

    def state_at(self, at: dt.datetime) -> SuppressionState:
        if self.ends_at <= at:
            return SuppressionState.ENDED
        return SuppressionState.IN_FORCE if self.starts_at <= at else SuppressionState.COMING


class KeptBack(models.Model):
    """A lead, or a company, that met a version and did not qualify because of a suppression; once for each."""

    id = models.BigAutoField(primary_key=True)
    suppression = models.ForeignKey(Suppression, on_delete=models.PROTECT, related_name="kept_back")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+")
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, null=True, related_name="+")
    company = models.ForeignKey(Company, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(help_text="When Accord first kept it back.")

    class Meta:
        verbose_name_plural = "leads kept back"
        constraints: ClassVar = [
            models.CheckConstraint(name="kept_back_is_one", condition=Q(lead__isnull=False) ^ Q(company__isnull=False)),
            models.UniqueConstraint(fields=["suppression", "lead", "version"], name="lead_kept_back_once"),
            models.UniqueConstraint(fields=["suppression", "company", "version"], name="company_kept_back_once"),
        ]
        triggers: ClassVar = [append_only("kept_back_stays")]

    def __str__(self) -> str:
        return f"{self.lead or self.company}: {self.suppression}"
