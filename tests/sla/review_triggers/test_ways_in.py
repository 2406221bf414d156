"""What had let the decided leads in, from evidence as the engine freezes it (rules 8.25)."""

from __future__ import annotations

from scoring.models import Qualification
from sla.models import Disposition, Handoff
from sla.review_triggers import ways_in

EVIDENCE = {
    "hot_paths": [{"name": "Demo", "held": False, "clauses": []}],
    "paths": [{"name": "Engaged fit", "held": True, "clauses": []}, {"name": "BANT", "held": False, "clauses": []}],
    "contributions": [
        {"signal": "whitepaper", "count": 2, "contributes": 20},
        {"signal": "unsubscribe", "count": 1, "contributes": -10},
    ],
}


def disposition(kind: str, evidence: object) -> Disposition:
    return Disposition(kind=kind, handoff=Handoff(qualification=Qualification(evidence=evidence)))


def test_paths_and_signals_are_counted_with_how_many_sales_rejected():
    rows = ways_in.count_ways_in(
        [disposition("reject", EVIDENCE), disposition("accept", EVIDENCE), disposition("accept", {"paths": "torn"})]
    )

    assert [(row["way"].partition(":")[0], row["count"], row["of"], row["percent"]) for row in rows] == [
        ("Path", 1, 2, 50.0),
        ("Signal", 1, 2, 50.0),
    ]
    assert rows[0]["way"] == "Path: Engaged fit"
