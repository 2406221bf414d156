"""/api/v1/: handoffs, what sales does with them, and how the promises are kept (rules 16.3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.api.authentication import scoped
from config.api.errors import Conflict
from config.api.pagination import NewestFirst
from sla import handoff_states, permissions, serializers
from sla.business_time.arithmetic import wall_to_instant
from sla.filters import HandoffFilter
from sla.handoffs import attempts, dispositions, sales_stages
from sla.models import Disposition, Handoff
from sla.reports import compliance

_READERS: Final = (Role.SDR, Role.SALES_MANAGER, *permissions.SEE_EVERYTHING)
HANDOFFS: Final = scoped(
    "handoffs:read", "handoffs:write", read_roles=_READERS, write_roles=(Role.SDR, Role.SALES_MANAGER)
)
REPORTS: Final = scoped(
    "reports:read",
    "reports:read",
    read_roles=(Role.SALES_MANAGER, *permissions.SEE_EVERYTHING),
    write_roles=(),
)
_WEEKS: Final = 12
_SHOWN: Final = ("lead", "version", "qualification", "team", "rep__user")


class HandoffRequestRefused(APIException):
    """The rules say no, in a sentence."""

    status_code = 422
    default_code = "refused"


class HandoffsView(ListAPIView[Handoff]):
    """The handoffs that the caller, or the owner of the key, may see; newest first."""

    permission_classes = (HANDOFFS,)
    serializer_class = serializers.HandoffSerializer
    pagination_class = NewestFirst
    filterset_class = HandoffFilter
    queryset = Handoff.objects.none()

    def get_queryset(self) -> QuerySet[Handoff]:
        visible = permissions.visible_to(_caller(self.request))
        return visible.select_related(*_SHOWN).defer("qualification__evidence")


class HandoffView(RetrieveAPIView[Handoff]):
    permission_classes = (HANDOFFS,)
    serializer_class = serializers.HandoffDetailSerializer
    queryset = Handoff.objects.none()

    def get_queryset(self) -> QuerySet[Handoff]:
        return _detailed(_caller(self.request))


class ActionView(APIView):
    """An action on one handoff, answered with the handoff as it is then: 404 foreign, 403 not to act on, 409 overtaken, 422 refused."""

    permission_classes = (HANDOFFS,)
    takes: ClassVar[type[Serializer[Any]]] = serializers.EmptySerializer

    def act(self, handoff: Handoff, said: dict[str, Any], by: User, now: dt.datetime) -> object:
        raise NotImplementedError

    def answer(self, request: Request, pk: int) -> Response:
        caller = _caller(request)
        handoff = get_object_or_404(permissions.visible_to(caller), pk=pk)
        said = self.takes(data=request.data)
        said.is_valid(raise_exception=True)
        try:
            self.act(handoff, dict(said.validated_data), caller, timezone.now())
        except permissions.NotYours as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        except (dispositions.AlreadyDecided, handoff_states.HandoffStepRefused) as refusal:
            raise Conflict(str(refusal)) from refusal
        except (dispositions.DispositionRefused, attempts.AttemptRefused, sales_stages.ProgressRefused) as refusal:
            raise HandoffRequestRefused(str(refusal)) from refusal
        return Response(serializers.HandoffDetailSerializer(_detailed(caller).get(pk=pk)).data)


def _posting(takes: type[Serializer[Any]], operation: str) -> Callable[[Any], Any]:
    refusals = {
        409: OpenApiResponse(description="Somebody was faster, or the handoff has moved on; the sentence says who."),
        422: OpenApiResponse(description="The rules say no; the sentence says why."),
    }
    return extend_schema(
        operation_id=operation,
        request=None if takes is serializers.EmptySerializer else takes,
        responses={200: serializers.HandoffDetailSerializer, **refusals},
    )


class AcceptView(ActionView):
    def act(self, handoff: Handoff, said: dict[str, Any], by: User, now: dt.datetime) -> object:
        return dispositions.accept(handoff=handoff, by=by, now=now, **said)

    @_posting(serializers.EmptySerializer, "accept_handoff")
    def post(self, request: Request, pk: int) -> Response:
        """Sales takes the lead."""
        return self.answer(request, pk)


class RejectView(ActionView):
    takes = serializers.RejectionSerializer

    def act(self, handoff: Handoff, said: dict[str, Any], by: User, now: dt.datetime) -> object:
        return dispositions.reject(handoff=handoff, by=by, now=now, **said)

    @_posting(serializers.RejectionSerializer, "reject_handoff")
    def post(self, request: Request, pk: int) -> Response:
        """Sales sends the lead back, with the reason that says where to."""
        return self.answer(request, pk)


class AttemptsView(ActionView):
    takes = serializers.NewAttemptSerializer

    def act(self, handoff: Handoff, said: dict[str, Any], by: User, now: dt.datetime) -> object:
        return attempts.log_attempt(handoff=handoff, by=by, now=now, **{**said, "at": said["at"] or now})

    @_posting(serializers.NewAttemptSerializer, "log_attempt")
    def post(self, request: Request, pk: int) -> Response:
        """A human contacted the lead."""
        return self.answer(request, pk)


class MeetingView(ActionView):
    takes = serializers.MeetingSerializer

    def act(self, handoff: Handoff, said: dict[str, Any], by: User, now: dt.datetime) -> object:
        return sales_stages.book_meeting(handoff=handoff, by=by, now=now, **said)

    @_posting(serializers.MeetingSerializer, "book_meeting")
    def post(self, request: Request, pk: int) -> Response:
        """A meeting with the lead is booked."""
        return self.answer(request, pk)


class QualifyView(ActionView):
    takes = serializers.AnswersSerializer

    def act(self, handoff: Handoff, said: dict[str, Any], by: User, now: dt.datetime) -> object:
        return sales_stages.qualify(handoff=handoff, by=by, now=now, **said)

    @_posting(serializers.AnswersSerializer, "qualify_handoff")
    def post(self, request: Request, pk: int) -> Response:
        """A human confirmed the four answers: the lead is an SQL."""
        return self.answer(request, pk)


class OpportunityView(ActionView):
    takes = serializers.AmountSerializer

    def act(self, handoff: Handoff, said: dict[str, Any], by: User, now: dt.datetime) -> object:
        return sales_stages.open_opportunity(handoff=handoff, by=by, now=now, **said)

    @_posting(serializers.AmountSerializer, "open_opportunity")
    def post(self, request: Request, pk: int) -> Response:
        """A deal with a value is open."""
        return self.answer(request, pk)


class WonView(ActionView):
    takes = serializers.AmountSerializer

    def act(self, handoff: Handoff, said: dict[str, Any], by: User, now: dt.datetime) -> object:
        return sales_stages.win(handoff=handoff, by=by, now=now, **said)

    @_posting(serializers.AmountSerializer, "win_handoff")
    def post(self, request: Request, pk: int) -> Response:
        return self.answer(request, pk)


class LostView(ActionView):
    takes = serializers.LossSerializer

    def act(self, handoff: Handoff, said: dict[str, Any], by: User, now: dt.datetime) -> object:
        return sales_stages.lose(handoff=handoff, by=by, now=now, **said)

    @_posting(serializers.LossSerializer, "lose_handoff")
    def post(self, request: Request, pk: int) -> Response:
        return self.answer(request, pk)


class ComplianceView(APIView):
    permission_classes = (REPORTS,)

    @extend_schema(
        operation_id="report_sla",
        parameters=[serializers.ComplianceQuerySerializer],
        responses=serializers.ComplianceSerializer,
    )
    def get(self, request: Request) -> Response:
        """How both sides kept their promises, of the handoffs that the caller may see (rules 12.1)."""
        asked = serializers.ComplianceQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        by = asked.validated_data.get("by", "")
        since, until = (asked.validated_data[name] for name in ("since", "until"))
        today = timezone.now().astimezone(ZoneInfo(settings.COMPANY_TIME_ZONE)).date()
        end = _midnight(until or today + dt.timedelta(days=1))
        start = _midnight(since) if since else compliance.week_of(end - dt.timedelta(weeks=_WEEKS))
        visible = permissions.visible_to(_caller(request))
        figures = compliance.promises(start=start, end=end, by=by, handoffs=visible)
        report = {"since": start, "until": end, "by": by, "figures": [figure.as_dict() for figure in figures]}
        return Response(serializers.ComplianceSerializer(report).data)


def _caller(request: Request) -> User:
    """The person, or the owner of the key, in whose name it acts."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    return user


