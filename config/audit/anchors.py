"""Anchors: where the chain stood at an instant. Kept outside, they show that it was recomputed or cut since."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import transaction

from config.audit.models import SealedEntry
from config.audit.vocabulary import FIRST_PREVIOUS, HASH_LENGTH
from config.jobs.periods import claim_period

log = logging.getLogger(__name__)

_JOB: Final = "audit anchor"
_HASH: Final = re.compile(f"[0-9a-f]{{{HASH_LENGTH}}}")


class NoAnchor(Exception):
    """A file that holds no anchor, or a line that is none."""


@dataclass(frozen=True)
class Anchor:
    """The position and hash of the last link of the chain at an instant, as ISO 8601 text."""

    position: int
    hash: str
    at: str

    def as_line(self) -> str:
        return json.dumps({"position": self.position, "hash": self.hash, "at": self.at})


def read_last(now: dt.datetime) -> Anchor:
    """Return where the chain stands; position 0 without any link."""
    last = SealedEntry.objects.order_by("-position").values_list("position", "hash").first()
    position, digest = last or (0, FIRST_PREVIOUS)
    return Anchor(position, digest, now.astimezone(dt.UTC).isoformat(timespec="seconds"))


def read_file(path: Path) -> list[Anchor]:
    """Read the anchors of a file, one JSON object a line. Raises NoAnchor."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise NoAnchor(f"{path} cannot be read: {error}.") from error
    if not lines:
        raise NoAnchor(f"{path} holds no anchor.")
    return [_parse_line(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1)]


def _parse_line(line: str, place: str) -> Anchor:
    try:
        fields = json.loads(line)
        anchor = Anchor(fields["position"], fields["hash"], str(fields.get("at", "unknown time")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoAnchor(f"{place} is no anchor; it should be a line that `manage.py audit_anchor` printed.") from error
    if type(anchor.position) is not int or anchor.position < 0 or not _HASH.fullmatch(str(anchor.hash)):
        raise NoAnchor(f"{place} is no anchor: its position or its hash is none.")
    return anchor


@transaction.atomic
def log_daily(*, now: dt.datetime) -> bool:
    """Log where the chain stands once a day, as logs are often kept where the database's superuser cannot write."""
    if not claim_period(job=_JOB, period=now.date().isoformat(), now=now):
        return False
    log.info("Audit anchor: %s", read_last(now).as_line())
    return True
