"""Requests of people and programs: list imports, start one, keep a map under a name, throw an upload away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from config.accounts.models import User
from leads.imports import file_imports, import_runs, stored_files
from leads.imports.column_map import ColumnMap, read_map
from leads.imports.file_imports import FileImport
from leads.imports.import_kinds import KINDS
from leads.imports.import_runs import ImportRefused
from leads.models import ImportFile, ImportMap, ImportRun


def start_import(*, file: ImportFile, again: bool = False, by: User | None, now: dt.datetime) -> tuple[ImportRun, bool]:
    """Put the import of a stored file into the queue; return it, and whether it is new.

    The same content with the same map and source is the earlier import. Raises Unreadable.
    """
    with stored_files.copy_sample_to_disk(file) as path:
        prepared = prepare_stored(file, path)
    request = file_imports.build_request(
        prepared, file_name=file.name, content_digest=file.digest, lines=file.lines, stored=file, by=by
    )
    return import_runs.request_run(request, again=again, now=now)


def prepare_stored(file: ImportFile, path: Any) -> FileImport:
    """Match the map chosen for a stored file with the header of its copy at `path`. Raises Unreadable."""
    return file_imports.prepare_import(path=path, kind=KINDS[file.kind], column_map=map_of(file), source=file.source)


def map_of(file: ImportFile) -> ColumnMap:
    """Return the map chosen for a stored file so far. Raises Unreadable."""
    return read_map(file.map, KINDS[file.kind])


def start_again(*, run: ImportRun, by: User | None, now: dt.datetime) -> ImportRun:
    """Import the stored file of a finished import once more from its beginning. Raises ImportRefused, Unreadable."""
    if run.file is None:
        raise ImportRefused("The file of this import is no longer kept; upload it once more.")
    if run.is_pending:
        raise ImportRefused("This import is not finished.")
    run.file.map, run.file.source, run.file.kind = _without_defaults(run.map), run.source, run.kind
    again, _ = start_import(file=run.file, again=True, by=by, now=now)
    return again


@transaction.atomic
def discard_file(*, file: ImportFile) -> None:
    """Delete an uploaded file. Raises ImportRefused while it is being imported."""
    # Locks the file, so that nobody starts its import meanwhile: a run refers to it by a foreign key.
    file = ImportFile.objects.select_for_update(of=("self",)).get(pk=file.pk)
    if file.runs.filter(finished_at__isnull=True).exists():
        raise ImportRefused("This file is being imported; cancel the import first.")
    file.delete()


def list_runs(*, after: int | None = None) -> QuerySet[ImportRun]:
    """Return the imports, the last started first: all of them, or those behind the one with the id `after`."""
    runs = ImportRun.objects.select_related("started_by").order_by("-started_at", "-pk")
    last = ImportRun.objects.filter(pk=after).first() if after is not None else None
    if last is None:
        return runs
    return runs.filter(Q(started_at__lt=last.started_at) | Q(started_at=last.started_at, pk__lt=last.pk))


def list_repetitions(run: ImportRun) -> QuerySet[ImportRun]:
    """Return all imports of the same content with the same map and source, the first one first."""
    return ImportRun.objects.filter(kind=run.kind, digest=run.digest).order_by("repetition")


def find_earlier_run(file: ImportFile) -> ImportRun | None:
    """Return the latest import of the same content and kind, with whatever map."""
    runs = ImportRun.objects.filter(kind=file.kind, content_digest=file.digest)
    return runs.order_by("-started_at", "-pk").first()


def keep_map(*, name: str, kind: str, column_map: Mapping[str, Any], by: User | None, now: dt.datetime) -> None:
    """Keep a map under a name; an earlier one of that name is replaced."""
    columns = {"map": column_map, "changed_at": now, "changed_by": by}
    if not ImportMap.objects.annotate(key=Lower("name")).filter(kind=kind, key=name.lower()).update(**columns):
        ImportMap.objects.update_or_create(name=name, kind=kind, defaults=columns)


def find_fitting_maps(kind: str, header: Sequence[str]) -> list[ImportMap]:
    """Return the maps of a kind whose columns all stand in the header, those with the most columns first."""
    names = {name.strip() for name in header}
    maps = [row for row in ImportMap.objects.filter(kind=kind) if _fits(row.map, names)]
    return sorted(maps, key=lambda row: (-len(row.map.get("columns", {})), row.name))


def _fits(document: Mapping[str, Any], names: set[str]) -> bool:
    columns = document.get("columns") or {}
    headers = {
        header.strip() for column in columns.values() for header in ([column] if isinstance(column, str) else column)
    }
    return bool(headers) and headers <= names


def _without_defaults(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value}
