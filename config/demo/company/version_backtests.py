"""The backtests of the example's versions, each over the half year before the version was proposed."""

from __future__ import annotations

import datetime as dt

from config.accounts.models import User
from config.demo.company.qualifying_instants import QualifyingInstants
from definitions import backtest_requests as records
from definitions.models import Backtest, Version
from scoring import active_versions
from scoring.backtests import runner
from scoring.backtests.runner import CandidateVersion


def run_finished_backtest(version: Version, instants: QualifyingInstants, *, by: User, now: dt.datetime) -> Backtest:
    """Request a backtest and run it at once on the facts that are loaded already.

    The six months end with the last whole one, all of whose decisions have been written.
    """
    end = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start, end = records.default_period(end)
    row = records.request_backtest(version=version, start=start, end=end, by=by, now=now)
    against = Version.objects.active().select_related("definition").filter(definition=version.definition).first()
    row.result = runner.run_backtest(
        CandidateVersion(version.number, active_versions.rules_of_backtest(row)),
        CandidateVersion(against.number, active_versions.rules_of(against)) if against else None,
        start=start,
        end=end,
        progress=lambda _judged, _total: None,
        ranges=[instants.facts],
    ) | {"seconds": 0.0}
    row.finished_at = now
    row.save(update_fields=["result", "finished_at"])
    return row
