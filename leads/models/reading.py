"""Corrections of how texts are read, and spellings."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q


class ValueReading(models.Model):
    """A correction: how a text of an attribute is to be read. It goes before the shipped tables (rules 13.35).

    `applied_at` is empty while statements that it concerns are still to be read again; `removed_at` ends it.
    """

    attribute = models.CharField(max_length=32)
    text = models.CharField(max_length=500)
    folded = models.CharField(max_length=400)
    meaning = models.CharField(max_length=200, blank=True, help_text="Empty: the text says nothing.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    # Written by value_readings.apply_pending alone: the kind of subject it is at, and the last one that was read again.
    step = models.PositiveSmallIntegerField(default=0, editable=False)
    applied_to = models.BigIntegerField(default=0, editable=False)
    applied_at = models.DateTimeField(null=True, editable=False)
    removed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["attribute", "folded"], name="reading_once", condition=Q(removed_at__isnull=True)
            ),
            models.CheckConstraint(
                name="reading_removed_by_somebody",
                condition=Q(removed_at__isnull=True, removed_by__isnull=True)
                | Q(removed_at__isnull=False, removed_by__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            # Read by value_readings.apply_pending.
            models.Index(fields=["id"], name="reading_pending", condition=Q(applied_at__isnull=True)),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="readings_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="readings_only_end", fields=["attribute", "text", "folded", "meaning", "by", "at"]),
        ]

    def __str__(self) -> str:
        return f"{self.attribute}: {self.text}"


class Spelling(models.Model):
    """The spelling of a text that people group by, as it was stored first; later ones are stored like it."""

    attribute = models.CharField(max_length=32)
    folded = models.CharField(max_length=400)
    text = models.CharField(max_length=120)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["attribute", "folded"], name="spelling_once")]

    def __str__(self) -> str:
        return self.text
