"""The paths, hot triggers, signals and criteria that a lead met when it became an MQL, by its frozen evidence."""

from __future__ import annotations

from collections.abc import Iterator

from scoring.explain import frozen_evidence
from scoring.explain.frozen_evidence import HELD


def list_ways(document: object) -> Iterator[str]:
    """Yield the paths and hot triggers that held, and the signals that gave points."""
    evidence = frozen_evidence.read_evidence(document)
    for path in evidence.paths:
        if path.verdict == HELD:
            yield f"{'Hot trigger' if path.is_hot else 'Path'}: {path.name}"
    for contribution in evidence.contributions:
        if contribution.points > 0:
            yield f"Signal: {contribution.signal}"


def list_ways_and_criteria(document: object) -> set[str]:
    """Return the ways, and the criteria of fit and BANT that gave points. The gate is left out: every MQL met it."""
    return {*list_ways(document), *(f"Criterion: {text}" for text in frozen_evidence.list_met_criteria(document))}
