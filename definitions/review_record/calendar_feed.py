"""The calendar of reviews: the days when they are due and their meetings, at a private address per person (rules 8.34)."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterator
from typing import Final

from django.db.models import Q

from config import company_days
from config.accounts.models import SECRET_BYTES, User, digest_of
from config.accounts.roles import holds
from config.icalendar import CalendarEvent
from definitions.models import Review, ReviewCalendarLink, ReviewQuerySet
from definitions.vocabulary import ReviewKind
from leads.vocabulary import READERS_OF_LEADS

#: Meetings stay in the calendar for this long.
_PAST: Final = dt.timedelta(days=90)
_SHORT, _LONG = dt.timedelta(minutes=30), dt.timedelta(minutes=90)


def renew_link(person: User, *, now: dt.datetime) -> str:
    """Return a new secret of the person's address; an earlier one opens nothing any more."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    ReviewCalendarLink.objects.update_or_create(person=person, defaults={"digest": digest_of(secret), "issued_at": now})
    return secret


def remove_link(person: User) -> None:
    ReviewCalendarLink.objects.filter(person=person).delete()


def find_link(person: User) -> ReviewCalendarLink | None:
    return ReviewCalendarLink.objects.filter(person=person).first()


def find_owner(secret: str) -> User | None:
    """Return the active person whose address has this secret."""
    link = ReviewCalendarLink.objects.filter(digest=digest_of(secret), person__is_active=True)
    row = link.select_related("person").first()
    return row.person if row else None


def list_events(
    person: User, *, now: dt.datetime, host: str, build_url: Callable[[Review], str]
) -> Iterator[CalendarEvent]:
    """Yield the events of the reviews that the person may read; those that are decided keep their meeting only."""
    rows = _list_visible(person).filter(Q(decided_at__isnull=True) | Q(meets_at__gt=now - _PAST))
    for review in rows.select_related("definition", "escalated_to").order_by("pk"):
        text, url = _describe(review), build_url(review)
        if review.decided_at is None:
            yield CalendarEvent(
                uid=f"review-{review.pk}-due@{host}",
                summary=f"Review due: {review.title}",
                description=text,
                url=url,
                starts=company_days.day_of(review.due_at),
            )
        if review.meets_at is not None:
            is_short = review.kind in (ReviewKind.LIGHT, ReviewKind.SPOT)
            yield CalendarEvent(
                uid=f"review-{review.pk}-meeting@{host}",
                summary=f"{review.get_kind_display()}: {review.title}",
                description=text,
                url=url,
                starts=review.meets_at,
                ends=review.meets_at + (_SHORT if is_short else _LONG),
            )


def _list_visible(person: User) -> ReviewQuerySet:
    rows = Review.objects.all()
    if holds(person, *READERS_OF_LEADS):
        return rows
    seated = Q(participants__person=person, participants__removed_at__isnull=True)
    return rows.filter(seated | Q(escalated_to=person)).distinct()


def _describe(review: Review) -> str:
    decider = f"{review.escalated_to} decides" if review.escalated_to else "The leaders decide"
    parts = [f"{review.definition}: {review.get_trigger_display()}", str(review.state.label), decider]
    return "\n".join([*parts, *([review.blocked_on] if review.blocked_on else [])])
