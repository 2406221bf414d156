"""The decision records: numbered without gaps, dated, and listed in their index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DECISIONS = Path(__file__).resolve().parents[2] / "docs" / "decisions"
PAGES = sorted(DECISIONS.glob("[0-9]*.md"))
STATUS = re.compile(
    r"Date: (\d{4}-\d\d-\d\d).* · Status: (accepted(?:, amended by \d{4}(?: and \d{4})*)?|superseded by \d{4})"
)


def test_decisions_are_numbered_without_gaps() -> None:
    assert [path.name[:5] for path in PAGES] == [f"{number:04d}-" for number in range(1, len(PAGES) + 1)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name[:4])
def test_the_index_repeats_title_date_and_status_of_each_decision(path: Path) -> None:
    title, _, status_line, *_ = path.read_text().splitlines()
    status = STATUS.fullmatch(status_line)
    number, _, name = title.removeprefix("# ").partition(" ")

    assert status is not None
    row = f"| [{number}]({path.name}) | {name} | {status[1]} | {status[2]} |"
    assert row in (DECISIONS / "README.md").read_text().splitlines()
