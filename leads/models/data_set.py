"""Named lists, their entries, and the shipped data sets."""

from __future__ import annotations

import uuid
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from leads.vocabulary import EntryStatus


class NamedList(models.Model):
    """A list that a rule can name: one that Accord ships, or the customer's own.

    Accord ships `free_email`, `disposable_email`, `student_email` and `competitors`.

    An entry that is a domain also covers the domains below it: `edu` covers `state.edu`.
    """

    name = models.SlugField(max_length=64, unique=True)
    label = models.CharField(max_length=120)
    # Random, and new after every change of entries: entries that are cached under a revision stay right for it.
    revision = models.UUIDField(default=uuid.uuid4, editable=False)

    def __str__(self) -> str:
        return self.label


class ListEntryQuerySet(models.QuerySet["ListEntry"]):
    def in_force(self) -> ListEntryQuerySet:
        return self.exclude(status=EntryStatus.REMOVED)


class ListEntry(models.Model):
    """An entry of a named list. One that Accord ships is removed by its status, so that no newer data set brings it back."""

    list = models.ForeignKey(NamedList, on_delete=models.CASCADE, related_name="entries")
    value = models.CharField(max_length=253)
    status = models.CharField(max_length=8, choices=EntryStatus.choices, default=EntryStatus.OWN, editable=False)

    objects = ListEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "list entries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                "list",
                Lower("value"),
                name="list_entry_once",
                violation_error_message="The list has this entry already. If it was taken out, put it back.",
            ),
            models.CheckConstraint(name="list_entry_status", condition=Q(status__in=EntryStatus.values)),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="entries_revise_lists",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate,
                func="UPDATE leads_namedlist SET revision = gen_random_uuid(); RETURN NULL;",
            )
        ]

    def __str__(self) -> str:
        return self.value


class ReferenceData(models.Model):
    """A data set that Accord ships and that this installation has loaded: a list or a reading table (rules 22.5)."""

    name = models.CharField(max_length=64, unique=True)
    dated = models.DateField(help_text="The day of the data set as shipped.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of its content.")
    loaded_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "reference data"

    def __str__(self) -> str:
        return f"{self.name} of {self.dated}"
