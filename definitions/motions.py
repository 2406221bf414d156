"""The motions: the primary one, those in use, and the one that an address asks for (rules 2.7, 2.8)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Case, IntegerField, Value, When

from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.web import QueryRefused
from definitions import permissions
from definitions.models import Definition, PrimaryMotion
from leads.vocabulary import Motion

log = structlog.get_logger(__name__)

#: Roles that may change the primary motion.
CHOOSERS: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)


class MotionRefused(Exception):
    """A choice of the primary motion that is not possible; the sentence says why."""


def find_primary_choice() -> PrimaryMotion | None:
    """Return the choice that holds, or None before any was made."""
    return PrimaryMotion.objects.select_related("by").order_by("-pk").first()


def read_primary_motion() -> Motion:
    """Return the primary motion; MQL before any was chosen."""
    motion = PrimaryMotion.objects.order_by("-pk").values_list("motion", flat=True).first()
    return Motion(motion) if motion else Motion.MQL


def list_motions_in_use() -> list[Motion]:
    """Return the motions that have a definition and the primary one, which comes first."""
    primary = read_primary_motion()
    used = set(Definition.objects.values_list("motion", flat=True).distinct())
    return [primary, *(motion for motion in Motion if motion in used and motion != primary)]


@transaction.atomic
def choose_primary_motion(*, motion: Motion, by: User | None, now: dt.datetime) -> None:
    """Make a motion the primary one; `by` None is the installation itself.

    Raises MotionRefused, permissions.NotAllowed.
    """
    permissions.require_role(by, *CHOOSERS, to="change the primary motion")
    if not Definition.objects.filter(motion=motion).exists():
        raise MotionRefused(
            f"There is no {motion.upper()} definition yet: draft one, then make {motion.upper()} primary."
        )
    if find_primary_choice() is None or read_primary_motion() != motion:
        PrimaryMotion.objects.create(motion=motion, by=by, at=now)
        log.info("primary_motion_chosen", motion=motion, by=by.pk if by else None)


def rank_motion(column: str) -> Case:
    """Return an expression to order rows by: those of the primary motion come first."""
    is_primary = When(**{column: read_primary_motion()}, then=Value(0))
    return Case(is_primary, default=Value(1), output_field=IntegerField())


def read_motion_filter(query: Mapping[str, str]) -> Motion | None:
    """Return the motion that an address asks for, None for all of them. Raises QueryRefused."""
    typed = query.get("motion", "").strip()
    if not typed:
        return None
    if typed not in Motion.values:
        raise QueryRefused("motion", f"must be one of {', '.join(Motion.values)}.")
    return Motion(typed)


def read_motion(query: Mapping[str, str]) -> Motion:
    """Return the motion that an address asks for, by default the primary one. Raises QueryRefused."""
    return read_motion_filter(query) or read_primary_motion()
