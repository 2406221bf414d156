from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import ClassVar, Final

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from definitions.models import Definition, Version
from leads.models import Company, Event, Lead
from leads.vocabulary import Motion, Stage

#: Facts known within this time are not called late on pages: it is how long a busy hour or a short outage takes.
LATE_FROM: Final = dt.timedelta(minutes=15)


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


class QualificationQuerySet(models.QuerySet["Qualification"]):
    """Queries for MQLs."""

    def waiting(self) -> QualificationQuerySet:
        """Return the MQLs that the app above has not taken yet."""
        return self.filter(taken_at__isnull=True)

    def open(self) -> QualificationQuerySet:
        """Return the MQLs whose cycle is open."""
        return self.filter(closed_at__isnull=True)


class Qualification(models.Model):
    """An MQL: a lead that met a version at an instant, with the reasons frozen as they were.

    By `taken_at` the app above finds its work. The row is also the cycle (rules 6.1): until `closed_at` the lead cannot
    qualify again under the same motion; afterwards only on newer activity, and not before `reenter_at` unless it raises
    its hand.
    """

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="qualifications")
    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="qualifications")
    motion = models.CharField(max_length=3, choices=Motion.choices)
    cycle = models.PositiveSmallIntegerField(default=1)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    tier = models.PositiveSmallIntegerField()
    is_hot = models.BooleanField()
    fit = models.FloatField()
    engagement = models.FloatField()
    bant = models.FloatField()
    why = models.CharField(max_length=300, help_text="One line for the queue.")
    evidence = models.JSONField(help_text="The explanation as of `at` (scoring.engine), never recomputed.")

    taken_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    reenter_at = models.DateTimeField(null=True, blank=True)

    objects = QualificationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["lead", "motion"], condition=Q(closed_at__isnull=True), name="one_open_qualification"
            ),
            models.UniqueConstraint(fields=["lead", "motion", "cycle"], name="qualification_cycle_once"),
            models.CheckConstraint(name="qualification_tier", condition=Q(tier__in=[1, 2, 3])),
        ]
        indexes: ClassVar = [
            # Read by sla.handoffs.creation: the next MQL to hand off, in the order of tiers.
            models.Index(fields=["tier", "id"], name="qualification_waiting", condition=Q(taken_at__isnull=True)),
            # Read by replays: the MQLs made under a version.
            models.Index(fields=["version", "at"], name="qualification_by_version"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="qualifications_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="qualification_is_frozen", exclude=["taken_at", "closed_at", "reenter_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.lead} ({self.motion} {self.at:%Y-%m-%d})"

    @property
    def is_late(self) -> bool:
        """Return whether Accord learned long after the instant that the lead qualified."""
        return self.recorded_at - self.at >= LATE_FROM


class AccountQualificationQuerySet(models.QuerySet["AccountQualification"]):
    """Queries for companies that qualified."""

    def waiting(self) -> AccountQualificationQuerySet:
        """Return those that the app above has not taken yet."""
        return self.filter(taken_at__isnull=True)


class AccountQualification(models.Model):
    """An AQL: a company that met a version of the motion AQL at an instant, with the reasons frozen as they were.

    By `taken_at` the app above finds its work. The row is also the cycle: until `closed_at` the company cannot qualify
    again; afterwards only on newer activity, and not before `reenter_at`. It is no lead, and counts in no figure of leads.
    """

    id = models.BigAutoField(primary_key=True)
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="account_qualifications")
    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="account_qualifications")
    cycle = models.PositiveSmallIntegerField(default=1)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    tier = models.PositiveSmallIntegerField()
    contacts = models.PositiveSmallIntegerField(help_text="The different contacts that were engaged.")
    why = models.CharField(max_length=300, help_text="One line for lists.")
    evidence = models.JSONField(help_text="The judgement as of `at` (scoring.account_judgement), never recomputed.")

    taken_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    reenter_at = models.DateTimeField(null=True, blank=True)
    is_barred = models.BooleanField(default=False, help_text="Sales ruled the company out: it does not qualify again.")

    objects = AccountQualificationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["company"], condition=Q(closed_at__isnull=True), name="one_open_account_qualification"
            ),
            models.UniqueConstraint(fields=["company", "cycle"], name="account_cycle_once"),
            models.CheckConstraint(name="account_qualification_tier", condition=Q(tier__in=[1, 2])),
        ]
        indexes: ClassVar = [
            # Read by sla.plays.play_creation: the next company to make a play of.
            models.Index(fields=["tier", "id"], name="account_waiting", condition=Q(taken_at__isnull=True)),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="account_qualifications_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="account_qualification_is_frozen", exclude=["taken_at", "closed_at", "reenter_at", "is_barred"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.company} (aql {self.at:%Y-%m-%d})"


class HotUpgradeQuerySet(models.QuerySet["HotUpgrade"]):
    """Queries for hot upgrades."""

    def waiting(self) -> HotUpgradeQuerySet:
        """Return the hot upgrades that the app above has not dealt with yet."""
        return self.filter(taken_at__isnull=True)


class HotUpgrade(models.Model):
    """A hot upgrade (rules 6.25): a lead with an open cycle met a hot trigger after it had qualified without one, once a
    cycle.

    `at` is the activity that did it. By `taken_at` the app above finds the handoffs to hurry.
    """

    id = models.BigAutoField(primary_key=True)
    qualification = models.OneToOneField(Qualification, on_delete=models.PROTECT, related_name="hot_upgrade")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+", help_text="Whose trigger it met.")
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    why = models.CharField(max_length=300, help_text="What the lead did, in one line.")
    evidence = models.JSONField(help_text="The explanation (scoring.engine) as the trigger was met, never recomputed.")

    taken_at = models.DateTimeField(null=True, blank=True)

    objects = HotUpgradeQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            # Read by sla.handoffs.hot_upgrades: the next one to hurry.
            models.Index(fields=["id"], name="hot_upgrade_waiting", condition=Q(taken_at__isnull=True)),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="hot_upgrades_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="hot_upgrade_is_frozen", exclude=["taken_at"]),
        ]

    def __str__(self) -> str:
        return self.why

    @property
    def is_late(self) -> bool:
        """Return whether Accord learned late of what raised the tier, or of something from before the MQL."""
        return self.recorded_at - self.at >= LATE_FROM or self.at <= self.qualification.at


