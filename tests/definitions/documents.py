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
        "paths": [
            {
                "name": "Asked to talk",
                "clauses": [{"count_of": ["demo_request", "contact_request"], "at_least": 1, "within_days": 30}],
                "rationale": "They asked.",
            }
        ],
    }
    return document | changes


def criterion(field: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, "rationale": "Because."} | more
