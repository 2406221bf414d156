"""The steps of the story as calls of the product's use-cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from config.demo.company.sales_plan import PlannedAction, SalesAction
from leads.models import User
from sla.handoffs import attempts, creation, dispositions, sales_stages
from sla.models import Absence, Handoff, ReasonCode, Rep
from sla.vocabulary import AttemptOutcome, Channel

_Words: TypeAlias = Mapping[str, Any]


def is_away(handoff_id: int, now: dt.datetime) -> bool:
    """Whether the lead's rep has left for some days."""
    return Absence.objects.filter(rep__handoffs=handoff_id, starts_at__lte=now, ends_at__gt=now).exists()


def perform(*, handoff_id: int, step: PlannedAction, manager: User, now: dt.datetime) -> None:
    handoff = Handoff.objects.select_related("rep__user", "team").get(pk=handoff_id)
    rep = handoff.rep
    assert rep is not None  # noqa: S101 (the story begins when somebody has it)
    if step.verb == SalesAction.REASSIGN:
        _reassign(handoff, rep, manager, now)
    else:
        _BY_REP[step.verb](handoff, rep.user, step.with_, now)


def _reassign(handoff: Handoff, rep: Rep, manager: User, now: dt.datetime) -> None:
    others = Rep.objects.filter(team=handoff.team, is_active=True).exclude(pk=rep.pk)
    nearest = others.order_by("last_assigned_at", "pk")[0]
    creation.assign(
        handoff=handoff, rep=nearest, by=manager, now=now, reason="Not called yet, and the lead is waiting."
    )


def _attempt(handoff: Handoff, by: User, words: _Words, now: dt.datetime) -> None:
    channel, outcome = Channel(words["channel"]), AttemptOutcome(words["outcome"])
    attempts.log(handoff=handoff, channel=channel, outcome=outcome, note=words.get("note", ""), at=now, by=by, now=now)


def _accept(handoff: Handoff, by: User, _words: _Words, now: dt.datetime) -> None:
    dispositions.accept(handoff=handoff, by=by, now=now)


def _reject(handoff: Handoff, by: User, words: _Words, now: dt.datetime) -> None:
    reason = ReasonCode.objects.get(code=words["reason"])
    day, note = words["reengage_on"], words["note"]
    dispositions.reject(handoff=handoff, reason=reason, note=note, reengage_on=day, by=by, now=now)


def _meeting(handoff: Handoff, by: User, words: _Words, now: dt.datetime) -> None:
    sales_stages.book_meeting(handoff=handoff, at=words["at"], by=by, now=now)


def _qualify(handoff: Handoff, by: User, words: _Words, now: dt.datetime) -> None:
    sales_stages.qualify(handoff=handoff, by=by, now=now, **words)


def _open(handoff: Handoff, by: User, words: _Words, now: dt.datetime) -> None:
    sales_stages.open_opportunity(handoff=handoff, amount=Decimal(str(words["amount"])), by=by, now=now)


def _win(handoff: Handoff, by: User, words: _Words, now: dt.datetime) -> None:
    sales_stages.win(handoff=handoff, amount=Decimal(str(words["amount"])), by=by, now=now)


def _lose(handoff: Handoff, by: User, words: _Words, now: dt.datetime) -> None:
    sales_stages.lose(handoff=handoff, reason=words["reason"], by=by, now=now)


_BY_REP: Final[Mapping[SalesAction, Callable[[Handoff, User, _Words, dt.datetime], None]]] = {
    SalesAction.ATTEMPT: _attempt,
    SalesAction.ACCEPT: _accept,
    SalesAction.REJECT: _reject,
    SalesAction.MEETING: _meeting,
    SalesAction.QUALIFY: _qualify,
    SalesAction.OPPORTUNITY: _open,
    SalesAction.WIN: _win,
    SalesAction.LOSE: _lose,
}
