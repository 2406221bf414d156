"""Scores of leads, and what leads lack for an MQL."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from definitions.models import Definition, Version
from leads.models import Event, Lead
from leads.vocabulary import Stage


class Score(models.Model):
    """The last score of a lead under the active version of a definition.

    The axes are those of `as_of`, the lead's latest fact, so that decay alone rewrites no row; pages ask the
    judge for the present value. `meets` and `tier` are those of `judged_at`.
    """

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="scores")
    definition = models.ForeignKey(Definition, on_delete=models.CASCADE, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+", db_index=False)
    as_of = models.DateTimeField()
    fit = models.FloatField()
    engagement = models.FloatField()
    bant = models.FloatField()
    gate = models.SmallIntegerField(help_text="1 passes, 0 fails, -1 unknown.")
    is_disqualified = models.BooleanField()
    meets = models.BooleanField()
    tier = models.PositiveSmallIntegerField(help_text="0: does not meet the definition.")
    judged_at = models.DateTimeField()
    shortfall_due = models.BooleanField(
        default=False, db_default=False, help_text="What the lead lacks is to be explained anew by this score."
    )

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["lead", "definition"], name="one_score_a_definition")]
        indexes: ClassVar = [
            models.Index(fields=["definition", "-engagement", "-lead"], name="score_by_engagement"),
            # Read by scoring.live.shortfalls each minute: the scores that changed since it looked last.
            models.Index(fields=["definition", "lead"], name="score_shortfall_due", condition=Q(shortfall_due=True)),
        ]

    def __str__(self) -> str:
        return f"{self.lead}: {self.engagement:g}"


class ShortfallKind(models.TextChoices):
    """The kinds of what a lead lacks for an MQL, in the order in which they are looked for (rules 2.19)."""

    EXCLUDED = "excluded", _("Disqualifier")
    GATE_FAILED = "gate_failed", _("Gate failed")
    GATE_UNKNOWN = "gate_unknown", _("Gate unknown")
    CLAUSE = "clause", _("Threshold")
    TIMING = "timing", _("Timing")
    NOTHING = "nothing", _("Waiting")

    @property
    def tone(self) -> str:
        """The tone of its badge."""
        return _SHORTFALL_TONES[self]


_SHORTFALL_TONES: Final = MappingProxyType(
    {
        ShortfallKind.EXCLUDED: "bad",
        ShortfallKind.GATE_FAILED: "bad",
        ShortfallKind.GATE_UNKNOWN: "warn",
        ShortfallKind.CLAUSE: "info",
        ShortfallKind.TIMING: "info",
        ShortfallKind.NOTHING: "",
    }
)


class Shortfall(models.Model):
    """The first thing that a lead lacked for an MQL as of `judged_at`, for lists; `scoring.live.shortfalls` alone writes it.

    Kept of MALs, and of leads with events whose gate is unknown. `criterion` names what is missing without figures,
    `why` says it with them. `unknown_fields` are the attributes that the gate asks for and nobody knows.
    """

    lead = models.OneToOneField(Lead, on_delete=models.CASCADE, related_name="shortfall")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=16, choices=ShortfallKind)
    field = models.CharField(max_length=120, blank=True, help_text="The attribute, of a gate or a disqualifier.")
    criterion = models.CharField(max_length=200)
    why = models.CharField(max_length=300)
    unknown_fields = ArrayField(models.CharField(max_length=120), default=list)
    last_event = models.ForeignKey(
        Event, on_delete=models.CASCADE, null=True, related_name="+", db_index=False, help_text="The last activity."
    )
    active_at = models.DateTimeField(null=True, help_text="The instant of the last activity.")
    judged_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            # Read by scoring.mals for the leads whose gate is unknown, and by attribute.
            GinIndex(fields=["unknown_fields"], name="shortfall_by_unknown_field"),
            # Read by scoring.mals for the MALs with one shortfall.
            models.Index(fields=["kind", "criterion"], name="shortfall_by_criterion"),
        ]

    def __str__(self) -> str:
        return f"{self.lead}: {self.why}"

    @property
    def kind_tone(self) -> str:
        return ShortfallKind(self.kind).tone

    def is_current(self, lead: Lead) -> bool:
        """Say whether the lead still stands where its shortfall is kept up to date."""
        is_gap = self.kind == ShortfallKind.GATE_UNKNOWN and self.active_at is not None
        return lead.stage == Stage.MAL or (lead.stage == Stage.LEAD and is_gap)
