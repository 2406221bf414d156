"""The compiler from a definition document to the engine's rules. Nowhere else do rows become rules (rules 5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leads import named_lists
from leads.models import Signal
from leads.normalization import countries
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
    document: Mapping[str, Any], *, catalogue: Catalogue, named_lists: Mapping[str, frozenset[str]]
) -> Rules:
    """Compile a complete document (from `version_documents.normalize_document` or `export_document`) to the engine's rules.

    `named_lists` must hold every list that the document names.
    """
    gate, fit, bant, disqualifiers = (_compile_criteria(part, document[part]) for part in _CRITERIA_PARTS)
    timing, inactivity, floor = document["timing"], document["inactivity"], document["tier_3_below"]
    return Rules(
        gate=gate,
        # A criterion of the gate may carry fit points as well (rules 3.1).
        fit=(*(row for row in gate if row.points), *fit),
        bant=bant,
        disqualifiers=disqualifiers,
        signals=tuple(
            SignalPoints(row["signal"], float(row["points"]), _float_or_none(row.get("cap")))
            for row in document["signals"]
        ),
        paths=_compile_paths("paths", document["paths"]),
        hot=_compile_paths("hot", document["hot"]),
        timing=timing
        and Timing(
            _float_or_none(timing.get("engaged_within_days")), _float_or_none(timing.get("or_request_within_days"))
        ),
        decay=Decay(**document["decay"]),
        inactivity=inactivity and Inactivity(**{name: float(value) for name, value in inactivity.items()}),
        ceilings={axis: _float_or_none(ceiling) for axis, ceiling in document["ceilings"].items()},
        tier_3_below=floor and TierFloor(floor["axis"], float(floor["less_than"])),
        catalogue=catalogue,
        lists=_add_lists_of_countries(document, named_lists),
        motion=document["motion"],
    )


def compile_with_current_catalogue(document: Mapping[str, Any]) -> Rules:
    """Compile a document with today's catalogue of signals and the present lists that it names (rules 4.19)."""
    names = {row["value"] for part in _CRITERIA_PARTS for row in document[part] if row["op"] == "in_list"}
    contents = named_lists.read_entries(names) if names else {}
    return compile_document(document, catalogue=read_current_catalogue(), named_lists=contents)


def read_current_catalogue() -> Catalogue:
    """Return the signals' meanings as the engine needs them: engagement, explicit requests, closing signals, endings."""
    rows = Signal.objects.values_list("code", "is_engagement", "is_explicit_request", "closes_request")
    codes = {code: flags for code, *flags in rows}
    engagement, requests, closing = (frozenset(code for code, flags in codes.items() if flags[n]) for n in range(3))
    endings = frozenset(Signal.objects.filter(ends__isnull=False).values_list("code", "ends__code"))
    return Catalogue(engagement=engagement, requests=requests, closing=closing, endings=endings)


def _compile_criteria(part: str, rows: Any) -> tuple[CriterionRule, ...]:
    return tuple(
        CriterionRule(f"{part}.{index}", row["field"], *_compile_question(row), float(row.get("points") or 0))
        for index, row in enumerate(rows)
    )


def _compile_question(row: Mapping[str, Any]) -> tuple[str, object]:
    """Return the operator and the value; countries are asked for by their codes, whatever the document writes."""
    op, value = row["op"], _list_to_tuple(row["value"])
    if row["field"] not in _COUNTRY_FIELDS or op == "known":
        return op, value
    if op == "in_list":
        return op, _LIST_OF_COUNTRIES.format(value)
    texts = value if isinstance(value, tuple) else (value,)
    if op in ("contains_any", "has_word_any"):
        return "in", tuple(countries.find_countries(map(str, texts), whole_words=op == "has_word_any"))
    return op, tuple(countries.read_country(str(text)) or text for text in texts)


def _add_lists_of_countries(
    document: Mapping[str, Any], named_lists: Mapping[str, frozenset[str]]
) -> Mapping[str, frozenset[str]]:
    """Add each list that a country is looked for in, with codes for the names that stand in it."""
    names = {
        row["value"]
        for part in _CRITERIA_PARTS
        for row in document[part]
        if row["op"] == "in_list" and row["field"] in _COUNTRY_FIELDS and row["value"] in named_lists
    }
    codes = {
        _LIST_OF_COUNTRIES.format(name): frozenset(
            countries.read_country(entry) or entry for entry in named_lists[name]
        )
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
    )


def _float_or_none(value: Any) -> float | None:
    return None if value is None else float(value)
