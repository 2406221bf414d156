"""What a change says about itself: thresholds are moved by evidence of quality, never by a wish for volume. SPEC 9, S0.27."""

from __future__ import annotations

from collections.abc import Iterator

from definitions.lint.finding import Case, Finding


def inspect(case: Case) -> Iterator[Finding]:
    if case.change is None:
        return
    yield from ()
