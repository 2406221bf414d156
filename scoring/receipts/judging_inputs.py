"""The inputs of a verdict besides facts: the document, and the lists, signal meanings and reading tables that it is read with.

`read_inputs` says what they are for a version, and `fingerprint_of` what its fingerprint covers; nothing else does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from definitions import version_documents
from definitions.models import Version
from leads import named_lists
from leads.normalization import countries, job_titles
from scoring import active_versions, rule_compiler
from scoring.engine import canonical_facts
from scoring.engine.criteria import text_of
from scoring.engine.rules import Catalogue, Rules

_PARTS: Final = ("gate", "fit", "bant", "disqualifiers")
_COUNTRY_FIELDS: Final = frozenset({"lead.country", "company.country"})


@dataclass(frozen=True, slots=True)
class JudgingInputs:
    """The document of a version with what it is compiled with: signals' meanings and the entries of the lists it names."""

    document: Mapping[str, Any]
    catalogue: Catalogue
    lists: Mapping[str, frozenset[str]]

    def compile(self) -> Rules:
        return rule_compiler.compile_document(self.document, catalogue=self.catalogue, named_lists=self.lists)


def read_inputs(version: Version) -> JudgingInputs:
    """Return what the version is judged with (rules 4.19)."""
    document = active_versions.document_of(version)
    names = {row["value"] for row in _criteria(document) if row["op"] == "in_list"}
    lists = named_lists.read_entries(names) if names else {}
    return JudgingInputs(document, rule_compiler.read_current_catalogue(), lists)


def fingerprint_of(content: Mapping[str, Any]) -> str:
    """Return the version's fingerprint, as its page and its sign-off show it, from what `write_inputs` wrote."""
    return version_documents.digest(dict(content["document"]))


def write_inputs(inputs: JudgingInputs, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs for JSON. Of a list only those entries that cover a value of the lead, with the digest of all.

    `attributes` are those of `canonical_facts.write_facts`.
    """
    catalogue = inputs.catalogue
    fields_of_lists: dict[str, set[str]] = {}
    for row in _criteria(inputs.document):
        if row["op"] == "in_list":
            fields_of_lists.setdefault(row["value"], set()).add(row["field"])
    return {
        "document": dict(inputs.document),
        "signals": {
            "engagement": sorted(catalogue.engagement),
            "requests": sorted(catalogue.requests),
            "closing": sorted(catalogue.closing),
            "endings": sorted(map(list, catalogue.endings)),
        },
        "lists": {
            name: {
                "digest": canonical_facts.digest_of(sorted(inputs.lists[name])),
                "size": len(inputs.lists[name]),
                "entries": _covering_entries(inputs.lists[name], fields, attributes),
            }
            for name, fields in fields_of_lists.items()
            if name in inputs.lists
        },
        "reading_tables": _needed_tables(inputs.document),
    }


def read_written(content: Mapping[str, Any]) -> JudgingInputs:
    """Return the inputs that `write_inputs` wrote. Raises KeyError, TypeError, ValueError or AttributeError for others."""
    signals = content["signals"]
    return JudgingInputs(
        content["document"],
        Catalogue(
            engagement=frozenset(signals["engagement"]),
            requests=frozenset(signals["requests"]),
            closing=frozenset(signals["closing"]),
            endings=frozenset((ending, ended) for ending, ended in signals["endings"]),
        ),
        {name: frozenset(part["entries"]) for name, part in content["lists"].items()},
    )


def changed_tables(content: Mapping[str, Any]) -> list[str]:
    """Return the names of the reading tables that are not those of this product any more."""
    today = _table_digests()
    return sorted(name for name, digest in content["reading_tables"].items() if today.get(name) != digest)


def _criteria(document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return (row for part in _PARTS for row in document[part])


def _covering_entries(entries: frozenset[str], fields: Iterable[str], attributes: Mapping[str, Any]) -> list[str]:
    """Return the entries that hold for a value of these fields: the value itself, or what it lies below as domains do."""
    texts: set[str] = set()
    for field in fields:
        value = attributes.get(field)
        for part in value if isinstance(value, list) else [] if value is None else [value]:
            parts = text_of(part).split(".")
            texts |= {".".join(parts[start:]) for start in range(len(parts))}
    by_code = not _COUNTRY_FIELDS.isdisjoint(fields)
    return sorted(
        entry
        for entry in entries
        if text_of(entry) in texts or (by_code and text_of(countries.read_country(entry) or "") in texts)
    )


def _needed_tables(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the digests of the reading tables that judging the written facts by this document looks into.

    Facts hold countries as codes, but criteria and lists name them; they hold a seniority as read, but where it could not
    be read and the title is there as well, the title is read again.
    """
    fields = {row["field"] for row in _criteria(document)}
    names = {"country_names", "country_names_by_hand"} if fields & _COUNTRY_FIELDS else set()
    if {"lead.title", "lead.seniority"} <= fields:
        names.add("job_titles")
    return {name: digest for name, digest in _table_digests().items() if name in names}


@cache
def _table_digests() -> Mapping[str, str]:
    """Return the digest of each reading table, as `leads.reference_data_loading` computes it."""
    return {path.stem: _digest_file(path) for path in (countries.GENERATED, countries.BY_HAND, job_titles.WORDS_FILE)}


def _digest_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
