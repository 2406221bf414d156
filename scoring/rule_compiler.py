"""The compiler from a definition document to the engine's rules. Nowhere else do rows become rules (rules 5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from definitions import version_basis
from definitions.document.basis import (
    CLOSING,
    ENDS,
    ENGAGEMENT,
    REQUEST,
    Basis,
    CountryReadings,
    Meanings,
    read_countries,
)
from leads.normalization.job_titles import SHIPPED_TITLES, TitleReader
from scoring.engine.rules import (
    AxisClause,
    Catalogue,
    Clause,
    CountClause,
    CriterionRule,
    Decay,
    Inactivity,
    PathRule,
    Rules,
    SignalPoints,
    TierFloor,
    Timing,
)

#: The document's parts that hold criteria; also the prefixes of their keys in explanations.
_CRITERIA_PARTS = ("gate", "fit", "bant", "disqualifiers")
#: Countries are stored as codes, and criteria may name them (rules 13.32).
_COUNTRY_FIELDS = frozenset({"lead.country", "company.country"})
_LIST_OF_COUNTRIES = "{} (countries)"


def compile_document(
    document: Mapping[str, Any],
    *,
    catalogue: Catalogue,
    named_lists: Mapping[str, frozenset[str]],
    countries: CountryReadings | None = None,
    titles: TitleReader = SHIPPED_TITLES,
) -> Rules:
    """Compile a complete document (from `version_documents.normalize_document` or `export_document`) to the engine's rules.

    `named_lists` must hold every list that the document names. Without `countries` they are read by the shipped table.
    """
    readings = countries or read_countries(document, named_lists) or CountryReadings()
    gate, fit, bant, disqualifiers = (_compile_criteria(part, document[part], readings) for part in _CRITERIA_PARTS)
    timing, inactivity, floor = document["timing"], document["inactivity"], document["tier_3_below"]
    return Rules(
        gate=gate,
        # A criterion of the gate may carry fit points as well (rules 3.1).
        fit=(*(row for row in gate if row.points), *fit),
        bant=bant,
        disqualifiers=disqualifiers,
        signals=tuple(
            SignalPoints(row["signal"], float(row["points"]), _float_or_none(row.get("cap")), *_compile_exclusion(row))
            for row in document["signals"]
        ),
        paths=_compile_paths("paths", document["paths"]),
        hot=_compile_paths("hot", document["hot"]),
        timing=timing
        and Timing(
            _float_or_none(timing.get("engaged_within_days")), _float_or_none(timing.get("or_request_within_days"))
        ),
        decay=Decay(**{name: value for name, value in document["decay"].items() if name != "rationale"}),
        inactivity=inactivity and Inactivity(**{name: float(value) for name, value in inactivity.items()}),
        ceilings={axis: _float_or_none(ceiling) for axis, ceiling in document["ceilings"].items()},
        tier_3_below=floor and TierFloor(floor["axis"], float(floor["less_than"])),
        catalogue=catalogue,
        engaged_by=frozenset(timing["engaged_by"]) if timing and timing.get("engaged_by") else None,
        lists=_add_lists_of_countries(document, named_lists, readings),
        titles=titles,
        motion=document["motion"],
    )


def compile_with_basis(document: Mapping[str, Any], basis: Basis) -> Rules:
    """Compile a complete document with the lists, the meanings of signals and the reading tables of a basis (rules 9.18)."""
    return compile_document(
        document,
        catalogue=_build_catalogue(basis.meanings),
        named_lists=basis.lists,
        countries=basis.countries,
        titles=SHIPPED_TITLES if basis.titles is None else version_basis.title_reader(basis.titles),
    )


def compile_with_current_catalogue(document: Mapping[str, Any]) -> Rules:
    """Compile a document with the present lists, meanings of signals and reading tables, as a draft is judged (rules 4.19)."""
    return compile_with_basis(document, version_basis.read_present_basis(document))


def read_current_catalogue() -> Catalogue:
    """Return the signals' meanings as the engine needs them: engagement, explicit requests, closing signals, endings."""
    return _build_catalogue(version_basis.read_meanings())


