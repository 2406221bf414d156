"""The lines of a page about what a version is judged with besides its rows (rules 9.18)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from definitions import diff, version_documents
from definitions.models import Version
from definitions.plain_english import phrases
from definitions.plain_english.generated_statement import DisplayNames


@dataclass(frozen=True, slots=True)
class BasisLine:
    """A list, or a table: its name, how much it holds, and its digest."""

    name: str
    content: str
    digest: str


@dataclass(frozen=True, slots=True)
class BasisView:
    """The content that a version is judged with. `kept_at` is None for a draft, which is judged with what is present.

    `meanings` are pairs of a signal and its flags in words.
    """

    kept_at: dt.datetime | None
    is_from_upgrade: bool
    lines: list[BasisLine]
    meanings: list[tuple[str, str]]
    earlier_fingerprint: str


def build_basis_view(version: Version, names: DisplayNames) -> BasisView:
    basis = version_documents.read_basis(version)
    digests = basis.digests()
    lines = [
        BasisLine(names.lists.get(name, name), _count_entries(len(entries)), digests["lists"][name])
        for name, entries in sorted(basis.lists.items())
    ]
    if basis.meanings:
        signals = phrases.count_noun(len(basis.meanings), "signal")
        lines.append(BasisLine("Meaning of signals", signals, digests["signals"]))
    if basis.titles is not None:
        lines.append(BasisLine("Job titles", f"words of {basis.titles.dated}", basis.titles.digest))
    if basis.countries is not None:
        count = len(basis.countries.names) + len(basis.countries.contained) + len(basis.countries.with_word)
        lines.append(BasisLine("Countries", phrases.count_noun(count, "text"), digests["countries"]))
    return BasisView(
        kept_at=None if version.is_draft else version.basis_kept_at,
        is_from_upgrade=version.basis_kept_at != version.proposed_at,
        lines=lines,
        meanings=sorted(
            (names.signal(code), diff.describe_flags(flags, names)) for code, flags in basis.meanings.items()
        ),
        earlier_fingerprint=version.earlier_fingerprint,
    )


def _count_entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"
