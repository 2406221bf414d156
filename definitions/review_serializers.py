"""The API's form of reviews and the bodies of their steps (rules 16.25, 16.26)."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.accounts.models import User
from config.api.fields import VocabularyField
from definitions import reviews
from definitions.models import (
    Definition,
    Review,
    ReviewChecklistPoint,
    ReviewEvidence,
    ReviewGap,
    ReviewParticipant,
    ReviewStep,
    Version,
)
from definitions.review_record import participants
from definitions.review_record.participants import SeatTaken
from definitions.serializers import DefinitionSlugField
from definitions.vocabulary import OPENED_BY_HAND, ReviewKind, ReviewSeat, ReviewState, ReviewTrigger


class ReviewSerializer(serializers.ModelSerializer[Review]):
    definition = serializers.SlugField(source="definition.slug")
    motion = serializers.CharField(source="definition.motion")
    about = serializers.CharField(source="proposal")
    state = serializers.ChoiceField(choices=ReviewState.choices)
    opened_by = serializers.CharField(allow_null=True, help_text="Null: Accord itself.")
    due_at = serializers.DateTimeField(help_text="By when it should be decided.")
    is_overdue = serializers.SerializerMethodField()
    escalated_to = serializers.CharField(allow_null=True, help_text="Who decides; null: the leaders.")
    blocked_on = serializers.CharField(help_text="What is wrong with the data; empty: not blocked.")
    decided_by = serializers.CharField(allow_null=True)

    class Meta:
        model = Review
        fields: tuple[str, ...] = (
            *("id", "definition", "motion", "version", "trigger", "cause", "kind", "title", "about", "state"),
            *("opened_at", "opened_by", "due_at", "is_overdue", "meets_at", "escalated_to", "blocked_on"),
            *("decided_at", "decided_by", "decision", "reasoning", "led_to"),
        )

    def get_is_overdue(self, review: Review) -> bool:
        return review.is_overdue(timezone.now())


class ReviewParticipantSerializer(serializers.ModelSerializer[ReviewParticipant]):
    person = serializers.CharField()

    class Meta:
        model = ReviewParticipant
        fields = ("person", "seat", "is_new_leader", "added_at")


class ReviewChecklistSerializer(serializers.ModelSerializer[ReviewChecklistPoint]):
    ticked_by = serializers.CharField(allow_null=True)

    class Meta:
        model = ReviewChecklistPoint
        fields = ("id", "text", "is_required", "ticked_at", "ticked_by")


class ReviewGapSerializer(serializers.ModelSerializer[ReviewGap]):
    owner = serializers.CharField()
    closed_by = serializers.CharField(allow_null=True)

    class Meta:
        model = ReviewGap
        fields = ("id", "missing", "owner", "due_on", "closed_at", "closed_by", "closed_in", "closing_note")


class ReviewStepSerializer(serializers.ModelSerializer[ReviewStep]):
    by = serializers.CharField()
    person = serializers.CharField(allow_null=True, help_text="The decider of an escalation.")

    class Meta:
        model = ReviewStep
        fields = ("kind", "at", "by", "why", "person", "meets_at")


class ReviewEvidenceSerializer(serializers.ModelSerializer[ReviewEvidence]):
    class Meta:
        model = ReviewEvidence
        fields = ("period", "at", "evidence")


class ReviewDetailSerializer(ReviewSerializer):
    """A review with its record. `evidence` and `further_evidence` are null for who may not list leads (rules 16.8)."""

    waits_for = serializers.SerializerMethodField(help_text="What a decision still waits for, as sentences.")
    participants = serializers.SerializerMethodField()
    checklist = serializers.SerializerMethodField()
    gaps = serializers.SerializerMethodField()
    steps = serializers.SerializerMethodField()
    evidence = serializers.SerializerMethodField()
    further_evidence = serializers.SerializerMethodField()

    class Meta(ReviewSerializer.Meta):
        fields = (
            *ReviewSerializer.Meta.fields,
            *("waits_for", "participants", "checklist", "gaps", "steps", "evidence", "further_evidence"),
        )

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_waits_for(self, review: Review) -> list[str]:
        return reviews.list_open_conditions(review) if review.decided_at is None else []

    @extend_schema_field(ReviewParticipantSerializer(many=True))
    def get_participants(self, review: Review) -> Any:
        return ReviewParticipantSerializer(participants.list_present(review), many=True).data

    @extend_schema_field(ReviewChecklistSerializer(many=True))
    def get_checklist(self, review: Review) -> Any:
        points = review.checklist.select_related("ticked_by").order_by("place")
        return ReviewChecklistSerializer(points, many=True).data

    @extend_schema_field(ReviewGapSerializer(many=True))
    def get_gaps(self, review: Review) -> Any:
        return ReviewGapSerializer(review.gaps.select_related("owner", "closed_by").order_by("pk"), many=True).data

    @extend_schema_field(ReviewStepSerializer(many=True))
    def get_steps(self, review: Review) -> Any:
        return ReviewStepSerializer(review.steps.select_related("by", "person").order_by("pk"), many=True).data

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_evidence(self, review: Review) -> dict[str, Any] | None:
        return review.evidence if self.context["shows_evidence"] else None

    @extend_schema_field(ReviewEvidenceSerializer(many=True, allow_null=True))
    def get_further_evidence(self, review: Review) -> Any:
        rows = review.further_evidence.order_by("at", "pk")
        return ReviewEvidenceSerializer(rows, many=True).data if self.context["shows_evidence"] else None


@extend_schema_field(OpenApiTypes.EMAIL)
class PersonField(serializers.SlugRelatedField[User]):
    """An active person by their e-mail address, in any case."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="email", queryset=User.objects.filter(is_active=True), **kwargs)
        self.error_messages["does_not_exist"] = "Nobody with the address {value} can sign in."

    def to_internal_value(self, data: Any) -> User:
        return super().to_internal_value(data.strip().lower() if isinstance(data, str) else data)


