"""The serializers of handoffs: input and output of the API (rules 16.3)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.fields import VocabularyField
from sla.handoffs import disposition_content, reinstatements, sales_stages
from sla.models import (
    AccountPlay,
    Attempt,
    Clock,
    Disposition,
    Handoff,
    ReasonCode,
    Rep,
    RoutingDecision,
    SalesQualification,
)
from sla.vocabulary import AttemptOutcome, Channel


class Instant(serializers.DateTimeField):
    """Read a date-time with its zone; without a zone it is refused, as it names no instant."""

    def enforce_timezone(self, value: dt.datetime) -> dt.datetime:
        if timezone.is_naive(value):
            raise serializers.ValidationError("It must carry its zone, as 2026-01-31T09:30:00Z or …+01:00.")
        try:
            return value.astimezone(dt.UTC)
        except OverflowError as error:
            raise serializers.ValidationError("It lies beyond the calendar.") from error


class RepSerializer(serializers.ModelSerializer[Rep]):
    name = serializers.CharField(source="__str__")
    email = serializers.CharField(source="user.email")

    class Meta:
        model = Rep
        fields = ("id", "name", "email")


class OwnerFields(serializers.Serializer[Any]):
    """The rep and the team of a handoff or play: their present names while it is open, those of the day once it is closed."""

    team_name = serializers.SerializerMethodField(help_text="Of a closed one as it was on that day.")
    rep = serializers.SerializerMethodField(help_text="Of a closed one with the name of that day.")

    def get_team_name(self, row: Handoff | AccountPlay) -> str | None:
        return row.team_label or None

    @extend_schema_field(RepSerializer(allow_null=True))
    def get_rep(self, row: Handoff | AccountPlay) -> dict[str, Any] | None:
        return None if row.rep is None else {**RepSerializer(row.rep).data, "name": row.rep_label}


class HandoffSerializer(OwnerFields, serializers.ModelSerializer[Handoff]):
    lead_name = serializers.CharField(source="lead.name")
    lead_email = serializers.CharField(source="lead.email", allow_null=True)
    version_number = serializers.CharField(source="version.number")
    why = serializers.CharField(source="qualification.why", help_text="In one line, why the lead qualified.")
    current_tier = serializers.IntegerField(
        read_only=True, help_text="By all that is known now; `tier` is that of the handoff, which never changes."
    )

    class Meta:
        model = Handoff
        fields = (
            "id", "state", "tier", "current_tier", "motion", "lead", "lead_name", "lead_email", "why", "version", "version_number",
            "team", "team_name", "rep", "created_at", "routed_at", "first_contact_at", "decided_at", "meeting_at",
            "closed_at", "due_at",
        )  # fmt: skip


class ClockSerializer(serializers.ModelSerializer[Clock]):
    class Meta:
        model = Clock
        fields = (
            "kind", "target_seconds", "started_at", "due_at", "warned_at", "breached_at", "met_at", "used_seconds",
            "is_late", "cancelled_at",
        )  # fmt: skip


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    by = serializers.CharField()

    class Meta:
        model = Attempt
        fields = ("id", "at", "recorded_at", "by", "channel", "outcome", "note")


class DispositionSerializer(serializers.ModelSerializer[Disposition]):
    by = serializers.CharField(source="by_name")
    reason = serializers.CharField(source="reason.code", default=None, allow_null=True)
    sub_reason = serializers.CharField(source="sub_reason.code", default=None, allow_null=True)

    class Meta:
        model = Disposition
        fields = (
            "id",
            "kind",
            "reason",
            "sub_reason",
            "note",
            "missing",
            "reengage_on",
            "contacted_before",
            "by",
            "at",
            "corrects",
        )


class RoutingDecisionSerializer(serializers.ModelSerializer[RoutingDecision]):
    class Meta:
        model = RoutingDecision
        fields = ("at", "rep", "explanation", "trace")


class SalesQualificationSerializer(serializers.ModelSerializer[SalesQualification]):
    by = serializers.CharField()

    class Meta:
        model = SalesQualification
        fields = ("problem", "budget", "authority", "timeline", "by", "at")


class HandoffDetailSerializer(HandoffSerializer):
    """The handoff with its evidence as it was on the day, its clocks and everything that was done."""

    evidence = serializers.JSONField(source="qualification.evidence")
    clocks = ClockSerializer(many=True)
    attempts = AttemptSerializer(many=True)
    dispositions = DispositionSerializer(many=True)
    routing_decisions = RoutingDecisionSerializer(many=True)
    sales_qualification = SalesQualificationSerializer(default=None, allow_null=True)
    reinstated = serializers.SerializerMethodField(
        help_text="Of a lead that had been disqualified: as what, when and by whom, and how it came back."
    )

    class Meta(HandoffSerializer.Meta):
        fields = (
            *HandoffSerializer.Meta.fields,
            "evidence", "clocks", "attempts", "dispositions", "routing_decisions", "sales_qualification",
            "reinstated",
        )  # type: ignore[assignment]  # longer than the base’s  # fmt: skip

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_reinstated(self, handoff: Handoff) -> str | None:
        row = reinstatements.reinstatement_of_handoff(handoff)
        return None if row is None else reinstatements.write_history(row)


class EmptySerializer(serializers.Serializer[Any]):
    """The empty body of an action that needs no input."""


class RejectionSerializer(serializers.Serializer[Any]):
    reason = serializers.SlugRelatedField(slug_field="code", queryset=ReasonCode.objects.all())
    sub_reason = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=64,
        default="",
        help_text="The code of the detail, for reasons that ask for one: bad_number, bounced, no_answer, left_company.",
    )
    note = serializers.CharField(
        required=False, allow_blank=True, max_length=disposition_content.NOTE_AT_MOST, default=""
    )
    missing = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=disposition_content.MISSING_AT_MOST,
        default="",
        help_text="What the lead would have needed, in the rep's words: an active project, a budget.",
    )
    reengage_on = serializers.DateField(
        required=False, allow_null=True, default=None, help_text="For reasons that recycle; else ignored."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Look the detail up among those of the reason."""
        code = attrs["sub_reason"]
        details = {detail.code: detail for detail in attrs["reason"].sub_reasons.filter(is_offered=True)}
        if code and code not in details:
            offered = ", ".join(sorted(details)) or "none"
            raise serializers.ValidationError({"sub_reason": f"It must be a detail of this reason: {offered}."})
        return attrs | {"sub_reason": details.get(code)}


class NewAttemptSerializer(serializers.Serializer[Any]):
    channel = VocabularyField(Channel)
    outcome = VocabularyField(AttemptOutcome)
    at = Instant(required=False, allow_null=True, default=None, help_text="Without it: now.")
    note = serializers.CharField(required=False, allow_blank=True, max_length=1000, default="")


class MeetingSerializer(serializers.Serializer[Any]):
    at = Instant()


class AnswersSerializer(serializers.Serializer[Any]):
    problem = serializers.CharField(max_length=500)
    budget = serializers.CharField(max_length=500)
    authority = serializers.CharField(max_length=500)
    timeline = serializers.CharField(max_length=500)


class OpportunitySerializer(serializers.Serializer[Any]):
    amount = serializers.DecimalField(
        max_digits=sales_stages.AMOUNT_DIGITS,
        decimal_places=2,
        min_value=0,
        help_text="In the currency of the installation; an estimate will do.",
    )


class AmountSerializer(serializers.Serializer[Any]):
    amount = serializers.DecimalField(
        max_digits=sales_stages.AMOUNT_DIGITS,
        decimal_places=2,
        min_value=0,
        required=False,
        allow_null=True,
        default=None,
        help_text="In the currency of the installation.",
    )


class LossSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200)