def _detailed(caller: User) -> QuerySet[Handoff]:
    words = Disposition.objects.select_related("by", "reason").order_by("pk")
    return (
        permissions.visible_to(caller)
        .select_related(*_SHOWN, "sales_qualification__by")
        .prefetch_related("clocks", "attempts__by", "routing_decisions", Prefetch("dispositions", words))
    )


def _midnight(day: dt.date) -> dt.datetime:
    return wall_to_instant(settings.COMPANY_TIME_ZONE, dt.datetime.combine(day, dt.time()))


urlpatterns: list[URLPattern] = [
    path("handoffs", HandoffsView.as_view(), name="handoffs"),
    path("handoffs/<int:pk>", HandoffView.as_view(), name="handoff"),
    path("handoffs/<int:pk>/accept", AcceptView.as_view(), name="handoff-accept"),
    path("handoffs/<int:pk>/reject", RejectView.as_view(), name="handoff-reject"),
    path("handoffs/<int:pk>/attempts", AttemptsView.as_view(), name="handoff-attempts"),
    path("handoffs/<int:pk>/meeting", MeetingView.as_view(), name="handoff-meeting"),
    path("handoffs/<int:pk>/qualify", QualifyView.as_view(), name="handoff-qualify"),
    path("handoffs/<int:pk>/opportunity", OpportunityView.as_view(), name="handoff-opportunity"),
    path("handoffs/<int:pk>/won", WonView.as_view(), name="handoff-won"),
    path("handoffs/<int:pk>/lost", LostView.as_view(), name="handoff-lost"),
    path("reports/sla", ComplianceView.as_view(), name="report-sla"),
]
