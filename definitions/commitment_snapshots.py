"""What both sides promised to do about the leads that meet a definition: put down by the floor above, shown at sign-off (rules 9.16)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

from definitions.models import CommitmentSnapshot

#: Whom or what a sentence is about: the word before its colon.
SALES: Final = "Sales"
MARKETING: Final = "Marketing"
AFTERWARDS: Final = "What does not convert"


def record_snapshot(*, sentences: Mapping[str, Iterable[str]], signed_by: str, now: dt.datetime) -> CommitmentSnapshot:
    """Put down what is in force from now on: sentences by SALES, MARKETING and AFTERWARDS; those before are kept."""
    said = [f"{about}: {sentence}" for about, each in sentences.items() for sentence in each]
    return CommitmentSnapshot.objects.create(sentences=said, signed_by=signed_by, at=now)


def find_current_snapshot() -> CommitmentSnapshot | None:
    """What is in force; None before anything was agreed."""
    return CommitmentSnapshot.objects.order_by("-at", "-pk").first()


def select_sentences(promise: CommitmentSnapshot | None, subject: str) -> list[str]:
    """The sentences about one of them, each as a sentence of its own."""
    if promise is None:
        return []
    start = f"{subject}: "
    return [said[len(start) :] for said in promise.sentences if said.startswith(start)]
