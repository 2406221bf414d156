"""MQLs and promises as reports read them: each in one row, which follows from the rows of leads and of sales."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from definitions.models import Definition, Version
from leads.models import Lead
from leads.vocabulary import Motion
from scoring.models import Qualification
from sla.models.clock import Clock
from sla.models.handoff import Handoff
from sla.models.reason import ReasonCode
from sla.models.team import Rep, Team
from sla.vocabulary import ClockKind, DispositionKind, PromiseVerdict


def _follows(to: Any) -> Any:
    """Return a foreign key without a constraint: the row follows from others that have one, and is read by period only.

    A constraint would make the refresh wait for whoever has the lead or the handoff locked.
    """
    return models.ForeignKey(
        to, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )


class ReportedMql(models.Model):
    """An MQL with its lead's source and campaign, its handoff, its decision and its outcomes (rules 12.83).

    `sla.reported_mqls.refresh` alone writes it, and `sla.reported_mqls.current` is how reports get it. An instant is that of the
    standing decision or of the first outcome in the MQL's own cycle; NULL: not so far.
    """

    qualification = models.OneToOneField(
        Qualification, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="reported"
    )
    definition = _follows(Definition)
    version = _follows(Version)
    lead = _follows(Lead)
    handoff = _follows(Handoff)
    team = _follows(Team)
    rep = _follows(Rep)
    reason = _follows(ReasonCode)
    motion = models.CharField(max_length=3, choices=Motion.choices)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    tier = models.PositiveSmallIntegerField()
    is_hot = models.BooleanField()
    fit = models.FloatField()
    engagement = models.FloatField()
    source = models.TextField(help_text="Of the lead, empty without one.")
    campaign = models.TextField(null=True, help_text="Of the lead's last activity with one up to the MQL.")
    has_context = models.BooleanField(help_text="Source and engagement are on record: what marketing owes sales.")
    handed_over_at = models.DateTimeField(null=True)
    routed_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True, help_text="The first opening of the page with the evidence by its rep.")
    first_contact_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True, help_text="Of the handoff; a later correction does not move it.")
    decision = models.CharField(
        max_length=8, choices=DispositionKind.choices, blank=True, help_text="The standing one."
    )
    decision_at = models.DateTimeField(null=True)
    decision_seconds = models.PositiveIntegerField(
        null=True, help_text="Business seconds from routing to the decision."
    )
    contacted_before = models.BooleanField(null=True, help_text="Before the decision.")
    attempts = models.PositiveIntegerField(help_text="Contacts logged up to the decision; 0 without one.")
    answered_at = models.DateTimeField(null=True, help_text="The four questions of an SQL.")
    opened_at = models.DateTimeField(null=True)
    won_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            # For reports on the MQLs of a period.
            models.Index(fields=["motion", "at"], name="reported_mql_by_time"),
            # For reports on what happened in a period.
            *(
                models.Index(fields=["motion", field], name=name, condition=Q(**{f"{field}__isnull": False}))
                for field, name in (
                    ("handed_over_at", "reported_mql_by_handoff"),
                    ("routed_at", "reported_mql_by_routing"),
                    ("first_contact_at", "reported_mql_by_contact"),
                    ("decided_at", "reported_mql_by_decision"),
                    ("answered_at", "reported_mql_by_answers"),
                    ("opened_at", "reported_mql_by_opening"),
                    ("won_at", "reported_mql_by_win"),
                )
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lead} ({self.motion} {self.at:%Y-%m-%d})"


class ReportedPromise(models.Model):
    """A promise on a handoff with its verdict and what reports tell it apart by (rules 12.83); written as reported MQLs are."""

    clock = models.OneToOneField(
        Clock, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="+"
    )
    handoff = _follows(Handoff)
    version = _follows(Version)
    team = _follows(Team)
    rep = _follows(Rep)
    motion = models.CharField(max_length=3, choices=Motion.choices)
    kind = models.CharField(max_length=16, choices=ClockKind.choices)
    tier = models.PositiveSmallIntegerField()
    source = models.TextField()
    campaign = models.TextField(null=True)
    started_at = models.DateTimeField()
    verdict = models.CharField(max_length=9, choices=PromiseVerdict.choices)
    used_seconds = models.PositiveIntegerField(null=True, help_text="Business seconds from start to met.")

    class Meta:
        # For reports on the promises that began in a period.
        indexes: ClassVar = [models.Index(fields=["motion", "started_at"], name="reported_promise_by_start")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.handoff}"


class ReportedMqlChange(models.Model):
    """A lead of which something changed that its reported MQLs say; triggers of the database write it (rules 12.83)."""

    lead_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"Lead {self.lead_id}"
