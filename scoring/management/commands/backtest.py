from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from definitions.document.parser import DocumentRefused
from scoring.backtests import pending_backtests
from scoring.explain import evaluation
from scoring.management.arguments import parse_instant


class Command(BaseCommand):
    help = (
        "What a definition would have done over a past period: coverage and precision, judged on what was known then."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--definition", required=True, help="A document's file, a version (v1.0, SLUG/v1.0), or: current."
        )
        parser.add_argument(
            "--from", dest="start", type=parse_instant, required=True, help="The period's first instant."
        )
        parser.add_argument("--to", dest="end", type=parse_instant, required=True, help="The period's end, not in it.")
        parser.add_argument("--format", choices=["json"], default="json")

    def handle(self, **options: Any) -> None:
        if options["start"] >= options["end"]:
            raise CommandError("--from must be before --to.")
        try:
            rules = evaluation.find_rules(options["definition"])
        except (evaluation.NoSuchDefinition, DocumentRefused) as error:
            raise CommandError(str(error)) from None
        result = pending_backtests.compute_figures(rules, start=options["start"], end=options["end"])
        self.stdout.write(json.dumps(result.as_dict(), indent=2))
