"""/api/v1/: facts in (events, leads, companies, outcomes) and facts out (rules 13.1, 14.1, 16.2)."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from config import lock_waits
from config.accounts import sources
from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import Role
from config.api.authentication import scoped
from config.api.pagination import KeysetPages, LastStoredFirst
from config.web import typed_number
from leads import openapi_schemas
from leads.exceptions import Refused
from leads.filters import CompanyFilter, LeadApiFilter
from leads.identity import duplicates, merges
from leads.intake import events, lead_upserts, not_understood, outcomes
from leads.intake.attribute_statements import AttributeStatement, UpsertResult
from leads.intake.item_results import ItemResult
from leads.intake.not_understood import NotUnderstood, ValueText
from leads.models import Company, DuplicateCandidate, Event, Lead
from leads.normalization.locale_formats import SenderFormats
from leads.serializers import (
    AnswerSerializer,
    CompanySerializer,
    DuplicateSerializer,
    EventSerializer,
    LeadDetailSerializer,
    LeadSerializer,
    MergeRequestSerializer,
    MergeSerializer,
    NotUnderstoodPageSerializer,
)
from leads.vocabulary import READERS_OF_LEADS, DuplicateReason

FACTS: Final = scoped(
    "facts:read",
    "facts:write",
    read_roles=READERS_OF_LEADS,
    write_roles=(Role.MARKETING_OPS,),
    seen_by=READERS_OF_LEADS,
)
_Post = TypeVar("_Post", bound=Callable[..., Response])
_STATUS_OF_SINGLE_ITEM: Final = {"accepted": 201, "created": 201, "rejected": 422}


class FirstFoundFirst(KeysetPages):
    ordering = ("pk",)


class LatestFirst(KeysetPages):
    ordering = ("-occurred_at", "-pk")


def _read_batch(data: object) -> Sequence[object]:
    items = data if isinstance(data, list) else [data]
    if len(items) > events.MAX_BATCH:
        raise ValidationError({"batch": f"At most {events.MAX_BATCH:,} items; this one has {len(items):,}."})
    return items


def _respond(request: Request, results: Sequence[ItemResult | dict[str, Any]]) -> Response:
    """Build the response to a batch or to a single item from their results.

    A batch is answered with 200, whatever its results; a single item with 201, 200 or 422 by its status.
    """
    rows = [dataclasses.asdict(result) if isinstance(result, ItemResult) else result for result in results]
    status = 200 if isinstance(request.data, list) else _STATUS_OF_SINGLE_ITEM.get(rows[0]["status"], 200)
    return Response({"results": rows, "counts": Counter(row["status"] for row in rows)}, status=status)


def _source_of(request: Request) -> str:
    return request.auth.source if isinstance(request.auth, ApiKey) else sources.BY_HAND


def _formats_of(request: Request) -> SenderFormats:
    """Return the locale and currency of the API key; a signed-in person has none."""
    if isinstance(request.auth, ApiKey):
        return SenderFormats(request.auth.locale, request.auth.currency, settings.CURRENCY)
    return SenderFormats(home_currency=settings.CURRENCY)


def _document_post(operation: str, document: dict[str, Any]) -> Callable[[_Post], _Post]:
    responses = dict.fromkeys((200, 201, 422), AnswerSerializer)
    return extend_schema(operation_id=operation, request={"application/json": document}, responses=responses)


class EventsView(APIView):
    permission_classes = (FACTS,)

    @_document_post("record_events", openapi_schemas.EVENTS)
    def post(self, request: Request) -> Response:
        """Record one event or up to 1,000. Idempotent on `id` within the API key's source: sent again, it is a duplicate."""
        results = events.record(
            items=_read_batch(request.data),
            source=_source_of(request),
            now=timezone.now(),
            formats=_formats_of(request),
        )
        return _respond(request, results)


class OutcomesView(APIView):
    permission_classes = (FACTS,)

    @_document_post("record_outcomes", openapi_schemas.OUTCOMES)
    def post(self, request: Request) -> Response:
        """Record one outcome or up to 1,000: opportunity, won, lost.

        The same content again is a duplicate; other content of the same `id` and `kind` corrects what was recorded.
        """
        results = outcomes.record(
            items=_read_batch(request.data),
            source=_source_of(request),
            now=timezone.now(),
            formats=_formats_of(request),
        )
        return _respond(request, results)


