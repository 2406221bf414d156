"""/api/v1/: explanations of leads, and questions to any version of a definition."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.accounts.models import ApiKey, User
from config.api.authentication import scoped
from config.api.errors import Conflict, Unavailable
from config.api.pagination import KeysetPages
from definitions import backtest_requests as requests
from definitions import permissions
from definitions.models import Backtest, Suppression, Version
from definitions.suppressions import subject_matching
from leads.api import LeadsView
from leads.models import Lead
from leads.vocabulary import READERS_OF_LEADS
from scoring import thresholds
from scoring.active_versions import rules_of
from scoring.backtests import pending_backtests
from scoring.backtests.coverage_and_precision import share_as_dict
from scoring.comparisons import version_comparison
from scoring.explain import evaluation, lead_explanation
from scoring.filters import JudgedLeadFilter
from scoring.models import RecencyValidation
from scoring.receipts import issuing, receipt_keys, signatures
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
    JudgedLeadSerializer,
    PeriodSerializer,
    ReceiptKeysSerializer,
    ReceiptQuerySerializer,
    ReceiptSerializer,
    WhatIfResultSerializer,
    WhatIfSerializer,
)
from scoring.what_ifs import measurement_cache

_READERS = READERS_OF_LEADS
_FACTS = scoped("facts:read", "facts:read", read_roles=_READERS, write_roles=_READERS, seen_by=_READERS)
_DEFINITIONS = scoped(
    "definitions:read", "definitions:read", read_roles=_READERS, write_roles=_READERS, seen_by=_READERS
)
#: To ask for a backtest is to write; which people may, the use-case knows.
_BACKTESTS = scoped(
    "definitions:read", "definitions:write", read_roles=_READERS, write_roles=_READERS, seen_by=_READERS
)

_COMPARED_AT_MOST = 1000


def may_read_facts(request: Request) -> bool:
    """Say whether the caller may read leads by name: people by their role, API keys with the scope facts:read (rules
    16.8).
    """
    return not isinstance(request.auth, ApiKey) or "facts:read" in request.auth.scopes


class ExplanationView(APIView):
    permission_classes = (_FACTS,)

    @extend_schema(
        operation_id="lead_explanation",
        parameters=[OpenApiParameter("at", dt.datetime)],
        responses=ExplanationSerializer(many=True),
    )
    def get(self, request: Request, pk: int) -> Response:
        """Return the judgement of this lead by each version in force, now or at an instant.

        An explanation holds axes, every rule's contribution, clauses, gate, timing, verdict, tier, and why.
        """
        query = AtSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        lead = get_object_or_404(Lead, pk=pk)
        at = query.validated_data.get("at") or timezone.now()
        explanations = lead_explanation.explain_lead(lead, at=at)
        suppressed = _suppression_data(subject_matching.find_for_lead(lead, at=at))
        return Response(
            [
                {
                    "version": version.number,
                    "definition": version.definition.slug,
                    "meets": explanation.meets,
                    "tier": explanation.tier,
                    "why": explanation.why,
                    "needs_recency_validation": explanation.needs_recency_validation,
                    "suppressed": suppressed,
                    "explanation": explanation.as_dict(),
                }
                for version, explanation in explanations
            ]
        )


class VerdictView(APIView):
    permission_classes = (_FACTS,)

    @extend_schema(operation_id="lead_verdict", parameters=[ReceiptQuerySerializer], responses=ReceiptSerializer)
    def get(self, request: Request, pk: int) -> HttpResponse:
        """Return a signed receipt of the verdict on this lead at an instant by one version (rules 16.20).

        Judged on what is known now to have been so at the instant: a fact that comes late changes the digest of facts.
        """
        query = ReceiptQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        now = timezone.now()
        data = query.validated_data
        at = data.get("at") or now
        lead = get_object_or_404(Lead, pk=pk)
        try:
            version = issuing.find_version(data.get("version", ""), at=at)
            receipt = issuing.issue(lead=lead, version=version, at=at, now=now, with_facts=data["facts"])
        except issuing.NoReceipt as refusal:
            raise ValidationError({refusal.field: [str(refusal)]}) from refusal
        except receipt_keys.NoSigningKey as failure:
            raise Unavailable(str(failure)) from failure
        return HttpResponse(receipt.file, content_type="application/json")


class ReceiptKeysView(APIView):
    """The public keys for everybody who was shown a receipt."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="receipt_keys", responses=ReceiptKeysSerializer)
    def get(self, _request: Request) -> Response:
        """Return the public keys that ever signed receipts of this installation, the oldest first, with their times."""
        return Response({"keys": signatures.list_as_json(receipt_keys.list_public_keys())})


