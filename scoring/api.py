"""/api/v1/: explanations of leads, and questions to any version of a definition."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import Role
from config.api.authentication import scoped
from config.api.errors import Conflict
from config.api.pagination import KeysetPages
from definitions import backtest_requests as requests
from definitions import permissions
from definitions.models import Backtest, Version
from leads.models import Lead
from scoring import thresholds
from scoring.active_versions import rules_of
from scoring.backtests import jobs
from scoring.backtests.coverage_and_precision import share
from scoring.comparisons import version_comparison
from scoring.explain import evaluation, lead_explanation
from scoring.serializers import (
    AtSerializer,
    BacktestDetailSerializer,
    BacktestResultSerializer,
    BacktestRowSerializer,
    BacktestSerializer,
    ComparedLeadSerializer,
    CompareSerializer,
    ComparisonSerializer,
    ComparisonWithLeadsSerializer,
    EvaluateSerializer,
    EvaluationSerializer,
    ExplanationSerializer,
    PeriodSerializer,
    WhatIfResultSerializer,
    WhatIfSerializer,
)
from scoring.what_ifs import measurement_cache

_READERS = (Role.SALES_MANAGER, Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER, Role.VIEWER)
_FACTS = scoped("facts:read", "facts:read", read_roles=_READERS, write_roles=_READERS)
_DEFINITIONS = scoped("definitions:read", "definitions:read", read_roles=_READERS, write_roles=_READERS)
#: To ask for a backtest is to write; which people may, the use-case knows.
_BACKTESTS = scoped("definitions:read", "definitions:write", read_roles=_READERS, write_roles=_READERS)

_COMPARED_AT_MOST = 1000


def may_read_facts(request: Request) -> bool:
    return not isinstance(request.auth, ApiKey) or "facts:read" in request.auth.scopes


class ExplanationView(APIView):
    permission_classes = (_FACTS,)

    @extend_schema(
        operation_id="lead_explanation",
        parameters=[OpenApiParameter("at", dt.datetime)],
        responses=ExplanationSerializer(many=True),
    )
    def get(self, request: Request, pk: int) -> Response:
        """Each version in force on this lead: axes, every rule's contribution, clauses, gate, timing, verdict, tier, and why."""
        asked = AtSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        lead = get_object_or_404(Lead, pk=pk)
        told = lead_explanation.of_lead(lead, at=asked.validated_data.get("at") or timezone.now())
        return Response(
            [
                {
                    "version": version.number,
                    "definition": version.definition.slug,
                    "meets": each.meets,
                    "tier": each.tier,
                    "why": each.why,
                    "explanation": each.as_dict(),
                }
                for version, each in told
            ]
        )


