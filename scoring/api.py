"""/api/v1/: explanations of leads, and questions to any version of a definition."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from definitions.models import Version
from leads.authentication import scoped
from leads.models import ApiKey, Lead
from leads.vocabulary import Role
from scoring import asking, backtests, explanations
from scoring.versions import rules_of
from scoring.wire import (
    AtSerializer,
    BacktestResultSerializer,
    BacktestSerializer,
    EvaluateSerializer,
    EvaluationSerializer,
    ExplanationSerializer,
)

_READERS = (Role.SALES_MANAGER, Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER, Role.VIEWER)
_FACTS = scoped("facts:read", "facts:read", read_roles=_READERS, write_roles=_READERS)
_DEFINITIONS = scoped("definitions:read", "definitions:read", read_roles=_READERS, write_roles=_READERS)


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
        told = explanations.of_lead(lead, at=asked.validated_data.get("at") or timezone.now())
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
        rows = asking.verdicts_at(rules, at) if wanted is None else asking.verdicts_of(rules, wanted, at)
        if wanted is not None:
            return Response({"at": at, "leads": list(rows)})
        counts = Counter(name for row in rows for name in ("known", f"gate_{row['gate']}", f"tier_{row['tier']}"))
        return Response({"at": at, "counts": dict(counts)})


class BacktestView(APIView):
    permission_classes = (_DEFINITIONS,)

    @extend_schema(operation_id="definition_backtest", request=BacktestSerializer, responses=BacktestResultSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Coverage and precision over a past period (SPEC 10), each lead judged on what was known then."""
        asked = BacktestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rules = rules_of(get_object_or_404(Version.objects.select_related("definition"), pk=pk))
        end = asked.validated_data.get("to") or timezone.now()
        start = end - dt.timedelta(days=asked.validated_data["days"])
        return Response(backtests.run(rules, start=start, end=end).as_dict())


urlpatterns: list[URLPattern] = [
    path("leads/<int:pk>/explanation", ExplanationView.as_view(), name="lead-explanation"),
    path("definitions/<int:pk>/evaluate", EvaluateView.as_view(), name="definition-evaluate"),
    path("definitions/<int:pk>/backtest", BacktestView.as_view(), name="definition-backtest"),
]
