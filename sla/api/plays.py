"""/api/v1/plays: account plays, and what sales does with them (rules 16.14)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from config import lock_waits
from config.accounts.models import User
from config.api.errors import Conflict, Unprocessable
from config.api.pagination import NewestFirst
from sla import permissions
from sla.api import callers
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


class PlayActionView(APIView):
    """Take an action on one play and answer with the play as it is afterwards.

    Answers 404 for a play that the caller may not see, 403 for one that they may not act on, 409 when somebody else
    acted first, and 422 when a rule refuses the action.
    """

    permission_classes = (callers.HANDOFFS,)
    input_serializer: ClassVar[type[Serializer[Any]]] = serializers.EmptySerializer

    def act(self, play: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        raise NotImplementedError

    def respond(self, request: Request, pk: int, **typed: Any) -> Response:
        caller = callers.get_caller(request)
        play = get_object_or_404(permissions.plays_visible_to(caller), pk=pk)
        body = self.input_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            with lock_waits.limit_lock_waits():
                self.act(play, {**body.validated_data, **typed}, caller, timezone.now())
        except permissions.NotYours as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        except play_states.PlayStepRefused as refusal:
            raise Conflict(str(refusal)) from refusal
        except play_states.PlayInputRefused as refusal:
            raise Unprocessable(str(refusal)) from refusal
        return Response(play_serializers.PlayDetailSerializer(_with_details(caller).get(pk=pk)).data)


def _document_action(body: type[Serializer[Any]], operation: str) -> Callable[[Any], Any]:
    refusals = {
        409: OpenApiResponse(description="Somebody was faster, or the play has moved on; the sentence says who."),
        422: OpenApiResponse(description="The rules say no; the sentence says why."),
    }
    return extend_schema(
        operation_id=operation,
        request=None if body is serializers.EmptySerializer else body,
        responses={200: play_serializers.PlayDetailSerializer, **refusals},
    )


class PlayAcceptApiView(PlayActionView):
    def act(self, play: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        play_work.refuse_decided(play, by)
        return play_work.accept(play=play, by=by, now=now, **typed)

    @_document_action(serializers.EmptySerializer, "accept_play")
    def post(self, request: Request, pk: int) -> Response:
        """Accept the play: sales works the company."""
        return self.respond(request, pk)


class PlayRejectApiView(PlayActionView):
    input_serializer = serializers.RejectionSerializer

    def act(self, play: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        play_work.refuse_decided(play, by)
        return play_work.reject(play=play, by=by, now=now, **typed)

    @_document_action(serializers.RejectionSerializer, "reject_play")
    def post(self, request: Request, pk: int) -> Response:
        """Reject the play with a reason; the reason decides what becomes of the company."""
        return self.respond(request, pk)


class PlayAttemptsApiView(PlayActionView):
    input_serializer = play_serializers.NewPlayAttemptSerializer

    def act(self, play: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        contact = PlayContact.objects.filter(play=play, pk=typed.pop("contact")).select_related("lead").first()
        if contact is None:
            raise play_states.PlayInputRefused("That person is no contact of this play.")
        return play_work.log_attempt(play=play, contact=contact, by=by, now=now, **{**typed, "at": typed["at"] or now})

    @_document_action(play_serializers.NewPlayAttemptSerializer, "log_play_attempt")
    def post(self, request: Request, pk: int) -> Response:
        """Log that a human contacted one person of the company."""
        return self.respond(request, pk)


class PlayMeetingApiView(PlayActionView):
    input_serializer = serializers.MeetingSerializer

    def act(self, play: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return play_work.book_meeting(play=play, by=by, now=now, **typed)

    @_document_action(serializers.MeetingSerializer, "book_play_meeting")
    def post(self, request: Request, pk: int) -> Response:
        """Book a meeting with the company."""
        return self.respond(request, pk)


class PlayOpportunityApiView(PlayActionView):
    input_serializer = serializers.OpportunitySerializer

    def act(self, play: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return play_work.open_opportunity(play=play, by=by, now=now, **typed)

    @_document_action(serializers.OpportunitySerializer, "open_play_opportunity")
    def post(self, request: Request, pk: int) -> Response:
        """Open a deal with its value."""
        return self.respond(request, pk)


class PlayWonApiView(PlayActionView):
    input_serializer = serializers.AmountSerializer

    def act(self, play: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return play_work.win(play=play, by=by, now=now, **typed)

    @_document_action(serializers.AmountSerializer, "win_play")
    def post(self, request: Request, pk: int) -> Response:
        return self.respond(request, pk)


class PlayLostApiView(PlayActionView):
    input_serializer = serializers.LossSerializer

    def act(self, play: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        return play_work.lose(play=play, by=by, now=now, **typed)

    @_document_action(serializers.LossSerializer, "lose_play")
    def post(self, request: Request, pk: int) -> Response:
        return self.respond(request, pk)


class PlayTaskCompletedView(PlayActionView):
    def act(self, play: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        task = get_object_or_404(play.tasks, pk=typed["task"])
        return play_work.complete_task(play=play, task=task, by=by, now=now)

    @_document_action(serializers.EmptySerializer, "complete_play_task")
    def post(self, request: Request, pk: int, task: int) -> Response:
        """Mark a task of the play as done; once it is done, asking again changes nothing."""
        return self.respond(request, pk, task=task)


class PlayContactRoleView(PlayActionView):
    input_serializer = play_serializers.RoleSerializer

    def act(self, play: AccountPlay, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        contact = get_object_or_404(play.contacts, pk=typed["contact"])
        return play_work.set_role(play=play, contact=contact, role=typed["role"], by=by, now=now)

    @_document_action(play_serializers.RoleSerializer, "set_play_role")
    def post(self, request: Request, pk: int, contact: int) -> Response:
        """State the role of a contact in the buying group."""
        return self.respond(request, pk, contact=contact)


def _with_details(caller: User) -> QuerySet[AccountPlay]:
    return (
        permissions.plays_visible_to(caller)
        .select_related(*_SHOWN, "disposition__by", "disposition__reason", "disposition__sub_reason")
        .prefetch_related("contacts__lead", "tasks__completed_by", "clocks", "attempts__by", "outcomes__by", "routings")
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
