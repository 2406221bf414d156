"""Exits of MALs by hand: quiet, wrong fit, bought elsewhere, and the way back (rules 2.21)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from leads.models import Lead, LeadQuerySet, LeadStage, MalExit, StageChange
from leads.rescoring import rescore_queue
from leads.stages import stage_changes
from leads.vocabulary import MalExitKind, Stage

NOTE_AT_MOST: Final = 250
#: The stage to which each exit leads.
EXIT_STAGES: Final = {
    MalExitKind.QUIET: Stage.PAUSED,
    MalExitKind.WRONG_FIT: Stage.DISQUALIFIED,
    MalExitKind.BOUGHT_ELSEWHERE: Stage.DISQUALIFIED,
}


_closed_readers: list[Callable[[Lead], bool]] = []


class MalExitRefused(Exception):
    """An exit or a return that is not possible; the sentence says why."""


@dataclass(frozen=True, slots=True)
class MovedLeads:
    """The number of leads moved, and of those that were in another stage already or stay closed."""

    moved: int
    unmoved: int


def register_closed_reader(reader: Callable[[Lead], bool]) -> None:
    """Let `reader` say from now on whether a person stays closed for good: the app above has the decisions of sales."""
    _closed_readers[:] = [reader]


@transaction.atomic
def leave(*, lead_ids: Collection[int], kind: MalExitKind, note: str, by: User, now: dt.datetime) -> MovedLeads:
    """Take MALs out by a person's word, with the note. Leads that are no MALs any more stay as they are.

    Raises MalExitRefused with a sentence for the user.
    """
    _require_marketing_ops(by)
    note = note.strip()
    if not note:
        raise MalExitRefused("Say in the note what you know.")
    if len(note) > NOTE_AT_MOST:
        raise MalExitRefused(f"The note has at most {NOTE_AT_MOST} characters.")
    leads = _lock(Lead.objects.standing().filter(pk__in=lead_ids, stage=Stage.MAL))
    # Sales sends PQLs back to marketing, too: who leaves the MALs leaves them in every motion.
    for row in LeadStage.objects.filter(lead__in=leads, stage=Stage.MAL).select_related("lead").order_by("lead", "pk"):
        stage_changes.move(
            lead=row.lead, motion=row.motion, to=EXIT_STAGES[kind], by=by, now=now, why=f"{kind.label}: {note}"
        )
    MalExit.objects.bulk_create(MalExit(lead=lead, kind=kind, at=now, by=by, note=note) for lead in leads)
    return MovedLeads(len(leads), len(set(lead_ids)) - len(leads))


@transaction.atomic
def return_to_mal(*, lead_ids: Collection[int], by: User, now: dt.datetime) -> MovedLeads:
    """Take leads that left the MALs back by a person's word, and have them judged afresh.

    Whom sales has closed for good since, in whatever motion, stays where it is (rules 7.20). Raises MalExitRefused.
    """
    _require_marketing_ops(by)
    leads = [lead for lead in _lock(select_left().filter(pk__in=lead_ids)) if not _is_closed(lead)]
    for row in _select_stages_left().filter(lead__in=leads).select_related("lead").order_by("lead", "pk"):
        stage_changes.move(lead=row.lead, motion=row.motion, to=Stage.MAL, by=by, now=now, why="Returned to the MALs")
    rescore_queue.request(lead_ids=[lead.pk for lead in leads], at=now)
    return MovedLeads(len(leads), len(set(lead_ids)) - len(leads))


def select_left(kind: str = "") -> LeadQuerySet:
    """Return the leads that left the MALs other than as MQLs and are where that took them.

    With a `kind` only those. Each has `left_at`, `left_motion` and `exit_kind`, of the motion that it left last. A lead that
    was paused in nurture is none of them.
    """
    exits = MalExit.objects.filter(lead=OuterRef("pk"), at=OuterRef("left_at")).order_by("-pk")
    stages = _select_stages_left(kind)
    of_lead = stages.filter(lead=OuterRef("pk")).order_by("-since", "pk")
    return (
        Lead.objects.standing()
        .filter(pk__in=stages.values("lead"))
        .annotate(left_at=Subquery(of_lead.values("since")[:1]), left_motion=Subquery(of_lead.values("motion")[:1]))
        .annotate(exit_kind=Subquery(exits.values("kind")[:1]))
    )


def _select_stages_left(kind: str = "") -> QuerySet[LeadStage]:
    """Return the stages in which leads stand since they left the MALs of a motion, all or those of one kind of exit."""
    pauses = StageChange.objects.filter(
        lead=OuterRef("lead"),
        motion=OuterRef("motion"),
        from_stage=Stage.MAL,
        to_stage=Stage.PAUSED,
        at=OuterRef("since"),
    )
    exits = MalExit.objects.filter(lead=OuterRef("lead"), at=OuterRef("since"))
    quiet = Q(Exists(pauses), stage=Stage.PAUSED)
    if kind == MalExitKind.QUIET:
        return LeadStage.objects.filter(quiet)
    by_hand = Q(Exists(exits.filter(kind=kind) if kind else exits), stage=Stage.DISQUALIFIED)
    return LeadStage.objects.filter(by_hand if kind else quiet | by_hand)


def _lock(rows: LeadQuerySet) -> list[Lead]:
    """Lock leads in id order, so that two bulk actions cannot deadlock, and return those that still match."""
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    locked = Lead.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",), no_key=True)
    locked_ids = [lead.pk for lead in locked]
    # Asked again in a new snapshot: another person may have moved some of them before the lock.
    return list(rows.filter(pk__in=locked_ids).order_by("pk"))


def _is_closed(lead: Lead) -> bool:
    return any(reader(lead) for reader in _closed_readers)


def _require_marketing_ops(by: User) -> None:
    if not holds(by, Role.MARKETING_OPS):
        raise MalExitRefused("Marketing ops decide which leads stay MALs.")
