"""Beginning and ending the plan, ticking its steps and writing down interviews (rules 12.66, 12.67)."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db import transaction

from config import company_days, lock_waits
from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from leads.exceptions import Refused
from leads.vocabulary import Motion
from sla.models import OverhaulInterview, OverhaulPlan, OverhaulTick
from sla.overhaul import plan_figures, plan_steps

#: Whoever begins and ends a plan.
STARTERS: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)
#: Whoever ticks steps and writes down interviews.
WRITERS: Final = (*STARTERS, Role.SALES_MANAGER)


class PlanRefused(Exception):
    """A step of the plan that is not possible; the sentence says why."""


def find_latest(motion: Motion) -> OverhaulPlan | None:
    """Return the running plan of a motion, else the last one."""
    rows = OverhaulPlan.objects.filter(motion=motion).select_related("started_by", "ended_by")
    return rows.order_by("-started_at", "-pk").first()


@transaction.atomic
def start_plan(*, motion: Motion, by: User, now: dt.datetime) -> OverhaulPlan:
    """Begin a plan with the figures of the days before frozen. Raises PlanRefused."""
    _require(by, STARTERS, "Only the leaders and marketing ops begin a plan.")
    baseline = plan_figures.read_figures(motion, at=now)
    plan, is_new = OverhaulPlan.objects.get_or_create(
        motion=motion, ended_at=None, defaults={"started_at": now, "started_by": by, "baseline": baseline}
    )
    if not is_new:
        day = f"{company_days.day_of(plan.started_at):%-d %B %Y}"
        raise PlanRefused(f"A plan runs already: {plan.started_by} began it on {day}.")
    return plan


@transaction.atomic
def end_plan(*, plan: OverhaulPlan, by: User, now: dt.datetime) -> OverhaulPlan:
    """End a plan; its figures stay those of that day. Raises PlanRefused, RowContended."""
    _require(by, STARTERS, "Only the leaders and marketing ops end a plan.")
    locked = _lock_running(plan)
    locked.ended_at, locked.ended_by = now, by
    locked.save(update_fields=["ended_at", "ended_by"])
    return locked


@transaction.atomic
def tick_step(*, plan: OverhaulPlan, step: str, note: str, by: User, now: dt.datetime) -> OverhaulTick:
    """Tick a step that no fact tells, or confirm what is in force; a second time it stays as it was ticked first.

    Raises PlanRefused, Refused, RowContended.
    """
    _require(by, WRITERS, "Only leaders, sales managers and marketing ops tick steps.")
    locked = _lock_running(plan)
    known = {row.key: row for row in plan_steps.STEPS}
    if step not in known:
        raise Refused("step", f"must be one of {', '.join(known)}.")
    if known[step].may_be_confirmed and not plan_steps.select_rules(locked).exists():
        raise Refused("step", "cannot be confirmed: no routing rule is in force.")
    if known[step].fact is not None and not known[step].may_be_confirmed:
        raise Refused("step", "is ticked by Accord itself, once its rows tell that it is done.")
    tick, _ = OverhaulTick.objects.get_or_create(
        plan=locked, step=step, defaults={"note": note.strip(), "by": by, "at": now}
    )
    return tick


@transaction.atomic
def record_interview(  # each is a field of the page
    *, plan: OverhaulPlan, rep: User, good_lead: str, bad_lead: str, by: User, now: dt.datetime
) -> OverhaulInterview:
    """Write down what a rep says of a good and a bad lead. Raises PlanRefused, Refused, RowContended."""
    _require(by, WRITERS, "Only leaders, sales managers and marketing ops write down interviews.")
    locked = _lock_running(plan)
    for field, text in (("good_lead", good_lead), ("bad_lead", bad_lead)):
        if not text.strip():
            raise Refused(field, "is required.")
    return OverhaulInterview.objects.create(
        plan=locked, rep=rep, good_lead=good_lead.strip(), bad_lead=bad_lead.strip(), by=by, at=now
    )


def _lock_running(plan: OverhaulPlan) -> OverhaulPlan:
    with lock_waits.limit_lock_waits():
        locked = OverhaulPlan.objects.select_for_update(of=("self",), no_key=True).get(pk=plan.pk)
    if locked.ended_at is not None:
        raise PlanRefused("The plan has ended; its record stays as it is.")
    return locked


def _require(by: User, roles: tuple[Role, ...], sentence: str) -> None:
    if not holds(by, *roles):
        raise PlanRefused(sentence)
