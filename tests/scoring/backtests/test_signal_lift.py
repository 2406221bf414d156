from __future__ import annotations

import numpy as np

from scoring.backtests.coverage_and_precision import DatedLeads
from scoring.backtests.intervals_and_tests import Sample
from scoring.backtests.signal_lift import Lifts
from scoring.engine.facts import Facts
from scoring.engine.rules import Rules, SignalPoints

SIGNALS = ("demo_request", "blog_read")
RULES = Rules(
    signals=(SignalPoints("blog_read", 5.0), SignalPoints("demo_request", 50.0), SignalPoints("bounce", -5.0))
)


def facts(*events: tuple[int, int, str], leads: int = 4) -> Facts:
    """Return facts of (lead index, instant, signal) events; lead ids begin at 100."""
    rows = sorted(events)
    return Facts(
        lead_ids=np.arange(100, 100 + leads),
        event_lead=np.array([lead for lead, _, _ in rows], dtype=np.int32),
        event_at=np.array([at for _, at, _ in rows], dtype=np.int64),
        event_signal=np.array([SIGNALS.index(signal) for _, _, signal in rows], dtype=np.int16),
        event_asset=np.full(len(rows), -1, dtype=np.int32),
        signals=SIGNALS,
        row_lead=np.empty(0, dtype=np.int32),
        row_from=np.empty(0, dtype=np.int64),
        columns={},
    )


def won(*rows: tuple[int, int]) -> DatedLeads:
    return DatedLeads(
        np.array([lead for lead, _ in rows], dtype=np.int64), np.array([at for _, at in rows], dtype=np.int64)
    )


def test_a_signal_sent_by_winners_has_a_lift_above_one_and_a_common_signal_has_not():
    lifts = Lifts(won((100, 50), (101, 50)), start=0, end=100)

    lifts.add_range(
        facts((0, 10, "demo_request"), (1, 10, "demo_request"), *((lead, 5, "blog_read") for lead in range(4)))
    )
    demo, blog = lifts.for_rules(RULES)

    assert (demo.signal, demo.sent, demo.active, demo.ratio) == ("demo_request", Sample(2, 2), Sample(2, 4), 2.0)
    assert (blog.signal, blog.sent, blog.ratio) == ("blog_read", Sample(2, 4), 1.0)


def test_signals_at_or_after_the_win_or_outside_the_period_do_not_count():
    lifts = Lifts(won((100, 50)), start=10, end=100)

    lifts.add_range(
        facts((0, 9, "demo_request"), (0, 50, "demo_request"), (1, 100, "demo_request"), (2, 10, "demo_request"))
    )
    demo = lifts.for_rules(RULES)[0]

    assert (demo.sent, demo.active) == (Sample(0, 1), Sample(0, 1))
    assert demo.ratio is None


def test_a_lead_counts_once_for_a_signal_and_ranges_add_up():
    lifts = Lifts(won((100, 50)), start=0, end=100)

    lifts.add_range(facts((0, 1, "blog_read"), (0, 2, "blog_read"), (0, 3, "blog_read"), leads=1))
    lifts.add_range(facts((0, 1, "blog_read"), leads=1))
    blog = lifts.for_rules(RULES)[1]

    # Both ranges of this test begin at lead 100, so the winner is counted in each.
    assert blog.sent == Sample(2, 2)


def test_signals_with_negative_points_have_no_lift():
    lifts = Lifts(won(), start=0, end=100)

    assert [lift.signal for lift in lifts.for_rules(RULES)] == ["demo_request", "blog_read"]
