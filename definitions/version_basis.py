"""The basis of versions: read as of today for a draft, kept by content from the proposal on (rules 9.18)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from config import canonical_json
from definitions.document import basis as basis_values
from definitions.document.basis import CLOSING, ENDS, ENGAGEMENT, REQUEST, Basis, CountryReadings, Meanings, TitleTable
from definitions.models import KeptContent
from leads import named_lists
from leads.models import Signal
from leads.normalization import title_words
from leads.normalization.job_titles import SHIPPED_TITLES, TitleReader


def read_present_basis(document: Mapping[str, Any]) -> Basis:
    """Return what a complete document would be judged with today. At most 3 queries; entries are read once per revision."""
    names = basis_values.list_names_of_lists(document)
    return build_basis(document, lists=named_lists.read_entries(names) if names else {}, meanings=read_meanings())


def build_basis(document: Mapping[str, Any], *, lists: Mapping[str, frozenset[str]], meanings: Meanings) -> Basis:
    """Return the basis of a complete document from the named lists and the meanings of all signals."""
    return Basis(
        lists=lists,
        meanings=basis_values.select_meanings(document, meanings),
        titles=shipped_titles() if basis_values.asks_for_seniority(document) else None,
        countries=basis_values.read_countries(document, lists),
    )


def read_meanings() -> Meanings:
    """Return the flags of all signals as they are now, by code."""
    columns = ("code", "is_engagement", "is_explicit_request", "closes_request", "ends__code")
    return {
        code: tuple(
            flag
            for flag, is_set in (
                (ENGAGEMENT, engages),
                (REQUEST, asks),
                (CLOSING, closes),
                (f"{ENDS}{ended}", ended),
            )
            if is_set
        )
        for code, engages, asks, closes, ended in Signal.objects.values_list(*columns)
    }


def keep_basis(basis: Basis, *, now: dt.datetime, contents: Any = KeptContent.objects) -> dict[str, Any]:
    """Store what is not kept yet of a basis, and return its digests, as a version or a backtest refers to it."""
    texts = basis.write_contents()
    rows = [contents.model(digest=digest, content=text, kept_at=now) for digest, text in texts.items()]
    contents.bulk_create(rows, ignore_conflicts=True)
    return basis.digests()


def read_kept_basis(digests: Mapping[str, Any]) -> Basis:
    """Return the basis that `keep_basis` kept; it is read once in a process, because its contents cannot change."""
    return _read_kept_basis(canonical_json.write(digests))


@lru_cache(maxsize=64)
def _read_kept_basis(written_digests: str) -> Basis:
    """Return the basis of digests written as canonical JSON. One query."""
    digests: dict[str, Any] = json.loads(written_digests)
    lists: dict[str, str] = digests.pop("lists")
    rows = KeptContent.objects.filter(digest__in={*lists.values(), *digests.values()})
    texts = dict(rows.values_list("digest", "content"))
    titles, countries = digests.get("job_titles"), digests.get("countries")
    return Basis(
        lists={name: _parse_entries(texts[digest]) for name, digest in lists.items()},
        meanings={code: tuple(flags) for code, flags in json.loads(texts[digests["signals"]]).items()},
        titles=_parse_titles(texts[titles]) if titles else None,
        countries=CountryReadings.from_content(json.loads(texts[countries])) if countries else None,
    )


@cache
def shipped_titles() -> TitleTable:
    """Return the table of words for titles that this release ships."""
    return TitleTable.from_text(canonical_json.write(title_words.read_shipped_table()))


@lru_cache(maxsize=8)
def title_reader(table: TitleTable) -> TitleReader:
    """Return the reader of titles by a table; one object for each table, so that what it remembers is shared."""
    return SHIPPED_TITLES if table.digest == shipped_titles().digest else TitleReader(json.loads(table.text))


@lru_cache(maxsize=32)
def _parse_entries(text: str) -> frozenset[str]:
    """Return the entries of a kept list: one set for all versions that keep it, whose hash and answers are then shared."""
    return frozenset(json.loads(text))


@lru_cache(maxsize=8)
def _parse_titles(text: str) -> TitleTable:
    return TitleTable.from_text(text)
