"""Merges of leads, and possible duplicates."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from leads.models.lead import Lead
from leads.vocabulary import DuplicateReason


def _keep_ended(name: str) -> pgtrigger.Protect:
    """Return a trigger that leaves a statement as it ended: who takes it up again makes a new one."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update, condition=pgtrigger.Q(old__ended_at__isnull=False))


class LeadMerge(models.Model):
    """The statement that `alias` is the same person as `into`. It rewrites nothing, and ends when they are parted."""

    alias = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="merges")
    into = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="merges_of_others")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    why = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alias"], name="lead_merged_once", condition=Q(ended_at__isnull=True)),
            models.CheckConstraint(name="lead_not_merged_into_itself", condition=~Q(alias=F("into"))),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="merges_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="merges_only_end", fields=["alias", "into", "at", "by", "why"]),
            _keep_ended("merges_end_once"),
        ]

    def __str__(self) -> str:
        return f"{self.alias} is {self.into}"


class DuplicateCandidate(models.Model):
    """Two leads that may be one person, the older one first; leads.identity.duplicates finds them and drops them again."""

    first = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=8, choices=DuplicateReason.choices)
    found_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first", "second", "reason"], name="candidate_once"),
            models.CheckConstraint(name="candidate_in_order", condition=Q(first__lt=F("second"))),
        ]

    def __str__(self) -> str:
        return f"{self.first} and {self.second}: {self.get_reason_display()}"

    @property
    def strength(self) -> str:
        return DuplicateReason(self.reason).strength


class NotDuplicate(models.Model):
    """The statement of a person that two leads are two people, so that nobody is asked again until it is taken back."""

    first = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["first", "second"], name="not_duplicate_once", condition=Q(ended_at__isnull=True)
            ),
            models.CheckConstraint(name="not_duplicate_in_order", condition=Q(first__lt=F("second"))),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="not_duplicates_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="not_duplicates_only_end", fields=["first", "second", "at", "by"]),
            _keep_ended("not_duplicates_end_once"),
        ]

    def __str__(self) -> str:
        return f"{self.first} is not {self.second}"
