"""/api/v1/handoffs: handoffs, and what sales does with them (rules 16.3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from django.db.models import Prefetch, QuerySet
from django.urls import URLPattern, path
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from config.accounts.models import User
from config.api.pagination import NewestFirst
from sla import handoff_states, permissions
from sla.api import callers, row_actions
from sla.api.row_actions import RowActionView
from sla.filters import HandoffFilter
from sla.handoffs import attempts, disposition_content, dispositions, sales_stages
from sla.models import Disposition, Handoff
from sla.serializers import handoffs as serializers

_SHOWN: Final = ("lead", "version", "qualification", "team", "rep__user")


class HandoffsView(ListAPIView[Handoff]):
    """List the handoffs that the caller, or the owner of the key, may see; newest first."""

    permission_classes = (callers.HANDOFFS,)
    serializer_class = serializers.HandoffSerializer
    pagination_class = NewestFirst
    filterset_class = HandoffFilter
    queryset = Handoff.objects.none()

    def get_queryset(self) -> QuerySet[Handoff]:
        visible = permissions.visible_to(callers.get_caller(self.request))
        return visible.select_related(*_SHOWN).defer("qualification__evidence")


class HandoffView(RetrieveAPIView[Handoff]):
    permission_classes = (callers.HANDOFFS,)
    serializer_class = serializers.HandoffDetailSerializer
    queryset = Handoff.objects.none()

    def get_queryset(self) -> QuerySet[Handoff]:
        return _with_details(callers.get_caller(self.request))


class HandoffActionView(RowActionView[Handoff]):
    """Take an action on one handoff and answer with the handoff as it is afterwards.

    Answers 404 for a handoff that the caller may not see, 403 for one that they may not act on, 409 when somebody else
    acted first, and 422 when a rule refuses the action.
    """

    answer_serializer = serializers.HandoffDetailSerializer
    conflicts = (dispositions.AlreadyDecided, handoff_states.HandoffStepRefused)
    refusals = (disposition_content.DispositionRefused, attempts.AttemptRefused, sales_stages.ProgressRefused)

    def select_visible(self, caller: User) -> QuerySet[Handoff]:
        return permissions.visible_to(caller)

    def select_answers(self, caller: User) -> QuerySet[Handoff]:
        return _with_details(caller)


def _document_action(body: type[Serializer[Any]], operation: str) -> Callable[[Any], Any]:
    return row_actions.document_action(body, operation, answer=serializers.HandoffDetailSerializer, noun="handoff")


class AcceptApiView(HandoffActionView):
    def refuse_early(self, row: Handoff, by: User) -> None:
        dispositions.refuse_decided(row, by)

    def act(self, row: Handoff, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return dispositions.accept(handoff=row, by=by, now=now, **typed)

    @_document_action(serializers.EmptySerializer, "accept_handoff")
    def post(self, request: Request, pk: int) -> Response:
        """Accept the lead for sales."""
        return self.respond(request, pk)


class RejectApiView(HandoffActionView):
    input_serializer = serializers.RejectionSerializer

    def refuse_early(self, row: Handoff, by: User) -> None:
        dispositions.refuse_decided(row, by)

    def act(self, row: Handoff, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return dispositions.reject(handoff=row, by=by, now=now, **typed)

    @_document_action(serializers.RejectionSerializer, "reject_handoff")
    def post(self, request: Request, pk: int) -> Response:
        """Send the lead back with a reason; the reason decides where it goes."""
        return self.respond(request, pk)


class AttemptsView(HandoffActionView):
    input_serializer = serializers.NewAttemptSerializer

    def act(self, row: Handoff, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return attempts.log_attempt(handoff=row, by=by, now=now, **{**typed, "at": typed["at"] or now})

    @_document_action(serializers.NewAttemptSerializer, "log_attempt")
    def post(self, request: Request, pk: int) -> Response:
        """Log that a human contacted the lead."""
        return self.respond(request, pk)


class MeetingView(HandoffActionView):
    input_serializer = serializers.MeetingSerializer

    def act(self, row: Handoff, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return sales_stages.book_meeting(handoff=row, by=by, now=now, **typed)

    @_document_action(serializers.MeetingSerializer, "book_meeting")
    def post(self, request: Request, pk: int) -> Response:
        """Book a meeting with the lead."""
        return self.respond(request, pk)


class QualifyApiView(HandoffActionView):
    input_serializer = serializers.AnswersSerializer

    def act(self, row: Handoff, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return sales_stages.qualify(handoff=row, by=by, now=now, **typed)

    @_document_action(serializers.AnswersSerializer, "qualify_handoff")
    def post(self, request: Request, pk: int) -> Response:
        """Confirm the four answers: the lead becomes an SQL."""
        return self.respond(request, pk)


class OpportunityView(HandoffActionView):
    input_serializer = serializers.OpportunitySerializer

    def act(self, row: Handoff, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return sales_stages.open_opportunity(handoff=row, by=by, now=now, **typed)

    @_document_action(serializers.OpportunitySerializer, "open_opportunity")
    def post(self, request: Request, pk: int) -> Response:
        """Open a deal with its value."""
        return self.respond(request, pk)


class WonView(HandoffActionView):
    input_serializer = serializers.AmountSerializer

    def act(self, row: Handoff, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return sales_stages.win(handoff=row, by=by, now=now, **typed)

    @_document_action(serializers.AmountSerializer, "win_handoff")
    def post(self, request: Request, pk: int) -> Response:
        return self.respond(request, pk)


class LostView(HandoffActionView):
    input_serializer = serializers.LossSerializer

    def act(self, row: Handoff, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return sales_stages.lose(handoff=row, by=by, now=now, **typed)

    @_document_action(serializers.LossSerializer, "lose_handoff")
    def post(self, request: Request, pk: int) -> Response:
        return self.respond(request, pk)


def _with_details(caller: User) -> QuerySet[Handoff]:
    disposition_rows = Disposition.objects.select_related("by", "reason", "sub_reason").order_by("pk")
    return (
        permissions.visible_to(caller)
        .select_related(*_SHOWN, "sales_qualification__by")
        .prefetch_related("clocks", "attempts__by", "routing_decisions", Prefetch("dispositions", disposition_rows))
    )


urlpatterns: list[URLPattern] = [
    path("handoffs", HandoffsView.as_view(), name="handoffs"),
    path("handoffs/<int:pk>", HandoffView.as_view(), name="handoff"),
    path("handoffs/<int:pk>/accept", AcceptApiView.as_view(), name="handoff-accept"),
    path("handoffs/<int:pk>/reject", RejectApiView.as_view(), name="handoff-reject"),
    path("handoffs/<int:pk>/attempts", AttemptsView.as_view(), name="handoff-attempts"),
    path("handoffs/<int:pk>/meeting", MeetingView.as_view(), name="handoff-meeting"),
    path("handoffs/<int:pk>/qualify", QualifyApiView.as_view(), name="handoff-qualify"),
    path("handoffs/<int:pk>/opportunity", OpportunityView.as_view(), name="handoff-opportunity"),
    path("handoffs/<int:pk>/won", WonView.as_view(), name="handoff-won"),
    path("handoffs/<int:pk>/lost", LostView.as_view(), name="handoff-lost"),
]
