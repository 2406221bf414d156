"""Merges: two leads are one person from now on (rules 13.49). Nothing is rewritten, so that they can be parted again.

A merge is a row. `Lead.merged_into` is derived from the merges in force: an alias names the lead that stands for the
person, also where merges chain. Readers of a person follow it by the functions below.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypeVar

from django.db import connection, transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from config.accounts.models import User
from leads.exceptions import Refused
from leads.models import Event, Lead, LeadMerge, LeadQuerySet
from leads.rescoring import rescore_queue
from leads.retry_on_conflict import run_with_retries

#: The advisory lock of whoever merges or parts leads; any number that nothing else uses.
_LOCK: Final = 1371
WHY_AT_MOST: Final = 300
Row = TypeVar("Row", bound=Model)


def merge(*, lead_id: int, into_id: int, by: User | None, now: dt.datetime, why: str = "") -> LeadMerge:
    """Merge a lead into another one, which stands for the person from now on. Raises Refused with a sentence.

    `by` is None for another system.
    """
    if len(why) > WHY_AT_MOST:
        raise Refused("why", f"must have at most {WHY_AT_MOST} characters.")
    return run_with_retries(lambda: _merge_locked(lead_id, into_id, by, now, why.strip()))


def unmerge(*, lead_id: int, by: User | None, now: dt.datetime) -> LeadMerge:
    """End the merge of a lead, which stands for itself again. Raises Refused with a sentence."""
    return run_with_retries(lambda: _unmerge_locked(lead_id, by, now))


def merge_in_force(lead: Lead) -> LeadMerge | None:
    """Return the merge that made this lead an alias, with who did it; None for a lead that stands for itself."""
    if lead.merged_into_id is None:
        return None
    return LeadMerge.objects.select_related("by", "into").filter(alias=lead, ended_at__isnull=True).first()


def find_merge(lead_ids: Collection[int]) -> LeadMerge | None:
    """Return the merge in force that made one of these leads an alias, with who did it."""
    rows = LeadMerge.objects.filter(alias__in=lead_ids, ended_at__isnull=True)
    return rows.select_related("alias", "into", "by").order_by("-pk").first()


def find_ended_merge(lead_id: int) -> LeadMerge | None:
    """Return the last merge of a lead if it was ended, with who ended it; None for a lead that was never merged."""
    rows = LeadMerge.objects.filter(alias=lead_id, ended_at__isnull=False)
    return rows.select_related("ended_by").order_by("-ended_at", "-pk").first()


def list_merges_into(lead: Lead) -> list[LeadMerge]:
    """Return the merges in force of all aliases of a lead, the latest first."""
    rows = LeadMerge.objects.filter(alias__merged_into=lead, ended_at__isnull=True)
    return list(rows.select_related("alias__company", "by").order_by("-at", "-pk"))


def list_latest_merges(limit: int) -> list[LeadMerge]:
    """Return the merges in force, the latest first."""
    rows = LeadMerge.objects.filter(ended_at__isnull=True).select_related("alias", "into", "by")
    return list(rows.order_by("-at", "-pk")[:limit])


def select_person(lead: Lead) -> LeadQuerySet:
    """Return all leads that are the same person, in the order of their ids."""
    standing_id = lead.merged_into_id or lead.pk
    return Lead.objects.filter(Q(pk=standing_id) | Q(merged_into=standing_id)).order_by("pk")


def lock_person(lead: Lead) -> list[Lead]:
    """Lock all leads that are the same person in id order, and return them."""
    return list(select_person(lead).select_for_update(of=("self",), no_key=True))


def list_person_ids(lead: Lead) -> list[int]:
    """Return the ids of all leads that are the same person, the one that stands for it first."""
    standing_id = lead.merged_into_id or lead.pk
    aliases = Lead.objects.filter(merged_into=standing_id).order_by("pk").values_list("pk", flat=True)
    return [standing_id, *aliases]


def list_standing_ids(lead_ids: Collection[int]) -> list[int]:
    """Return the ids of the leads that stand for the aliases among these, so that they can be locked together."""
    rows = Lead.objects.filter(pk__in=lead_ids, merged_into__isnull=False)
    return [into for into in rows.values_list("merged_into_id", flat=True) if into is not None]


def list_aliases(lead_ids: Collection[int] | None = None) -> list[tuple[int, int]]:
    """Return (alias, the lead that stands for it) in the order of aliases: of these standing leads, or of all."""
    rows = Lead.objects.filter(merged_into__isnull=False)
    rows = rows if lead_ids is None else rows.filter(merged_into__in=lead_ids)
    return [(pk, into) for pk, into in rows.order_by("pk").values_list("pk", "merged_into_id") if into is not None]


def any_lead_is(lead: str, **values: Any) -> Exists:
    """Return a condition: some lead of the same person has these values. `lead` names the column of the row's lead."""
    paths = ("", "merged_into__", "aliases__", "merged_into__aliases__")
    is_so = Q()
    for path in paths:
        is_so |= Q(**{f"{path}{name}": value for name, value in values.items()})
    return Exists(Lead.objects.filter(is_so, pk=OuterRef(lead)))


def of_same_person(rows: QuerySet[Row], lead: str = "lead") -> tuple[QuerySet[Row], ...]:
    """Return the rows of the outer row's lead, of its aliases, and of the lead that stands for it, as three queries.

    Each can use the index that begins with the lead, which one query with an OR could not.
    """
    return (
        rows.filter(lead=OuterRef(lead)),
        rows.filter(lead__merged_into=OuterRef(lead)),
        rows.filter(lead__aliases=OuterRef(lead)),
    )


