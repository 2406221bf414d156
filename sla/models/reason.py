"""The reasons for which sales may reject a lead."""

from __future__ import annotations

import functools
import operator
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from sla.vocabulary import Family, Route


def _guard_meaning(name: str, column: str, fields: list[str]) -> pgtrigger.Trigger:
    """Return the trigger that keeps the meaning of a reason once a decision names it; its label may change."""
    changes = (pgtrigger.Q(**{f"old__{field}__df": pgtrigger.F(f"new__{field}")}) for field in fields)
    tables = ("sla_disposition", "sla_playdisposition", "sla_pendingdecision")
    decided = " OR ".join(f"EXISTS (SELECT FROM {table} d WHERE d.{column} = OLD.id)" for table in tables)
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=functools.reduce(operator.or_, changes),
        func=(
            f"IF {decided} THEN"
            " RAISE EXCEPTION 'pgtrigger: decisions name “%”; what it means stays', OLD.label; END IF; RETURN NEW;"
        ),
    )


class ReasonCode(models.Model):
    """A rejection reason and what follows from it (rules 7.5). Retired reasons stay, but are not offered.

    Once a decision names it, its meaning stays: a reason that means something else is a new one (rules 17.15).
    """

    code = models.SlugField(max_length=64, unique=True)
    label = models.CharField(max_length=120)
    family = models.CharField(max_length=10, choices=Family.choices)
    route = models.CharField(max_length=20, choices=Route.choices)
    hint = models.CharField(max_length=200, blank=True, help_text="What it says about the definition.")
    position = models.PositiveSmallIntegerField(default=0)
    needs_note = models.BooleanField(default=False)
    needs_attempts = models.BooleanField(default=False, help_text="Only after the promised number of attempts.")
    concerns_person = models.BooleanField(
        default=False,
        db_default=False,
        help_text="It concerns the person as such and closes every motion, not only the one that was rejected. A lead that was"
        " disqualified for it does not come back, even when it raises its hand.",
    )
    is_offered = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="timing_recycles",
                condition=~Q(family="timing") | Q(route="recycle"),
                violation_error_message="Leads rejected for their timing come back: a reason of the family “Timing” sends them to nurture.",
            ),
            models.CheckConstraint(
                name="person_is_disqualified",
                condition=Q(concerns_person=False) | Q(route="disqualify"),
                violation_error_message="A reason that concerns the person as such disqualifies.",
            ),
        ]
        triggers: ClassVar = [
            _guard_meaning("reason_meaning_stays", "reason_id", ["code", "family", "route", "concerns_person"])
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def recycles(self) -> bool:
        return self.route == Route.RECYCLE


class SubReason(models.Model):
    """A detail that a reason asks for, as the bounced address behind “Couldn't reach” (rules 7.22)."""

    reason = models.ForeignKey(ReasonCode, on_delete=models.PROTECT, related_name="sub_reasons")
    code = models.SlugField(max_length=64)
    label = models.CharField(max_length=120)
    position = models.PositiveSmallIntegerField(default=0)
    is_offered = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["reason", "code"], name="sub_reason_once")]
        triggers: ClassVar = [_guard_meaning("sub_reason_meaning_stays", "sub_reason_id", ["reason", "code"])]

    def __str__(self) -> str:
        return self.label
