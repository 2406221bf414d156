"""Evaluations of a definition outside the live loop: all leads at an instant, each lead's first qualifying instant."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from definitions import motions, version_documents
from definitions.models import Version
from leads.models import Lead
from leads.vocabulary import Motion
from scoring.active_versions import rules_of
from scoring.columns import fact_reader
from scoring.engine.facts import Facts
from scoring.engine.judge import Verdicts, first_qualifying, judge
from scoring.engine.rules import Rules
from scoring.instants import from_microseconds, microseconds
from scoring.rule_compiler import compile_with_current_catalogue

GATE_VERDICTS = {1: "pass", 0: "fail", -1: "unknown"}


class NoSuchDefinition(Exception):
    """The name leads to no version."""


def find_rules(name: str) -> Rules:
    """Return the rules of a document's file, of a version (`SLUG/v1.0`, or `v1.0` if it is unique) or of `current`.

    Raises NoSuchDefinition, and definitions.document.parser.DocumentRefused for a file that breaks rules 15.1, 15.2.
    """
    path = Path(name)
    if path.is_file():
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise NoSuchDefinition(f"{name} is not JSON: {error}.") from None
        return compile_with_current_catalogue(version_documents.normalize_document(document))
    return rules_of(find_version(name))


def find_version(name: str) -> Version:
    """Return the version named `SLUG/v1.0`, `v1.0` or `current`. Raises NoSuchDefinition if there is none, or more than
    one.
    """
    slug, _, number = name.rpartition("/")
    versions = Version.objects.select_related("definition")
    if name == "current":
        versions = versions.active().exclude(definition__motion=Motion.AQL)
        versions = versions.order_by(motions.rank_motion("definition__motion"), "pk")[:1]
    else:
        major, _, minor = number.removeprefix("v").partition(".")
        if not (major.isdecimal() and minor.isdecimal()):
            raise NoSuchDefinition(f"{name} is neither a file nor a version such as v1.0 or SLUG/v1.0.")
        versions = versions.filter(
            major=int(major), minor=int(minor), **({"definition__slugs__slug": slug} if slug else {})
        )
    candidates = list(versions[:2])
    if len(candidates) != 1:
        raise NoSuchDefinition(f"{len(candidates) or 'No'} version{'s are' if candidates else ' is'} named {name}.")
    return candidates[0]


def judge_all_leads(rules: Rules, at: dt.datetime) -> Iterator[dict[str, Any]]:
    """Yield the verdict on each lead known at `at`, in the order of their ids."""
    for facts in fact_reader.read_all(rules):
        leads = known_leads(facts, microseconds(at))
        verdicts = judge(rules, facts, leads, np.full(leads.size, microseconds(at)))
        yield from _rows(facts, leads, verdicts)


def judge_leads(rules: Rules, lead_ids: Sequence[int], at: dt.datetime) -> Iterator[dict[str, Any]]:
    """Yield the verdict on each of these leads; unknown ids are left out."""
    facts = fact_reader.read_for_leads(lead_ids, rules)
    leads = np.arange(len(facts))
    yield from _rows(facts, leads, judge(rules, facts, leads, np.full(leads.size, microseconds(at))))


def find_first_instants(rules: Rules, until: dt.datetime) -> Iterator[dict[str, Any]]:
    """Yield the first qualifying instant up to `until`, with the verdict there, of each lead that has one."""
    for facts in fact_reader.read_all(rules):
        leads, at, verdicts = first_qualifying(rules, facts, until=microseconds(until))
        for row, instant in zip(_rows(facts, leads, verdicts), at.tolist(), strict=True):
            row["qualified_at"] = from_microseconds(instant).isoformat(timespec="microseconds").replace("+00:00", "Z")
            yield row


def known_leads(facts: Facts, at: int) -> Any:
    """Return the indexes of the leads of which anything was known at `at` (microseconds)."""
    is_known = np.zeros(len(facts), dtype=np.bool_)
    is_known[facts.row_lead[facts.row_from <= at]] = True
    is_known[facts.event_lead[facts.event_at <= at]] = True
    return np.flatnonzero(is_known)


def _rows(facts: Facts, leads: Any, verdicts: Verdicts) -> Iterator[dict[str, Any]]:
    ids = facts.lead_ids[leads].tolist()
    names = _read_names(ids)
    for index, lead_id in enumerate(ids):
        external_id, email = names[lead_id]
        yield {
            "lead": lead_id,
            "external_id": external_id,
            "email": email,
            "meets": bool(verdicts.meets[index]),
            "tier": int(verdicts.tier[index]),
            "hot": bool(verdicts.hot[index]),
            "fit": float(verdicts.fit[index]),
            "engagement": float(verdicts.engagement[index]),
            "bant": float(verdicts.bant[index]),
            "gate": GATE_VERDICTS[int(verdicts.gate[index])],
            "disqualified": bool(verdicts.disqualified[index]),
            "threshold": bool(verdicts.threshold[index]),
            "timing": bool(verdicts.timing[index]),
        }


def _read_names(ids: list[int]) -> Mapping[int, tuple[str, str]]:
    rows = Lead.objects.filter(pk__gte=min(ids, default=0), pk__lte=max(ids, default=0)).values_list(
        "pk", "external_id", "email"
    )
    return {pk: (external_id or "", email or "") for pk, external_id, email in rows}
