"""/api/v1/: what sales does with handoffs and account plays, reinstatements and the reports."""

from __future__ import annotations

from django.urls import URLPattern

from sla.api import handoffs, plays, reinstatements, reports

urlpatterns: list[URLPattern] = [
    *handoffs.urlpatterns,
    *reinstatements.urlpatterns,
    *reports.urlpatterns,
    *plays.urlpatterns,
]
