"""/api/v1/reports: the compliance report (rules 16.5)."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config import company_days
from definitions import motions
from leads.vocabulary import Motion
from sla import permissions
from sla.api import callers
from sla.reports import compliance
from sla.serializers.reports import ComplianceQuerySerializer, ComplianceSerializer

_WEEKS: Final = 12


class ComplianceView(APIView):
    permission_classes = (callers.REPORTS,)

    @extend_schema(
        operation_id="report_sla",
        parameters=[ComplianceQuerySerializer],
        responses=ComplianceSerializer,
    )
    def get(self, request: Request) -> Response:
        """Report how both sides kept their promises in one motion, on the handoffs or plays that the caller may see (rules 12.1)."""
        query = ComplianceQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        by = query.validated_data.get("by", "")
        motion = Motion(query.validated_data.get("motion") or motions.read_primary_motion())
        since, until = (query.validated_data[name] for name in ("since", "until"))
        today = company_days.day_of(timezone.now())
        end = company_days.start_of(until or today + dt.timedelta(days=1))
        start = company_days.start_of(since) if since else compliance.week_start(end - dt.timedelta(weeks=_WEEKS))
        caller = callers.get_caller(request)
        handoffs, plays = permissions.visible_to(caller), permissions.plays_visible_to(caller)
        figures = compliance.read_figures(motion=motion, start=start, end=end, by=by, handoffs=handoffs, plays=plays)
        report = {
            "motion": motion,
            "since": start,
            "until": end,
            "by": by,
            "figures": [figure.as_dict() for figure in figures],
        }
        return Response(ComplianceSerializer(report).data)


urlpatterns: list[URLPattern] = [path("reports/sla", ComplianceView.as_view(), name="report-sla")]
