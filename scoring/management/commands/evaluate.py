from __future__ import annotations

import csv
import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from definitions.document.parser import DocumentRefused
from scoring.explain import evaluation
from scoring.management.arguments import parse_instant

#: A cell that begins so would be run by a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Command(BaseCommand):
    help = "Judge all leads by a definition: each one's verdict at an instant, or with --first its first qualifying instant."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--definition", required=True, help="A document's file, a version (v1.0, SLUG/v1.0), or: current."
        )
        parser.add_argument("--at", type=parse_instant, help="ISO 8601; default: now.")
        parser.add_argument(
            "--first", action="store_true", help="The first qualifying instant of each lead up to --at."
        )
        parser.add_argument("--format", choices=["csv", "jsonl"], default="csv")

    def handle(self, **options: Any) -> None:
        at = options["at"] or timezone.now()
        try:
            rules = evaluation.find_rules(options["definition"])
        except (evaluation.NoSuchDefinition, DocumentRefused) as error:
            raise CommandError(str(error)) from None
        rows = evaluation.find_first_instants(rules, at) if options["first"] else evaluation.judge_all_leads(rules, at)
        _WRITERS[options["format"]](rows)


def _write_csv(rows: Iterable[dict[str, Any]]) -> None:
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(sys.stdout, list(row))
            writer.writeheader()
        writer.writerow(dict(_safe(row)))


def _safe(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        yield name, f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _write_jsonl(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")


_WRITERS = {"csv": _write_csv, "jsonl": _write_jsonl}
