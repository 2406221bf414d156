"""The context of an MQL: the campaign that brought it, and whether its source and engagement are on record (rules 12.24, 12.51)."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import NullIf

from leads.models import Event


def campaign_of_mql() -> Subquery:
    """Return the campaign of the lead's latest event up to its qualification that names one; NULL without any."""
    campaign = NullIf(KeyTextTransform("campaign", "properties"), Value("", output_field=TextField()))
    events = Event.objects.filter(
        lead=OuterRef("lead"), occurred_at__lte=OuterRef("at"), properties__has_key="campaign"
    )
    return Subquery(events.order_by("-occurred_at", "-pk").annotate(campaign=campaign).values("campaign")[:1])


def has_complete_context() -> Q:
    """Return the condition on an MQL: the source of its lead and an engagement up to its qualification are on record."""
    engagements = Event.objects.filter(lead=OuterRef("lead"), occurred_at__lte=OuterRef("at"))
    return Q(~Q(lead__source=""), Exists(engagements.exclude(asset="", properties={})))


def events_of_campaign(campaign: str) -> QuerySet[Event]:
    """Return the events that name a campaign, as text: senders may write numbers."""
    named = Event.objects.filter(properties__has_key="campaign")
    return named.annotate(campaign=KeyTextTransform("campaign", "properties")).filter(campaign=campaign)