class LeadsView(ListAPIView[Lead]):
    """Filter by words, stage, source, company and country; newest first."""

    permission_classes = (FACTS,)
    serializer_class = LeadSerializer
    pagination_class = LastStoredFirst
    filterset_class = LeadApiFilter
    queryset = Lead.objects.select_related("company").prefetch_related("motion_stages")

    @_document_post("upsert_leads", openapi_schemas.LEADS)
    def post(self, request: Request) -> Response:
        """Create or change one lead or up to 1,000, by `email`, `external_id` or `phone` alone.

        What is not named stays; null is unknown.
        """
        by_person = not isinstance(request.auth, ApiKey)
        upsert = partial(lead_upserts.upsert_leads, by_person=by_person)
        return _respond(request, _upsert(request, lead_upserts.read_lead, upsert))


class CompaniesView(ListAPIView[Company]):
    """Filter by words, country and industry; newest first."""

    permission_classes = (FACTS,)
    serializer_class = CompanySerializer
    pagination_class = LastStoredFirst
    filterset_class = CompanyFilter
    queryset = Company.objects.prefetch_related("keys")

    @_document_post("upsert_companies", openapi_schemas.COMPANIES)
    def post(self, request: Request) -> Response:
        """Create or change one company or up to 1,000, by its domains or `external_id`. What is not named stays; null is unknown."""
        return _respond(request, _upsert(request, lead_upserts.read_company, lead_upserts.upsert_companies))


class LeadView(RetrieveAPIView[Lead]):
    """Return a lead with its current attributes and its latest events."""

    permission_classes = (FACTS,)
    serializer_class = LeadDetailSerializer
    queryset = Lead.objects.select_related("company").prefetch_related("motion_stages")


class LeadEventsView(ListAPIView[Event]):
    """List the events of a lead, the latest first."""

    permission_classes = (FACTS,)
    serializer_class = EventSerializer
    pagination_class = LatestFirst
    filter_backends = ()
    queryset = Event.objects.none()

    def get_queryset(self) -> QuerySet[Event]:
        if "pk" not in self.kwargs:
            return Event.objects.none()
        return merges.select_events(get_object_or_404(Lead, pk=self.kwargs["pk"]))


class DuplicatesView(ListAPIView[DuplicateCandidate]):
    """List the pairs of leads that may be one person and wait for a decision, those found first ahead."""

    permission_classes = (FACTS,)
    serializer_class = DuplicateSerializer
    pagination_class = FirstFoundFirst
    filter_backends = ()
    queryset = DuplicateCandidate.objects.none()

    @extend_schema(parameters=[OpenApiParameter("reason", str, enum=DuplicateReason.values)])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[DuplicateCandidate]:
        reason = self.request.query_params.get("reason", "")
        if reason and reason not in DuplicateReason.values:
            raise ValidationError({"reason": f"must be one of: {', '.join(DuplicateReason.values)}."})
        rows = duplicates.list_candidates(reason=reason)
        return rows.prefetch_related("first__motion_stages", "second__motion_stages")


