"""The rows of a version: criteria, signals, and paths with their clauses."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from config.audit.triggers import AuditTrigger
from definitions.models.definition import Version
from definitions.models.version_guards import draft_only_trigger
from definitions.vocabulary import FIELDS, Axis, Operator, Part, PathKind, UnknownPolicy
from leads.models import NamedList, Signal


def format_plain(number: Decimal) -> str:
    """Format a decimal without the zeros that its column adds."""
    return f"{number.normalize():f}"


class Criterion(models.Model):
    """A row of the gate, the fit or BANT points, or the disqualifiers."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="criteria")
    part = models.CharField(max_length=13, choices=Part.choices)
    position = models.PositiveSmallIntegerField(default=0)
    field = models.CharField(
        max_length=120,
        help_text=f"One of {', '.join(FIELDS)}, lead.custom.NAME or company.custom.NAME; lead.budget.EUR and "
        "company.annual_revenue.EUR ask for one currency.",
    )
    op = models.CharField(max_length=16, choices=Operator.choices)
    low = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    high = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    # Blank items are allowed: an open end of a range of seniorities is stored as "".
    texts = ArrayField(models.CharField(max_length=253, blank=True), default=list, blank=True)
    flag = models.BooleanField(null=True, blank=True)
    list = models.ForeignKey(NamedList, on_delete=models.PROTECT, null=True, blank=True)
    points = models.DecimalField(max_digits=8, decimal_places=3, default=0)
    unknown = models.CharField(
        max_length=4,
        choices=UnknownPolicy.choices,
        blank=True,
        default="",
        db_default="",
        help_text="What a value that is not known means (rules 3.15). Empty: it is not said.",
    )
    rationale = models.TextField()

    class Meta:
        verbose_name_plural = "criteria"
        constraints: ClassVar = [
            models.CheckConstraint(name="criterion_has_rationale", condition=~Q(rationale="")),
            models.CheckConstraint(
                name="known_takes_no_policy",
                condition=Q(unknown="") | (Q(unknown__in=["fail", "hold"]) & ~Q(op="known")),
            ),
        ]
        triggers: ClassVar = [draft_only_trigger("criterion_of_a_draft"), AuditTrigger(settled_by="version")]

    def __str__(self) -> str:
        return f"{self.field} {self.get_op_display()}"


class SignalRule(models.Model):
    """The points of a signal in a version, and the cap on them."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="signal_rules")
    position = models.PositiveSmallIntegerField(default=0)
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="+")
    points = models.DecimalField(max_digits=8, decimal_places=3)
    cap = models.DecimalField(max_digits=8, decimal_places=3, null=True, blank=True)
    disqualifies = models.BooleanField(default=False, db_default=False, help_text="It excludes its lead (rules 4.31).")
    disqualifies_within_days = models.DecimalField(
        max_digits=7, decimal_places=2, null=True, blank=True, help_text="Empty: for good."
    )
    cap_rationale = models.TextField(blank=True, default="", db_default="")
    rationale = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "signal"], name="signal_once_in_a_version"),
            models.CheckConstraint(name="signal_rule_has_rationale", condition=~Q(rationale="")),
            models.CheckConstraint(
                name="only_disqualifiers_have_days",
                condition=Q(disqualifies=True, points__lte=0)
                | Q(disqualifies=False, disqualifies_within_days__isnull=True),
            ),
        ]
        triggers: ClassVar = [draft_only_trigger("signal_rule_of_a_draft"), AuditTrigger(settled_by="version")]

    def __str__(self) -> str:
        return f"{self.signal}: {format_plain(self.points)}"


class Path(models.Model):
    """A path to the threshold, or a hot trigger: all its clauses must hold."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="paths")
    kind = models.CharField(max_length=5, choices=PathKind.choices, default=PathKind.PATH)
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=120)
    rationale = models.TextField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="path_has_rationale", condition=~Q(rationale=""))]
        triggers: ClassVar = [draft_only_trigger("path_of_a_draft"), AuditTrigger(settled_by="version")]

    def __str__(self) -> str:
        return self.name


_PATH_OF_NEW = "(SELECT p.version_id FROM definitions_path p WHERE p.id = NEW.path_id)"
_PATH_OF_OLD = "(SELECT p.version_id FROM definitions_path p WHERE p.id = OLD.path_id)"


class Clause(models.Model):
    """A minimum on an axis, or a minimum count of signals in a window (rules 15.5)."""

    path = models.ForeignKey(Path, on_delete=models.CASCADE, related_name="clauses")
    position = models.PositiveSmallIntegerField(default=0)
    axis = models.CharField(max_length=16, choices=Axis.choices, blank=True)
    signals = ArrayField(models.SlugField(max_length=64), default=list, blank=True)
    at_least = models.DecimalField(max_digits=8, decimal_places=3)
    within_days = models.DecimalField(max_digits=9, decimal_places=4, null=True, blank=True, help_text="Empty: ever.")
    within_hours_of_each_other = models.DecimalField(max_digits=9, decimal_places=4, null=True, blank=True)
    distinct_assets = models.BooleanField(default=False)
    same_asset = models.BooleanField(
        default=False, db_default=False, help_text="All of the signals about one asset (rules 4.32)."
    )
    rationale = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="clause_is_axis_or_count",
                condition=(Q(axis="") & ~Q(signals=[]))
                | (
                    ~Q(axis="")
                    & Q(signals=[], within_days=None, within_hours_of_each_other=None, distinct_assets=False)
                ),
            ),
            models.CheckConstraint(
                name="same_asset_of_a_count",
                condition=Q(same_asset=False)
                | Q(axis="", within_hours_of_each_other__isnull=True, distinct_assets=False, signals__len__gte=2),
            ),
        ]
        triggers: ClassVar = [
            draft_only_trigger("clause_of_a_draft", _PATH_OF_NEW, _PATH_OF_OLD),
            AuditTrigger(settled_by="path"),
        ]

    def __str__(self) -> str:
        return f"{self.axis or ', '.join(self.signals)} ≥ {format_plain(self.at_least)}"
