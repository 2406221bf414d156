from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from config.audit.triggers import AuditTrigger
from definitions.models.version_guards import (
    APPROVED_BY_BOTH,
    BASIS_IS_KEPT,
    NOT_OVERTAKEN,
    REFUSED_BY_A_LEADER,
    TAKES_SLUG,
)
from definitions.vocabulary import (
    LONGEST_SUMMARY,
    VERSION_TONES,
    Axis,
    DecayMode,
    DefinitionKind,
    VersionState,
)
from leads.models import FrozenOnce
from leads.vocabulary import Motion


class Definition(models.Model):
    """A series of numbered versions of one agreement, for one motion and one scope (rules 3.13)."""

    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(max_length=120, unique=True)
    motion = models.CharField(max_length=3, choices=Motion.choices, default=Motion.MQL)
    scope = models.CharField(
        max_length=80,
        blank=True,
        default="",
        db_default="",
        help_text="The market or product line that it is about, as “DACH”. Empty: everything.",
    )
    created_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="definition_takes_slug",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("slug"),  # type: ignore[no-untyped-call]  # the package is untyped
                func=TAKES_SLUG,
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a slug that another definition had before: its links lead there."""
        other = Definition.objects.filter(slugs__slug=self.slug).exclude(pk=self.pk).first()
        if other is not None and other.slug != self.slug:
            raise ValidationError({"slug": f"Links with this slug lead to “{other}”, which had it before."})

    @property
    def scope_label(self) -> str:
        """The scope in words."""
        return self.scope or "Everything"

    @property
    def motion_and_scope(self) -> str:
        """The motion in words, with the scope if there is one."""
        motion = str(Motion(self.motion).label)
        return f"{motion}: {self.scope}" if self.scope else motion


class VersionQuerySet(models.QuerySet["Version"]):
    def active(self) -> VersionQuerySet:
        return self.filter(state=VersionState.ACTIVE)


#: Columns that the steps of a version change after the draft; a trigger refuses updates of all others.
LIVING_COLUMNS = ["state", "proposed_at", "approved_at", "activated_at", "retired_at", "hands_over_entrants"]


class Version(models.Model):
    """A version of a definition: all of rules 3.1 to 3.10 as rows. Immutable from *proposed* on."""

    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="versions")
    major = models.PositiveSmallIntegerField(default=1)
    minor = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=8, choices=VersionState.choices, default=VersionState.DRAFT)
    based_on = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    owner = models.CharField(max_length=200, help_text="Who sees to it that the system matches the document.")
    reason = models.TextField(help_text="Why this version: what evidence it answers.")
    sal_rate_target = models.DecimalField(max_digits=4, decimal_places=3, default="0.700")
    mql_to_sql_low = models.DecimalField(
        max_digits=4,
        decimal_places=3,
        null=True,
        blank=True,
        help_text="Where the healthy range of MQL→SQL begins. Null: it is that of all definitions (rules 8.35).",
    )
    mql_to_sql_high = models.DecimalField(max_digits=4, decimal_places=3, null=True, blank=True)
    mql_to_sql_rationale = models.TextField(blank=True, default="", db_default="")
    own_statement = models.TextField(
        blank=True, help_text="Your own words; the generated statement is kept beside them."
    )

    summary = models.CharField(
        max_length=LONGEST_SUMMARY,
        blank=True,
        default="",
        db_default="",
        help_text="In one sentence: who is handed to sales.",
    )
    kind = models.CharField(
        max_length=16,
        choices=DefinitionKind.choices,
        blank=True,
        default="",
        db_default="",
        help_text="The way in which it decides (rules 3.18).",
    )

    decay_mode = models.CharField(max_length=8, choices=DecayMode.choices, default=DecayMode.COMPOUND)
    decay_percent = models.DecimalField(max_digits=6, decimal_places=3, default=10)
    decay_per_days = models.DecimalField(max_digits=6, decimal_places=2, default=30)
    inactivity_after_days = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)
    inactivity_points = models.DecimalField(max_digits=8, decimal_places=3, null=True, blank=True)
    inactivity_per_days = models.DecimalField(max_digits=6, decimal_places=2, default=30)
    fit_ceiling = models.DecimalField(max_digits=8, decimal_places=3, null=True, blank=True, default=100)
    engagement_ceiling = models.DecimalField(max_digits=8, decimal_places=3, null=True, blank=True, default=100)
    bant_ceiling = models.DecimalField(max_digits=8, decimal_places=3, null=True, blank=True, default=100)
    engaged_within_days = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)
    or_request_within_days = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)
    timing_signals = ArrayField(
        models.SlugField(max_length=64),
        null=True,
        blank=True,
        help_text="The signals that count as engagement. Null: every signal that is engagement (rules 4.30).",
    )
    tier_3_axis = models.CharField(max_length=16, choices=Axis.choices, blank=True)
    tier_3_less_than = models.DecimalField(max_digits=8, decimal_places=3, null=True, blank=True)
    timing_rationale = models.TextField(blank=True, default="", db_default="")
    decay_rationale = models.TextField(
        blank=True, default="", db_default="", help_text="Why points fade so, and silence costs this."
    )
    tier_3_rationale = models.TextField(blank=True, default="", db_default="")
    account = models.JSONField(
        null=True,
        blank=True,
        help_text="Of the motion AQL: the engagement that a company needs, as the document writes it.",
    )

    basis = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="The digests of what it is judged with besides its rows, from the proposal on (rules 9.18).",
    )
    basis_kept_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Later than the proposal: kept by the upgrade of that day."
    )
    earlier_fingerprint = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Of a version from before fingerprints covered only what decides: the one that it had (rules 9.19).",
    )

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()
    proposed_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    hands_over_entrants = models.BooleanField(
        null=True, blank=True, help_text="Whether leads that meet it by the change alone went to sales at activation."
    )

    objects = VersionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["definition", "major", "minor"], name="version_number_once"),
            models.UniqueConstraint(fields=["definition"], condition=Q(state="active"), name="one_active_version"),
            models.CheckConstraint(
                name="version_keeps_its_basis",
                condition=Q(state=VersionState.DRAFT)
                | Q(basis__has_keys=["lists", "signals"], basis_kept_at__isnull=False),
            ),
            models.CheckConstraint(
                name="timing_signals_have_a_window",
                condition=Q(timing_signals=None) | (~Q(timing_signals=[]) & Q(engaged_within_days__isnull=False)),
            ),
            models.CheckConstraint(
                name="tier_3_whole",
                condition=Q(tier_3_axis="", tier_3_less_than=None)
                | (~Q(tier_3_axis="") & Q(tier_3_less_than__isnull=False)),
            ),
            models.CheckConstraint(
                name="inactivity_whole",
                condition=Q(inactivity_after_days__isnull=True, inactivity_points__isnull=True)
                | Q(inactivity_after_days__isnull=False, inactivity_points__isnull=False),
            ),
            models.CheckConstraint(
                name="decay_percent_in_range", condition=Q(decay_percent__gte=0, decay_percent__lte=100)
            ),
            models.CheckConstraint(
                name="sal_rate_target_is_a_rate", condition=Q(sal_rate_target__gte=0, sal_rate_target__lte=1)
            ),
            models.CheckConstraint(
                name="mql_to_sql_is_a_range",
                condition=Q(mql_to_sql_low=None, mql_to_sql_high=None)
                | Q(
                    mql_to_sql_low__isnull=False,
                    mql_to_sql_high__isnull=False,
                    mql_to_sql_low__gte=0,
                    mql_to_sql_low__lt=F("mql_to_sql_high"),
                    mql_to_sql_high__lte=1,
                ),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="version_is_kept", operation=pgtrigger.Delete, condition=~pgtrigger.Q(old__state="draft")
            ),
            FrozenOnce(name="version_is_immutable", exclude=LIVING_COLUMNS, condition=~pgtrigger.Q(old__state="draft")),
            pgtrigger.Protect(
                name="version_begins_as_draft", operation=pgtrigger.Insert, condition=~pgtrigger.Q(new__state="draft")
            ),
            pgtrigger.Trigger(
                name="version_approved_by_both",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state="proposed", new__state="approved"),
                func=APPROVED_BY_BOTH,
            ),
            pgtrigger.Trigger(
                name="version_is_not_overtaken",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state="approved", new__state="active"),
                func=NOT_OVERTAKEN,
            ),
            pgtrigger.Trigger(
                name="version_basis_is_kept",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                condition=pgtrigger.Q(new__basis__isnull=False),
                func=BASIS_IS_KEPT,
            ),
            pgtrigger.Trigger(
                name="version_refused_by_leader",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state="proposed", new__state="refused"),
                func=REFUSED_BY_A_LEADER,
            ),
            pgtrigger.FSM(
                name="version_moves",
                field="state",
                transitions=[
                    ("draft", "proposed"),
                    ("proposed", "approved"),
                    ("proposed", "refused"),
                    ("approved", "active"),
                    ("active", "retired"),
                ],
            ),
            AuditTrigger(personal=["owner", "reason", "own_statement"]),
        ]

    def __str__(self) -> str:
        return f"{self.definition} {self.number}"

    @property
    def number(self) -> str:
        return f"v{self.major}.{self.minor}"

    @property
    def tone(self) -> str:
        return VERSION_TONES[VersionState(self.state)]

    @property
    def is_draft(self) -> bool:
        return self.state == VersionState.DRAFT

    @property
    def is_active(self) -> bool:
        return self.state == VersionState.ACTIVE
