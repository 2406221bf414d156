from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.http import Http404
from django.urls import include, path
from django.views.defaults import page_not_found
from django.views.generic import RedirectView

from config import health

handler400 = "config.web.bad_request"

urlpatterns = [
    # Browsers ask for it on pages that name no icon of their own, as the admin's.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}img/mark.svg")),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    # Only the administrator changes addresses: a user who could add one could pass for a colleague.
    path("accounts/email/", page_not_found, {"exception": Http404()}),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.api.urls")),
    path("", include("sla.urls")),
    path("", include("leads.urls")),
    path("", include("definitions.urls")),
    path("", include("scoring.urls")),
]

handler500 = "config.web.report_failure"