class MergeView(APIView):
    permission_classes = (FACTS,)

    @extend_schema(operation_id="merge_lead", request=MergeRequestSerializer, responses={201: MergeSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Merge this lead into another one, which stands for the person from now on. Nothing is rewritten."""
        get_object_or_404(Lead, pk=pk)
        body = MergeRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        typed = body.validated_data
        try:
            with lock_waits.limit_lock_waits():
                row = merges.merge(
                    lead_id=pk, into_id=typed["into"], by=_person_of(request), now=timezone.now(), why=typed["why"]
                )
        except Refused as refusal:
            raise ValidationError({refusal.field: refusal.rule}) from None
        return Response(MergeSerializer(row).data, status=201)


class UnmergeView(APIView):
    permission_classes = (FACTS,)

    @extend_schema(operation_id="unmerge_lead", request=None, responses=MergeSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """End the merge of this lead, which stands for itself again."""
        get_object_or_404(Lead, pk=pk)
        try:
            with lock_waits.limit_lock_waits():
                row = merges.unmerge(lead_id=pk, by=_person_of(request), now=timezone.now())
        except Refused as refusal:
            raise ValidationError({refusal.field: refusal.rule}) from None
        return Response(MergeSerializer(row).data)


def _person_of(request: Request) -> User | None:
    """Return the signed-in person; None for a machine with a key."""
    return request.user if request.auth is None and isinstance(request.user, User) else None


class ValuesView(APIView):
    """The values that senders wrote and Accord could not read."""

    permission_classes = (FACTS,)

    @extend_schema(
        operation_id="values_list",
        parameters=[
            OpenApiParameter("not_understood", bool, required=True, description="true: there is no other list."),
            OpenApiParameter(
                "attribute", str, enum=not_understood.NAMES, description="Titles are listed on request only."
            ),
            OpenApiParameter("page_size", int, description="Default 100, at most 1,000."),
            OpenApiParameter("cursor", str, description="From `next`."),
        ],
        responses=NotUnderstoodPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List the values not understood by attribute and text, with their counts and the leads that each concerns."""
        attribute = request.query_params.get("attribute", "")
        if request.query_params.get("not_understood", "").casefold() not in {"true", "1"}:
            raise ValidationError({"not_understood": "must be true: only values not understood are listed."})
        if attribute and attribute not in not_understood.NAMES:
            raise ValidationError({"attribute": f"must be one of: {', '.join(not_understood.NAMES)}."})
        texts = sorted(not_understood.list_texts(attribute))
        after = _read_value_cursor(request.query_params.get("cursor", ""))
        remaining = [text for text in texts if after is None or text > after]
        size = _read_page_size(request.query_params.get("page_size", ""))
        page = remaining[:size]
        return Response(
            {
                "next": _next_url(request, page[-1]) if len(remaining) > size else None,
                "previous": None,
                "results": [_value_row(request, row) for row in not_understood.read_values(page)],
            }
        )


def _read_value_cursor(cursor: str) -> tuple[str, str] | None:
    if not cursor:
        return None
    try:
        attribute, text = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError):
        raise NotFound("Invalid cursor") from None
    return str(attribute), str(text)


def _read_page_size(size: str) -> int:
    number = typed_number(size)
    return min(number, KeysetPages.max_page_size) if number else KeysetPages.page_size


def _next_url(request: Request, last: ValueText) -> str:
    cursor = base64.urlsafe_b64encode(json.dumps(last).encode()).decode()
    return str(replace_query_param(request.build_absolute_uri(), "cursor", cursor))


def _value_row(request: Request, row: NotUnderstood) -> dict[str, Any]:
    leads = f"{reverse('api:leads')}?{urlencode({'not_understood': row.token})}"
    return {
        "attribute": row.attribute,
        "text": row.text,
        "count": row.count,
        "leads_count": row.leads,
        "last_seen": row.last_seen,
        "sources": row.sources,
        "leads": request.build_absolute_uri(leads),
    }


def _upsert(
    request: Request, read: Callable[..., AttributeStatement], upsert: Callable[..., list[UpsertResult[Any]]]
) -> list[dict[str, Any]]:
    items, now = _read_batch(request.data), timezone.now()
    results = lead_upserts.read_and_upsert(
        items=items, read=read, upsert=upsert, source=_source_of(request), now=now, formats=_formats_of(request)
    )
    return [_result_row(result) for result in results]


def _result_row(result: UpsertResult[Any]) -> dict[str, Any]:
    refusal = result.refusal
    return {
        "status": result.change,
        "id": result.subject.pk if result.subject else None,
        "field": refusal.field if refusal else "",
        "reason": refusal.rule if refusal else "",
        "notes": [note._asdict() for note in result.notes],
    }


urlpatterns: list[URLPattern] = [
    path("events", EventsView.as_view(), name="events"),
    path("leads/<int:pk>", LeadView.as_view(), name="lead"),
    path("leads/<int:pk>/events", LeadEventsView.as_view(), name="lead-events"),
    path("leads/<int:pk>/merge", MergeView.as_view(), name="lead-merge"),
    path("leads/<int:pk>/unmerge", UnmergeView.as_view(), name="lead-unmerge"),
    path("duplicates", DuplicatesView.as_view(), name="duplicates"),
    path("companies", CompaniesView.as_view(), name="companies"),
    path("values", ValuesView.as_view(), name="values"),
    path("outcomes", OutcomesView.as_view(), name="outcomes"),
]