class JudgedLeadsView(LeadsView):
    """Filter by words, stage, source, company, country and what the gate does not know of a lead; newest first.

    The rows of MALs, and of engaged leads whose gate is unknown, say what each lacks for an MQL.
    """

    serializer_class = JudgedLeadSerializer
    filterset_class = JudgedLeadFilter
    queryset = (
        Lead.objects.select_related("company", "shortfall")
        .prefetch_related("motion_stages")
        .annotate(needs_recency_validation=Exists(RecencyValidation.objects.open().filter(lead=OuterRef("pk"))))
    )


class EvaluateView(APIView):
    permission_classes = (_DEFINITIONS,)

    @extend_schema(operation_id="definition_evaluate", request=EvaluateSerializer, responses=EvaluationSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Judge by this version, whatever its state: given leads one by one (scope facts:read), or all of them in numbers."""
        body = EvaluateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        if body.validated_data.get("leads") is not None and not may_read_facts(request):
            raise PermissionDenied("Verdicts on leads by name need the scope facts:read.")
        rules = rules_of(get_object_or_404(Version.objects.select_related("definition"), pk=pk))
        at = body.validated_data.get("at") or timezone.now()
        lead_ids = body.validated_data.get("leads")
        rows = (
            evaluation.judge_all_leads(rules, at) if lead_ids is None else evaluation.judge_leads(rules, lead_ids, at)
        )
        if lead_ids is not None:
            return Response({"at": at, "leads": list(rows)})
        counts = Counter(name for row in rows for name in ("known", f"gate_{row['gate']}", f"tier_{row['tier']}"))
        return Response({"at": at, "counts": dict(counts)})


class BacktestView(APIView):
    permission_classes = (_DEFINITIONS,)

    @extend_schema(operation_id="definition_backtest", request=BacktestSerializer, responses=BacktestResultSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Return coverage and precision over a past period (rules 10.2, 10.3), each lead judged on what was known then."""
        body = BacktestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        rules = rules_of(get_object_or_404(Version.objects.select_related("definition"), pk=pk))
        end = body.validated_data.get("to") or timezone.now()
        start = end - dt.timedelta(days=body.validated_data["days"])
        return Response(pending_backtests.compute_figures(rules, start=start, end=end).as_dict())


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
        return _select_backtests().filter(version=get_object_or_404(Version, pk=self.kwargs["pk"]))

    @extend_schema(operation_id="backtests_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="backtest_request", request=PeriodSerializer, responses={202: BacktestDetailSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Ask for a full backtest of the version as it is now (rules 10.6); its progress and result stand at
        /backtests/{id}.

        If a backtest with the same question is pending, it is the answer; one of an earlier state of the draft is
        cancelled.
        """
        body = PeriodSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        version, now = get_object_or_404(Version.objects.select_related("definition"), pk=pk), timezone.now()
        start, end = _read_period(body.validated_data, now)
        try:
            row = requests.request_backtest(version=version, start=start, end=end, by=_caller(request), now=now)
        except requests.BacktestRefused as refusal:
            raise ValidationError({"from": [str(refusal)]}) from refusal
        except permissions.NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        return Response(_backtest_data(request, row), status=202)


class BacktestRecordView(APIView):
    permission_classes = (_BACKTESTS,)

    @extend_schema(operation_id="backtest_retrieve", responses=BacktestDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return a backtest: how far it is and, once it is finished, its result with both versions, their weeks,
        thresholds, scores.
        """
        return Response(_backtest_data(request, get_object_or_404(_select_backtests(), pk=pk)))


class BacktestCancelView(APIView):
    permission_classes = (_BACKTESTS,)

    @extend_schema(operation_id="backtest_cancel", request=None, responses=BacktestDetailSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Stop a backtest. 409 when it is finished already."""
        row = get_object_or_404(Backtest, pk=pk)
        try:
            row = requests.cancel_backtest(backtest=row, by=_caller(request), now=timezone.now())
        except requests.BacktestRefused as refusal:
            raise Conflict(str(refusal), code="refused") from refusal
        except permissions.NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        return Response(_backtest_data(request, row))


class CompareView(APIView):
    permission_classes = (_DEFINITIONS,)

    @extend_schema(
        operation_id="definition_compare", parameters=[CompareSerializer], responses=ComparisonWithLeadsSerializer
    )
    def get(self, request: Request, pk: int) -> Response:
        """Compare this version with another on the same leads, now: counts of both, only this one, only the other,
        neither.
        """
        query = CompareSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        kind, after = query.validated_data.get("leads"), query.validated_data["after"]
        if kind is not None and not may_read_facts(request):
            raise PermissionDenied("Leads by name need the scope facts:read.")
        versions = Version.objects.select_related("definition")
        first, second = (
            get_object_or_404(versions, pk=version_id) for version_id in (pk, query.validated_data["with"])
        )
        comparison = version_comparison.compare_versions(first, second, now=timezone.now())
        answer = dict(ComparisonSerializer(comparison).data)
        if kind is not None:
            rows = list(
                comparison.rows(version_comparison.ComparisonOutcome(kind), after=after, limit=_COMPARED_AT_MOST)
            )
            more = rows[-1].lead.pk if len(rows) == _COMPARED_AT_MOST else None
            answer |= {"leads": ComparedLeadSerializer(rows, many=True).data, "next_after": more}
        return Response(answer)


class WhatIfView(APIView):
    permission_classes = (_DEFINITIONS,)

    @extend_schema(operation_id="definition_what_if", request=WhatIfSerializer, responses=WhatIfResultSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Return the two numbers, and how many it would flag, with other thresholds; from facts that may be a minute old."""
        body = WhatIfSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        rules, now = rules_of(get_object_or_404(Version.objects.select_related("definition"), pk=pk)), timezone.now()
        start, end = _read_period(body.validated_data, now)
        if not start < end <= now:
            raise ValidationError({"from": ["The period lies in the past, and begins before it ends."]})
        numbers = {row["place"]: float(row["at_least"]) for row in body.validated_data["thresholds"]}
        try:
            other = thresholds.change_thresholds(rules, numbers)
        except thresholds.NoSuchThreshold as refusal:
            raise ValidationError({"thresholds": [str(refusal)]}) from refusal
        return Response(_figures_data(measurement_cache.what_if_figures(other, start=start, end=end, now=now)))


def _suppression_data(row: Suppression | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"id": row.pk, "until": row.ends_at, "reason": row.reason, "text": row.sentence}


def _figures_data(figures: pending_backtests.BacktestFigures) -> dict[str, Any]:
    return {
        "from": figures.start,
        "to": figures.end,
        "coverage": share_as_dict(figures.coverage),
        "precision_won": share_as_dict(figures.precision_won),
        "precision_sal": share_as_dict(figures.precision_sal),
        "precision_ripe": share_as_dict(figures.precision_ripe),
        "too_recent": figures.recent_as_dict(),
        "flagged": figures.flagged,
        "rejected": figures.rejected,
        "verdicts": figures.verdicts,
        "weeks": figures.weeks,
        "by_week": figures.by_week,
    }


def _read_period(data: Mapping[str, Any], now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Return the period asked for, `[from, to)`; by default the last six months up to now."""
    start, end = requests.default_period(data.get("to") or now)
    return data.get("from") or start, end


def _select_backtests() -> QuerySet[Backtest]:
    return Backtest.objects.select_related("requested_by", "cancelled_by")


def _backtest_data(request: Request, row: Backtest) -> dict[str, Any]:
    return dict(BacktestDetailSerializer(row, context={"with_leads": may_read_facts(request)}).data)


def _caller(request: Request) -> User:
    """Return the person, or the owner of the key."""
    return cast("User", request.user)


urlpatterns: list[URLPattern] = [
    path("leads", JudgedLeadsView.as_view(), name="leads"),
    path("leads/<int:pk>/explanation", ExplanationView.as_view(), name="lead-explanation"),
    path("leads/<int:pk>/verdict", VerdictView.as_view(), name="lead-verdict"),
    path("receipt-keys", ReceiptKeysView.as_view(), name="receipt-keys"),
    path("definitions/<int:pk>/evaluate", EvaluateView.as_view(), name="definition-evaluate"),
    path("definitions/<int:pk>/backtest", BacktestView.as_view(), name="definition-backtest"),
    path("definitions/<int:pk>/backtests", BacktestsView.as_view(), name="definition-backtests"),
    path("definitions/<int:pk>/compare", CompareView.as_view(), name="definition-compare"),
    path("definitions/<int:pk>/what-if", WhatIfView.as_view(), name="definition-what-if"),
    path("backtests/<int:pk>", BacktestRecordView.as_view(), name="backtest-record"),
    path("backtests/<int:pk>/cancel", BacktestCancelView.as_view(), name="backtest-cancel"),
]
