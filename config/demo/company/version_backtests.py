"""The backtests of the example's versions: what each would have done over the half year before it was proposed."""

from __future__ import annotations

import datetime as dt

from config.demo.company.qualifying_instants import QualifyingInstants
from definitions import backtest_requests as records
from definitions import version_documents
from definitions.models import Backtest, Version
from leads.models import User
from scoring.backtests import jobs, runner
from scoring.backtests.runner import CandidateVersion
from scoring.rule_compiler import compiled


def run_finished_backtest(version: Version, candidates: QualifyingInstants, *, by: User, now: dt.datetime) -> Backtest:
    """Asked for and finished at once, from the facts in hand: no worker sees the year before it is whole.

    The six months end with the last whole one, whose decisions are all written down by now.
    """
    end = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start, end = jobs.last_months(end)
    row = records.request(version=version, start=start, end=end, by=by, now=now)
    against = Version.objects.active().select_related("definition").filter(definition=version.definition).first()
    row.result = runner.run_backtest(
        CandidateVersion(version.number, compiled(row.document)),
        CandidateVersion(against.number, compiled(version_documents.export(against))) if against else None,
        start=start,
        end=end,
        progress=lambda _done, _of: None,
        ranges=[candidates.facts],
    ) | {"seconds": 0.0}
    row.finished_at = now
    row.save(update_fields=["result", "finished_at"])
    return row
