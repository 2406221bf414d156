"""The volume that a version would bring, by week and month, from its backtest (rules 9.29)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from definitions import backtest_gate, backtest_requests
from definitions.models import Backtest, Version

_DAYS_A_WEEK: Final = 7
_DAYS_A_MONTH: Final = 365.25 / 12


@dataclass(frozen=True, slots=True)
class ProjectedVolume:
    """Leads (of a definition of companies: companies) flagged by a version in a backtest's period, in all and on average."""

    number: str
    flagged: int
    days: float

    @property
    def per_week(self) -> float:
        return self.flagged * _DAYS_A_WEEK / self.days

    @property
    def per_month(self) -> float:
        return self.flagged * _DAYS_A_MONTH / self.days


@dataclass(frozen=True, slots=True)
class VolumeComparison:
    """The volume of a version, and that of another on the same leads and period, if the backtest judged both."""

    backtest: Backtest
    after: ProjectedVolume
    before: ProjectedVolume | None

    @property
    def noun(self) -> str:
        return "companies" if self.backtest.version.account else "leads"

    @property
    def growth_percent(self) -> int | None:
        """Return the growth in whole percent; None without anything to compare with."""
        if self.before is None or not self.before.flagged:
            return None
        return round((self.after.flagged - self.before.flagged) * 100 / self.before.flagged)


def project_volume(version: Version, before: Version | None = None) -> VolumeComparison | None:
    """Return the volume of a version by its current backtest, with that of `before` if the backtest judged it, too.

    None without a current backtest that judged any lead.
    """
    backtest = backtest_requests.find_current_backtest(version)
    if backtest is None or not backtest_gate.judged_any_lead(backtest):
        return None
    result: Mapping[str, Any] = backtest.result or {}
    days = (backtest.end - backtest.start).total_seconds() / 86_400
    against = result["against"] if before is not None and backtest.against_id == before.pk else None
    return VolumeComparison(
        backtest,
        ProjectedVolume(version.number, result["version"]["flagged"], days),
        ProjectedVolume(against["number"], against["flagged"], days) if against else None,
    )
