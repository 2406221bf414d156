"""The participants of a review: who sits in which seat, and which of the four roles are missing (rules 8.29)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from definitions.models import Review, ReviewParticipant, Version
from definitions.review_record import access
from definitions.review_record.locked_review import ReviewRefused, lock_undecided
from definitions.vocabulary import NEEDED_SEATS, ReviewKind, ReviewSeat
from leads.exceptions import Refused

#: The role that a seat is for; a guest needs none.
ROLE_OF_SEAT: Final = MappingProxyType(
    {
        ReviewSeat.MARKETING: Role.MARKETING_LEADER,
        ReviewSeat.SALES: Role.SALES_LEADER,
        ReviewSeat.OPS: Role.MARKETING_OPS,
        ReviewSeat.QUEUE: Role.SDR,
    }
)


@dataclass(frozen=True, slots=True)
class SeatTaken:
    """A person in a seat, not stored yet."""

    person: User
    seat: ReviewSeat
    is_new_leader: bool = False


def list_holders(seat: ReviewSeat) -> QuerySet[User]:
    """Return the active people who may take a seat, by name."""
    people = User.objects.filter(is_active=True)
    role = ROLE_OF_SEAT.get(seat)
    if role is not None:
        people = people.filter(groups__name=role)
    return people.order_by("first_name", "last_name", "pk")


def list_leaders() -> QuerySet[User]:
    """Return the active people who lead marketing or sales, by name."""
    return (list_holders(ReviewSeat.MARKETING) | list_holders(ReviewSeat.SALES)).distinct()


def find_seat(person: User) -> ReviewSeat:
    """Return the first seat of the four whose role the person holds, else a guest's."""
    return next((seat for seat, role in ROLE_OF_SEAT.items() if holds(person, role)), ReviewSeat.GUEST)


def choose_defaults(version: Version | None) -> list[SeatTaken]:
    """Return both leaders and the owner of the version in force, if the owner's name or address is a person's."""
    seats = [
        SeatTaken(person, seat) for seat in (ReviewSeat.MARKETING, ReviewSeat.SALES) for person in list_holders(seat)
    ]
    owner = _find_owner(version) if version is not None else None
    if owner is not None:
        seats.append(SeatTaken(owner, find_seat(owner)))
    return _first_of_each(seats)


def store_participants(review: Review, seats: Iterable[SeatTaken], *, by: User | None, now: dt.datetime) -> None:
    """Store who takes part in a review that was just opened. Raises Refused for a seat that a person may not take."""
    seats = _first_of_each(seats)
    for one in seats:
        _check_seat(review, one)
    ReviewParticipant.objects.bulk_create(
        ReviewParticipant(
            review=review, person=one.person, seat=one.seat, is_new_leader=one.is_new_leader, added_at=now, added_by=by
        )
        for one in seats
    )


@transaction.atomic
def add_participant(
    *, review: Review, person: User, seat: ReviewSeat, by: User, now: dt.datetime, is_new_leader: bool = False
) -> ReviewParticipant:
    """Seat a person. Raises Refused, ReviewRefused, permissions.NotAllowed."""
    review = lock_undecided(review)
    access.require_worker(by, review)
    _check_seat(review, SeatTaken(person, seat, is_new_leader))
    present = list_present(review)
    if any(one.person_id == person.pk for one in present):
        raise Refused("person", f"takes part already: {person}.")
    if is_new_leader and any(one.is_new_leader for one in present):
        raise Refused("is_new_leader", "is somebody else already; a reconciliation has one new leader.")
    return ReviewParticipant.objects.create(
        review=review, person=person, seat=seat, is_new_leader=is_new_leader, added_at=now, added_by=by
    )


@transaction.atomic
def remove_participant(*, review: Review, participant: int, by: User, now: dt.datetime) -> ReviewParticipant:
    """Take the person of this row from the table; the row stays. Raises ReviewRefused, permissions.NotAllowed."""
    review = lock_undecided(review)
    access.require_worker(by, review)
    row = ReviewParticipant.objects.filter(review=review, pk=participant, removed_at__isnull=True).first()
    if row is None:
        raise ReviewRefused("This person does not take part any more.")
    row.removed_at, row.removed_by = now, by
    row.save(update_fields=["removed_at", "removed_by"])
    return row


def list_present(review: Review) -> list[ReviewParticipant]:
    """Return who takes part now, in the order of the seats."""
    rows = ReviewParticipant.objects.filter(review=review, removed_at__isnull=True).select_related("person", "added_by")
    places = list(ReviewSeat.values)
    return sorted(rows, key=lambda row: (places.index(row.seat), row.pk))


def list_missing_seats(review: Review, present: Iterable[ReviewParticipant]) -> list[ReviewSeat]:
    """Return the seats that the review needs for its decision and in which nobody sits who holds their role today."""
    if not ReviewKind(review.kind).needs_all_roles:
        return []
    occupied = {
        one.seat
        for one in present
        if one.person.is_active
        and ((role := ROLE_OF_SEAT.get(ReviewSeat(one.seat))) is None or holds(one.person, role))
    }
    return [seat for seat in NEEDED_SEATS if seat not in occupied]


def _check_seat(review: Review, one: SeatTaken) -> None:
    role = ROLE_OF_SEAT.get(one.seat)
    if not one.person.is_active:
        raise Refused("person", f"cannot sign in any more: {one.person}.")
    if role is not None and not holds(one.person, role):
        raise Refused("person", f"needs the role {role.label} for the seat “{one.seat.label}”: {one.person}.")
    if one.is_new_leader and review.kind != ReviewKind.RECONCILIATION:
        raise Refused("is_new_leader", "is for a reconciliation only.")
    if one.is_new_leader and one.seat not in (ReviewSeat.MARKETING, ReviewSeat.SALES):
        raise Refused("is_new_leader", "needs the seat of the marketing leader or of the sales leader.")


def _first_of_each(seats: Iterable[SeatTaken]) -> list[SeatTaken]:
    """Return each person once; whoever is named as the new leader is, wherever else they are named."""
    by_person: dict[int, SeatTaken] = {}
    for one in sorted(seats, key=lambda one: not one.is_new_leader):
        by_person.setdefault(one.person.pk, one)
    return list(by_person.values())


def _find_owner(version: Version) -> User | None:
    """Return the active person whose address or full name the version names as its owner; None for two of one name."""
    owner = version.owner.strip().casefold()
    people = [
        person
        for person in User.objects.filter(is_active=True)
        if owner and owner in (person.email.casefold(), person.get_full_name().casefold())
    ]
    return people[0] if len(people) == 1 else None
