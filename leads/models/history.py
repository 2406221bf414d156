from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from leads.change_stamps import CURRENT_TRANSACTION
from leads.models.company import Company
from leads.models.guards import append_only
from leads.models.lead import Lead
from leads.stage_triggers import GUARD_STAGES, derive_stages
from leads.vocabulary import LADDER, MalExitKind, Motion, Stage, stage_label


class AttributeChange(models.Model):
    """A statement about a company or a lead: the values that some fields have from `valid_from` on.

    The current columns are derived from these rows. `values` maps field names (without the `lead.`/`company.` prefix,
    custom ones as `custom.NAME`, a lead's company as `company` with its id) to JSON values, null for unknown. At an
    instant T a field has the value of the latest statement naming it with `valid_from <= T` (ties: the later row).
    """

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, null=True, related_name="attribute_changes")
    company = models.ForeignKey(Company, on_delete=models.PROTECT, null=True, related_name="attribute_changes")
    values = models.JSONField()
    valid_from = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    is_dated_wish = models.BooleanField(
        default=False,
        db_default=False,
        help_text="States whether the lead may be contacted, by a date of its own or a person's word.",
    )
    transaction = models.BigIntegerField(db_default=CURRENT_TRANSACTION, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="attributes_of_one_subject", condition=Q(lead__isnull=False) ^ Q(company__isnull=False)
            )
        ]
        indexes: ClassVar = [
            # Read in this order for the history of one subject: by batch_upsert, explanations and replays.
            models.Index(
                fields=["lead", "valid_from", "id"], name="attributes_of_lead", condition=Q(lead__isnull=False)
            ),
            models.Index(
                fields=["company", "valid_from", "id"], name="attributes_of_company", condition=Q(company__isnull=False)
            ),
            # Read by scoring.columns for the rows since its last snapshot. They lie at the end of the table: BRIN suffices.
            BrinIndex(fields=["transaction"], name="attributes_by_transaction", autosummarize=True),
            # Read by scoring.blind_rules for the statements of the last days. They, too, lie at the end of the table.
            BrinIndex(fields=["recorded_at"], name="attributes_by_arrival", autosummarize=True),
        ]
        triggers: ClassVar = [append_only("attribute_changes_stay")]

    def __str__(self) -> str:
        return f"{self.lead or self.company}: {', '.join(self.values)}"


class ContactDecision(models.Model):
    """A person's decision that a lead may be contacted or not, with the reason. Its effect is in the attribute history."""

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="contact_decisions")
    at = models.DateTimeField()
    is_opt_out = models.BooleanField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)

    class Meta:
        triggers: ClassVar = [append_only("contact_decisions_stay")]

    def __str__(self) -> str:
        return f"{self.lead}: {'do not contact' if self.is_opt_out else 'may be contacted'}"


class PersonChange(models.Model):
    """The instant from which a lead's address belongs to another person, by the names that a sender states."""

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="person_changes")
    at = models.DateTimeField()
    from_name = models.CharField(max_length=201)
    to_name = models.CharField(max_length=201)
    source = models.CharField(max_length=64)
    recorded_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [append_only("person_changes_stay")]

    def __str__(self) -> str:
        return f"{self.from_name} → {self.to_name}"


class LeadStage(models.Model):
    """The stage in which a lead stands in one motion; without a row it never left the stage lead there (rules 2.1).

    The database derives it from the last StageChange of the lead and the motion, and lets nobody else write it.
    """

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="motion_stages", db_index=False)
    motion = models.CharField(max_length=3, choices=Motion.choices)
    stage = models.CharField(max_length=16, choices=Stage.choices)
    since = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["lead", "motion"], name="one_stage_a_motion")]
        # Read for the leads in a stage of a motion: nurture, and the handoffs that follow the CRM.
        indexes: ClassVar = [models.Index(fields=["stage", "motion", "lead"], name="lead_stage_by_stage")]
        triggers: ClassVar = [GUARD_STAGES]

    def __str__(self) -> str:
        return f"{self.lead}: {self.label}"

    @property
    def label(self) -> str:
        return stage_label(self.stage, self.motion)

    @property
    def tone(self) -> str:
        return Stage(self.stage).tone

    @property
    def owner(self) -> str:
        return Stage(self.stage).owner

    @property
    def owner_label(self) -> str:
        return str(Stage(self.stage).owner.label)

    @property
    def motion_name(self) -> str:
        return Motion(self.motion).short

    @property
    def is_on_ladder(self) -> bool:
        return self.stage in LADDER

    @property
    def ladder_steps(self) -> list[str]:
        """The labels of the ladder (rules 2.1): a stage beside it stands in the place of the last step."""
        steps = LADDER if self.is_on_ladder else (*LADDER[:-1], self.stage)
        return [stage_label(step, self.motion) for step in steps]

    @property
    def ladder_place(self) -> int:
        return LADDER.index(Stage(self.stage)) if self.is_on_ladder else len(LADDER) - 1


class StageChange(models.Model):
    """A move of a lead from one stage of a motion to another; it begins where the lead stands in that motion."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="stage_changes")
    motion = models.CharField(max_length=3, choices=Motion.choices)
    from_stage = models.CharField(max_length=16, choices=Stage.choices)
    to_stage = models.CharField(max_length=16, choices=Stage.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: Accord itself.",
    )
    why = models.CharField(max_length=300)

    class Meta:
        # Read by backtests (scoring.backtests.outcome_history) for the acceptances and rejections of a period.
        indexes: ClassVar = [models.Index(fields=["to_stage", "at"], name="stage_change_by_stage")]
        triggers: ClassVar = [append_only("stage_changes_stay"), derive_stages("leads_leadstage")]

    def __str__(self) -> str:
        return f"{self.lead}: {self.from_label} → {self.to_label}"

    @property
    def from_label(self) -> str:
        return stage_label(self.from_stage, self.motion)

    @property
    def to_label(self) -> str:
        return stage_label(self.to_stage, self.motion)


class MalExit(models.Model):
    """A person's decision that a lead is no MAL any more, with the note. The stage is changed at the same instant."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="mal_exits")
    kind = models.CharField(max_length=16, choices=MalExitKind.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=250)

    class Meta:
        # Read by scoring.mals.exit_figures for the exits of the last days.
        indexes: ClassVar = [models.Index(fields=["kind", "at"], name="mal_exit_by_kind")]
        triggers: ClassVar = [append_only("mal_exits_stay")]

    def __str__(self) -> str:
        return f"{self.lead}: {self.get_kind_display()}"
