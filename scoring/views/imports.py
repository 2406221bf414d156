"""The pages of file imports. They stand here because their preview needs the verdict, and `leads` lies below `scoring`."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from config.accounts.roles import roles_required
from config.accounts.vocabulary import Role
from config.downloads import text_download
from config.uploads import has_too_large_file
from config.web import Request, typed_number
from leads.files.table_rows import Unreadable
from leads.import_forms import KIND_CHOICES, READING_KEYS, MappingForm, ReadingForm, UploadForm, target_label
from leads.imports import file_imports, import_previews, import_requests, import_runs, refused_addresses, stored_files
from leads.imports.column_map import ColumnMap, read_map
from leads.imports.import_kinds import KINDS, ImportKind
from leads.imports.import_previews import TableSample
from leads.imports.import_runs import ImportRefused
from leads.models import ImportFile, ImportMap, ImportRun
from leads.vocabulary import READERS_OF_LEADS, NoteKind
from scoring.active_versions import list_active_versions
from scoring.live import import_outlook

PAGE: Final = 25
REFUSED_SHOWN: Final = 20
UNPROCESSABLE: Final = 422
_KIND_LABELS: Final = {kind: label.partition(":")[0] for kind, label in KIND_CHOICES}


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_GET
def import_list(request: Request) -> HttpResponse:
    """Show the imports, the newest first, in keyset pages, and the uploads that nobody has started yet."""
    after = typed_number(request.GET.get("after", ""))
    rows = list(import_requests.list_runs(after=after)[: PAGE + 1])
    drafts = ImportFile.objects.filter(runs=None).select_related("uploaded_by").order_by("-uploaded_at", "-pk")
    context = {
        "runs": [(run, _KIND_LABELS.get(run.kind, run.kind)) for run in rows[:PAGE]],
        "more": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "drafts": [] if after else list(drafts[:PAGE]),
        "now": timezone.now(),
    }
    return render(request, "scoring/imports/list.html", context)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def import_new(request: Request) -> HttpResponse:
    """Take a file; POST stores it and goes on to the meaning of its columns."""
    if request.method != "POST":
        return _render_upload(request, UploadForm())
    form = UploadForm(request.POST, request.FILES, has_too_large_file=has_too_large_file(request))
    if not form.is_valid():
        return _render_upload(request, form, status=UNPROCESSABLE)
    upload = form.cleaned_data["file"]
    file = stored_files.store_file(
        name=upload.name,
        chunks=upload.chunks(),
        kind=form.cleaned_data["kind"],
        source=form.cleaned_data["source"],
        by=request.user,
        now=timezone.now(),
    )
    return redirect("import_mapping", file.pk)


def _render_upload(request: Request, form: UploadForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "limit": settings.IMPORT_MAX_MB, "days": settings.IMPORT_KEEP_DAYS}
    return render(request, "scoring/imports/new.html", context, status=status)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_http_methods(["GET", "POST"])
def import_mapping(request: Request, file: int) -> HttpResponse:
    """Show what each column seems to mean; POST stores the chosen meanings and goes on to the preview."""
    upload = get_object_or_404(ImportFile, pk=file)
    kind, chosen = KINDS[upload.kind], _chosen_map(request, upload)
    try:
        sample = _read_sample(upload)
        guesses = import_previews.guess_targets(sample, kind)
    except Unreadable as error:
        return _render_mapping(request, upload, None, None, problem=str(error))
    data = request.POST if request.method == "POST" else None
    form = MappingForm(data, kind=kind, header=sample.header, guesses=guesses, chosen=chosen)
    if form.is_bound and form.is_valid():
        _store_map(request, upload, form)
        return redirect("import_preview", upload.pk)
    return _render_mapping(request, upload, sample, form)


def _chosen_map(request: Request, upload: ImportFile) -> dict[str, Any]:
    """Return the map to begin with: one that is kept under a name, if the address names it, or the file's own."""
    number = typed_number(request.GET.get("map", ""))
    kept_map = ImportMap.objects.filter(pk=number, kind=upload.kind).first() if number is not None else None
    document: dict[str, Any] = upload.map if kept_map is None else {**_reading_settings(upload), **kept_map.map}
    return document


