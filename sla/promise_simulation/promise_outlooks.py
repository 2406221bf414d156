"""The kept outlooks of drafted commitments and of versions that wait for their activation (rules 12.39, 12.40)."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.db import transaction
from django.db.models import QuerySet

from config import company_days
from config.calendar_periods import CalendarWeek
from config.jobs import leases, sweeps
from config.jobs.models import SetAsideRow
from definitions.models import Backtest, Version
from definitions.vocabulary import VersionState
from leads.vocabulary import Motion
from sla.commitments import commitments
from sla.commitments.preview import terms_in_force
from sla.models import Commitment, PromiseSimulation
from sla.promise_simulation import promise_outlook, simulation_inputs
from sla.promise_simulation.promise_outlook import (
    SLOT_HOURS,
    LeadFlow,
    PromiseOutlook,
    PromiseTerms,
    ShareInTime,
    SimulatedSpan,
)
from sla.promise_simulation.simulation_inputs import SimulationInputs
from sla.promise_simulation.working_speed import WorkingSpeed, fit_working_speed
from sla.vocabulary import CommitmentState

#: The past whose leads and contacts count, and the weeks that are simulated, after those that fill the reps' hands.
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
_DAY: Final = dt.timedelta(days=1)
_DAYS_A_MONTH: Final = 365 / 12
_WEEKS_A_YEAR: Final = 52
_SEED: Final = 2_026


@dataclass(frozen=True, slots=True)
class PromiseDraft:
    """A promise before it is made: the terms, how many MQLs a month come, and a stamp of both.

    `commitment` or `version` is the row that waits for its signatures or its activation. The MQLs of a version are those of
    its definition, those of commitments are of the whole motion.
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


#: Reads the draft of a waiting row by its id; None if it waits no longer, or has nothing to be simulated.
DraftReader: TypeAlias = Callable[[int], PromiseDraft | None]


def simulate_due(*, now: dt.datetime) -> int:
    """Simulate each draft that has no outlook of this week with its present terms; return how many were simulated.

    Any number of workers may run it: a draft that another one is simulating is left out, and one that fails is set aside. The
    next run goes on after SECONDS_A_RUN.
    """
    week = CalendarWeek.containing(now)
    until = time.monotonic() + sweeps.SECONDS_A_RUN
    count = 0
    for sweep, waiting, read_draft in (
        (SWEEP_OF_COMMITMENTS, _select_drafted(), _read_draft_of_commitment),
        (SWEEP_OF_VERSIONS, _select_waiting_versions(), _read_draft_of_version),
    ):
        ids = list(waiting.order_by("pk").values_list("pk", flat=True))
        sweeps.forget_others(sweep, ids, now)
        aside = set(sweeps.list_set_aside(sweep, now=now))
        for pk in ids:
            if pk in aside or time.monotonic() > until:
                continue
            with sweeps.set_aside_failure(sweep, pk, now=now):
                count += _simulate_once(pk, read_draft, week, now)
    return count


def find_outlook(draft: PromiseDraft) -> PromiseSimulation | None:
    """Return the newest outlook of a draft as it is now, or None without one."""
    return _select_outlooks(draft).order_by("-at", "-pk").first()


def find_failure(draft: PromiseDraft) -> SetAsideRow | None:
    """Return why a draft could not be simulated and when it is tried again, None unless it failed."""
    return SetAsideRow.objects.filter(sweep=draft.sweep, row_id=draft.row_id, is_failure=True).first()


def is_simulated(commitment: Commitment) -> bool:
    """Return whether these commitments get an outlook: a draft of leads. Plays are not simulated."""
    return commitment.state == CommitmentState.DRAFT and commitment.motion != Motion.AQL


def draft_of_commitment(commitment: Commitment) -> PromiseDraft:
    return PromiseDraft(Motion(commitment.motion), commitment, float(commitment.mqls_a_month), commitment=commitment)


def draft_of_version(version: Version) -> PromiseDraft | None:
    """Return the promise in force with the volume of the version's newest backtest.

    None without a backtest, for plays, and for a version that does not wait for its approval or activation.
    """
    motion = Motion(version.definition.motion)
    if motion == Motion.AQL or version.state not in _WAITING_STATES:
        return None
    rows = Backtest.objects.successful().filter(version=version).order_by("-pk")
    # Not the whole result, which has a part for each of thousands of leads.
    newest = rows.values_list("start", "end", "result__version__by_week").first()
    if newest is None or not newest[2]:
        return None
    start, end, by_week = newest
    # By the days of the period: its first and last week may be parts of weeks.
    a_month = sum(by_week) / max((end - start) / _DAY, 1) * _DAYS_A_MONTH
    return PromiseDraft(motion, terms_in_force(motion), round(a_month, 1), version=version)


