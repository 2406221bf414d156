"""The history of a version: its steps, signatures, backtests and proposal, and the commitments in force."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from config.audit.triggers import AuditTrigger
from definitions.models.definition import Version
from definitions.vocabulary import DECIDING_SIDES, ChangeDriver, Decision, PrecisionBasis, Side, VersionState
from leads.models import append_only
from leads.vocabulary import Motion


class VersionChange(models.Model):
    """A step in the life of a version, from one state to another."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="changes")
    from_state = models.CharField(max_length=8, choices=VersionState.choices)
    to_state = models.CharField(max_length=8, choices=VersionState.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    why = models.TextField(blank=True)

    class Meta:
        triggers: ClassVar = [append_only("version_changes_stay"), AuditTrigger(personal=["why"])]

    def __str__(self) -> str:
        return f"{self.version}: {self.from_state} → {self.to_state}"


class SignOff(models.Model):
    """The signature of a leader on a proposed version, or the words of ops or an SDR about it, which do not count.

    Both leaders must sign, as two different people (rules 9.9).
    """

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="sign_offs")
    side = models.CharField(max_length=9, choices=Side.choices)
    decision = models.CharField(max_length=8, choices=Decision.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    comment = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "side"], condition=Q(side__in=DECIDING_SIDES), name="one_signature_a_side"
            ),
            models.UniqueConstraint(
                fields=["version", "by"], condition=Q(side__in=DECIDING_SIDES), name="one_signature_a_person"
            ),
            models.UniqueConstraint(
                fields=["version", "by"], condition=~Q(side__in=DECIDING_SIDES), name="one_comment_a_person"
            ),
            models.CheckConstraint(name="sign_off_has_comment", condition=~Q(comment="")),
        ]
        triggers: ClassVar = [append_only("sign_offs_stay"), AuditTrigger(personal=["comment"])]

    def __str__(self) -> str:
        return f"{self.get_side_display()}: {self.decision_words}"

    @property
    def counts(self) -> bool:
        return self.side in DECIDING_SIDES

    @property
    def decision_words(self) -> str:
        """Return the decision in words; ops and SDRs agree or object, because they do not decide."""
        if self.counts:
            return str(self.get_decision_display()).lower()
        return "agrees" if self.decision == Decision.APPROVED else "objects"


class CommitmentSnapshot(models.Model):
    """The commitments of both sides about leads that meet a definition (rules 6.13, 6.14, 9.16), as `sla` recorded them.

    The latest row of a motion is in force; the sign-off sheet of its versions shows it beside the definition.
    """

    motion = models.CharField(max_length=3, choices=Motion.choices, default=Motion.MQL)
    sentences = ArrayField(models.TextField())
    signed_by = models.CharField(max_length=400)
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [append_only("commitment_snapshots_stay"), AuditTrigger(personal=["signed_by"])]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d}: {'; '.join(self.sentences)}"


class BacktestQuerySet(models.QuerySet["Backtest"]):
    def pending(self) -> BacktestQuerySet:
        return self.filter(finished_at__isnull=True)

    def successful(self) -> BacktestQuerySet:
        return self.filter(result__isnull=False)


class Backtest(models.Model):
    """A requested backtest: work to do until `finished_at`, from then on its record (rules 10.6).

    It judges `document`, the version as it was at the request, with the basis of then, so that later edits change nothing;
    `digest`, a fingerprint, tells whether the version still has these rules. `against` is the version in force at that time.
    """

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="backtests")
    against = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, related_name="+")
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    basis = models.JSONField(
        null=True, help_text="The digests of what it judges with besides the document; empty: as of the day it ran."
    )
    start = models.DateTimeField()
    end = models.DateTimeField(help_text="Not in the period any more.")
    requested_at = models.DateTimeField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    claimed_until = models.DateTimeField(
        null=True, blank=True, help_text="A worker is at it; later, it is anybody's again."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    result = models.JSONField(null=True, blank=True)

    objects = BacktestQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version"],
                condition=Q(finished_at__isnull=True, requested_by__isnull=False),
                name="one_pending_backtest_of_people",
            ),
            models.UniqueConstraint(
                fields=["version"],
                condition=Q(finished_at__isnull=True, requested_by__isnull=True),
                name="one_pending_backtest_of_accord",
            ),
            models.CheckConstraint(name="backtest_period", condition=Q(start__lt=models.F("end"))),
            # A pending backtest has neither result nor error; a finished one has one of them, or was cancelled.
            models.CheckConstraint(
                name="backtest_finished_whole",
                condition=Q(finished_at__isnull=True, result__isnull=True, error="")
                | (
                    Q(finished_at__isnull=False)
                    & (
                        Q(result__isnull=False, error="")
                        | (Q(result__isnull=True) & ~Q(error=""))
                        | Q(result__isnull=True, cancelled_at__isnull=False)
                    )
                ),
            ),
            models.CheckConstraint(
                name="backtest_cancelled_whole",
                condition=Q(cancelled_at__isnull=True, cancelled_by__isnull=True) | Q(cancelled_at__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            # Read by the worker that looks for the next pending backtest (scoring.backtests.pending_backtests).
            models.Index(fields=["id"], name="backtest_pending", condition=Q(finished_at__isnull=True)),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="backtest_result_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__finished_at__isnull=False),
            ),
            pgtrigger.Trigger(
                name="backtest_of_a_signed_version_stays",
                when=pgtrigger.Before,
                operation=pgtrigger.Delete,
                func="""
                    IF EXISTS (SELECT FROM definitions_version v WHERE v.id = OLD.version_id AND v.state <> 'draft') THEN
                        RAISE EXCEPTION 'pgtrigger: the backtests of a version are kept with it';
                    END IF;
                    RETURN OLD;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"Backtest of {self.version}, {self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}"

    @property
    def is_pending(self) -> bool:
        return self.finished_at is None

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled_at is not None

    @property
    def is_failed(self) -> bool:
        return bool(self.error)


class Proposal(models.Model):
    """A proposal as the leaders received it (rules 9.8): the backtest, findings, checklist and grounds, frozen."""

    version = models.OneToOneField(Version, on_delete=models.PROTECT, related_name="proposal")
    backtest = models.ForeignKey(Backtest, on_delete=models.PROTECT, related_name="+")
    driver = models.CharField(max_length=20, choices=ChangeDriver.choices)
    precision_basis = models.CharField(
        max_length=3, choices=PrecisionBasis.choices, default=PrecisionBasis.WON, db_default=PrecisionBasis.WON
    )
    links = models.JSONField(
        null=True, blank=True, help_text="The reviews, backtests and reports that show it: kind, label and address."
    )
    evidence = models.TextField(blank=True, help_text="What shows it, in words.")
    review = models.ForeignKey("Review", on_delete=models.PROTECT, null=True, blank=True, related_name="proposals")
    findings = models.JSONField(help_text="The linter's, each warning with the reason why it was accepted.")
    checklist = models.JSONField(help_text="The seven points, as they were computed.")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="proposal_not_for_volume", condition=~Q(driver=ChangeDriver.VOLUME))
        ]
        triggers: ClassVar = [append_only("proposals_stay"), AuditTrigger(personal=["evidence", "findings"])]

    def __str__(self) -> str:
        return f"{self.version} proposed {self.at:%Y-%m-%d}"