class TierUpgradeQuerySet(models.QuerySet["TierUpgrade"]):
    """Queries for tier upgrades."""

    def waiting(self) -> TierUpgradeQuerySet:
        """Return the tier upgrades that the app above has not dealt with yet."""
        return self.filter(taken_at__isnull=True)


class TierUpgrade(models.Model):
    """A tier upgrade (rules 6.34): an MQL of tier 3 turned out to be of tier 2 by all that is known of it, once a cycle.

    `at` is the fact that did it. By `taken_at` the app above finds what to change; the MQL itself stays as it was.
    """

    id = models.BigAutoField(primary_key=True)
    qualification = models.OneToOneField(Qualification, on_delete=models.PROTECT, related_name="tier_upgrade")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+", help_text="Whose tiers they are.")
    tier = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    why = models.CharField(max_length=300, help_text="What raised the tier, in one line.")
    evidence = models.JSONField(help_text="The explanation (scoring.engine) as of `at`, never recomputed.")

    taken_at = models.DateTimeField(null=True, blank=True)

    objects = TierUpgradeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="upgraded_to_tier_2", condition=Q(tier=2))]
        indexes: ClassVar = [
            # Read by sla.handoffs.tier_upgrades: the next handoff to raise.
            models.Index(fields=["id"], name="tier_upgrade_waiting", condition=Q(taken_at__isnull=True)),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="tier_upgrades_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="tier_upgrade_is_frozen", exclude=["taken_at"]),
        ]

    def __str__(self) -> str:
        return self.why

    @property
    def is_late(self) -> bool:
        """Return whether Accord learned late of what raised the tier, or of something from before the MQL."""
        return self.recorded_at - self.at >= LATE_FROM or self.at <= self.qualification.at


class HandRaiseQuerySet(models.QuerySet["HandRaise"]):
    """Queries for requests of disqualified leads."""

    def waiting(self) -> HandRaiseQuerySet:
        """Return those that the app above has not handled yet."""
        return self.filter(handled_at__isnull=True)


class HandRaise(models.Model):
    """An explicit request of a lead that is disqualified: the app above reinstates the lead or leaves it closed."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="hand_raises")
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="hand_raise")
    recorded_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)
    why_closed = models.CharField(
        max_length=300, blank=True, help_text="Why the lead stays closed; empty: it came back."
    )

    objects = HandRaiseQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            # Read by sla.handoffs.reinstatements: the next request to handle.
            models.Index(fields=["id"], name="hand_raise_waiting", condition=Q(handled_at__isnull=True))
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="hand_raises_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="hand_raise_origin_stays", fields=["lead", "event", "recorded_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.lead}: {self.event_id}"


class BlindRuleKind(models.TextChoices):
    """The kinds of blindness of a criterion or signal (rules 4.22)."""

    STOPPED = "stopped", _("Stopped arriving")
    NOT_UNDERSTOOD = "not_understood", _("Not understood")
    NEW_VALUE = "new_value", _("New value that nothing matches")
    NEVER_MATCHES = "never_matches", _("Never matches")


class BlindRuleQuerySet(models.QuerySet["BlindRule"]):
    """Queries for alarms."""

    def open(self) -> BlindRuleQuerySet:
        """Return the alarms that still hold and that nobody has closed."""
        return self.filter(ended_at__isnull=True)


class BlindRule(models.Model):
    """An alarm: a criterion or signal of an active version no longer sees what it asks for.

    `field` is the attribute, or `signal.CODE`; `value` the value concerned, of a criterion that never matches its key.
    The newest leads concerned stand in `lead_ids`. Open until the values are back or a person closes it.
    """

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="blind_rules")
    kind = models.CharField(max_length=16, choices=BlindRuleKind)
    field = models.CharField(max_length=120)
    value = models.CharField(max_length=300, blank=True)
    count = models.PositiveIntegerField()
    resembles = models.CharField(max_length=300, blank=True, help_text="The expected value that the new one resembles.")
    lead_ids = ArrayField(models.BigIntegerField(), default=list)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: Accord itself, as it no longer holds.",
    )

    objects = BlindRuleQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "kind", "field", "value"],
                name="blind_rule_open_once",
                condition=Q(ended_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.field}: {self.get_kind_display()}"
