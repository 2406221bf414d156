"""The life of a round: it is made with its leads, and each person answers each lead once (rules 9.36, 9.38)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import structlog
from django.db import transaction

from config import company_days
from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.calendar_periods import CalendarQuarter
from definitions import permissions
from definitions.models import Version
from definitions.vocabulary import VersionState
from leads.vocabulary import Motion
from scoring.blind_checks import sampling
from scoring.models import BlindCheck, BlindCheckAnswer, BlindCheckLead

log = structlog.get_logger(__name__)

MAKERS: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)


class RoundRefused(Exception):
    """A round that cannot be made; the sentence says why."""


@transaction.atomic
def make_round(*, version: Version, by: User, now: dt.datetime) -> BlindCheck:
    """Make a round of leads of the last closed quarter for a version in force, one a day at most.

    Raises RoundRefused, permissions.NotAllowed.
    """
    permissions.require_role(by, *MAKERS, to="make a blind check")
    version = (
        Version.objects.select_related("definition").select_for_update(of=("self",), no_key=True).get(pk=version.pk)
    )
    if version.state != VersionState.ACTIVE or version.definition.motion == Motion.AQL:
        raise RoundRefused(f"{version} judges no leads now: a blind check needs a version in force that judges leads.")
    today = company_days.start_of(company_days.day_of(now))
    if BlindCheck.objects.filter(version=version, made_at__gte=today).exists():
        raise RoundRefused(f"{version} has a round of today already: it has the same leads for everybody.")
    quarter = CalendarQuarter.containing(now, quarters_back=1)
    sample = sampling.draw(version, start=quarter.start, end=quarter.end, seed=int(now.timestamp()))
    if len(sample.leads) < sampling.FEWEST_LEADS:
        raise RoundRefused(
            f"The last quarter gives {len(sample.leads)} leads of which all was known in time"
            f" ({sample.known_late} are left out because something came late); a blind check takes {sampling.FEWEST_LEADS}."
        )
    blind_check = BlindCheck.objects.create(
        version=version, starts_at=quarter.start, ends_at=quarter.end, made_by=by, made_at=now
    )
    BlindCheckLead.objects.bulk_create(
        BlindCheckLead(
            blind_check=blind_check, position=position, lead_id=row.lead_id, at=row.at, facts=row.facts, meets=row.meets
        )
        for position, row in enumerate(sample.leads, start=1)
    )
    log.info("blind_check_made", blind_check=blind_check.pk, leads=len(sample.leads), by=by.pk)
    return blind_check


def answer(*, row: BlindCheckLead, is_qualified: bool, by: User, now: dt.datetime) -> BlindCheckAnswer:
    """Record a person's answer on a lead of a round; the first answer stays."""
    return BlindCheckAnswer.objects.get_or_create(
        row=row, person=by, defaults={"is_qualified": is_qualified, "at": now}
    )[0]


def find_next(blind_check: BlindCheck, person: User) -> BlindCheckLead | None:
    """Return the first lead of the round that the person has not answered, or None."""
    answered = BlindCheckAnswer.objects.filter(person=person).values("row")
    return blind_check.leads.exclude(pk__in=answered).order_by("position").first()
