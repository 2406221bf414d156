"""The decision that stands on a handoff, as whoever is late is told it: a hundred people may ask at once (rules 17.21)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db import connection

from config.accounts.models import User
from sla.vocabulary import DispositionKind

# By hand: Django takes twenty times as long to write the two statements as PostgreSQL to answer this one. Both tables are
# read by their unique key of the handoff.
_STANDING: Final = """
    SELECT decision.kind, decision.at, decision.is_final, person.first_name, person.last_name, person.email
    FROM (
        SELECT kind, at, by_id, false AS is_final FROM sla_pendingdecision WHERE handoff_id = %(handoff)s
        UNION ALL
        SELECT kind, at, by_id, true FROM sla_disposition AS disposition
        WHERE handoff_id = %(handoff)s
            AND NOT EXISTS (SELECT FROM sla_disposition WHERE corrects_id = disposition.id)
    ) AS decision
    JOIN accounts_user AS person ON person.id = decision.by_id
    LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class StandingDecision:
    """A decision that can still be undone, or, if it is final, the disposition that no other corrects."""

    kind: DispositionKind
    by_name: str
    at: dt.datetime
    is_final: bool


def find_decision(handoff_id: int) -> StandingDecision | None:
    """Return the decision on this handoff, by one statement; None while nobody has decided."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"handoff": handoff_id})
        row = cursor.fetchone()
    if row is None:
        return None
    kind, at, is_final, *names = row
    by_name = str(User(**dict(zip(("first_name", "last_name", "email"), names, strict=True))))
    return StandingDecision(kind=DispositionKind(kind), by_name=by_name, at=at, is_final=is_final)
