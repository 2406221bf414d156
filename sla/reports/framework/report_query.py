"""The question of a reader to a report, read from the address: period, motion, filters, order (rules 12.20, 12.21)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from django.urls import reverse

from config.accounts.models import User
from config.web import QueryRefused, typed_number
from definitions import motions
from definitions.models import Version
from leads.models import Lead
from leads.vocabulary import Motion
from sla.models import Rep, Team
from sla.reported_mqls import mql_context
from sla.reports.framework.report_period import USUAL_WEEKS, WEEKS_OFFERED, ReportPeriod
from sla.teams import people_groups
from sla.vocabulary import YEARS

#: What every report takes beside its filters: `table` and `sort` choose and order its tables.
ALWAYS_KNOWN: Final = ("motion", "weeks", "from", "to", "table", "sort")
#: The filter value that stands for leads without a source.
NO_SOURCE: Final = "(none)"
_TIERS: Final = ("1", "2", "3")


@dataclass(frozen=True, slots=True)
class RowFilters:
    """The rows that a report counts; None: all of them. The source "" stands for leads without one."""

    team: Team | None = None
    rep: Rep | None = None
    tier: int | None = None
    source: str | None = None
    campaign: str | None = None
    version: Version | None = None


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """A reader's question: motion, period, filters.

    `typed` has period and filters as the address has them, `parameters` what else a page of rows takes.
    """

    motion: Motion
    period: ReportPeriod
    filters: RowFilters = RowFilters()
    typed: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    def link(self, name: str, *args: Any, **changes: object) -> str:
        """Return the address of another page for the same motion, period and filters; None takes a parameter away."""
        parameters = {"motion": self.motion, **self.typed, **changes}
        pairs = [(key.rstrip("_"), str(value)) for key, value in parameters.items() if value is not None]
        return f"{reverse(name, args=args)}?{urlencode(pairs)}"


def read_query(
    parameters: Mapping[str, str],
    *,
    filters: Collection[str],
    reader: User,
    now: dt.datetime,
    also_known: Collection[str] = (),
) -> ReportQuery:
    """Read the question from an address. Raises QueryRefused for each parameter or value that is unknown.

    `filters` are those of the report; `also_known` are parameters that the page reads itself.
    """
    known = (*ALWAYS_KNOWN, *filters, *also_known)
    for name, text in parameters.items():
        if name not in known:
            raise QueryRefused(name, f"is not known here. Known are {', '.join(known)}.")
        if "\0" in text:
            raise QueryRefused(name, "must not contain the character NUL.")
    motion = motions.read_motion(parameters)
    typed = {name: parameters[name] for name in filters if parameters.get(name)}
    values = {name: _READERS[name](text, motion, reader) for name, text in typed.items()}
    period_typed = {name: parameters[name] for name in ("weeks", "from", "to") if parameters.get(name)}
    others = {name: parameters[name] for name in also_known if parameters.get(name)}
    return ReportQuery(motion, read_period(parameters, now), RowFilters(**values), {**period_typed, **typed}, others)


def read_period(parameters: Mapping[str, str], now: dt.datetime) -> ReportPeriod:
    """Return the period that an address asks for, by default the last twelve weeks. Raises QueryRefused."""
    weeks, first, last = (parameters.get(name, "") for name in ("weeks", "from", "to"))
    if first or last:
        if weeks:
            raise QueryRefused("weeks", "cannot stand beside from and to: ask for one of them.")
        return _read_days(first, last, now)
    if not weeks:
        return ReportPeriod.of_weeks(USUAL_WEEKS, now)
    if weeks not in map(str, WEEKS_OFFERED):
        raise QueryRefused("weeks", f"must be one of {', '.join(map(str, WEEKS_OFFERED))}.")
    return ReportPeriod.of_weeks(int(weeks), now)


def _read_days(first: str, last: str, now: dt.datetime) -> ReportPeriod:
    start = _read_day("from", first)
    end = _read_day("to", last) if last else ReportPeriod.of_weeks(1, now).last_day
    if end < start:
        raise QueryRefused("to", "must not lie before from.")
    return ReportPeriod.of_days(start, end)


def _read_day(name: str, text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as error:
        raise QueryRefused(name, "must be a date such as 2026-03-01.") from error
    if day.year not in YEARS:
        raise QueryRefused(name, f"must lie in the years {YEARS[0]} to {YEARS[-1]}.")
    return day


def _read_team(text: str, _motion: Motion, reader: User) -> Team:
    team = (
        Team.objects.filter(pk=typed_number(text) or 0).exclude(pk__in=people_groups.list_hidden_teams(reader)).first()
    )
    if team is None:
        raise QueryRefused("team", "must be the id of a team of at least two people, or of one that you manage.")
    return team


def _read_rep(text: str, _motion: Motion, reader: User) -> Rep:
    rep = people_groups.select_reps_by_name(reader).filter(pk=typed_number(text) or 0).first()
    if rep is None:
        raise QueryRefused("rep", "must be the id of a rep whose team you manage, or your own.")
    return rep


def _read_tier(text: str, _motion: Motion, _reader: User) -> int:
    if text not in _TIERS:
        raise QueryRefused("tier", f"must be one of {', '.join(_TIERS)}.")
    return int(text)


def _read_source(text: str, motion: Motion, _reader: User) -> str:
    _require_leads("source", motion)
    if text == NO_SOURCE:
        return ""
    if not Lead.objects.filter(source=text).exists():
        raise QueryRefused("source", "must be a source that some lead has, as leads write it.")
    return text


def _read_campaign(text: str, motion: Motion, _reader: User) -> str:
    _require_leads("campaign", motion)
    if not mql_context.events_of_campaign(text).exists():
        raise QueryRefused("campaign", "must be a campaign that some event names, as events write it.")
    return text


def _read_version(text: str, motion: Motion, _reader: User) -> Version:
    version = Version.objects.select_related("definition").filter(pk=typed_number(text) or 0).first()
    if version is None or version.definition.motion != motion:
        raise QueryRefused("version", f"must be the id of a version of a definition of {motion.upper()}s.")
    return version


def _require_leads(name: str, motion: Motion) -> None:
    if motion == Motion.AQL:
        raise QueryRefused(name, "is no filter of AQLs: they are companies.")


_READERS: Final[Mapping[str, Callable[[str, Motion, User], Any]]] = {
    "team": _read_team,
    "rep": _read_rep,
    "tier": _read_tier,
    "source": _read_source,
    "campaign": _read_campaign,
    "version": _read_version,
}