def _build_catalogue(meanings: Meanings) -> Catalogue:
    engagement, requests, closing = (
        frozenset(code for code, flags in meanings.items() if flag in flags) for flag in (ENGAGEMENT, REQUEST, CLOSING)
    )
    endings = frozenset(
        (code, flag.removeprefix(ENDS)) for code, flags in meanings.items() for flag in flags if flag.startswith(ENDS)
    )
    return Catalogue(engagement=engagement, requests=requests, closing=closing, endings=endings)


def _compile_criteria(part: str, rows: Any, countries: CountryReadings) -> tuple[CriterionRule, ...]:
    return tuple(
        CriterionRule(
            f"{part}.{index}",
            row["field"],
            *_compile_question(row, countries),
            float(row.get("points") or 0),
            unknown=_compile_unknown(part, row),
        )
        for index, row in enumerate(rows)
    )


def _compile_unknown(part: str, row: Mapping[str, Any]) -> str:
    """Return what an unknown answer counts as: of a disqualifier that fails on it, a pass, which excludes (rules 3.15)."""
    policy = str(row.get("unknown") or "")
    return "pass" if part == "disqualifiers" and policy == "fail" else policy


def _compile_question(row: Mapping[str, Any], countries: CountryReadings) -> tuple[str, object]:
    """Return the operator and the value; countries are asked for by their codes, whatever the document writes."""
    op, value = row["op"], _list_to_tuple(row["value"])
    if row["field"] not in _COUNTRY_FIELDS or op == "known":
        return op, value
    if op == "in_list":
        return op, _LIST_OF_COUNTRIES.format(value)
    texts = value if isinstance(value, tuple) else (value,)
    if op in ("contains_any", "has_word_any"):
        codes_by_text = countries.contained if op == "contains_any" else countries.with_word
        return "in", tuple(sorted({code for text in texts for code in codes_by_text[str(text)]}))
    return op, tuple(countries.names[str(text)] for text in texts)


def _add_lists_of_countries(
    document: Mapping[str, Any], named_lists: Mapping[str, frozenset[str]], countries: CountryReadings
) -> Mapping[str, frozenset[str]]:
    """Add each list that a country is looked for in, with codes for the names that stand in it."""
    names = {
        row["value"]
        for part in _CRITERIA_PARTS
        for row in document[part]
        if row["op"] == "in_list" and row["field"] in _COUNTRY_FIELDS and row["value"] in named_lists
    }
    codes = {
        _LIST_OF_COUNTRIES.format(name): frozenset(countries.names[entry] for entry in named_lists[name])
        for name in names
    }
    return {**named_lists, **codes}


def _list_to_tuple(value: Any) -> object:
    return tuple(value) if isinstance(value, list) else value


def _compile_paths(kind: str, rows: Any) -> tuple[PathRule, ...]:
    return tuple(
        PathRule(f"{kind}.{index}", row["name"], tuple(_compile_clause(clause) for clause in row["clauses"]))
        for index, row in enumerate(rows)
    )


def _compile_clause(clause: Mapping[str, Any]) -> Clause:
    if "axis" in clause:
        return AxisClause(clause["axis"], float(clause["at_least"]))
    return CountClause(
        signals=frozenset(clause["count_of"]),
        at_least=int(clause["at_least"]),
        within_days=_float_or_none(clause.get("within_days")),
        within_hours_of_each_other=_float_or_none(clause.get("within_hours_of_each_other")),
        distinct=clause.get("distinct"),
        same=clause.get("same"),
    )


def _compile_exclusion(row: Mapping[str, Any]) -> tuple[bool, float | None]:
    exclusion = row.get("disqualifies")
    return exclusion is not None, exclusion and _float_or_none(exclusion["within_days"])


def _float_or_none(value: Any) -> float | None:
    return None if value is None else float(value)
