"""The windows of the versions in force against how far the history of their signals reaches (rules 12.54)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Min

from definitions.models import Version
from leads.models import Event
from scoring.active_versions import rules_of
from scoring.engine.rules import CountClause
from sla.figure_catalogue.data_health_figures import HISTORY_OF_MQLS

_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RuleWindow:
    """A rule that looks back so many days for signals; `history` is the days since the earliest event of any of them."""

    version: Version
    label: str
    days: float
    history: int | None

    @property
    def verdict(self) -> str:
        if self.history is None:
            return "no event of its signals yet"
        return "history reaches" if self.history >= self.days else "longer than the history"

    @property
    def is_covered(self) -> bool:
        return self.history is not None and self.history >= self.days


def list_windows(version: Version, mqls: Any, now: dt.datetime) -> list[RuleWindow]:
    """Return the windows of a version, with how far the events of the people of its latest MQLs reach back. One query."""
    earliest = _read_earliest(mqls.filter(definition=version.definition_id))
    windows = []
    for label, days, signals in _list_rules(version):
        known = [earliest[signal] for signal in signals if signal in earliest]
        history = (now - min(known)) // _DAY if known else None
        windows.append(RuleWindow(version, label, days, history))
    return windows


def _list_rules(version: Version) -> Iterator[tuple[str, float, frozenset[str]]]:
    """Yield label, days and signals of each rule that looks back for a time; the same question of two paths once."""
    rules = rules_of(version)
    if rules.timing and rules.timing.engaged_within_days:
        yield "Timing: engaged", rules.timing.engaged_within_days, rules.engaging
    if rules.timing and rules.timing.or_request_within_days:
        yield "Timing: request", rules.timing.or_request_within_days, rules.catalogue.requests
    if rules.inactivity:
        yield "Points off for inactivity", rules.inactivity.after_days, rules.engaging
    tallies: set[CountClause] = set()
    for kind, paths in (("Path", rules.paths), ("Hot", rules.hot)):
        for path in paths:
            for clause in path.clauses:
                if isinstance(clause, CountClause) and clause.within_days and clause.tally not in tallies:
                    tallies.add(clause.tally)
                    yield f"{kind} {path.name}: {_name_signals(clause.signals)}", clause.within_days, clause.signals


def _name_signals(signals: frozenset[str]) -> str:
    names = sorted(signals)
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2} more"  # noqa: PLR2004  # so many fit a cell


def _read_earliest(mqls: Any) -> dict[str, dt.datetime]:
    """Return the instant of the earliest event by signal, among the people of the latest MQLs alone."""
    leads = list(mqls.order_by("-at", "-pk").values_list("lead", flat=True)[:HISTORY_OF_MQLS])
    rows = Event.objects.filter(lead__in=leads).order_by().values("signal__code").annotate(first=Min("occurred_at"))
    return {row["signal__code"]: row["first"] for row in rows}