def any_of_same_person(rows: QuerySet[Row], lead: str = "lead") -> Q:
    """Return a condition: one of the rows belongs to a lead of the same person as the outer row's."""
    own, of_aliases, of_standing = of_same_person(rows, lead)
    return Q(Exists(own)) | Q(Exists(of_aliases)) | Q(Exists(of_standing))


def none_of_same_person(rows: QuerySet[Row], lead: str = "lead") -> Q:
    """Return a condition: no row belongs to a lead of the same person as the outer row's.

    Three conditions, each of which PostgreSQL can answer by one join. The negation of `any_of_same_person` it asks row by
    row, and without an index as soon as it takes the tables for small ones.
    """
    own, of_aliases, of_standing = of_same_person(rows, lead)
    return Q(~Exists(own), ~Exists(of_aliases), ~Exists(of_standing))


def is_opted_out(lead: str = "lead") -> Exists:
    """Return a condition: the person may not be contacted, by the word of any of its leads (rules 13.51)."""
    return any_lead_is(lead, do_not_contact=True)


def may_not_be_contacted(lead: Lead) -> bool:
    """Say whether the person may not be contacted, by the word of any of its leads (rules 13.51)."""
    return lead.do_not_contact or select_person(lead).filter(do_not_contact=True).exists()


def _merge_locked(lead_id: int, into_id: int, by: User | None, now: dt.datetime, why: str) -> LeadMerge:
    """Store a merge in the caller's transaction.

    1. Wait for other merges, and lock both leads and the aliases that come along.
    2. Check that both stand for themselves.
    3. Store the merge, and let the aliases name the lead that stands for all.
    4. Take the aliases off the rescore queue, and have the person rescored.
    """
    # 1.
    _wait_for_other_merges()
    aliases = list(Lead.objects.filter(merged_into=lead_id).values_list("pk", flat=True))
    leads = _lock_leads([lead_id, into_id, *aliases])
    # 2.
    _check_merge(lead_id, into_id, leads)
    # 3.
    row = LeadMerge.objects.create(alias=leads[lead_id], into=leads[into_id], at=now, by=by, why=why)
    Lead.objects.filter(pk__in=[lead_id, *aliases]).update(merged_into=into_id)
    # 4.
    rescore_queue.withdraw(lead_ids=[lead_id, *aliases])
    rescore_queue.request(lead_ids=[into_id], at=now)
    return row


def _unmerge_locked(lead_id: int, by: User | None, now: dt.datetime) -> LeadMerge:
    """End a merge in the caller's transaction.

    1. Wait for other merges, and lock all leads of the person.
    2. End the merge.
    3. Derive anew for whom each alias stands: the aliases that came with the lead go with it.
    4. Have both persons rescored.
    """
    # 1.
    _wait_for_other_merges()
    row = LeadMerge.objects.filter(alias_id=lead_id, ended_at__isnull=True).select_related("alias").first()
    if row is None:
        raise Refused("lead", "is not merged into another one.")
    whole_id = row.alias.merged_into_id or row.into_id
    members = [whole_id, *Lead.objects.filter(merged_into=whole_id).values_list("pk", flat=True)]
    _lock_leads(members)
    # 2.
    row.ended_at, row.ended_by = now, by
    row.save(update_fields=["ended_at", "ended_by"])
    # 3.
    into_of = dict(
        LeadMerge.objects.filter(alias__in=members, ended_at__isnull=True).values_list("alias_id", "into_id")
    )
    own = [member for member in members if _follow_merges(member, into_of) == lead_id]
    Lead.objects.filter(pk__in=own).exclude(pk=lead_id).update(merged_into=lead_id)
    Lead.objects.filter(pk=lead_id).update(merged_into=None)
    # 4.
    rescore_queue.request(lead_ids=[lead_id, whole_id], at=now)
    return row


def _wait_for_other_merges() -> None:
    # People merge rarely. One merge at a time spares the question whether the chains that it joins have just changed.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _lock_leads(ids: Iterable[int]) -> dict[int, Lead]:
    # FOR UPDATE, not FOR NO KEY UPDATE: it also waits for intake that is adding events to these leads, so that intake
    # asks for the rescoring of the lead that stands for them when it is done.
    with transaction.atomic():
        rows = Lead.objects.filter(pk__in=list(ids)).order_by("pk").select_for_update(of=("self",))
        return {lead.pk: lead for lead in rows}


def _check_merge(lead_id: int, into_id: int, leads: Mapping[int, Lead]) -> None:
    if lead_id not in leads:
        raise Refused("lead", f"{lead_id} is not the id of a lead.")
    if into_id not in leads:
        raise Refused("into", f"{into_id} is not the id of a lead.")
    if lead_id == into_id:
        raise Refused("into", "is the lead itself; a merge needs two.")
    if (into := leads[lead_id].merged_into_id) is not None:
        raise Refused("lead", f"is merged into lead {into} already; part them first.")
    if (into := leads[into_id].merged_into_id) is not None:
        raise Refused("into", f"is merged into lead {into} itself; merge into that one.")


def _follow_merges(lead_id: int, into_of: Mapping[int, int]) -> int:
    while lead_id in into_of:
        lead_id = into_of[lead_id]
    return lead_id


def select_events(lead: Lead) -> QuerySet[Event]:
    """Return the events of a lead, and of those merged into it. A lead that is merged itself has its own alone."""
    ids = [lead.pk] if lead.merged_into_id is not None else list_person_ids(lead)
    return Event.objects.filter(lead__in=ids).select_related("signal")
