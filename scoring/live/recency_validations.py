"""Opening and ending of recency validations: fit and behaviour are there, fresh engagement is missing (rules 2.25 to 2.28)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Q

from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.jobs import sweeps
from definitions.models import Version
from definitions.suppressions import subject_matching
from leads.identity import merges
from leads.models import Lead
from leads.vocabulary import Stage
from scoring import active_versions
from scoring.engine.decisions import DecisiveReason
from scoring.engine.explanation import Explanation
from scoring.instants import from_microseconds
from scoring.models import RecencyState, RecencyValidation, RecencyValidationQuerySet

#: The name under which validations that could not be closed are set aside.
SWEEP: Final = "recency validations to close"
#: Validations closed in one transaction.
BATCH: Final = 500
#: Marketing has the days of the version's own window, and these at most.
DAYS_AT_MOST: Final = 14
#: Who validates, and who may own a validation.
ROLES: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER)

_QUALIFIED: Final = "It became an MQL by something new."
_LEFT: Final = "It is no MAL any more."
_CHANGED: Final = "Not only fresh engagement is missing any more."
_NOT_VALIDATED: Final = "Nobody validated it in time; it stays a MAL."
#: The engine gives ages to the millionth of a day.
_ROUNDING: Final = dt.timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class StaleLead:
    """A lead of which only fresh engagement is missing: the path that held, and its last engagement by the version."""

    lead_id: int
    path: str
    engaged_at: dt.datetime


def find_stale(lead_id: int, reason: DecisiveReason) -> Iterator[StaleLead]:
    """Yield the lead if new engagement would meet the timing that it lacks, and it was engaged once."""
    days = reason.timing.engaged_days_ago
    if reason.timing.lacks_fresh_engagement and days is not None:
        path = next(path for path in reason.paths if path.held)
        yield StaleLead(lead_id, path.name[:200], from_microseconds(reason.at) - dt.timedelta(days=days))


def follow_shortfalls(
    version: Version, lead_ids: Sequence[int], stale_leads: Iterable[StaleLead], *, now: dt.datetime
) -> None:
    """Open the validations of the stale ones among leads that were just explained, and end those of the others.

    One that lapsed or was validated is opened again only after newer engagement. Of two workers one opens a row.
    """
    stale = {row.lead_id: row for row in stale_leads}
    eligible = Lead.objects.standing().filter(~merges.is_opted_out("pk"), pk__in=stale, stage=Stage.MAL)
    eligible_ids = set(eligible.values_list("pk", flat=True))
    rows = RecencyValidation.objects.filter(definition=version.definition_id, lead__in=lead_ids)
    _overtake(rows.open().exclude(lead__in=eligible_ids), _CHANGED, now)
    known = rows.exclude(state=RecencyState.OVERTAKEN).filter(lead__in=eligible_ids)
    for lead_id, engaged_at, state, closed_at in known.values_list("lead", "engaged_at", "state", "closed_at"):
        # A validation is an event of its own instant, and no newer engagement of the lead.
        looked_at = closed_at if state == RecencyState.VALIDATED and closed_at else engaged_at
        if looked_at + _ROUNDING >= stale[lead_id].engaged_at:
            eligible_ids.discard(lead_id)
    if eligible_ids:
        _open(version, [stale[lead_id] for lead_id in sorted(eligible_ids)], now)


@dataclass(frozen=True, slots=True)
class PersonValidation:
    """A validation of a person, by the id of the lead that stands for them: by whom, and when they were engaged by it."""

    lead_id: int
    validated_by: str
    at: dt.datetime


def read_validations(lead_ids: Collection[int]) -> list[PersonValidation]:
    """Return the validations of the persons for whom these leads stand, the newest first. One query."""
    of_persons = RecencyValidation.objects.filter(Q(lead__in=lead_ids) | Q(lead__merged_into__in=lead_ids))
    rows = of_persons.filter(event__isnull=False).select_related("closed_by", "event", "lead").order_by("-pk")
    return [
        PersonValidation(row.lead.merged_into_id or row.lead_id, str(row.closed_by), row.event.occurred_at)
        for row in rows
        if row.event is not None
    ]


def name_validator(lead_id: int, explanation: Explanation, validations: Iterable[PersonValidation]) -> dict[str, str]:
    """Return who validated the engagement that timing counts and when, for the evidence; empty where the lead itself acted."""
    days = explanation.timing.engaged_days_ago
    if explanation.timing.engaged_within_days is None or days is None:
        return {}
    engaged_at = from_microseconds(explanation.at) - dt.timedelta(days=days)
    for row in validations:
        if row.lead_id == lead_id and abs(row.at - engaged_at) <= _ROUNDING:
            return {"validated_by": row.validated_by, "validated_at": row.at.isoformat()}
    return {}


def may_be_validated(lead_id: int, *, now: dt.datetime) -> bool:
    """Return whether a lead is still a MAL that may be contacted and is not suppressed."""
    lead = Lead.objects.standing().filter(~merges.is_opted_out("pk"), pk=lead_id, stage=Stage.MAL).first()
    return lead is not None and subject_matching.find_for_lead(lead, at=now) is None


def _open(version: Version, stale_leads: Iterable[StaleLead], now: dt.datetime) -> None:
    due_at, owner = now + _window(version), _find_owner(version)
    RecencyValidation.objects.bulk_create(
        (
            RecencyValidation(
                lead_id=row.lead_id,
                definition_id=version.definition_id,
                version=version,
                path=row.path,
                engaged_at=row.engaged_at,
                opened_at=now,
                due_at=due_at,
                owner=owner,
            )
            for row in stale_leads
        ),
        ignore_conflicts=True,
    )


def _window(version: Version) -> dt.timedelta:
    timing = active_versions.rules_of(version).timing
    days = timing.engaged_within_days if timing is not None else None
    return dt.timedelta(days=DAYS_AT_MOST if days is None else min(days, DAYS_AT_MOST))


def _find_owner(version: Version) -> User | None:
    """Return the person of marketing whom the version names as its owner, by name or address; None if that is nobody."""
    people = User.objects.filter(groups__name__in=ROLES, is_active=True).distinct()
    name = version.owner.strip().casefold()
    named = [person for person in people if name in (str(person).casefold(), person.email.casefold())]
    return named[0] if len(named) == 1 else None


def close_ended(*, now: dt.datetime, limit: int = BATCH) -> int:
    """Close up to `limit` validations that are overdue or whose lead is no MAL any more; return how many.

    Any number of workers may call it at once.
    """
    return sweeps.claim_together(SWEEP, select_ended(now), lambda rows: _close(rows, now), now=now, limit=limit)


def select_ended(now: dt.datetime) -> RecencyValidationQuerySet:
    """Return the open validations that are to be closed, the earliest due date first."""
    is_over = Q(due_at__lte=now) | ~Q(lead__stage=Stage.MAL) | Q(lead__merged_into__isnull=False)
    return RecencyValidation.objects.open().filter(is_over).order_by("due_at", "pk")


def _close(rows: Sequence[RecencyValidation], now: dt.datetime) -> None:
    locked = RecencyValidation.objects.open().filter(pk__in=[row.pk for row in rows])
    _overtake(locked.filter(lead__stage=Stage.MQL), _QUALIFIED, now)
    _overtake(locked.filter(~Q(lead__stage=Stage.MAL) | Q(lead__merged_into__isnull=False)), _LEFT, now)
    locked.update(state=RecencyState.LAPSED, closed_at=now, note=_NOT_VALIDATED)


def _overtake(rows: RecencyValidationQuerySet, note: str, now: dt.datetime) -> None:
    rows.update(state=RecencyState.OVERTAKEN, closed_at=now, note=note)
