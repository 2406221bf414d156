"""The base class of the commands `manage.py import_…`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import downloads, strict_json
from config.accounts.sources import refuse_reserved_source
from leads.files.table_rows import Unreadable
from leads.imports import file_imports
from leads.imports.column_map import ColumnMap, read_map
from leads.imports.import_kinds import KINDS
from leads.imports.import_mapping import ImportPlan
from leads.imports.import_runs import ImportStopped
from leads.models import ImportRun
from leads.normalization import validation
from leads.vocabulary import DEFAULT_SOURCE, NoteKind


class ImportCommand(BaseCommand):
    """Import a CSV or XLSX file. After an interruption the same command resumes it."""

    kind: ClassVar[str]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--map", type=Path, help="JSON: which column means what, see docs/importing.md")
        parser.add_argument("--rejected", type=Path, help="where rows that are refused go (default: FILE.rejected.csv)")
        parser.add_argument("--source", default=DEFAULT_SOURCE, help="the space of the file's ids (default: import)")
        parser.add_argument("--again", action="store_true", help="read a file again that was imported already")
        parser.add_argument("--strict", action="store_true", help="exit with 1 when any row was refused")

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        rejected = options["rejected"] or path.with_name(f"{path.name}.rejected.csv")
        if rejected.resolve() == path.resolve():
            raise CommandError(
                "The refused rows cannot go into the file that is imported; name another with --rejected."
            )
        try:
            refuse_reserved_source(options["source"])
            column_map = read_map(_read_document(options["map"]), KINDS[self.kind]) if options["map"] else ColumnMap()
            file = file_imports.prepare_import(
                path=path,
                kind=KINDS[self.kind],
                column_map=column_map,
                source=options["source"][:64],
            )
            run = file_imports.run_import(file=file, again=options["again"], now=timezone.now(), progress=self._show)
            _write_rejected_file(run, rejected)
        except ValidationError as error:
            raise CommandError(f"--source: {error.message}") from error
        except (Unreadable, OSError) as error:
            raise CommandError(str(error)) from error
        except ImportStopped:
            raise CommandError(
                "The import was cancelled, or begun anew by somebody else. What it stored stays."
            ) from None
        self._summarise(run, rejected)
        self._describe_reading(file.plan)
        stored = run.created + run.updated + run.unchanged
        if run.rejected and (options["strict"] or not stored):
            sys.exit(1)

    def _show(self, run: ImportRun) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{run.lines_done:>12,} lines", ending="")

    def _summarise(self, run: ImportRun, rejected: Path) -> None:
        if self.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(
            f"{self.kind}: {run.created:,} new, {run.updated:,} changed, {run.unchanged:,} as before, {run.rejected:,} refused."
        )
        for kind, fields in run.notes.items():
            counts = ", ".join(f"{field} {count:,}" for field, count in sorted(fields.items()))
            self.stdout.write(f"{NoteKind(kind).label}: {counts}.")
        if run.rejected:
            self.stdout.write(f"The refused rows and why: {rejected}")

    def _describe_reading(self, plan: ImportPlan) -> None:
        if plan.sender:
            self.stdout.write(f"The headers look like {plan.sender}.")
        if plan.left_out:
            self.stdout.write(f"Columns left out: {', '.join(map(validation.shorten_name, plan.left_out))}.")
        for note in plan.notes:
            self.stdout.write(note)


def _write_rejected_file(run: ImportRun, path: Path) -> None:
    if not run.rejected:
        path.unlink(missing_ok=True)
        return
    with path.open("wb") as target:
        target.writelines(map(downloads.encode_line, file_imports.refused_lines(run)))


def _read_document(path: Path) -> object:
    try:
        return strict_json.loads(path.read_text(encoding="utf-8-sig"))
    except (strict_json.BadPayload, UnicodeDecodeError) as error:
        raise Unreadable(f"{path.name}: {error}") from error