def _select_outlooks(draft: PromiseDraft) -> QuerySet[PromiseSimulation]:
    return PromiseSimulation.objects.filter(commitment=draft.commitment, version=draft.version, stamp=draft.stamp)


def _select_drafted() -> QuerySet[Commitment]:
    return Commitment.objects.filter(state=CommitmentState.DRAFT).exclude(motion=Motion.AQL)


def _select_waiting_versions() -> QuerySet[Version]:
    return Version.objects.filter(state__in=_WAITING_STATES).exclude(definition__motion=Motion.AQL)


def _read_draft_of_commitment(pk: int) -> PromiseDraft | None:
    commitment = _select_drafted().filter(pk=pk).first()
    return None if commitment is None else draft_of_commitment(commitment)


def _read_draft_of_version(pk: int) -> PromiseDraft | None:
    version = _select_waiting_versions().select_related("definition").filter(pk=pk).first()
    return None if version is None else draft_of_version(version)


def _simulate_once(pk: int, read_draft: DraftReader, week: CalendarWeek, now: dt.datetime) -> bool:
    """Simulate a draft if that is to be done and no other worker does it; return whether it was stored.

    1. Read the draft; stop if it has its outlook of the week.
    2. Claim it by a lease; stop if another worker has it.
    3. Look again: another worker may have stored it before the lease.
    4. Simulate, outside a transaction: it takes seconds.
    5. Store the outlook, unless the draft was deleted or another worker stored it meanwhile.
    """
    draft = read_draft(pk)
    if draft is None or _select_outlooks(draft).filter(week=week.name).exists():
        return False
    with leases.hold_lease(f"{draft.sweep} {pk}", now=now) as is_held:
        if not is_held or _select_outlooks(draft).filter(week=week.name).exists():
            return False
        result = simulate_draft(draft, now=now)
        return _store_outlook(draft, read_draft, week, result, now)


@transaction.atomic
def _store_outlook(
    draft: PromiseDraft, read_draft: DraftReader, week: CalendarWeek, result: Mapping[str, Any], now: dt.datetime
) -> bool:
    if read_draft(draft.row_id) is None:
        return False
    outlook = PromiseSimulation(
        commitment=draft.commitment,
        version=draft.version,
        motion=draft.motion,
        stamp=draft.stamp,
        week=week.name,
        result=result,
        at=now,
    )
    PromiseSimulation.objects.bulk_create([outlook], ignore_conflicts=True)
    return True


def simulate_draft(draft: PromiseDraft, *, now: dt.datetime) -> dict[str, Any]:
    """Return the outlook of a draft for JSON, or under `why_not` the sentence that says why there is none."""
    if draft.mqls_a_month > MQLS_A_MONTH_AT_MOST:
        return {"why_not": f"More than {MQLS_A_MONTH_AT_MOST:,} leads a month are not simulated."}
    inputs = simulation_inputs.read_inputs(
        draft.motion,
        None if draft.version is None else draft.version.definition,
        start=now - PAST,
        end=now,
        begin=_find_begin(now),
        weeks=WEEKS_AHEAD + WARM_UP_WEEKS,
        agreed_unworked=draft.terms.unworked_at_most,
    )
    speed = fit_working_speed(inputs.contacts)
    basis = {
        "leads": len(inputs.pattern),
        "contacts": speed.contacts,
        "mqls_a_month": draft.mqls_a_month,
        "others_a_month": round(inputs.others.a_week * _WEEKS_A_YEAR / 12, 1),
        "away": inputs.away,
    }
    if min(len(inputs.pattern), speed.contacts) < FEWEST:
        return {"basis": basis, "why_not": _explain_too_few(inputs, speed)}
    outlook = promise_outlook.look_ahead(
        inputs.teams,
        LeadFlow(inputs.pattern, draft.mqls_a_month * 12 / _WEEKS_A_YEAR),
        inputs.others,
        speed,
        PromiseTerms(
            hot_seconds=draft.terms.contact_minutes_tier_1 * 60, other_seconds=draft.terms.contact_minutes * 60
        ),
        SimulatedSpan(weeks=WEEKS_AHEAD, warm_up_weeks=WARM_UP_WEEKS, seed=_SEED),
    )
    return {"basis": basis, "why_not": "", **_describe(outlook, inputs.names)}


def _find_begin(now: dt.datetime) -> dt.datetime:
    """Return the beginning of the simulated time, a Monday by UTC, so that the weeks that count begin with the running one."""
    today = company_days.day_of(now)
    monday = today - dt.timedelta(days=today.weekday(), weeks=WARM_UP_WEEKS)
    return dt.datetime.combine(monday, dt.time(), tzinfo=dt.UTC)


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
