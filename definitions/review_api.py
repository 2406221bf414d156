"""/api/v1/reviews: reviews of the definitions, their record and their steps (rules 16.25, 16.26)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, cast

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.accounts.models import ApiKey, User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from config.api.authentication import scoped
from config.api.errors import Conflict, Unprocessable
from config.api.pagination import LastStoredFirst
from definitions import permissions, reviews
from definitions.filters import ReviewFilter
from definitions.models import Review
from definitions.review_record import access, steps
from definitions.review_serializers import (
    AcknowledgeReviewSerializer,
    BlockReviewSerializer,
    DecideReviewSerializer,
    EscalateReviewSerializer,
    OpenReviewSerializer,
    ReviewDetailSerializer,
    ReviewSerializer,
    UnblockReviewSerializer,
)
from leads.exceptions import Refused
from leads.vocabulary import READERS_OF_LEADS

_REVIEWS: Final = scoped(
    "definitions:read", "definitions:write", read_roles=READERS_OF_LEADS, write_roles=access.OPENERS
)
#: Whoever takes part may read one and take its steps; each step checks itself who may take it.
_REVIEW: Final = scoped("definitions:read", "definitions:write", read_roles=tuple(Role), write_roles=tuple(Role))
_ROWS: Final = Review.objects.select_related("definition", "opened_by", "escalated_to", "decided_by")


class ReviewsView(ListAPIView[Review]):
    permission_classes = (_REVIEWS,)
    serializer_class = ReviewSerializer
    pagination_class = LastStoredFirst
    filterset_class = ReviewFilter
    queryset = _ROWS

    @extend_schema(operation_id="reviews_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the reviews, the latest opened first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="review_open",
        request=OpenReviewSerializer,
        responses={200: ReviewDetailSerializer, 201: ReviewDetailSerializer},
    )
    def post(self, request: Request) -> Response:
        """Open a review by hand. A `request_key` that was sent before answers 200 with the review that it opened."""
        body, now = OpenReviewSerializer(data=request.data), timezone.now()
        body.is_valid(raise_exception=True)
        row = _answer_refusals(lambda: reviews.open_by_hand(by=_caller(request), now=now, **body.read_opening()))
        return Response(_serialize(row.pk, request), status=201 if row.opened_at == now else 200)


class ReviewView(APIView):
    permission_classes = (_REVIEW,)

    @extend_schema(operation_id="review_retrieve", responses=ReviewDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return a review with its evidence, participants, checklist, gaps and steps."""
        _find_review(request, pk)
        return Response(_serialize(pk, request))


class ReviewStepView(APIView):
    """A step of a review: 409 when somebody else was faster, 422 when a rule forbids it."""

    permission_classes = (_REVIEW,)
    body: ClassVar[type[serializers.Serializer[Any]]]
    take: ClassVar[Callable[..., Review]]

    def take_step(self, request: Request, pk: int) -> Response:
        row, body = _find_review(request, pk), self.body(data=request.data)
        body.is_valid(raise_exception=True)
        take = type(self).take
        _answer_refusals(lambda: take(review=row, by=_caller(request), now=timezone.now(), **body.validated_data))
        return Response(_serialize(pk, request))


class DecideReviewView(ReviewStepView):
    body, take = DecideReviewSerializer, staticmethod(reviews.decide_review)

    @extend_schema(operation_id="review_decide", request=DecideReviewSerializer, responses=ReviewDetailSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Decide a review with its reasoning, as one of the leaders or as the person to whom it was escalated."""
        return self.take_step(request, pk)


class EscalateReviewView(ReviewStepView):
    body, take = EscalateReviewSerializer, staticmethod(steps.escalate)

    @extend_schema(operation_id="review_escalate", request=EscalateReviewSerializer, responses=ReviewDetailSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Leave the decision to a named person, who alone decides from then on."""
        return self.take_step(request, pk)


class BlockReviewView(ReviewStepView):
    body, take = BlockReviewSerializer, staticmethod(steps.block)

    @extend_schema(operation_id="review_block", request=BlockReviewSerializer, responses=ReviewDetailSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Say which data are missing or wrong; the review is not decided until it is unblocked."""
        return self.take_step(request, pk)


class UnblockReviewView(ReviewStepView):
    body, take = UnblockReviewSerializer, staticmethod(steps.unblock)

    @extend_schema(operation_id="review_unblock", request=UnblockReviewSerializer, responses=ReviewDetailSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Say how the data were put right."""
        return self.take_step(request, pk)


class AcknowledgeReviewView(ReviewStepView):
    body, take = AcknowledgeReviewSerializer, staticmethod(steps.acknowledge)

    @extend_schema(
        operation_id="review_acknowledge", request=AcknowledgeReviewSerializer, responses=ReviewDetailSerializer
    )
    def post(self, request: Request, pk: int) -> Response:
        """Acknowledge the definition in force, as the new leader of a reconciliation."""
        return self.take_step(request, pk)


def _answer_refusals(take: Callable[[], Review]) -> Review:
    try:
        return take()
    except Refused as refusal:
        raise ValidationError({refusal.field: f"{refusal.field} {refusal.rule}"}) from refusal
    except reviews.ReviewOvertaken as refusal:
        raise Conflict(str(refusal)) from refusal
    except reviews.ReviewRefused as refusal:
        raise Unprocessable(str(refusal)) from refusal
    except permissions.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal


def _find_review(request: Request, pk: int) -> Review:
    """Return a review that the caller may read: a key by its scope, a person by role or as a participant."""
    row = get_object_or_404(_ROWS, pk=pk)
    if not isinstance(request.auth, ApiKey) and not access.may_read(_caller(request), row):
        raise Http404
    return row


def _serialize(pk: int, request: Request) -> dict[str, Any]:
    row = _ROWS.get(pk=pk)
    if isinstance(request.auth, ApiKey):
        shows_evidence = "facts:read" in request.auth.scopes
    else:
        shows_evidence = holds(request.user, *READERS_OF_LEADS) or row.escalated_to_id == _caller(request).pk
    return ReviewDetailSerializer(row, context={"shows_evidence": shows_evidence}).data


def _caller(request: Request) -> User:
    return cast("User", request.user)


urlpatterns: list[URLPattern] = [
    path("reviews", ReviewsView.as_view(), name="reviews"),
    path("reviews/<int:pk>", ReviewView.as_view(), name="review"),
    path("reviews/<int:pk>/decide", DecideReviewView.as_view(), name="review-decide"),
    path("reviews/<int:pk>/escalate", EscalateReviewView.as_view(), name="review-escalate"),
    path("reviews/<int:pk>/block", BlockReviewView.as_view(), name="review-block"),
    path("reviews/<int:pk>/unblock", UnblockReviewView.as_view(), name="review-unblock"),
    path("reviews/<int:pk>/acknowledge", AcknowledgeReviewView.as_view(), name="review-acknowledge"),
]
