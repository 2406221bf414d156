"""Signals, and the events of leads and companies."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform

from leads.change_stamps import CURRENT_TRANSACTION
from leads.models.company import Company
from leads.models.guards import append_only
from leads.models.lead import Lead
from leads.vocabulary import Intent


class Signal(models.Model):
    """A kind of event, as the customer's vocabulary of behaviour names it."""

    id = models.SmallAutoField(primary_key=True)
    code = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    intent = models.CharField(max_length=8, choices=Intent.choices, default=Intent.LOW)
    is_explicit_request = models.BooleanField(
        default=False, help_text="The person asks to be contacted (a hand raise)."
    )
    is_engagement = models.BooleanField(
        default=True, help_text="Counts as activity of the lead; off for unsubscribes, bounces, machine opens."
    )
    closes_request = models.BooleanField(default=False, help_text="Ends an open explicit request.")
    is_high_value_asset = models.BooleanField(default=False)
    ends = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="ended_by",
        help_text="The signal whose earlier events lose their negative points by this one, as an unsubscribe by a new sign-up.",
    )
    description = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="signal_does_not_end_itself", condition=~Q(ends=F("id")) | Q(ends__isnull=True))
        ]

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """An action of a lead. Append-only; ordered by `occurred_at`, however late it arrived."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="events", db_index=False)
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, db_index=False, related_name="+")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    external_id = models.CharField(max_length=200, null=True)
    digest = models.BinaryField(max_length=16, help_text="Of the body as sent: one key with two bodies is a conflict.")
    asset = models.CharField(max_length=200, blank=True)
    properties = models.JSONField(default=dict)
    is_imported = models.BooleanField(
        default=False,
        db_default=False,
        help_text="From a file of history: it counts, but nobody is called about it late.",
    )
    transaction = models.BigIntegerField(db_default=CURRENT_TRANSACTION, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "external_id"], name="event_once")]
        indexes: ClassVar = [
            # Read by rules and pages for the events of one lead; the included signal spares reading the row.
            models.Index(fields=["lead", "occurred_at"], include=["signal"], name="event_of_lead"),
            # Read by scoring.columns for the rows since its last snapshot. They lie at the end of the table: BRIN suffices.
            BrinIndex(fields=["transaction"], name="event_by_transaction", autosummarize=True),
            # Read by scoring.blind_rules for the events of the last weeks.
            BrinIndex(fields=["recorded_at"], name="event_by_arrival", autosummarize=True),
            # Read by reports that are filtered by a campaign: the leads with an event that names it.
            models.Index(
                KeyTextTransform("campaign", "properties"),
                name="event_by_campaign",
                condition=Q(properties__has_key="campaign"),
            ),
        ]
        triggers: ClassVar = [append_only("events_stay")]

    def __str__(self) -> str:
        return f"{self.signal} at {self.occurred_at:%Y-%m-%d %H:%M}"


class CompanyEvent(models.Model):
    """An event of a company without a person, as third parties see it: a job posting, hiring, intent. Append-only."""

    id = models.BigAutoField(primary_key=True)
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="events", db_index=False)
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, db_index=False, related_name="+")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    external_id = models.CharField(max_length=200, null=True)
    digest = models.BinaryField(max_length=16, help_text="Of the body as sent: one key with two bodies is a conflict.")
    properties = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "external_id"], name="company_event_once")]
        indexes: ClassVar = [
            # Read by scoring.account_judgement and by pages for the events of one company.
            models.Index(fields=["company", "occurred_at"], include=["signal"], name="event_of_company"),
        ]
        triggers: ClassVar = [append_only("company_events_stay")]

    def __str__(self) -> str:
        return f"{self.signal} at {self.occurred_at:%Y-%m-%d %H:%M}"
