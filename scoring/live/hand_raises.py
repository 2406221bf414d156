"""Hand raises: explicit requests of disqualified leads, recorded for the app above, which decides about them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from typing import Final

from django.db.models import Exists, OuterRef, Q

from leads.identity import merges
from leads.models import AttributeChange, Event, LeadStage
from leads.vocabulary import Stage
from scoring.models import HandRaise, HandRaiseQuerySet

#: The age up to which a request from a file brings its sender back, where no version in force names a window.
FILE_WINDOW: Final = dt.timedelta(days=7)


def record_hand_raises(*, lead_ids: Collection[int], now: dt.datetime, file_window: dt.timedelta = FILE_WINDOW) -> int:
    """Record the open requests that these people made since they were disqualified, each once; return how many are new.

    `lead_ids` are leads that stand for a person. A request that was closed since is none any more (rules 3.3), and one
    from a file that is older than `file_window` is history, which brings nobody back. Requests of people who may be
    contacted again are handled anew.
    """
    person_of = {pk: pk for pk in lead_ids} | dict(merges.list_aliases(lead_ids))
    # By the ids of all members: one query for the leads or their aliases could use no index.
    rows = LeadStage.objects.filter(lead__in=person_of, stage=Stage.DISQUALIFIED).order_by("since", "pk")
    disqualified = list(rows.values_list("lead_id", "since"))
    if not disqualified:
        return 0
    _reopen_contactable(person_of)
    # Of a person with several disqualified leads, or disqualified in several motions, the earliest counts: the app above
    # looks at all of them, and opens none that was closed after the request.
    since = {person_of[lead_id]: (lead_id, at) for lead_id, at in reversed(disqualified)}
    members = [pk for pk, person in person_of.items() if person in since]
    is_history = Q(is_imported=True, occurred_at__lt=now - file_window)
    is_answer = (Q(signal__is_explicit_request=True) & ~is_history) | Q(signal__closes_request=True)
    events = Event.objects.filter(is_answer, lead__in=members, occurred_at__lte=now).order_by("occurred_at", "pk")
    requests: dict[int, list[int]] = defaultdict(list)
    for pk, lead_id, at, is_request in events.values_list(
        "pk", "lead_id", "occurred_at", "signal__is_explicit_request"
    ):
        person = person_of[lead_id]
        if at <= since[person][1]:
            continue
        if is_request:
            requests[person].append(pk)
        else:
            requests[person].clear()
    new = [
        HandRaise(lead_id=since[person][0], event_id=event, recorded_at=now)
        for person, event_ids in requests.items()
        for event in event_ids
    ]
    known = set(HandRaise.objects.filter(event__in=[row.event_id for row in new]).values_list("event_id", flat=True))
    new = [row for row in new if row.event_id not in known]
    HandRaise.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def reopen(*, lead_ids: Collection[int]) -> int:
    """Have the requests of these leads that stayed closed handled anew, as what closed them is not so any more."""
    return _select_closed(lead_ids).update(handled_at=None, why_closed="")


def mark_handled(hand_raise: HandRaise, *, now: dt.datetime, why_closed: str = "") -> None:
    """Store that a request was handled; `why_closed` says why its lead stays closed."""
    hand_raise.handled_at, hand_raise.why_closed = now, why_closed[:300]
    hand_raise.save(update_fields=["handled_at", "why_closed"])


def _reopen_contactable(lead_ids: Collection[int]) -> None:
    """Reopen the closed requests of leads of which an opt-out was lifted since."""
    lifted = AttributeChange.objects.filter(
        lead=OuterRef("lead"), values__do_not_contact=False, recorded_at__gt=OuterRef("handled_at")
    )
    _select_closed(lead_ids).filter(Exists(lifted)).update(handled_at=None, why_closed="")


def _select_closed(lead_ids: Collection[int]) -> HandRaiseQuerySet:
    """Return the handled requests of these leads that brought nobody back."""
    return HandRaise.objects.filter(lead__in=lead_ids, handled_at__isnull=False).exclude(why_closed="")
