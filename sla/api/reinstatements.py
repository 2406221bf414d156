"""/api/v1/leads/ID/reinstate: a disqualified lead comes back to marketing (rules 16.15)."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.errors import Conflict
from leads.models import Lead
from sla.api import callers
from sla.handoffs import reinstatements
from sla.serializers.reinstatements import ReinstatedSerializer, ReinstatementSerializer


class ReinstateApiView(APIView):
    permission_classes = (callers.REINSTATEMENTS,)

    @extend_schema(
        operation_id="reinstate_lead",
        request=ReinstatementSerializer,
        responses={
            200: ReinstatedSerializer,
            409: OpenApiResponse(
                description="The lead is closed for good, or not disqualified; the sentence says why."
            ),
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        """Bring a disqualified lead back to marketing. Asked again, it answers with the reinstatement there is."""
        lead = get_object_or_404(Lead, pk=pk)
        body = ReinstatementSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            row = reinstatements.reinstate(
                lead=lead, by=callers.get_caller(request), now=timezone.now(), reason=body.validated_data["reason"]
            )
        except reinstatements.ReasonMissing as refusal:
            raise ValidationError({"reason": str(refusal)}) from refusal
        except reinstatements.ReinstatementRefused as refusal:
            raise Conflict(str(refusal)) from refusal
        row.lead.refresh_from_db(fields=["stage"])
        return Response(ReinstatedSerializer(row).data)


urlpatterns: list[URLPattern] = [
    path("leads/<int:pk>/reinstate", ReinstateApiView.as_view(), name="lead-reinstate"),
]