class EvaluateView(APIView):
    permission_classes = (_DEFINITIONS,)

    @extend_schema(operation_id="definition_evaluate", request=EvaluateSerializer, responses=EvaluationSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Judge by this version, whatever its state: given leads one by one (scope facts:read), or all of them in numbers."""
        asked = EvaluateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if asked.validated_data.get("leads") is not None and not may_read_facts(request):
            raise PermissionDenied("Verdicts on leads by name need the scope facts:read.")
        rules = rules_of(get_object_or_404(Version.objects.select_related("definition"), pk=pk))
        at = asked.validated_data.get("at") or timezone.now()
        wanted = asked.validated_data.get("leads")
        rows = evaluation.verdicts_at(rules, at) if wanted is None else evaluation.verdicts_of(rules, wanted, at)
        if wanted is not None:
            return Response({"at": at, "leads": list(rows)})
        counts = Counter(name for row in rows for name in ("known", f"gate_{row['gate']}", f"tier_{row['tier']}"))
        return Response({"at": at, "counts": dict(counts)})


class BacktestView(APIView):
    permission_classes = (_DEFINITIONS,)

    @extend_schema(operation_id="definition_backtest", request=BacktestSerializer, responses=BacktestResultSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Coverage and precision over a past period (rules 10.2, 10.3), each lead judged on what was known then."""
        asked = BacktestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rules = rules_of(get_object_or_404(Version.objects.select_related("definition"), pk=pk))
        end = asked.validated_data.get("to") or timezone.now()
        start = end - dt.timedelta(days=asked.validated_data["days"])
        return Response(jobs.run(rules, start=start, end=end).as_dict())


class BacktestsView(ListAPIView[Backtest]):
    """The backtests of one version, the newest first, without their results."""

    class Newest(KeysetPages):
        ordering = ("-requested_at", "-pk")

    permission_classes = (_BACKTESTS,)
    serializer_class = BacktestRowSerializer
    pagination_class = Newest
    # For the schema; what is listed is that of `get_queryset`.
    queryset = Backtest.objects.none()

    def get_queryset(self) -> QuerySet[Backtest]:
        return _shown().filter(version=get_object_or_404(Version, pk=self.kwargs["pk"]))

    @extend_schema(operation_id="backtests_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="backtest_request", request=PeriodSerializer, responses={202: BacktestDetailSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Ask for a full backtest of the version as it is now (rules 10.6); its progress and result stand at /backtests/{id}.

        What is pending already with the same question is answered with; one of an earlier state of the draft is cancelled.
        """
        asked = PeriodSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        version, now = get_object_or_404(Version.objects.select_related("definition"), pk=pk), timezone.now()
        start, end = _period(asked.validated_data, now)
        try:
            row = requests.request(version=version, start=start, end=end, by=_caller(request), now=now)
        except requests.BacktestRefused as refusal:
            raise ValidationError({"from": [str(refusal)]}) from refusal
        except permissions.NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        return Response(_told(request, row), status=202)


class BacktestRecordView(APIView):
    permission_classes = (_BACKTESTS,)

    @extend_schema(operation_id="backtest_retrieve", responses=BacktestDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """How far it is; once it is finished, its result: both versions, their weeks, thresholds, scores."""
        return Response(_told(request, get_object_or_404(_shown(), pk=pk)))


class BacktestCancelView(APIView):
    permission_classes = (_BACKTESTS,)

    @extend_schema(operation_id="backtest_cancel", request=None, responses=BacktestDetailSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Stop it. 409 when it is finished already."""
        row = get_object_or_404(Backtest, pk=pk)
        try:
            row = requests.cancel(backtest=row, by=_caller(request), now=timezone.now())
        except requests.BacktestRefused as refusal:
            raise Conflict(str(refusal), code="refused") from refusal
        except permissions.NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        return Response(_told(request, row))


class CompareView(APIView):
    permission_classes = (_DEFINITIONS,)

    @extend_schema(
        operation_id="definition_compare", parameters=[CompareSerializer], responses=ComparisonWithLeadsSerializer
    )
    def get(self, request: Request, pk: int) -> Response:
        """This version and another on the same leads, now: who meets both, only this one, only the other, neither."""
        asked = CompareSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        kind, after = asked.validated_data.get("leads"), asked.validated_data["after"]
        if kind is not None and not may_read_facts(request):
            raise PermissionDenied("Leads by name need the scope facts:read.")
        versions = Version.objects.select_related("definition")
        first, second = (get_object_or_404(versions, pk=each) for each in (pk, asked.validated_data["with"]))
        found = version_comparison.compare(first, second, now=timezone.now())
        answer = dict(ComparisonSerializer(found).data)
        if kind is not None:
            rows = list(found.rows(version_comparison.ComparisonOutcome(kind), after=after, limit=_COMPARED_AT_MOST))
            more = rows[-1].lead.pk if len(rows) == _COMPARED_AT_MOST else None
            answer |= {"leads": ComparedLeadSerializer(rows, many=True).data, "next_after": more}
        return Response(answer)


class WhatIfView(APIView):
    permission_classes = (_DEFINITIONS,)

    @extend_schema(operation_id="definition_what_if", request=WhatIfSerializer, responses=WhatIfResultSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """The two numbers, and how many it would flag, with other thresholds; from facts that may be a minute old."""
        asked = WhatIfSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rules, now = rules_of(get_object_or_404(Version.objects.select_related("definition"), pk=pk)), timezone.now()
        start, end = _period(asked.validated_data, now)
        if not start < end <= now:
            raise ValidationError({"from": ["The period lies in the past, and begins before it ends."]})
        numbers = {row["place"]: float(row["at_least"]) for row in asked.validated_data["thresholds"]}
        try:
            other = thresholds.changed(rules, numbers)
        except thresholds.NoSuchThreshold as refusal:
            raise ValidationError({"thresholds": [str(refusal)]}) from refusal
        return Response(_what_if(measurement_cache.what_if(other, start=start, end=end, now=now)))


def _what_if(found: jobs.BacktestFigures) -> dict[str, Any]:
    return {
        "from": found.start,
        "to": found.end,
        "coverage": share(found.coverage),
        "precision_won": share(found.precision_won),
        "precision_sal": share(found.precision_sal),
        "flagged": found.flagged,
        "rejected": found.rejected,
        "verdicts": found.verdicts,
        "weeks": found.weeks,
        "by_week": found.by_week,
    }


def _period(asked: Mapping[str, Any], now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    start, end = jobs.last_months(asked.get("to") or now)
    return asked.get("from") or start, end


def _shown() -> QuerySet[Backtest]:
    return Backtest.objects.select_related("requested_by", "cancelled_by")


def _told(request: Request, row: Backtest) -> dict[str, Any]:
    return dict(BacktestDetailSerializer(row, context={"with_leads": may_read_facts(request)}).data)


def _caller(request: Request) -> User:
    """The person, or the owner of the key."""
    return cast("User", request.user)


urlpatterns: list[URLPattern] = [
    path("leads/<int:pk>/explanation", ExplanationView.as_view(), name="lead-explanation"),
    path("definitions/<int:pk>/evaluate", EvaluateView.as_view(), name="definition-evaluate"),
    path("definitions/<int:pk>/backtest", BacktestView.as_view(), name="definition-backtest"),
    path("definitions/<int:pk>/backtests", BacktestsView.as_view(), name="definition-backtests"),
    path("definitions/<int:pk>/compare", CompareView.as_view(), name="definition-compare"),
    path("definitions/<int:pk>/what-if", WhatIfView.as_view(), name="definition-what-if"),
    path("backtests/<int:pk>", BacktestRecordView.as_view(), name="backtest-record"),
    path("backtests/<int:pk>/cancel", BacktestCancelView.as_view(), name="backtest-cancel"),
]
