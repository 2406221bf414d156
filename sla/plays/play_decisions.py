"""The decisions on account plays as the backtest of a version of the motion AQL counts them (rules 10.14)."""

from __future__ import annotations

import datetime as dt

from leads.vocabulary import OutcomeKind
from scoring.backtests.account_decisions import AccountDecisions
from sla.models import PlayDisposition, PlayOutcome
from sla.vocabulary import DispositionKind


def read_decisions(until: dt.datetime) -> AccountDecisions:
    """Return the companies whose plays were won, accepted or became an opportunity, and rejected before `until`."""
    decisions = PlayDisposition.objects.filter(at__lt=until)
    deals = PlayOutcome.objects.filter(at__lt=until)
    accepted, rejected = (
        list(decisions.filter(kind=kind).values_list("play__company_id", "at"))
        for kind in (DispositionKind.ACCEPT, DispositionKind.REJECT)
    )
    opportunities, won = (
        list(deals.filter(kind=kind).values_list("play__company_id", "at"))
        for kind in (OutcomeKind.OPPORTUNITY, OutcomeKind.WON)
    )
    return AccountDecisions(won=won, accepted=[*accepted, *opportunities], rejected=rejected)