def _reading_settings(upload: ImportFile) -> dict[str, Any]:
    return {key: upload.map[key] for key in READING_KEYS if key in upload.map}


def _read_sample(upload: ImportFile) -> TableSample:
    """Read the first rows as the map says that the file is written; what the map says of columns may be out of date."""
    column_map = ColumnMap(**_reading_settings(upload))
    with stored_files.copy_sample_to_disk(upload) as path:
        return import_previews.read_sample(path, KINDS[upload.kind], column_map)


def _store_map(request: Request, upload: ImportFile, form: MappingForm) -> None:
    upload.map = form.column_map
    upload.save(update_fields=["map"])
    if name := form.cleaned_data["name"]:
        import_requests.keep_map(
            name=name, kind=upload.kind, column_map=form.column_map, by=request.user, now=timezone.now()
        )
        messages.success(request, f"The mapping is kept as “{name}”.")


def _render_mapping(
    request: Request, upload: ImportFile, sample: TableSample | None, form: MappingForm | None, problem: str = ""
) -> HttpResponse:
    reading = ReadingForm(initial={"kind": upload.kind, **_reading_settings(upload)})
    context = {
        "upload": upload,
        "form": form,
        "reading": reading,
        "problem": problem,
        "kind_label": _KIND_LABELS[upload.kind],
        "better_kind": _better_kind(upload, sample) if sample else "",
        "maps": import_requests.find_fitting_maps(upload.kind, sample.header) if sample else [],
        "earlier": import_requests.find_earlier_run(upload),
        "now": timezone.now(),
    }
    is_bad = bool(problem) or (form is not None and form.is_bound)
    return render(request, "scoring/imports/mapping.html", context, status=UNPROCESSABLE if is_bad else 200)


def _better_kind(upload: ImportFile, sample: TableSample) -> str:
    """Return the kind of file that the header fits much better; empty if it fits the chosen kind."""
    counts = {name: _count_targets(sample, kind) for name, kind in KINDS.items()}
    best = max(counts, key=lambda name: counts[name])
    return _KIND_LABELS[best].lower() if counts[best] > 2 * counts[upload.kind] else ""


def _count_targets(sample: TableSample, kind: ImportKind) -> int:
    return sum(bool(guess.target) for guess in import_previews.guess_targets(sample, kind))


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def import_reading(request: Request, file: int) -> HttpResponse:
    """Store how the file is written. Its columns may be other ones then, so their meanings are guessed anew."""
    upload = get_object_or_404(ImportFile, pk=file)
    form = ReadingForm(request.POST)
    if not form.is_valid():
        messages.error(request, "That is none of the choices.")
        return redirect("import_mapping", upload.pk)
    try:
        read_map(form.settings(), KINDS[form.cleaned_data["kind"]])
    except Unreadable as error:
        messages.error(request, str(error))
        return redirect("import_mapping", upload.pk)
    upload.kind, upload.map = form.cleaned_data["kind"], form.settings()
    upload.save(update_fields=["kind", "map"])
    return redirect("import_mapping", upload.pk)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_GET
