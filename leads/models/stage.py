"""Stages of leads by motion, the moves that make them, and exits of MALs by hand."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from leads.models.guards import append_only
from leads.models.lead import Lead
from leads.stage_triggers import GUARD_STAGES, derive_stages
from leads.vocabulary import LADDER, MalExitKind, Motion, Stage, stage_label


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
