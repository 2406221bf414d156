"""The inputs of a verdict besides facts: the document of the version, and the basis that it is judged with (rules 9.18)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from definitions import version_basis
from definitions.document.basis import Basis, CountryReadings
from definitions.document.criterion_fields import COUNTRY_FIELDS
from definitions.document.fingerprint import compute_fingerprint
from definitions.models import Version
from definitions.vocabulary import Part
from scoring import active_versions, rule_compiler
from scoring.engine.criteria import SENIORITY, text_of
from scoring.engine.rules import Rules


@dataclass(frozen=True, slots=True)
class JudgingInputs:
    """The complete document of a version with what its rows are judged with."""

    document: Mapping[str, Any]
    basis: Basis

    def compile(self) -> Rules:
        return rule_compiler.compile_with_basis(self.document, self.basis)


def read_inputs(version: Version) -> JudgingInputs:
    """Return what the version is judged with: as it was kept at its proposal or, of a draft, as of today."""
    return JudgingInputs(active_versions.document_of(version), active_versions.basis_of(version))


def fingerprint_of(content: Mapping[str, Any]) -> str:
    """Return the version's fingerprint, as its page and its sign-off show it, from what `write_inputs` wrote."""
    return compute_fingerprint(content["document"], content["basis"])


def write_inputs(inputs: JudgingInputs, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs for JSON, with the digests of the basis. Of a list only those entries that cover a value of the lead.

    `attributes` are those of `canonical_facts.write_facts`.
    """
    basis = inputs.basis
    fields_of_lists: dict[str, set[str]] = {}
    for row in _criteria(inputs.document):
        if row["op"] == "in_list":
            fields_of_lists.setdefault(row["value"], set()).add(row["field"])
    return {
        "document": dict(inputs.document),
        "basis": basis.digests(),
        "signals": {code: sorted(flags) for code, flags in basis.meanings.items()},
        "countries": basis.countries and basis.countries.to_content(),
        "lists": {
            name: {
                "size": len(basis.lists[name]),
                "entries": _covering_entries(basis, name, fields, attributes),
            }
            for name, fields in fields_of_lists.items()
        },
    }


def read_written(content: Mapping[str, Any]) -> JudgingInputs:
    """Return the inputs that `write_inputs` wrote. Raises KeyError, TypeError, ValueError or AttributeError for others.

    The table of titles is that of this product: facts hold a seniority as read.
    """
    countries = content["countries"]
    basis = Basis(
        lists={name: frozenset(part["entries"]) for name, part in content["lists"].items()},
        meanings={code: tuple(flags) for code, flags in content["signals"].items()},
        countries=None if countries is None else CountryReadings.from_content(countries),
    )
    return JudgingInputs(content["document"], basis)


def may_read_titles_otherwise(content: Mapping[str, Any]) -> bool:
    """Return whether judging the written facts may read a title by another table than the receipt's.

    A seniority is a fact, but where none could be read and the title is a fact as well, it is read again.
    """
    fields = {row["field"] for row in _criteria(content["document"])}
    is_read_again = {"lead.title", SENIORITY} <= fields
    return is_read_again and content["basis"].get("job_titles") != version_basis.shipped_titles().digest


def _criteria(document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return (row for part in Part for row in document[part])


def _covering_entries(basis: Basis, name: str, fields: Iterable[str], attributes: Mapping[str, Any]) -> list[str]:
    """Return the entries that hold for a value of these fields: the value itself, or what it lies below as domains do."""
    texts: set[str] = set()
    for field in fields:
        value = attributes.get(field)
        for part in value if isinstance(value, list) else [] if value is None else [value]:
            parts = text_of(part).split(".")
            texts |= {".".join(parts[start:]) for start in range(len(parts))}
    codes = basis.countries.names if basis.countries and not COUNTRY_FIELDS.isdisjoint(fields) else {}
    entries = basis.lists[name]
    return sorted(entry for entry in entries if text_of(entry) in texts or text_of(codes.get(entry, "")) in texts)
