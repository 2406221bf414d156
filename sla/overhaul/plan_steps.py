"""The steps of the plan: four phases of two weeks, each step ticked by a fact where one tells, else by a person (rules 12.67)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.admin.models import DELETION
from django.db.models import Q, QuerySet

from config import company_days
from definitions.models import Backtest, Review, Version
from definitions.vocabulary import PathKind, VersionState
from leads.vocabulary import Motion
from sla.models import AccountPlay, Commitment, Handoff, OverhaulPlan, OverhaulTick, RoutingRule, WeeklyMeeting
from sla.teams import changelog

FEWEST_INTERVIEWS: Final = 5
FEWEST_MEETINGS: Final = 2
WEEKS_A_PHASE: Final = 2
PHASES: Final = ("Analysis", "Joint definition", "Implementation", "Monitoring")


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A step of a phase, from 0. `fact` returns a sentence once the rows tell that it is done; None: a person ticks it.

    One that `may_be_confirmed` a person ticks as well, where what there is stays as it is and no fact can tell so.
    """

    key: str
    phase: int
    text: str
    fact: Callable[[OverhaulPlan], str] | None = None
    may_be_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class StepState:
    """A step with what ticks it: a fact, or a person's tick."""

    step: PlanStep
    fact: str
    tick: OverhaulTick | None

    @property
    def is_done(self) -> bool:
        return bool(self.fact) or self.tick is not None

    @property
    def is_ticked_by_people(self) -> bool:
        return self.step.fact is None or (self.step.may_be_confirmed and not self.fact)


def list_states(plan: OverhaulPlan) -> list[tuple[str, dt.datetime, list[StepState]]]:
    """Return the phases with their last instants and the states of their steps."""
    ticks = {tick.step: tick for tick in plan.ticks.select_related("by")}
    states = [StepState(step, step.fact(plan) if step.fact else "", ticks.get(step.key)) for step in STEPS]
    return [
        (
            f"Weeks {place * WEEKS_A_PHASE + 1} and {place * WEEKS_A_PHASE + 2}: {name}",
            plan.started_at + dt.timedelta(weeks=WEEKS_A_PHASE * (place + 1)),
            [state for state in states if state.step.phase == place],
        )
        for place, name in enumerate(PHASES)
    ]


def _tell_backtest(plan: OverhaulPlan) -> str:
    rows = Backtest.objects.filter(
        version__definition__motion=plan.motion, result__isnull=False, **_in_its_days(plan, "finished_at")
    )
    return "A backtest has judged the leads of the past." if rows.exists() else ""


def _tell_interviews(plan: OverhaulPlan) -> str:
    count = plan.interviews.values("rep").distinct().count()
    return f"{count} reps were interviewed." if count >= FEWEST_INTERVIEWS else ""


def _tell_signed(plan: OverhaulPlan) -> str:
    version = _select_versions(plan).filter(**_in_its_days(plan, "approved_at")).order_by("approved_at").first()
    return f"Both sides signed {version}." if version else ""


def _tell_commitments(plan: OverhaulPlan) -> str:
    rows = Commitment.objects.filter(motion=plan.motion, **_in_its_days(plan, "activated_at"))
    commitment = rows.order_by("activated_at").first()
    return f"{commitment} are in force." if commitment else ""


def _tell_active(plan: OverhaulPlan) -> str:
    version = _select_versions(plan).filter(**_in_its_days(plan, "activated_at")).order_by("activated_at").first()
    return f"{version} scores the leads." if version else ""


def _tell_routing(plan: OverhaulPlan) -> str:
    """Tell that a rule of the motion was added, changed or moved since the plan began: older rules say nothing of it."""
    rules = [str(pk) for pk in select_rules(plan).values_list("pk", flat=True)]
    changes = changelog.latest_changes(RoutingRule).filter(object_id__in=rules, action_time__gte=plan.started_at)
    change = changes.exclude(action_flag=DELETION).first()
    if change is None:
        return ""
    day = company_days.day_of(change.action_time)
    return f"{len(rules)} routing rules are in force, changed by {change.user} on {day:%-d %B %Y}."


def select_rules(plan: OverhaulPlan) -> QuerySet[RoutingRule]:
    """Return the routing rules in force for the motion of a plan."""
    return RoutingRule.objects.filter(is_active=True, motion__in=("", plan.motion))


def _tell_hot(plan: OverhaulPlan) -> str:
    hot = _select_versions(plan).filter(paths__kind=PathKind.HOT, activated_at__isnull=False).distinct()
    if plan.ended_at is None:
        in_force = hot.filter(state=VersionState.ACTIVE)
    else:
        was_retired_later = Q(retired_at__isnull=True) | Q(retired_at__gt=plan.ended_at)
        in_force = hot.filter(was_retired_later, activated_at__lte=plan.ended_at)
    version = in_force.order_by("pk").first()
    return f"{version} has hot triggers." if version else ""


def _tell_worked(plan: OverhaulPlan) -> str:
    decided = _in_its_days(plan, "decided_at")
    if plan.motion == Motion.AQL:
        is_worked = AccountPlay.objects.filter(**decided).exists()
    else:
        is_worked = Handoff.objects.filter(motion=plan.motion, **decided).exists()
    return "Sales works from the queue." if is_worked else ""


def _tell_meetings(plan: OverhaulPlan) -> str:
    count = WeeklyMeeting.objects.filter(motion=plan.motion, **_in_its_days(plan, "closed_at")).count()
    return f"{count} weekly meetings were held." if count >= FEWEST_MEETINGS else ""


def _tell_reviewed(plan: OverhaulPlan) -> str:
    rows = Review.objects.filter(definition__motion=plan.motion, **_in_its_days(plan, "decided_at"))
    return "A review was decided on its evidence." if rows.exists() else ""


def _in_its_days(plan: OverhaulPlan, instant: str) -> dict[str, Any]:
    """Return the condition that an instant lies in the days of the plan: what came after its end ticks nothing."""
    days = {f"{instant}__gte": plan.started_at}
    return days if plan.ended_at is None else {**days, f"{instant}__lte": plan.ended_at}


def _select_versions(plan: OverhaulPlan) -> QuerySet[Version]:
    return Version.objects.filter(definition__motion=plan.motion).select_related("definition")


STEPS: Final = (
    PlanStep("backtest", 0, "Judge six months of past leads by what became of them", _tell_backtest),
    PlanStep("interviews", 0, "Interview five to ten reps: a good lead, a bad lead", _tell_interviews),
    PlanStep("sources", 0, "Compare the sources of leads by what became of them"),
    PlanStep("definition", 1, "Draft the definition together, and sign it on both sides", _tell_signed),
    PlanStep("commitments", 1, "Sign what each side promises", _tell_commitments),
    PlanStep("active", 2, "Put the new scoring in force", _tell_active),
    PlanStep(
        "routing",
        2,
        "Route leads by rules: change them, or confirm those in force",
        _tell_routing,
        may_be_confirmed=True,
    ),
    PlanStep("hot", 2, "Set hot triggers", _tell_hot),
    PlanStep("queue", 2, "Have sales work from the queue with its context", _tell_worked),
    PlanStep("meetings", 3, "Hold weekly meetings", _tell_meetings),
    PlanStep(
        "reasons", 3, "Review the reasons of rejections, and adjust below 70 % or above 90 % accepted", _tell_reviewed
    ),
    PlanStep("celebrate", 3, "Celebrate what became better"),
)
