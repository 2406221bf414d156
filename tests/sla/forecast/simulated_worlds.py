"""Companies whose truth is known: MQLs that come at a rate, and move from stage to stage with known chances and times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sla.forecast.mql_history import NEVER, MqlHistory, MqlSteps, StepKind

#: Median amounts of about 36,000, some three times as large.
_AMOUNT = (10.5, 0.7)


def simulate_company(
    seed: int,
    *,
    days: int = 900,
    mqls_a_week: float = 15,
    level: Callable[[int], float] = lambda day: 1,
    chances: tuple[float, float, float] = (0.7, 0.45, 0.75),
    days_between: tuple[float, float, float] = (1, 20, 35),
) -> MqlHistory:
    """Return a history of `days`. `level` is a factor of the MQLs of each day.

    `chances` and `days_between` are those of being accepted, becoming an SQL and opening an opportunity; whoever does not
    go on is out at that time.
    """
    rng = np.random.default_rng(seed)
    counts = rng.poisson([mqls_a_week / 7 * level(day) for day in range(days)])
    qualified_at = np.sort(np.repeat(np.arange(days), counts) + rng.random(counts.sum()))
    mql, kind, at = [], [], []
    going_on, now = np.arange(len(qualified_at)), qualified_at
    kinds = (StepKind.ACCEPTED, StepKind.QUALIFIED, StepKind.OPENED)
    for step, chance, mean, shape in zip(kinds, chances, days_between, (1, 4, 4), strict=True):
        now = now + rng.gamma(shape, mean / shape, len(now))
        goes_on = rng.random(len(now)) < chance
        out = StepKind.REJECTED if step == StepKind.ACCEPTED else StepKind.CLOSED
        mql.append(going_on)
        kind.append(np.where(goes_on, step, out))
        at.append(now)
        going_on, now = going_on[goes_on], now[goes_on]
    order = np.lexsort((np.concatenate(at), np.concatenate(mql)))
    columns = [np.concatenate(column)[order] for column in (mql, kind, at)]
    return build_history(qualified_at, *columns, rng)


def swing_weekly(swing: float, seed: int, *, days: int = 900) -> Callable[[int], float]:
    """Return a level that is drawn anew for each week, with mean 1 and a standard deviation of `swing`."""
    spread = np.sqrt(np.log(1 + swing**2))
    levels = np.random.default_rng(10_000 + seed).lognormal(-(spread**2) / 2, spread, days // 7 + 1)
    return lambda day: float(levels[day // 7])


def build_history(qualified_at, mql, kind, at, rng) -> MqlHistory:
    is_opened = kind == StepKind.OPENED
    steps = MqlSteps(
        mql=mql,
        kind=kind,
        at=at,
        known_from=at,
        known_until=np.full(len(at), NEVER),
        amount=np.where(is_opened, rng.lognormal(*_AMOUNT, len(at)), np.nan),
        currency=np.where(is_opened, 0, -1),
    )
    return MqlHistory(qualified_at, qualified_at, steps, ("EUR",))
