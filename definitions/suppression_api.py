"""/api/v1/suppressions: leads and companies that become no MQLs for a time (rules 9.21, 16.18)."""

from __future__ import annotations

from typing import Any, Final, cast

from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.accounts.models import User
from config.api.authentication import scoped
from config.api.errors import Conflict
from config.api.pagination import LastStoredFirst
from definitions import permissions
from definitions.models import Suppression
from definitions.serializers import EndSuppressionSerializer, SuppressionSerializer, SuppressSerializer
from definitions.suppressions import lifecycle
from definitions.suppressions.subjects import read_subject
from leads.exceptions import Refused
from leads.vocabulary import READERS_OF_LEADS

#: They name leads, as facts do; setting one is a step beside the definition.
_SUPPRESSIONS: Final = scoped(
    "facts:read",
    "definitions:write",
    read_roles=READERS_OF_LEADS,
    write_roles=lifecycle.SETTERS,
    seen_by=READERS_OF_LEADS,
)


class SuppressionsView(ListAPIView[Suppression]):
    permission_classes = (_SUPPRESSIONS,)
    serializer_class = SuppressionSerializer
    pagination_class = LastStoredFirst
    queryset = Suppression.objects.with_counts().select_related("set_by", "ended_by")

    @extend_schema(operation_id="suppressions_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List all suppressions with how many leads each has kept back, the latest first."""
        return super().get(request, *args, **kwargs)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "now": timezone.now()}

    @extend_schema(operation_id="suppress", request=SuppressSerializer, responses={201: SuppressionSerializer})
    def post(self, request: Request) -> Response:
        """Keep a domain, company, lead or source from becoming MQLs until a day, with the reason."""
        body, now = SuppressSerializer(data=request.data), timezone.now()
        body.is_valid(raise_exception=True)
        data = dict(body.validated_data)
        try:
            subject = read_subject(data.pop("subject"), data.pop("value"))
            row = lifecycle.suppress(subject=subject, by=cast("User", request.user), now=now, **data)
        except Refused as refusal:
            raise ValidationError({refusal.field: f"{refusal.field} {refusal.rule}"}) from refusal
        except permissions.NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        return Response(_serialize(row.pk), status=201)


class EndSuppressionView(APIView):
    permission_classes = (_SUPPRESSIONS,)

    @extend_schema(operation_id="suppression_end", request=EndSuppressionSerializer, responses=SuppressionSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """End a suppression before its time, with the reason; whom it kept back is judged again. 409 when it is over."""
        row, body = get_object_or_404(Suppression, pk=pk), EndSuppressionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            lifecycle.end(suppression=row, by=cast("User", request.user), now=timezone.now(), **body.validated_data)
        except lifecycle.SuppressionEnded as refusal:
            raise Conflict(str(refusal)) from refusal
        except Refused as refusal:
            raise ValidationError({refusal.field: f"{refusal.field} {refusal.rule}"}) from refusal
        except permissions.NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        return Response(_serialize(pk))


def _serialize(pk: int) -> dict[str, Any]:
    row = SuppressionsView.queryset.get(pk=pk)
    return SuppressionSerializer(row, context={"now": timezone.now()}).data


urlpatterns: list[URLPattern] = [
    path("suppressions", SuppressionsView.as_view(), name="suppressions"),
    path("suppressions/<int:pk>/end", EndSuppressionView.as_view(), name="suppression-end"),
]
