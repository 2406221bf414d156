"""Rows of facts as the API writes them, and bodies as it reads them."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers

from leads.identity import merges
from leads.models import Company, DuplicateCandidate, Event, Lead, LeadKey, LeadMerge, LeadStage
from leads.normalization import validation
from leads.stages import motion_stages
from leads.vocabulary import KeyKind, NoteKind, OwningTeam

_LATEST_EVENTS: Final = 50


class NoteSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=NoteKind.choices)
    field = serializers.CharField()
    text = serializers.CharField()


class ResultSerializer(serializers.Serializer[Any]):
    status = serializers.CharField(help_text="accepted, duplicate, created, updated, unchanged or rejected.")
    id = serializers.IntegerField(allow_null=True, help_text="Accord's id; null for what was rejected.")
    field = serializers.CharField(allow_blank=True, help_text="Of a rejected item: the field at fault.")
    reason = serializers.CharField(allow_blank=True, help_text="Of a rejected item: the rule it breaks.")
    notes = NoteSerializer(many=True, required=False, help_text="Of a lead or company: what was not stored as it came.")


class AnswerSerializer(serializers.Serializer[Any]):
    """A result for each item, in the order sent, and the number of results of each status."""

    results = ResultSerializer(many=True)
    counts = serializers.DictField(child=serializers.IntegerField())


class CompanySerializer(serializers.ModelSerializer[Company]):
    domains = serializers.SerializerMethodField(help_text="All domains; `domain` is the first.")

    def get_domains(self, company: Company) -> list[str]:
        return [key.value for key in sorted(company.keys.all(), key=attrgetter("pk")) if key.kind == KeyKind.DOMAIN]

    class Meta:
        model = Company
        exclude = ("has_history", "read_as")


class EmployerSerializer(serializers.ModelSerializer[Company]):
    class Meta:
        model = Company
        fields = ("id", "external_id", "name", "domain")


class LeadStageSerializer(serializers.ModelSerializer[LeadStage]):
    owner = serializers.ChoiceField(choices=OwningTeam.choices, help_text="The team that owns the lead in this stage.")

    class Meta:
        model = LeadStage
        fields = ("motion", "stage", "since", "owner")


class LeadSerializer(serializers.ModelSerializer[Lead]):
    company = EmployerSerializer(allow_null=True)
    stages = serializers.SerializerMethodField(help_text="The stage in each motion; `stage` is their summary.")

    @extend_schema_field(LeadStageSerializer(many=True))
    def get_stages(self, lead: Lead) -> list[dict[str, Any]]:
        return list(LeadStageSerializer(motion_stages.list_stages(lead), many=True).data)

    class Meta:
        model = Lead
        exclude = ("has_history", "read_as", "phone_key", "next_look_at", "look_failures", "look_error")


class NotUnderstoodSerializer(serializers.Serializer[Any]):
    attribute = serializers.CharField(help_text="As company.country.")
    text = serializers.CharField(help_text="The value as it came.")
    count = serializers.IntegerField(help_text="How many leads, or companies, have it.")
    leads_count = serializers.IntegerField(help_text="How many leads it concerns.")
    last_seen = serializers.DateTimeField()
    sources = serializers.ListField(child=serializers.CharField())
    leads = serializers.URLField(help_text="The leads that it concerns.")


class NotUnderstoodPageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True, help_text="Always null.")
    results = NotUnderstoodSerializer(many=True)


class EventSerializer(serializers.ModelSerializer[Event]):
    signal = serializers.CharField(source="signal.code")

    class Meta:
        model = Event
        fields = ("id", "signal", "occurred_at", "recorded_at", "source", "external_id", "asset", "properties")


class SystemIdSerializer(serializers.ModelSerializer[LeadKey]):
    id = serializers.CharField(source="value")

    class Meta:
        model = LeadKey
        fields = ("system", "id")


class LeadDetailSerializer(LeadSerializer):
    ids = serializers.SerializerMethodField(help_text="The ids by system; an empty system: every system may name it.")
    addresses = serializers.SerializerMethodField(help_text="All e-mail addresses; `email` is the current one.")
    latest_events = serializers.SerializerMethodField()

    @extend_schema(responses=SystemIdSerializer(many=True))
    def get_ids(self, lead: Lead) -> list[dict[str, Any]]:
        return list(SystemIdSerializer(lead.keys.filter(kind=KeyKind.ID).order_by("pk"), many=True).data)

    def get_addresses(self, lead: Lead) -> list[str]:
        return list(lead.keys.filter(kind=KeyKind.EMAIL).order_by("pk").values_list("value", flat=True))

    @extend_schema(responses=EventSerializer(many=True))
    def get_latest_events(self, lead: Lead) -> list[dict[str, Any]]:
        rows = merges.select_events(lead).order_by("-occurred_at", "-pk")[:_LATEST_EVENTS]
        return list(EventSerializer(rows, many=True).data)


class MergeSerializer(serializers.ModelSerializer[LeadMerge]):
    lead = serializers.IntegerField(source="alias_id", help_text="The lead that is merged into the other one.")
    by = serializers.CharField(allow_null=True, help_text="The person who did it; null for another system.")
    ended_by = serializers.CharField(allow_null=True)

    class Meta:
        model = LeadMerge
        fields = ("id", "lead", "into", "at", "by", "why", "ended_at", "ended_by")


class MergeRequestSerializer(serializers.Serializer[Any]):
    into = serializers.IntegerField(
        min_value=1,
        max_value=validation.MAX_BIGINT,
        help_text="Accord's id of the lead that stands for both from now on.",
    )
    why = serializers.CharField(required=False, allow_blank=True, max_length=merges.WHY_AT_MOST, default="")


class DuplicateSerializer(serializers.ModelSerializer[DuplicateCandidate]):
    strength = serializers.CharField(help_text="strong, medium or weak.")
    first = LeadSerializer()
    second = LeadSerializer()

    class Meta:
        model = DuplicateCandidate
        fields = ("id", "reason", "strength", "found_at", "first", "second")
