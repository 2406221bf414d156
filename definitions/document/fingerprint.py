"""The fingerprint of a version: of what decides who meets it, and of nothing else (rules 9.17). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from config import canonical_json
from definitions.vocabulary import DecayMode, Operator, Part, PathKind

#: Part of what is hashed, so that no fingerprint equals one of another form.
FORM: Final = "accord.fingerprint/2"
#: Operators whose values are a set: their order decides nothing.
_SETS: Final = (Operator.IN, Operator.NOT_IN, Operator.CONTAINS_ANY, Operator.HAS_WORD_ANY, Operator.HAS_ANY)
_SETTINGS: Final = ("motion", "inactivity", "ceilings")
#: Keys of rows that give reasons and decide nothing.
_WORDS: Final = ("rationale", "cap_rationale")


def compute_fingerprint(document: Mapping[str, Any], basis: Mapping[str, Any]) -> str:
    """Return the sha256 fingerprint, in hexadecimal, of a complete document and the digests of what it is judged with.

    Names, owner, reason, statement, rationales, the SAL-rate target, the number and the order of rows have no part in it.
    """
    return canonical_json.compute_digest({"form": FORM, "rules": select_deciding_parts(document), "basis": basis})


def select_deciding_parts(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides in a complete document, its rows in an order that does not depend on theirs."""
    decay, account = _without_rationale(document["decay"]), document.get("account")
    floor = document["tier_3_below"]
    return {
        **{key: document[key] for key in _SETTINGS},
        "tier_3_below": floor and _without_rationale(floor),
        "timing": document["timing"] and _strip_timing(document["timing"]),
        "decay": {"mode": decay["mode"]} if decay["mode"] == DecayMode.NONE else decay,
        **{str(part): _sort_rows(_strip_criterion(row) for row in document[part]) for part in Part},
        "signals": _sort_rows(_without_rationale(row) for row in document["signals"]),
        **{str(kind): _sort_rows(_strip_path(row) for row in document[kind]) for kind in PathKind},
        "account": account and _strip_account(account),
    }


def _strip_criterion(row: Mapping[str, Any]) -> dict[str, Any]:
    value = row["value"]
    is_set = row["op"] in _SETS and isinstance(value, list)
    return {**_without_rationale(row), "value": sorted(value, key=canonical_json.write) if is_set else value}


def _strip_path(row: Mapping[str, Any]) -> list[Any]:
    return _sort_rows(
        {**clause, "count_of": sorted(clause["count_of"])} if "count_of" in clause else clause
        for clause in map(_without_rationale, row["clauses"])
    )


def _strip_timing(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: sorted(value) if key == "engaged_by" else value for key, value in _without_rationale(row).items()}


def _strip_account(section: Mapping[str, Any]) -> dict[str, Any]:
    engaged_by, company = section["engaged_by"], section["company_signals"]
    return {
        **_without_rationale(section),
        "engaged_by": engaged_by and sorted(engaged_by),
        "company_signals": company and {**_without_rationale(company), "count_of": sorted(company["count_of"])},
    }


def _without_rationale(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in _WORDS}


def _sort_rows(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=canonical_json.write)
