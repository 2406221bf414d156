"""The serializers of account plays: input and output of the API (rules 16.14)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.api.fields import VocabularyField
from sla.models import (
    AccountPlay,
    PlayAttempt,
    PlayClock,
    PlayContact,
    PlayDisposition,
    PlayOutcome,
    PlayRouting,
    PlayTask,
)
from sla.serializers.handoffs import NewAttemptSerializer, OwnerFields
from sla.vocabulary import BuyingRole


class PlaySerializer(OwnerFields, serializers.ModelSerializer[AccountPlay]):
    company_name = serializers.CharField(source="company.__str__")
    company_domain = serializers.CharField(source="company.domain", allow_null=True)
    version_number = serializers.CharField(source="version.number")
    why = serializers.CharField(source="qualification.why", help_text="In one line, why the company qualified.")
    contacts_engaged = serializers.IntegerField(source="qualification.contacts")

    class Meta:
        model = AccountPlay
        fields = (
            "id", "state", "tier", "company", "company_name", "company_domain", "why", "contacts_engaged", "version",
            "version_number", "team", "team_name", "rep", "created_at", "routed_at", "first_contact_at", "decided_at",
            "meeting_at", "closed_at", "due_at",
        )  # fmt: skip


class PlayContactSerializer(serializers.ModelSerializer[PlayContact]):
    name = serializers.CharField(source="lead.name")
    title = serializers.CharField(source="lead.title")
    email = serializers.CharField(source="lead.email", allow_null=True)

    class Meta:
        model = PlayContact
        fields = ("id", "lead", "name", "title", "email", "role", "last_engaged_at", "activity")


class PlayTaskSerializer(serializers.ModelSerializer[PlayTask]):
    completed_by = serializers.CharField(default=None, allow_null=True)

    class Meta:
        model = PlayTask
        fields = ("id", "contact", "role", "text", "created_at", "completed_at", "completed_by")

    def to_representation(self, instance: PlayTask) -> dict[str, Any]:
        """Return the columns, with the role that the owner states of the contact now."""
        row: dict[str, Any] = super().to_representation(instance)
        return row if instance.contact is None else {**row, "role": instance.contact.role}


class PlayClockSerializer(serializers.ModelSerializer[PlayClock]):
    class Meta:
        model = PlayClock
        fields = (
            "kind", "target_seconds", "started_at", "due_at", "warned_at", "breached_at", "met_at", "used_seconds",
            "is_late", "cancelled_at",
        )  # fmt: skip


class PlayAttemptSerializer(serializers.ModelSerializer[PlayAttempt]):
    by = serializers.CharField()

    class Meta:
        model = PlayAttempt
        fields = ("id", "contact", "at", "recorded_at", "by", "channel", "outcome", "note")


class PlayDispositionSerializer(serializers.ModelSerializer[PlayDisposition]):
    by = serializers.CharField(source="by_name")
    reason = serializers.CharField(source="reason.code", default=None, allow_null=True)
    sub_reason = serializers.CharField(source="sub_reason.code", default=None, allow_null=True)

    class Meta:
        model = PlayDisposition
        fields = ("kind", "reason", "sub_reason", "note", "missing", "reengage_on", "by", "at")


class PlayRoutingSerializer(serializers.ModelSerializer[PlayRouting]):
    class Meta:
        model = PlayRouting
        fields = ("at", "rep", "explanation", "trace")


class PlayOutcomeSerializer(serializers.ModelSerializer[PlayOutcome]):
    by = serializers.CharField()

    class Meta:
        model = PlayOutcome
        fields = ("kind", "amount", "reason", "by", "at")


class PlayDetailSerializer(PlaySerializer):
    """The play with its evidence as it was on the day, its contacts and tasks, and everything that was done."""

    evidence = serializers.JSONField(source="qualification.evidence")
    contacts = PlayContactSerializer(many=True)
    tasks = PlayTaskSerializer(many=True)
    clocks = PlayClockSerializer(many=True)
    attempts = PlayAttemptSerializer(many=True)
    disposition = PlayDispositionSerializer(default=None, allow_null=True)
    outcomes = PlayOutcomeSerializer(many=True)
    routings = PlayRoutingSerializer(many=True)

    class Meta(PlaySerializer.Meta):
        fields = (
            *PlaySerializer.Meta.fields,
            "evidence", "contacts", "tasks", "clocks", "attempts", "disposition", "outcomes", "routings",
        )  # type: ignore[assignment]  # longer than the base’s  # fmt: skip


class NewPlayAttemptSerializer(NewAttemptSerializer):
    contact = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="The id of a contact of the play.")


class RoleSerializer(serializers.Serializer[Any]):
    role = VocabularyField(BuyingRole)