def import_preview(request: Request, file: int) -> HttpResponse:
    """Show the first rows: what each value is understood as, and the verdict on each lead."""
    upload = get_object_or_404(ImportFile, pk=file)
    context: dict[str, Any] = {
        "upload": upload,
        "kind_label": _KIND_LABELS[upload.kind],
        "earlier": import_requests.find_earlier_run(upload),
        "is_judged": upload.kind == "leads" and bool(list_active_versions()),
        "now": timezone.now(),
    }
    try:
        with stored_files.copy_sample_to_disk(upload) as path:
            prepared = import_requests.prepare_stored(upload, path)
            sample = import_previews.read_sample(path, prepared.plan.kind, prepared.plan.map)
        rows = import_outlook.preview_import(file=prepared, rows=sample.rows, now=timezone.now())
    except (Unreadable, import_outlook.OutlookUnavailable) as error:
        return render(request, "scoring/imports/preview.html", context | {"problem": str(error)}, status=UNPROCESSABLE)
    context |= {
        "columns": [
            (import_previews.shown_text(prepared.header[place]), target_label(target))
            for target, place in prepared.columns_in_order
        ],
        "rows": rows,
        "left_out": [import_previews.shown_text(name) for name in prepared.plan.left_out],
        "reading_notes": [import_previews.shown_text(note) for note in prepared.plan.notes],
        "refused": sum(outlook.row.verdict.status == "rejected" for outlook in rows),
    }
    return render(request, "scoring/imports/preview.html", context)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def import_start(request: Request, file: int) -> HttpResponse:
    upload = get_object_or_404(ImportFile, pk=file)
    try:
        run, is_new = import_requests.start_import(file=upload, by=request.user, now=timezone.now())
    except Unreadable as error:
        messages.error(request, str(error))
        return redirect("import_mapping", upload.pk)
    if not is_new and not run.is_pending:
        messages.info(request, "This file was imported already, with the same mapping. It is not imported again.")
        if run.file_id not in {None, upload.pk}:
            # The earlier upload is kept, and this one would stand in the list as not imported yet.
            import_requests.discard_file(file=upload)
    return redirect("import_run", run.pk)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def import_discard(request: Request, file: int) -> HttpResponse:
    upload = get_object_or_404(ImportFile, pk=file)
    try:
        import_requests.discard_file(file=upload)
    except ImportRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The file was deleted here.")
    return redirect("import_list")


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_GET
def import_run(request: Request, pk: int) -> HttpResponse:
    """Show an import: under way, or its result. Its progress asks here every two seconds."""
    run = _get_run(pk)
    now = timezone.now()
    if request.htmx and run.is_pending:
        return render(request, "scoring/imports/_progress.html", {"run": run, "now": now})
    if request.htmx:
        return HttpResponseClientRefresh()
    context = {
        "run": run,
        "kind_label": _KIND_LABELS.get(run.kind, run.kind),
        "notes": _note_tables(run),
        "refused": list(run.refused_rows.order_by("line")[:REFUSED_SHOWN]) if run.rejected else [],
        "has_refused_addresses": bool(run.rejected) and refused_addresses.has_refused_addresses(run),
        "others": list(import_requests.list_repetitions(run).exclude(pk=run.pk)[:PAGE]),
        "days": settings.IMPORT_KEEP_DAYS,
        "now": now,
    }
    return render(request, "scoring/imports/run.html", context)


def _note_tables(run: ImportRun) -> list[tuple[str, list[tuple[str, int]]]]:
    """Return the notes by kind: its label, and the counts by field, the highest first."""
    labels = dict(NoteKind.choices)
    return [
        (str(labels.get(kind, kind)), sorted(fields.items(), key=lambda entry: (-entry[1], entry[0])))
        for kind, fields in run.notes.items()
    ]


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def import_cancel(request: Request, pk: int) -> HttpResponse:
    try:
        import_runs.cancel_run(run=_get_run(pk), by=request.user, now=timezone.now())
    except ImportRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Cancelled. The rows that were stored before stay.")
    return redirect("import_run", pk)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def import_again(request: Request, pk: int) -> HttpResponse:
    try:
        run = import_requests.start_again(run=_get_run(pk), by=request.user, now=timezone.now())
    except (ImportRefused, Unreadable) as refusal:
        messages.error(request, str(refusal))
        return redirect("import_run", pk)
    return redirect("import_run", run.pk)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_GET
def import_rejected(_request: Request, pk: int) -> HttpResponseBase:
    """Send the refused rows as a file that can be mended and imported as it is."""
    run = _get_run(pk)
    return text_download(f"refused-rows-{run.pk}", file_imports.refused_lines(run))


def _get_run(pk: int) -> ImportRun:
    runs = ImportRun.objects.select_related("started_by", "cancelled_by", "file")
    return get_object_or_404(runs, pk=pk)
