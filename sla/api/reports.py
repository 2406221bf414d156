"""/api/v1/reports/{name} and the catalogue of figures (rules 12.19, 16.5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config import company_days
from config.accounts.models import ApiKey, User
from config.web import QueryRefused
from definitions import motions
from leads.vocabulary import Motion
from sla.api import callers
from sla.figure_catalogue import all_figures
from sla.reports import compliance, report_names, sla_report
from sla.reports.framework import report_json
from sla.reports.framework.report_entry import UnknownReport
from sla.reports.framework.report_query import ReportQuery, read_query
from sla.reports.framework.table_order import require_table
from sla.serializers.reports import (
    CatalogueFigureSerializer,
    CatalogueQuerySerializer,
    ComplianceQuerySerializer,
    ComplianceSerializer,
    ReportQuerySerializer,
    ReportSerializer,
)
from sla.vocabulary import YEARS

_WEEKS: Final = 12
_OTHER_PERIODS: Final = ("from", "to", "weeks")


class ReportView(APIView):
    permission_classes = (callers.REPORTS,)

    @extend_schema(operation_id="report", parameters=[ReportQuerySerializer], responses=ReportSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Answer with a report: the figures of its page, for what the caller may see (rules 12.19, 12.22)."""
        answer, _ = build_answer(name, request.query_params, callers.get_caller(request), timezone.now())
        if isinstance(request.auth, ApiKey) and "facts:read" not in request.auth.scopes:
            hidden = report_names.find_report(name).lead_sections
            answer["sections"] = [section for section in answer["sections"] if section["key"] not in hidden]
        return Response(ReportSerializer(answer).data)


class ComplianceView(APIView):
    permission_classes = (callers.REPORTS,)

    @extend_schema(operation_id="report_sla", parameters=[ComplianceQuerySerializer], responses=ComplianceSerializer)
    def get(self, request: Request) -> Response:
        """Report how both sides kept their promises in one motion, on the rows that the caller may see (rules 12.1)."""
        typed = ComplianceQuerySerializer(data=request.query_params)
        typed.is_valid(raise_exception=True)
        by = typed.validated_data.get("by", "")
        parameters = _read_period(request.query_params, typed.validated_data)
        caller = callers.get_caller(request)
        answer, query = build_answer(sla_report.ENTRY.name, parameters, caller, timezone.now())
        figures = compliance.list_for_reader(compliance.read_columns(query, caller), caller, by)
        answer |= {"by": by, "figures": [figure.as_dict() for figure in figures]}
        return Response(ComplianceSerializer(answer).data)


class CatalogueView(APIView):
    permission_classes = (callers.REPORTS,)

    @extend_schema(
        operation_id="metrics_catalogue",
        parameters=[CatalogueQuerySerializer],
        responses=CatalogueFigureSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List every figure of reports, reviews and pages with its definition, each once (rules 12.19)."""
        typed = CatalogueQuerySerializer(data=request.query_params)
        typed.is_valid(raise_exception=True)
        motion = Motion(typed.validated_data.get("motion") or motions.read_primary_motion())
        return Response(CatalogueFigureSerializer(all_figures.list_as_dicts(motion), many=True).data)


def build_answer(
    name: str, parameters: Mapping[str, str], caller: User, now: dt.datetime
) -> tuple[dict[str, Any], ReportQuery]:
    """Return a report for the API with the question that it answers. Raises NotFound, PermissionDenied, ValidationError."""
    try:
        entry = report_names.find_report(name)
    except UnknownReport as unknown:
        raise NotFound(str(unknown)) from unknown
    if not entry.is_open_to(caller):
        raise PermissionDenied
    try:
        query = read_query(parameters, filters=entry.filters, reader=caller, now=now, also_known=entry.own_parameters)
        report = entry.build_current(query, reader=caller, now=now)
        sort = parameters.get("sort", "")
        require_table(dict(report.tables), sort)
        return report_json.report_as_dict(report, sort), query
    except QueryRefused as refusal:
        raise ValidationError({refusal.parameter: str(refusal)}) from refusal


def _read_period(parameters: Mapping[str, str], typed: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters with `since` and `until`, half-open, written as the days `from` and `to`, both included.

    Raises ValidationError.
    """
    others = {name: value for name, value in parameters.items() if name not in ("by", "since", "until")}
    since, until = typed["since"], typed["until"]
    if since is None and until is None:
        return others
    today = company_days.day_of(timezone.now())
    for name, day in (("since", since), ("until", until)):
        if day is not None and not others.keys().isdisjoint(_OTHER_PERIODS):
            raise ValidationError({name: "It cannot stand beside from, to and weeks: ask for one of them."})
        if day is not None and day.year not in YEARS:
            raise ValidationError({name: f"It must lie in the years {YEARS[0]} to {YEARS[-1]}."})
    if since is not None and until is None and since > today:
        raise ValidationError({"since": "It must not lie in the future."})
    last = (until - dt.timedelta(days=1)) if until else today
    monday = last - dt.timedelta(days=last.weekday(), weeks=_WEEKS)
    return {**others, "from": (since or monday).isoformat(), "to": last.isoformat()}


urlpatterns: list[URLPattern] = [
    path("reports/sla", ComplianceView.as_view(), name="report-sla"),
    path("reports/<slug:name>", ReportView.as_view(), name="report"),
    path("metrics-catalogue", CatalogueView.as_view(), name="metrics-catalogue"),
]
