"""The kept outlooks of drafted commitments and of versions that wait for their activation (rules 12.39)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from config.calendar_periods import CalendarWeek
from config.jobs import sweeps
from config.jobs.periods import claim_period
from definitions.models import Backtest, Version
from definitions.vocabulary import VersionState
from leads.vocabulary import Motion
from sla.commitments import commitments
from sla.commitments.preview import terms_in_force
from sla.models import Commitment, PromiseSimulation
from sla.promise_simulation import promise_outlook, simulation_inputs
from sla.promise_simulation.promise_outlook import (
    SLOT_HOURS,
    PromiseOutlook,
    PromiseTerms,
    ShareInTime,
)
from sla.promise_simulation.simulation_inputs import SimulationInputs
from sla.promise_simulation.working_speed import WorkingSpeed, fit_working_speed
from sla.vocabulary import CommitmentState

#: The past whose leads and contacts count, and the weeks that are simulated.
PAST: Final = dt.timedelta(days=270)
WEEKS_AHEAD: Final = 13
WARM_UP_WEEKS: Final = 2
#: With fewer past leads or contacts nothing is said.
FEWEST: Final = 20
#: A larger volume would take minutes.
MQLS_A_MONTH_AT_MOST: Final = 10_000
#: The names under which drafts that failed are set aside.
SWEEP_OF_COMMITMENTS: Final = "outlooks of commitments"
SWEEP_OF_VERSIONS: Final = "outlooks of versions"
_WAITING_STATES: Final = (VersionState.PROPOSED, VersionState.APPROVED)
_WEEKS_A_YEAR: Final = 52
_SEED: Final = 2_026


@dataclass(frozen=True, slots=True)
class PromiseDraft:
    """A promise before it is made: the terms, how many MQLs a month come, and a stamp of both.

    `commitment` or `version` is the row that waits for its signatures or its activation.
    """

    motion: Motion
    terms: Commitment
    mqls_a_month: float
    commitment: Commitment | None = None
    version: Version | None = None

    @property
    def stamp(self) -> str:
        return f"{commitments.stamp(self.terms)}:{self.mqls_a_month:.1f}"

    @property
    def row_id(self) -> int:
        row = self.commitment or self.version
        return row.pk if row else 0

    @property
    def sweep(self) -> str:
        return SWEEP_OF_COMMITMENTS if self.commitment else SWEEP_OF_VERSIONS


def simulate_due(*, now: dt.datetime) -> int:
    """Simulate each draft that has no outlook of this week with its present terms; return how many were simulated.

    Any number of workers may run it: of several only the one that claims the draft, its terms and the week does the work.
    """
    week = CalendarWeek.containing(now)
    set_aside = {sweep: sweeps.list_set_aside(sweep, now=now) for sweep in (SWEEP_OF_COMMITMENTS, SWEEP_OF_VERSIONS)}
    count = 0
    for draft in _list_drafts():
        if draft.row_id in set_aside[draft.sweep] or _select_outlooks(draft).filter(week=week.name).exists():
            continue
        with sweeps.set_aside_failure(draft.sweep, draft.row_id, now=now):
            count += _simulate_once(draft, week, now)
    return count


def find_outlook(draft: PromiseDraft) -> PromiseSimulation | None:
    """Return the newest outlook of a draft as it is now, or None while it is being simulated."""
    return _select_outlooks(draft).order_by("-at", "-pk").first()


def _select_outlooks(draft: PromiseDraft) -> QuerySet[PromiseSimulation]:
    return PromiseSimulation.objects.filter(commitment=draft.commitment, version=draft.version, stamp=draft.stamp)


def is_simulated(commitment: Commitment) -> bool:
    """Return whether these commitments get an outlook: a draft of leads. Plays are not simulated."""
    return commitment.state == CommitmentState.DRAFT and commitment.motion != Motion.AQL


def draft_of_commitment(commitment: Commitment) -> PromiseDraft:
    return PromiseDraft(Motion(commitment.motion), commitment, float(commitment.mqls_a_month), commitment=commitment)


def draft_of_version(version: Version) -> PromiseDraft | None:
    """Return the promise in force with the volume of the version's newest backtest.

    None without a backtest, for plays, and for a version that does not wait for its approval or activation.
    """
    rows = Backtest.objects.successful().filter(version=version).order_by("-pk")
    motion = Motion(version.definition.motion)
    if motion == Motion.AQL or version.state not in _WAITING_STATES:
        return None
    result = rows.values_list("result", flat=True).first()
    by_week = (result or {}).get("version", {}).get("by_week", [])
    if not by_week:
        return None
    a_month = sum(by_week) / len(by_week) * _WEEKS_A_YEAR / 12
    return PromiseDraft(motion, terms_in_force(motion), round(a_month, 1), version=version)


def _list_drafts() -> Iterator[PromiseDraft]:
    drafted = Commitment.objects.filter(state=CommitmentState.DRAFT).exclude(motion=Motion.AQL)
    yield from map(draft_of_commitment, drafted.order_by("pk"))
    waiting = Version.objects.filter(state__in=_WAITING_STATES)
    for version in waiting.select_related("definition").order_by("pk"):
        draft = draft_of_version(version)
        if draft is not None:
            yield draft


@transaction.atomic
def _simulate_once(draft: PromiseDraft, week: CalendarWeek, now: dt.datetime) -> bool:
    if not claim_period(job=f"{draft.sweep} {draft.row_id}:{draft.stamp}", period=week.name, now=now):
        return False
    PromiseSimulation.objects.create(
        commitment=draft.commitment,
        version=draft.version,
        motion=draft.motion,
        stamp=draft.stamp,
        week=week.name,
        result=simulate_draft(draft, now=now),
        at=now,
    )
    return True


def simulate_draft(draft: PromiseDraft, *, now: dt.datetime) -> dict[str, Any]:
    """Return the outlook of a draft for JSON, or under `why_not` the sentence that says why there is none."""
    if draft.mqls_a_month > MQLS_A_MONTH_AT_MOST:
        return {"why_not": f"More than {MQLS_A_MONTH_AT_MOST:,} leads a month are not simulated."}
    monday = CalendarWeek.containing(now).start.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = monday - dt.timedelta(days=monday.weekday())
    inputs = simulation_inputs.read_inputs(
        draft.motion,
        start=now - PAST,
        end=now,
        begin=begin,
        weeks=WEEKS_AHEAD + WARM_UP_WEEKS,
        agreed_unworked=draft.terms.unworked_at_most,
    )
    speed = fit_working_speed(inputs.contacts)
    basis = {"leads": len(inputs.pattern), "contacts": speed.contacts, "mqls_a_month": draft.mqls_a_month}
    if min(len(inputs.pattern), speed.contacts) < FEWEST:
        return {"basis": basis, "why_not": _explain_too_few(inputs, speed)}
    outlook = promise_outlook.look_ahead(
        inputs.teams,
        inputs.pattern,
        speed,
        PromiseTerms(
            hot_seconds=draft.terms.contact_minutes_tier_1 * 60,
            other_seconds=draft.terms.contact_minutes * 60,
            leads_a_week=draft.mqls_a_month * 12 / _WEEKS_A_YEAR,
        ),
        weeks=WEEKS_AHEAD,
        warm_up_weeks=WARM_UP_WEEKS,
        seed=_SEED,
    )
    return {"basis": basis, "why_not": "", **_describe(outlook, inputs.names)}


def _explain_too_few(inputs: SimulationInputs, speed: WorkingSpeed) -> str:
    return (
        f"Not enough to simulate from: {len(inputs.pattern)} leads and {speed.contacts} first contacts of free reps in nine"
        f" months, and {FEWEST} of each are needed."
    )


def _describe(outlook: PromiseOutlook, names: Mapping[int, str]) -> dict[str, Any]:
    slots = [
        {"team": names[team], "weekday": day, "from_hour": hour, "to_hour": hour + SLOT_HOURS, **_describe_share(share)}
        for (team, (day, hour)), share in outlook.by_slot.items()
    ]
    return {
        "overall": _describe_share(outlook.overall),
        "teams": [{"team": names[team], **_describe_share(share)} for team, share in outlook.by_team.items()],
        "slots": slots,
    }


def _describe_share(share: ShareInTime) -> dict[str, Any]:
    return {
        "percent": round(share.percent, 1),
        "leads": share.leads,
        "in_time": share.in_time,
        "is_enough": share.is_enough,
        "missing_reps": share.missing_reps,
    }
