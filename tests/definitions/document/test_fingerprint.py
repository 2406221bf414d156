from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from definitions import presets
from definitions.document.fingerprint import compute_fingerprint
from definitions.document.parser import KnownNames, parse_document
from definitions.document.values import Json
from leads import shipped_signals
from tests.definitions import lint_cases
from tests.definitions.documents import load_reference, minimal_document

NAMES = KnownNames(frozenset(signal.code for signal in shipped_signals.SIGNALS), frozenset({"free_email"}))
ROWS: dict[str, Any] = {
    "gate": [
        {"field": "company.employees", "op": "between", "value": [50, 1000], "rationale": "Who buys."},
        {"field": "lead.country", "op": "in", "value": ["DE", "AT"], "rationale": "Where we sell."},
    ],
    "disqualifiers": [
        {"field": "lead.email_domain", "op": "in_list", "value": "free_email", "rationale": "No company."}
    ],
    "signals": [
        {"signal": "pricing_view", "points": 20, "cap": 40, "rationale": "Looks at prices."},
        {"signal": "blog_read", "points": 1, "rationale": "Reads."},
    ],
}


def complete(**changes: Any) -> dict[str, Any]:
    """Return a complete document with several rows in each part."""
    document: Json = parse_document(minimal_document(**ROWS | changes), known_names=NAMES).to_document()
    return copy.deepcopy(document)


def reword(document: dict[str, Any]) -> None:
    document |= {
        "name": "Another",
        "owner": "Somebody",
        "reason": "Words.",
        "statement": "Our words.",
        "summary": "In a sentence.",
        "kind": "checklist",
        "version": "7.3",
    }
    for part in ("gate", "disqualifiers", "signals", "paths"):
        for row in document[part]:
            row["rationale"] = "Said in other words."
    document["signals"][0]["cap_rationale"] = document["paths"][0]["clauses"][0]["rationale"] = "In other words."
    document["decay"]["rationale"] = "In other words."
    # What reviews read judges nobody.
    document["mql_to_sql"] = {"low": 0.3, "high": 0.4, "rationale": "Few come."}
    document["paths"][0]["name"] = "Another name"


def reorder(document: dict[str, Any]) -> None:
    for part in ("gate", "signals"):
        document[part].reverse()
    document["gate"][0]["value"].reverse()


def test_documents_from_before_keep_their_fingerprints() -> None:
    """What the language learned since is absent from them: an absent key changes no fingerprint and no verdict."""
    reference = lint_cases.complete_document(load_reference())

    assert compute_fingerprint(reference, {}) == "c097de356906162fdaeeb8f89ee85510ef05da5fe3a9e32627ccdcf115bf7b99"
    assert compute_fingerprint(lint_cases.complete_document(minimal_document()), {}) == (
        "87aa2b3149feb9b4ff5e5a961ace94cec352cf8616f9059cbbbf4cb4f0aee166"
    )


@pytest.mark.parametrize("change", [reword, reorder])
def test_words_and_order_change_no_fingerprint(change: Callable[[dict[str, Any]], None]) -> None:
    before, document = complete(), complete()

    change(document)

    assert document != before
    assert compute_fingerprint(document, {}) == compute_fingerprint(before, {})


@pytest.mark.parametrize(
    "changes",
    [
        {"gate": ROWS["gate"][:1]},
        {"gate": [{**ROWS["gate"][0], "value": [50, 999]}, ROWS["gate"][1]]},
        {"gate": [{**ROWS["gate"][0], "points": 5}, ROWS["gate"][1]]},
        {"gate": [{**ROWS["gate"][0], "unknown": "hold"}, ROWS["gate"][1]]},
        {"signals": [{**ROWS["signals"][0], "cap": 60}, ROWS["signals"][1]]},
        {"signals": [ROWS["signals"][0], {**ROWS["signals"][1], "points": 0, "disqualifies": {"within_days": 30}}]},
        {"timing": {"engaged_within_days": 31, "or_request_within_days": 90}},
        {"timing": {"engaged_within_days": 30, "or_request_within_days": 90, "engaged_by": ["pricing_view"]}},
        {"decay": {"mode": "linear"}},
        {"ceilings": {"fit": None, "engagement": 100, "bant": 100}},
        {"tier_3_below": {"axis": "fit", "less_than": 10}},
        {"motion": "pql"},
    ],
)
def test_what_decides_changes_the_fingerprint(changes: dict[str, Any]) -> None:
    assert compute_fingerprint(complete(**changes), {}) != compute_fingerprint(complete(), {})


def test_what_it_is_judged_with_changes_the_fingerprint() -> None:
    assert compute_fingerprint(complete(), {"lists": {"free_email": "a"}}) != compute_fingerprint(
        complete(), {"lists": {"free_email": "b"}}
    )


def test_words_about_a_company_change_no_fingerprint() -> None:
    document: Any = presets.load_preset("account").document
    before = parse_document(document, known_names=NAMES).to_document()
    after: Any = copy.deepcopy(before)
    after["account"]["rationale"] = "Said in other words."
    wider: Any = copy.deepcopy(before)
    wider["account"]["within_days"] += 1

    assert compute_fingerprint(after, {}) == compute_fingerprint(before, {})
    assert compute_fingerprint(wider, {}) != compute_fingerprint(before, {})
