from __future__ import annotations

import pytest

from sla.handoffs.row_claims import RowFailed, claim_each


def claims(rows, failing=()):
    """Build a `claim_next` over the ids of `rows`, of which `failing` always fail."""

    def claim_next(failed):
        row = next((row for row in rows if row not in failed), None)
        if row in failing:
            raise RowFailed(row)
        if row is not None:
            rows.remove(row)
        return row

    return claim_next


@pytest.mark.parametrize(("limit", "claimed"), [(9, [1, 2, 3]), (2, [1, 2]), (0, [])])
def test_rows_are_claimed_until_none_waits_or_the_limit_is_reached(limit, claimed):
    assert list(claim_each(claims([1, 2, 3]), limit=limit)) == claimed


def test_a_row_that_fails_is_skipped_and_does_not_count():
    rows = [1, 2, 3]

    assert list(claim_each(claims(rows, failing={1}), limit=2)) == [2, 3]
    assert rows == [1]
