"""The commitments of both sides about leads that meet a definition (rules 9.16): recorded by `sla`, shown at sign-off."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

from definitions.models import CommitmentSnapshot
from leads.vocabulary import Motion

#: The subjects of the sentences: the prefix before the colon.
SALES: Final = "Sales"
MARKETING: Final = "Marketing"
AFTERWARDS: Final = "What does not convert"


def record_snapshot(
    *, motion: Motion, sentences: Mapping[str, Iterable[str]], signed_by: str, now: dt.datetime
) -> CommitmentSnapshot:
    """Store the commitments of a motion from now on: sentences by SALES, MARKETING and AFTERWARDS. Earlier rows stay."""
    prefixed = [f"{about}: {sentence}" for about, group in sentences.items() for sentence in group]
    return CommitmentSnapshot.objects.create(motion=motion, sentences=prefixed, signed_by=signed_by, at=now)


def find_current_snapshot(motion: Motion) -> CommitmentSnapshot | None:
    """Return the commitments of a motion that are in force, or None before any were signed."""
    return CommitmentSnapshot.objects.filter(motion=motion).order_by("-at", "-pk").first()


def select_sentences(snapshot: CommitmentSnapshot | None, subject: str) -> list[str]:
    """Return the sentences on one subject (SALES, MARKETING or AFTERWARDS), without its prefix."""
    if snapshot is None:
        return []
    prefix = f"{subject}: "
    return [sentence[len(prefix) :] for sentence in snapshot.sentences if sentence.startswith(prefix)]
