"""The words of job titles, by language and rank, from `reference_data/job_titles.json` or a kept copy of it."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LADDER: Final = ("intern", "individual contributor", "manager", "senior manager", "director", "vp", "c-level")
WORDS_FILE: Final = Path(__file__).parents[1] / "reference_data" / "job_titles.json"

_CONTRIBUTOR: Final = LADDER.index("individual contributor")


@dataclass(frozen=True, slots=True)
class TitleTerm:
    """A known word, phrase or ending: its rank, and where in a title it counts.

    `place` is "" for anywhere, "last" for the last word of an item, "first" for the first one. A helper works for the
    one who is named beside it, a strong helper certainly for a chief.
    """

    rank: int | None
    place: str = ""
    is_english: bool = False
    is_helper: bool = False
    is_strong_helper: bool = False


@dataclass(frozen=True, slots=True)
class TitleWords:
    """The word lists, folded and expanded; phrases are tuples of words by their first word, longest first."""

    phrases: Mapping[str, Sequence[tuple[tuple[str, ...], TitleTerm]]]
    alone: Mapping[str, int]
    endings: Mapping[str, TitleTerm]
    first_endings: Mapping[str, TitleTerm]
    deputies: frozenset[str]
    past: frozenset[str]
    attributes: frozenset[str]
    prepositions: frozenset[str]
    employer_prepositions: frozenset[str]
    coordinations: frozenset[str]
    longest_ending: int


_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"})
_LETTERS: Final = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i"})  # noqa: RUF001  # the dotless i


def fold_title(text: str) -> str:
    """Return the text without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _expand(entries: str) -> Iterator[str]:
    """Yield the folded words of a comma-separated list with `a{b,c}` for ab and ac, umlauts also as two letters."""
    for entry in re.findall(r"(?:[^,{]|\{[^}]*\})+", entries):
        parts = [part.split(",") for part in re.split(r"[{}]", entry.strip())]
        # Outside of braces a part is one text: only every second one has choices.
        choices = [part if index % 2 else [",".join(part)] for index, part in enumerate(parts)]
        for pieces in itertools.product(*choices):
            spelled = "".join(pieces).strip()
            yield from {fold_title(spelled), fold_title(spelled.translate(_UMLAUTS))}


def _terms(ranks: Mapping[str, str], **options: Any) -> Iterator[tuple[str, TitleTerm]]:
    for name, entries in ranks.items():
        for word in _expand(entries):
            yield word, TitleTerm(LADDER.index(name), **options)


def _language_terms(code: str, lists: Mapping[str, Any]) -> Iterator[tuple[str, TitleTerm]]:
    """Yield the words and phrases of a language; of two entries for a word the first one counts."""
    is_english = code == "en"
    helpers = set(_expand(lists["helpers"]))
    for word in _expand(lists["strong helpers"]):
        yield word, TitleTerm(_CONTRIBUTOR, is_english=is_english, is_helper=True, is_strong_helper=True)
    yield from _terms(lists.get("body", {}), place="first")
    yield from _terms(lists.get("last", {}), place="last", is_english=is_english)
    for word, term in _terms({name: lists[name] for name in LADDER if name in lists}, is_english=is_english):
        yield word, TitleTerm(term.rank, is_english=is_english, is_helper=word in helpers)
    for word in helpers:
        yield word, TitleTerm(_CONTRIBUTOR, is_english=is_english, is_helper=True)
    for word in _expand(lists.get("neutral", "")):
        yield word, TitleTerm(None)


def _all_endings(languages: Mapping[str, Any]) -> Iterator[tuple[str, TitleTerm]]:
    for lists in languages.values():
        helpers = set(_expand(lists["helpers"]))
        for word, term in _terms(lists.get("endings", {})):
            yield word, TitleTerm(term.rank, is_helper=word in helpers)


def read_shipped_table() -> dict[str, Any]:
    """Return the table of words that this release ships, as its file has it."""
    return dict(json.loads(WORDS_FILE.read_text(encoding="utf-8")))


def load_words(table: Mapping[str, Any]) -> TitleWords:
    """Return the words of a table, folded and expanded."""
    languages: Mapping[str, Any] = table["languages"]
    terms: dict[tuple[str, ...], TitleTerm] = {}
    for code, lists in languages.items():
        for word, term in _language_terms(code, lists):
            terms.setdefault(tuple(word.split()), term)
    phrases: dict[str, list[tuple[tuple[str, ...], TitleTerm]]] = {}
    for words_of_phrase in sorted(terms, key=len, reverse=True):
        phrases.setdefault(words_of_phrase[0], []).append((words_of_phrase, terms[words_of_phrase]))
    alone = {word: term.rank for word, term in _terms(languages["en"]["alone"]) if term.rank is not None}
    contributor = {
        fold_title(ending): TitleTerm(_CONTRIBUTOR, is_english=True) for ending in _expand(table["occupation endings"])
    }
    first = {
        ending: TitleTerm(_CONTRIBUTOR)
        for lists in languages.values()
        for ending in _expand(lists.get("endings first", ""))
    }

    def gather(name: str) -> frozenset[str]:
        return frozenset(itertools.chain.from_iterable(_expand(lists.get(name, "")) for lists in languages.values()))

    endings = contributor | dict(_all_endings(languages))
    return TitleWords(
        phrases=phrases,
        alone=alone,
        endings=endings,
        first_endings=first,
        deputies=gather("deputies"),
        past=gather("past"),
        attributes=frozenset(_expand(table["attributes"])),
        prepositions=frozenset(_expand(table["prepositions"])),
        employer_prepositions=frozenset(_expand(table["employer prepositions"])),
        coordinations=frozenset(_expand(table["coordinations"])),
        longest_ending=max(map(len, (*endings, *first))),
    )
