"""/api/v1/imports: files to import, sent by programs (rules 16.9)."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config import strict_json
from config.accounts.models import ApiKey, User
from config.accounts.sources import refuse_reserved_source
from config.accounts.vocabulary import Role
from config.api.authentication import scoped
from config.api.errors import Conflict, TooLarge
from config.downloads import text_download
from config.uploads import has_too_large_file
from leads.files.table_rows import Unreadable
from leads.imports import file_imports, import_requests, import_runs, stored_files
from leads.imports.column_map import read_map
from leads.imports.import_kinds import KINDS
from leads.imports.import_runs import ImportRefused
from leads.models import ImportRun
from leads.vocabulary import DEFAULT_SOURCE, READERS_OF_LEADS, ImportState

#: Refused rows hold what people sent, so that reading an import needs the same right as sending one.
IMPORTS: Final = scoped(
    "facts:write",
    "facts:write",
    read_roles=(Role.MARKETING_OPS,),
    write_roles=(Role.MARKETING_OPS,),
    seen_by=READERS_OF_LEADS,
)


class ImportUploadSerializer(serializers.Serializer[Any]):
    """A file to import. Without a map its columns are recognised by their headers."""

    kind = serializers.ChoiceField(choices=sorted(KINDS))
    file = serializers.FileField(allow_empty_file=True)
    map = serializers.CharField(required=False, help_text="JSON, as docs/importing.md describes it.")
    source = serializers.CharField(  # type: ignore[assignment]  # DRF takes the field out of the class
        required=False,
        max_length=64,
        validators=[refuse_reserved_source],
        help_text="The system of the ids; by default that of the API key.",
    )
    again = serializers.BooleanField(required=False, help_text="Import a file again that was imported already.")


class ImportCountsSerializer(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    rejected = serializers.IntegerField()


class ImportRunSerializer(serializers.Serializer[Any]):
    """The state of an import. `notes` are the rows with a note, by kind and field."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    file_name = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # DRF takes the field out of the class
    state = serializers.ChoiceField(choices=ImportState.choices)
    error = serializers.CharField(allow_blank=True, help_text="Why the file as a whole could not be imported.")
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    lines_done = serializers.IntegerField()
    lines_total = serializers.IntegerField(help_text="0 while it is not known.")
    counts = ImportCountsSerializer()
    notes = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))
    left_out = serializers.ListField(child=serializers.CharField(), help_text="Columns that were not read.")
    reading_notes = serializers.ListField(
        child=serializers.CharField(), help_text="What was assumed when the file was read, as sentences."
    )
    repetition = serializers.IntegerField(help_text="How often the file had been imported completely before.")
    url = serializers.CharField()
    rejected_url = serializers.CharField()


def _describe_run(request: Request, run: ImportRun) -> dict[str, Any]:
    counts = {name: getattr(run, name) for name in ("created", "updated", "unchanged", "rejected")}
    columns = (
        "kind", "file_name", "source", "error", "started_at", "finished_at", "lines_done", "lines_total", "notes", "left_out",
        "reading_notes", "repetition",
    )  # fmt: skip
    values = {name: getattr(run, name) for name in columns}
    urls = {
        "url": request.build_absolute_uri(reverse("api:import", args=[run.pk])),
        "rejected_url": request.build_absolute_uri(reverse("api:import-rejected", args=[run.pk])),
    }
    return dict(ImportRunSerializer({"id": run.pk, "state": run.state, "counts": counts, **values, **urls}).data)


class ImportsView(APIView):
    permission_classes = (IMPORTS,)
    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="start_import",
        request={"multipart/form-data": ImportUploadSerializer},
        responses={202: ImportRunSerializer},
    )
    def post(self, request: Request) -> Response:
        """Take a file and import it in the background. The same file with the same map is imported once."""
        sent = ImportUploadSerializer(data=request.data)
        if has_too_large_file(request._request):  # noqa: SLF001 - DRF offers no other way to Django's request
            raise TooLarge("The file is too large: split it.")
        sent.is_valid(raise_exception=True)
        try:
            run = _start(request, sent.validated_data)
        except Unreadable as error:
            raise ValidationError({"file": str(error)}) from None
        return Response(_describe_run(request, run), status=202)


@transaction.atomic
def _start(request: Request, sent: dict[str, Any]) -> ImportRun:
    """Store the file and start its import. A file that cannot be read is not kept."""
    now, by = timezone.now(), _person_of(request)
    document = _read_map_document(sent.get("map", ""))
    read_map(document, KINDS[sent["kind"]])
    default = request.auth.source if isinstance(request.auth, ApiKey) else DEFAULT_SOURCE
    file = stored_files.store_file(
        name=sent["file"].name,
        chunks=sent["file"].chunks(),
        kind=sent["kind"],
        source=sent.get("source") or default,
        by=by,
        now=now,
    )
    file.map = document
    file.save(update_fields=["map"])
    run, _ = import_requests.start_import(file=file, again=sent.get("again", False), by=by, now=now)
    if run.file_id != file.pk:
        # The earlier import of the same content keeps its own file, if any.
        file.delete()
    return run


def _person_of(request: Request) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _read_map_document(text: str) -> Any:
    try:
        return strict_json.loads(text) if text else {}
    except strict_json.BadPayload as refusal:
        raise ValidationError({"map": str(refusal)}) from None


class ImportView(APIView):
    permission_classes = (IMPORTS,)

    @extend_schema(operation_id="read_import", responses=ImportRunSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return the state of an import, its counts and notes."""
        return Response(_describe_run(request, get_object_or_404(ImportRun, pk=pk)))


class ImportRejectedView(APIView):
    permission_classes = (IMPORTS,)

    @extend_schema(
        operation_id="read_refused_rows", responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY)}
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:  # noqa: ARG002 - views take the request
        """Return the refused rows as CSV: line, field, reason, and the original cells."""
        run = get_object_or_404(ImportRun, pk=pk)
        return text_download(f"refused-rows-{run.pk}", file_imports.refused_lines(run))


class ImportCancelView(APIView):
    permission_classes = (IMPORTS,)

    @extend_schema(operation_id="cancel_import", request=None, responses=ImportRunSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Cancel an import that is not finished. What it has stored stays."""
        run = get_object_or_404(ImportRun, pk=pk)
        try:
            run = import_runs.cancel_run(run=run, by=_person_of(request), now=timezone.now())
        except ImportRefused as refusal:
            raise Conflict(str(refusal)) from None
        return Response(_describe_run(request, run))


urlpatterns: list[URLPattern] = [
    path("imports", ImportsView.as_view(), name="imports"),
    path("imports/<int:pk>", ImportView.as_view(), name="import"),
    path("imports/<int:pk>/rejected", ImportRejectedView.as_view(), name="import-rejected"),
    path("imports/<int:pk>/cancel", ImportCancelView.as_view(), name="import-cancel"),
]
