"""/api/v1/plays: account plays, and what sales does with them (rules 16.14)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from config.accounts.models import User
from config.api.pagination import NewestFirst
from sla import permissions
from sla.api import callers, row_actions
from sla.api.row_actions import RowActionView
from sla.filters import PlayFilter
from sla.models import AccountPlay, PlayContact
from sla.plays import play_states, play_work
from sla.serializers import handoffs as serializers
from sla.serializers import plays as play_serializers

_SHOWN: Final = ("company", "version", "qualification", "team", "rep__user")


class PlaysApiView(ListAPIView[AccountPlay]):
    """List the account plays that the caller, or the owner of the key, may see; newest first."""

    permission_classes = (callers.HANDOFFS,)
    serializer_class = play_serializers.PlaySerializer
    pagination_class = NewestFirst
    filterset_class = PlayFilter
    queryset = AccountPlay.objects.none()

    def get_queryset(self) -> QuerySet[AccountPlay]:
        visible = permissions.plays_visible_to(callers.get_caller(self.request))
        return visible.select_related(*_SHOWN).defer("qualification__evidence")


class PlayApiView(RetrieveAPIView[AccountPlay]):
    permission_classes = (callers.HANDOFFS,)
    serializer_class = play_serializers.PlayDetailSerializer
    queryset = AccountPlay.objects.none()

    def get_queryset(self) -> QuerySet[AccountPlay]:
        return _with_details(callers.get_caller(self.request))


class PlayActionView(RowActionView[AccountPlay]):
    """Take an action on one play and answer with the play as it is afterwards.

    Answers 404 for a play that the caller may not see, 403 for one that they may not act on, 409 when somebody else
    acted first, and 422 when a rule refuses the action.
    """

    answer_serializer = play_serializers.PlayDetailSerializer
    conflicts = (play_states.PlayStepRefused,)
    refusals = (play_states.PlayInputRefused,)

    def select_visible(self, caller: User) -> QuerySet[AccountPlay]:
        return permissions.plays_visible_to(caller)

    def select_answers(self, caller: User) -> QuerySet[AccountPlay]:
        return _with_details(caller)


def _document_action(body: type[Serializer[Any]], operation: str) -> Callable[[Any], Any]:
    return row_actions.document_action(body, operation, answer=play_serializers.PlayDetailSerializer, noun="play")


class PlayAcceptApiView(PlayActionView):
    def refuse_early(self, row: AccountPlay, by: User) -> None:
        play_work.refuse_decided(row, by)

    def act(self, row: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return play_work.accept(play=row, by=by, now=now, **typed)

    @_document_action(serializers.EmptySerializer, "accept_play")
    def post(self, request: Request, pk: int) -> Response:
        """Accept the play: sales works the company."""
        return self.respond(request, pk)


class PlayRejectApiView(PlayActionView):
    input_serializer = serializers.RejectionSerializer

    def refuse_early(self, row: AccountPlay, by: User) -> None:
        play_work.refuse_decided(row, by)

    def act(self, row: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return play_work.reject(play=row, by=by, now=now, **typed)

    @_document_action(serializers.RejectionSerializer, "reject_play")
    def post(self, request: Request, pk: int) -> Response:
        """Reject the play with a reason; the reason decides what becomes of the company."""
        return self.respond(request, pk)


class PlayAttemptsApiView(PlayActionView):
    input_serializer = play_serializers.NewPlayAttemptSerializer

    def act(self, row: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        contact = PlayContact.objects.filter(play=row, pk=typed.pop("contact")).select_related("lead").first()
        if contact is None:
            raise play_states.PlayInputRefused("That person is no contact of this play.")
        return play_work.log_attempt(play=row, contact=contact, by=by, now=now, **{**typed, "at": typed["at"] or now})

    @_document_action(play_serializers.NewPlayAttemptSerializer, "log_play_attempt")
    def post(self, request: Request, pk: int) -> Response:
        """Log that a human contacted one person of the company."""
        return self.respond(request, pk)


class PlayMeetingApiView(PlayActionView):
    input_serializer = serializers.MeetingSerializer

    def act(self, row: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return play_work.book_meeting(play=row, by=by, now=now, **typed)

    @_document_action(serializers.MeetingSerializer, "book_play_meeting")
    def post(self, request: Request, pk: int) -> Response:
        """Book a meeting with the company."""
        return self.respond(request, pk)


class PlayOpportunityApiView(PlayActionView):
    input_serializer = serializers.OpportunitySerializer

    def act(self, row: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return play_work.open_opportunity(play=row, by=by, now=now, **typed)

    @_document_action(serializers.OpportunitySerializer, "open_play_opportunity")
    def post(self, request: Request, pk: int) -> Response:
        """Open a deal with its value."""
        return self.respond(request, pk)


class PlayWonApiView(PlayActionView):
    input_serializer = serializers.AmountSerializer

    def act(self, row: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return play_work.win(play=row, by=by, now=now, **typed)

    @_document_action(serializers.AmountSerializer, "win_play")
    def post(self, request: Request, pk: int) -> Response:
        return self.respond(request, pk)


class PlayLostApiView(PlayActionView):
    input_serializer = serializers.LossSerializer

    def act(self, row: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return play_work.lose(play=row, by=by, now=now, **typed)

    @_document_action(serializers.LossSerializer, "lose_play")
    def post(self, request: Request, pk: int) -> Response:
        return self.respond(request, pk)


class PlayTaskCompletedView(PlayActionView):
    def act(self, row: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        task = get_object_or_404(row.tasks, pk=typed["task"])
        return play_work.complete_task(play=row, task=task, by=by, now=now)

    @_document_action(serializers.EmptySerializer, "complete_play_task")
    def post(self, request: Request, pk: int, task: int) -> Response:
        """Mark a task of the play as done; once it is done, asking again changes nothing."""
        return self.respond(request, pk, task=task)


class PlayContactRoleView(PlayActionView):
    input_serializer = play_serializers.RoleSerializer

    def act(self, row: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        contact = get_object_or_404(row.contacts, pk=typed["contact"])
        return play_work.set_role(play=row, contact=contact, role=typed["role"], by=by, now=now)

    @_document_action(play_serializers.RoleSerializer, "set_play_role")
    def post(self, request: Request, pk: int, contact: int) -> Response:
        """State the role of a contact in the buying group."""
        return self.respond(request, pk, contact=contact)


def _with_details(caller: User) -> QuerySet[AccountPlay]:
    return (
        permissions.plays_visible_to(caller)
        .select_related(*_SHOWN, "disposition__by", "disposition__reason", "disposition__sub_reason")
        .prefetch_related("contacts__lead", "tasks__completed_by", "tasks__contact", "clocks", "attempts__by")
        .prefetch_related("outcomes__by", "routings")
    )


urlpatterns: list[URLPattern] = [
    path("plays", PlaysApiView.as_view(), name="plays"),
    path("plays/<int:pk>", PlayApiView.as_view(), name="play"),
    path("plays/<int:pk>/accept", PlayAcceptApiView.as_view(), name="play-accept"),
    path("plays/<int:pk>/reject", PlayRejectApiView.as_view(), name="play-reject"),
    path("plays/<int:pk>/attempts", PlayAttemptsApiView.as_view(), name="play-attempts"),
    path("plays/<int:pk>/meeting", PlayMeetingApiView.as_view(), name="play-meeting"),
    path("plays/<int:pk>/opportunity", PlayOpportunityApiView.as_view(), name="play-opportunity"),
    path("plays/<int:pk>/won", PlayWonApiView.as_view(), name="play-won"),
    path("plays/<int:pk>/lost", PlayLostApiView.as_view(), name="play-lost"),
    path("plays/<int:pk>/tasks/<int:task>/done", PlayTaskCompletedView.as_view(), name="play-task-done"),
    path("plays/<int:pk>/contacts/<int:contact>/role", PlayContactRoleView.as_view(), name="play-contact-role"),
]
