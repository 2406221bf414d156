from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from config.audit import anchors, sealing, stored_entries
from config.audit.chain_check import ChainCheck
from config.audit.row_check import RowCheck, Settlements
from config.audit.stored_entries import ChainLink
from config.audit.triggers import governed_tables

_SECONDS_BETWEEN_LINES: Final = 10


class Command(BaseCommand):
    help = (
        "Check the audit: the chain of its entries, the anchors that were kept outside, and each governed row against"
        " its entries. Exits with 1 and a sentence for each fault."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--anchor",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="Lines that `manage.py audit_anchor` printed; may be repeated.",
        )

    def handle(self, **options: Any) -> None:
        try:
            known = [anchor for path in options["anchor"] for anchor in anchors.read_file(path)]
        except anchors.NoAnchor as error:
            raise CommandError(str(error), returncode=2) from error
        self._progress_at = time.monotonic() + _SECONDS_BETWEEN_LINES
        sealing.seal_all()
        with stored_entries.one_snapshot():
            chain = ChainCheck(known)
            faults = self._report(chain.find_faults(self._watch(stored_entries.read_chain())))
            tables = list(governed_tables())
            settlements = Settlements(tables)
            for table in tables:
                if self._is_progress_due():
                    self.stderr.write(f"Checking the rows of {table.name} …")
                rows = RowCheck(table, settlements)
                faults += self._report(rows.find_faults())
                self._report(rows.erasures)
        summary = f"{chain.count} entries; the last at position {chain.position} with hash {chain.hash}."
        if faults:
            raise CommandError(f"{faults} {'fault' if faults == 1 else 'faults'} in {summary}")
        holding = f" {len(known)} anchors hold." if known else ""
        self.stdout.write(f"The audit is whole: {summary}{holding}")

    def _report(self, sentences: Iterable[str]) -> int:
        count = 0
        for count, sentence in enumerate(sentences, start=1):  # noqa: B007 (the last number is the count)
            self.stdout.write(sentence)
        return count

    def _watch(self, links: Iterable[ChainLink]) -> Iterator[ChainLink]:
        """Pass the links on, with a line on the way every ten seconds."""
        estimate = stored_entries.count_entries()
        for number, link in enumerate(links, start=1):
            if self._is_progress_due():
                self.stderr.write(f"{number:,} of about {estimate:,} entries of the chain checked …")
            yield link

    def _is_progress_due(self) -> bool:
        if time.monotonic() < self._progress_at:
            return False
        self._progress_at += _SECONDS_BETWEEN_LINES
        return True
