"""The planned actions of reps and managers as calls of the use-cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from config.accounts.models import User
from config.demo.company.sales_plan import PlannedAction, SalesAction
from sla.handoffs import attempts, creation, dispositions, sales_stages
from sla.models import Absence, Handoff, ReasonCode, Rep
from sla.teams import round_robin
from sla.vocabulary import AttemptOutcome, Channel

_Details: TypeAlias = Mapping[str, Any]

WHY_REASSIGNED: Final = "Not called yet, and the lead is waiting."


def is_away(handoff_id: int, now: dt.datetime) -> bool:
    """Return whether the handoff's rep is absent at `now`."""
    return Absence.objects.filter(rep__handoffs=handoff_id, starts_at__lte=now, ends_at__gt=now).exists()


def perform(*, handoff_id: int, action: PlannedAction, manager: User, now: dt.datetime) -> None:
    """Call the use-case of an action, on behalf of the handoff's rep or of the manager."""
    handoff = Handoff.objects.select_related("rep__user", "team").get(pk=handoff_id)
    rep = handoff.rep
    assert rep is not None  # noqa: S101 (actions are planned when a handoff comes to a rep)
    if action.kind == SalesAction.REASSIGN:
        colleague = choose_colleague(Rep.objects.all(), handoff)
        creation.assign(handoff=handoff, rep=colleague, by=manager, now=now, reason=WHY_REASSIGNED)
    else:
        _BY_REP[action.kind](handoff, rep.user, action.details, now)


def choose_colleague(reps: Iterable[Rep], handoff: Handoff) -> Rep:
    """Return whom the example's manager gives a handoff that was not called yet: the longest waiting one of the team."""
    others = [rep for rep in reps if rep.team_id == handoff.team_id and rep.is_active and rep != handoff.rep]
    return min(others, key=lambda rep: (rep.last_assigned_at or round_robin.NEVER, rep.pk))


def _log_attempt(handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
    channel, outcome = Channel(details["channel"]), AttemptOutcome(details["outcome"])
    note = details.get("note", "")
    attempts.log_attempt(handoff=handoff, channel=channel, outcome=outcome, note=note, at=now, by=by, now=now)


def _accept(handoff: Handoff, by: User, _details: _Details, now: dt.datetime) -> None:
    dispositions.accept(handoff=handoff, by=by, now=now)


def _reject(handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
    reason = ReasonCode.objects.get(code=details["reason"])
    day, note = details["reengage_on"], details["note"]
    detail = reason.sub_reasons.filter(code=details.get("sub_reason", "")).first()
    dispositions.reject(handoff=handoff, reason=reason, sub_reason=detail, note=note, reengage_on=day, by=by, now=now)


def _book_meeting(handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
    sales_stages.book_meeting(handoff=handoff, at=details["at"], by=by, now=now)


def _qualify(handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
    sales_stages.qualify(handoff=handoff, by=by, now=now, **details)


def _open_opportunity(handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
    sales_stages.open_opportunity(handoff=handoff, amount=Decimal(str(details["amount"])), by=by, now=now)


def _win(handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
    sales_stages.win(handoff=handoff, amount=Decimal(str(details["amount"])), by=by, now=now)


def _lose(handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
    sales_stages.lose(handoff=handoff, reason=details["reason"], by=by, now=now)


_BY_REP: Final[Mapping[SalesAction, Callable[[Handoff, User, _Details, dt.datetime], None]]] = {
    SalesAction.ATTEMPT: _log_attempt,
    SalesAction.ACCEPT: _accept,
    SalesAction.REJECT: _reject,
    SalesAction.MEETING: _book_meeting,
    SalesAction.QUALIFY: _qualify,
    SalesAction.OPPORTUNITY: _open_opportunity,
    SalesAction.WIN: _win,
    SalesAction.LOSE: _lose,
}
