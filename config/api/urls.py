"""The router of /api/v1/: each app brings its own routes."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.views import APIView

from config.api.schema import ProcessSchemaGenerator

app_name = "api"


class NothingHere(APIView):
    """Programs read JSON, also where there is nothing."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, *_args: object, **_kwargs: object) -> None:
        raise NotFound


urlpatterns: list[URLPattern | URLResolver] = [
    path("schema", SpectacularAPIView.as_view(generator_class=ProcessSchemaGenerator), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    path("", include("leads.api")),
    path("", include("leads.import_api")),
    path("", include("definitions.api")),
    path("", include("definitions.suppression_api")),
    path("", include("definitions.review_api")),
    path("", include("scoring.api")),
    path("", include("sla.api")),
    path("<path:anything>", NothingHere.as_view()),
]
