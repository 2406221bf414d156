"""The basis of a version: what its rows are judged with (rules 9.18). Values only, and their texts and digests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from config import canonical_json
from definitions.document.criterion_fields import COUNTRY_FIELDS
from definitions.vocabulary import Operator, Part
from leads.normalization import countries

#: The flags of a signal that decide; `ends:CODE` beside them says which signal's negative points it ends (rules 4.20).
ENGAGEMENT: Final = "engagement"
REQUEST: Final = "request"
CLOSING: Final = "closing"
ENDS: Final = "ends:"
SENIORITY: Final = "lead.seniority"
_PARTS: Final = tuple(str(part) for part in Part)

Meanings = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CountryReadings:
    """The countries that the criteria of one version ask for: codes by the texts that its rows and lists write.

    `names` reads whole texts; `contained` and `with_word` hold the countries whose English name contains a text, or has it
    as a whole word.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    contained: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    with_word: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_content(self) -> dict[str, Any]:
        return {"names": self.names, "contained": self.contained, "with_word": self.with_word}

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> CountryReadings:
        contained, whole_words = (
            {text: tuple(codes) for text, codes in content[key].items()} for key in ("contained", "with_word")
        )
        return cls(content["names"], contained, whole_words)


@dataclass(frozen=True, slots=True)
class TitleTable:
    """A table of words for titles (rules 15.7): its day, its digest and its content as canonical JSON."""

    dated: str
    digest: str
    text: str

    @classmethod
    def from_text(cls, text: str) -> TitleTable:
        return cls(str(json.loads(text).get("dated", "")), canonical_json.hash_text(text), text)


@dataclass(frozen=True, slots=True)
class Basis:
    """The content that a version is judged with besides its rows.

    `lists` has the entries, in lower case, of each list that a criterion names; `meanings` the flags of each signal
    that decide, by code. `titles` and `countries` are None where no criterion asks for a seniority, or a country.
    """

    lists: Mapping[str, frozenset[str]]
    meanings: Meanings
    titles: TitleTable | None = None
    countries: CountryReadings | None = None

    def write_contents(self) -> dict[str, str]:
        """Return the texts that are kept, by digest."""
        return dict(text for _place, text in self._texts())

    def digests(self) -> dict[str, Any]:
        """Return the digests as a version stores them: `lists` by name, `signals`, and `job_titles` and `countries` if any."""
        digests: dict[str, Any] = {"lists": {}}
        for place, (digest, _text) in self._texts():
            if place in ("signals", "job_titles", "countries"):
                digests[place] = digest
            else:
                digests["lists"][place.removeprefix("list:")] = digest
        return digests

    def _texts(self) -> Iterator[tuple[str, tuple[str, str]]]:
        for name, entries in self.lists.items():
            yield f"list:{name}", _encode_entries(entries)
        yield "signals", _encode({code: sorted(flags) for code, flags in self.meanings.items()})
        if self.titles is not None:
            yield "job_titles", (self.titles.digest, self.titles.text)
        if self.countries is not None:
            yield "countries", _encode(self.countries.to_content())


def _encode(content: object) -> tuple[str, str]:
    text = canonical_json.write(content)
    return canonical_json.hash_text(text), text


@lru_cache(maxsize=32)
def _encode_entries(entries: frozenset[str]) -> tuple[str, str]:
    # A shipped list has ten thousand entries, and the fingerprint of a draft asks for it with each page.
    return _encode(sorted(entries))


def list_names_of_lists(document: Mapping[str, Any]) -> set[str]:
    """Return the names of the lists that the criteria of a complete document name."""
    return {row["value"] for row in _criteria(document) if row["op"] == Operator.IN_LIST}


def asks_for_seniority(document: Mapping[str, Any]) -> bool:
    return any(row["field"] == SENIORITY for row in _criteria(document))


def read_countries(document: Mapping[str, Any], lists: Mapping[str, frozenset[str]]) -> CountryReadings | None:
    """Return the countries that a complete document asks for, by the table that this release ships; None if it asks for none."""
    rows = [row for row in _criteria(document) if row["field"] in COUNTRY_FIELDS and row["op"] != Operator.KNOWN]
    if not rows:
        return None
    names, contained, whole_words = set[str](), set[str](), set[str]()
    for row in rows:
        if row["op"] == Operator.IN_LIST:
            names |= lists.get(row["value"], frozenset())
            continue
        texts = map(str, row["value"] if isinstance(row["value"], list) else [row["value"]])
        {Operator.CONTAINS_ANY: contained, Operator.HAS_WORD_ANY: whole_words}.get(row["op"], names).update(texts)
    return CountryReadings(
        names={text: countries.read_country(text) or text for text in sorted(names)},
        contained={text: tuple(countries.find_countries([text])) for text in sorted(contained)},
        with_word={text: tuple(countries.find_countries([text], whole_words=True)) for text in sorted(whole_words)},
    )


def select_meanings(document: Mapping[str, Any], meanings: Meanings) -> Meanings:
    """Return, of the meanings of all signals, those that decide under a complete document.

    Engagement, requests and closing signals decide by timing, inactivity and the start of a new cycle, whether a row names
    the signal or not. What a signal ends decides where the version punishes the other one. A version that judges
    companies counts the signals that it lists or, without a list, every engagement.
    """
    account = document.get("account")
    if account:
        return {} if account["engaged_by"] else _keep_flags(meanings, (ENGAGEMENT, CLOSING))
    punished = [f"{ENDS}{row['signal']}" for row in document["signals"] if row["points"] < 0 or row.get("disqualifies")]
    named = dict.fromkeys(_list_named_signals(document), ())
    return named | dict(_keep_flags(meanings, (ENGAGEMENT, REQUEST, CLOSING, *punished)))


def _keep_flags(meanings: Meanings, flags: Iterable[str]) -> Meanings:
    deciding = frozenset(flags)
    selected = {code: tuple(flag for flag in own if flag in deciding) for code, own in meanings.items()}
    return {code: own for code, own in selected.items() if own}


def _list_named_signals(document: Mapping[str, Any]) -> Iterator[str]:
    yield from (row["signal"] for row in document["signals"])
    for path in (*document["paths"], *document["hot"]):
        for clause in path["clauses"]:
            yield from clause.get("count_of", ())
    yield from (document["timing"] or {}).get("engaged_by", ())


def _criteria(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (row for part in _PARTS for row in document[part])
