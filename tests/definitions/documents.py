"""Definition documents for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).resolve().parents[1] / "data/company_1k/definition.json"


def load_reference() -> dict[str, Any]:
    """Load the reference definition, freshly parsed."""
    return json.loads(REFERENCE.read_text())


def minimal_document(**changes: Any) -> dict[str, Any]:
    """Return the smallest definition: an explicit request is an MQL."""
    document = {
        "format": "accord.definition/1",
        "name": "Hand raise",
        "owner": "ops@company.example",
        "reason": "Only people who ask.",
        "summary": "Whoever asks to talk.",
        "paths": [
            {
                "name": "Asked to talk",
                "clauses": [
                    {
                        "count_of": ["demo_request", "contact_request"],
                        "at_least": 1,
                        "within_days": 30,
                        "rationale": "Once.",
                    }
                ],
                "rationale": "They asked.",
            }
        ],
    }
    return document | changes


def criterion(field: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, "rationale": "Because."} | more


def with_reasons(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with a reason for each clause, cap, timing, decay and floor that has none."""
    paths = {
        kind: [
            path | {"clauses": [{"rationale": "So many."} | clause for clause in path["clauses"]]}
            for path in document[kind]
        ]
        for kind in ("paths", "hot")
        if document.get(kind)
    }
    parts = {
        part: {"rationale": "So long."} | document[part] for part in ("timing", "tier_3_below") if document.get(part)
    }
    decay = document.get("decay", {"mode": "compound", "percent": 10, "per_days": 30})
    signals = [
        ({"cap_rationale": "At most."} if row.get("cap") is not None else {}) | row
        for row in document.get("signals", [])
    ]
    reasons = {"decay": {"rationale": "It fades."} | decay} if decay and "account" not in document else {}
    return document | paths | parts | reasons | ({"signals": signals} if signals else {})