class SeatTakenSerializer(serializers.Serializer[Any]):
    person = PersonField(help_text="By e-mail address.")
    seat = VocabularyField(
        ReviewSeat, required=False, default=None, allow_null=True, help_text="By default that of the person's role."
    )


class OpenReviewSerializer(serializers.Serializer[Any]):
    definition = DefinitionSlugField(
        slug_field="slugs__slug",
        queryset=Definition.objects.all(),
        error_messages={"does_not_exist": "There is no definition “{value}”."},
    )
    trigger = VocabularyField(
        ReviewTrigger, help_text=f"One that people open: {', '.join(trigger.value for trigger in OPENED_BY_HAND)}."
    )
    kind = VocabularyField(
        ReviewKind,
        required=False,
        default=None,
        allow_null=True,
        help_text="For the trigger manual only, by default light; others have a kind of their own.",
    )
    title = serializers.CharField(max_length=200)
    about = serializers.CharField(max_length=5000, required=False, default="", allow_blank=True)
    participants = SeatTakenSerializer(
        many=True,
        required=False,
        default=None,
        allow_null=True,
        help_text="By default both leaders and the owner of the version in force.",
    )
    new_leader = PersonField(
        required=False, default=None, allow_null=True, help_text="Of a reconciliation, by e-mail address."
    )
    meets_at = serializers.DateTimeField(required=False, default=None, allow_null=True)
    request_key = serializers.CharField(
        max_length=64,
        required=False,
        default="",
        allow_blank=True,
        help_text="A text of yours: the same again answers with the review that it opened.",
    )

    def read_opening(self) -> dict[str, Any]:
        """Return the arguments of `reviews.open_by_hand` that the body asks for."""
        opening = dict(self.validated_data)
        new_leader, named = opening.pop("new_leader"), opening.pop("participants")
        seats = None if named is None else [_read_seat(one) for one in named]
        if new_leader is not None:
            own_seats = [one.seat for one in seats or () if one.person == new_leader]
            seat = own_seats[0] if own_seats else participants.find_seat(new_leader)
            seats = [SeatTaken(new_leader, seat, is_new_leader=True), *(seats or ())]
        return opening | {"taking_part": seats}


def _read_seat(named: dict[str, Any]) -> SeatTaken:
    return SeatTaken(named["person"], named["seat"] or participants.find_seat(named["person"]))


class DecideReviewSerializer(serializers.Serializer[Any]):
    decision = serializers.CharField(max_length=2000)
    reasoning = serializers.CharField(max_length=5000)
    led_to = serializers.PrimaryKeyRelatedField(
        queryset=Version.objects.select_related("definition"),
        required=False,
        default=None,
        allow_null=True,
        help_text="The id of the version that comes of it.",
    )


class EscalateReviewSerializer(serializers.Serializer[Any]):
    decider = PersonField(help_text="Who decides from then on, by e-mail address.")
    why = serializers.CharField(max_length=2000)


class BlockReviewSerializer(serializers.Serializer[Any]):
    issue = serializers.CharField(max_length=2000, help_text="What is wrong with the data.")


class UnblockReviewSerializer(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=2000, help_text="How it was put right.")


class AcknowledgeReviewSerializer(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
