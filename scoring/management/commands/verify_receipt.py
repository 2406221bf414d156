from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from scoring.receipts import receipt_keys, signatures, verification
from scoring.receipts.signatures import PublicKey


class Command(BaseCommand):
    help = (
        "Check a receipt: its signature, its digests, and the verdict judged again from the facts in it. With --keys it"
        " needs no database. Exits with 1 if something fails, with 2 if it cannot check."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="The receipt, as it was downloaded.")
        parser.add_argument(
            "--keys",
            type=Path,
            metavar="FILE",
            help="The answer of /api/v1/receipt-keys, kept apart; default: the keys in this installation's database.",
        )

    def handle(self, **options: Any) -> None:
        file, keys = _read_file(options["file"]), _read_keys(options["keys"])
        try:
            checks = verification.verify(file, keys)
        except verification.NotAReceipt as error:
            raise CommandError(str(error), returncode=2) from None
        for check in checks:
            result = {True: "holds", False: "FAILS", None: "not checked"}[check.holds]
            self.stdout.write(f"{check.subject}: {result}. {check.sentence}")
        failed = [check.subject.lower() for check in checks if check.holds is False]
        if failed:
            raise CommandError(f"The receipt does not hold: {', '.join(failed)}.")
        unchecked = [check.subject.lower() for check in checks if check.holds is None]
        rest = f" Not checked: {', '.join(unchecked)}." if unchecked else ""
        self.stdout.write(f"Everything that was checked holds.{rest}")


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=2) from None


def _read_keys(path: Path | None) -> list[PublicKey]:
    if path is None:
        try:
            return receipt_keys.list_public_keys()
        except DatabaseError:
            raise CommandError(
                "The keys in the database cannot be read. Give the list of public keys with --keys FILE.", returncode=2
            ) from None
    try:
        return signatures.list_from_json(json.loads(_read_file(path)))
    except (ValueError, signatures.NoKeyList):
        raise CommandError(f"{path} is no list of keys as /api/v1/receipt-keys gives it.", returncode=2) from None
