"""Candidates for merges: pairs of leads that may be one person (rules 13.53). People decide; nothing is merged here.

The candidates are found for all leads at once, every ten minutes, and kept in a table. Indexes on the folded values
would answer at once, but every event would have to maintain them, because it touches its lead.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Any, Final

import idna
from django.db import connection, transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, SmallIntegerField, Value, When
from django.db.models.functions import Coalesce

from config.accounts.models import User
from leads.exceptions import Refused
from leads.models import DuplicateCandidate, Lead, NotDuplicate
from leads.vocabulary import DuplicateReason

#: Letters and what they are folded to, so that Müller, Mueller and Muller are one name.
_LETTERS: Final = "áàâäãåāăąçćčďđéèêëēęěíìîïīñńňóòôöõøōőřśšșťțúùûüūůűýÿźżžł"
_FOLDED: Final = "aaaaaaaaacccddeeeeeeeiiiiinnnoooooooorsssttuuuuuuuyyzzzl"
_NAME: Final = (
    "replace(replace(replace(replace(translate(lower(first_name || ' ' || last_name),"
    f" '{_LETTERS}-', '{_FOLDED} '), 'ß', 'ss'), 'ae', 'a'), 'oe', 'o'), 'ue', 'u')"
)
_LOCAL_PART: Final = "replace(split_part(split_part(lower(email), '@', 1), '+', 1), '.', '')"
_DOMAIN: Final = "replace(rtrim(split_part(lower(email), '@', 2), '.'), 'googlemail.com', 'gmail.com')"
#: By reason: the value that both leads share, who has one at all, and how many leads may share it. A value of more
#: leads is that of a switchboard or of a shared mailbox.
_KEYS: Final[Mapping[DuplicateReason, tuple[str, str, int]]] = MappingProxyType(
    {
        DuplicateReason.ADDRESS: (f"{_LOCAL_PART} || '@' || {_DOMAIN}", "email IS NOT NULL", 10),
        DuplicateReason.NAME: (
            f"company_id || ' ' || {_NAME}",
            # An initial is no name.
            "company_id IS NOT NULL AND least(length(replace(first_name, '.', '')), length(replace(last_name, '.', ''))) > 1",
            10,
        ),
        DuplicateReason.PHONE: ("phone_key", "phone_key <> ''", 4),
    }
)

_RANK: Final = Case(
    *(When(reason=reason, then=Value(rank)) for rank, reason in enumerate(DuplicateReason.values)),
    default=Value(len(DuplicateReason)),
    output_field=SmallIntegerField(),
)


@transaction.atomic
def find_candidates(*, now: dt.datetime) -> int:
    """Find all pairs of people who may be one, and drop those that no longer are; return how many there are."""
    return sum(_find_by_reason(reason, now) for reason in DuplicateReason)


def list_candidates(*, reason: str = "") -> QuerySet[DuplicateCandidate]:
    """Return the candidates that wait for a decision, in the order in which they were found."""
    apart = _select_apart()
    waiting = DuplicateCandidate.objects.filter(
        ~Exists(apart), first__merged_into__isnull=True, second__merged_into__isnull=True
    )
    waiting = waiting.filter(reason=reason) if reason in DuplicateReason.values else waiting
    return waiting.select_related("first__company", "second__company").order_by("pk")


def rank_candidates(*, reason: str = "", after: int | None = None) -> QuerySet[DuplicateCandidate]:
    """Return the candidates that wait for a decision, those on strong evidence first, then those found last.

    With `after`, the list goes on behind the candidate with this id; one that is gone begins it anew.
    """
    ranked = list_candidates(reason=reason).annotate(rank=_RANK).order_by("rank", "-found_at", "-pk")
    last = DuplicateCandidate.objects.annotate(rank=_RANK).filter(pk=after).first() if after is not None else None
    if last is None:
        return ranked
    same_rank = Q(rank=last.rank)
    return ranked.filter(
        Q(rank__gt=last.rank)
        | same_rank & Q(found_at__lt=last.found_at)
        | same_rank & Q(found_at=last.found_at, pk__lt=last.pk)
    )


def _select_apart() -> QuerySet[NotDuplicate]:
    """Return the statements in force that the two people of the outer candidate are two, by any of their leads."""
    standing = NotDuplicate.objects.filter(ended_at__isnull=True).annotate(
        one=Coalesce("first__merged_into", "first"), other=Coalesce("second__merged_into", "second")
    )
    return standing.filter(
        Q(one=OuterRef("first"), other=OuterRef("second")) | Q(one=OuterRef("second"), other=OuterRef("first"))
    )


def list_candidates_of(lead: Lead) -> QuerySet[DuplicateCandidate]:
    """Return the candidates of one lead that wait for a decision."""
    return list_candidates().filter(Q(first=lead) | Q(second=lead))


def count_candidates_of(lead: Lead) -> int:
    """Return how many other people may be this one, for whatever reasons."""
    return list_candidates_of(lead).order_by().values("first", "second").distinct().count()


def list_kept_apart() -> QuerySet[NotDuplicate]:
    """Return the statements in force that two leads are two people, the latest first."""
    standing = NotDuplicate.objects.filter(ended_at__isnull=True)
    return standing.select_related("first", "second", "by").order_by("-at", "-pk")


@transaction.atomic
def keep_apart(*, lead_id: int, other_id: int, by: User | None, now: dt.datetime) -> NotDuplicate:
    """Record that two leads are two people. Said twice it is the same statement. Raises Refused with a sentence."""
    first, second = sorted((lead_id, other_id))
    if first == second:
        raise Refused("other", "is the lead itself.")
    # Locked in the order of ids, so that of two people who say it at once the second one finds the first's statement.
    ids = Lead.objects.filter(pk__in=(first, second)).order_by("pk").select_for_update(of=("self",), no_key=True)
    found_ids = {lead.pk for lead in ids}
    for field, number in (("lead", lead_id), ("other", other_id)):
        if number not in found_ids:
            raise Refused(field, f"{number} is not the id of a lead.")
    row, _ = NotDuplicate.objects.get_or_create(
        first_id=first, second_id=second, ended_at=None, defaults={"at": now, "by": by}
    )
    return row


def take_back(*, statement_id: int, by: User | None, now: dt.datetime) -> bool:
    """End the statement that two leads are two people; return False if it has ended already."""
    standing = NotDuplicate.objects.filter(pk=statement_id, ended_at__isnull=True)
    return standing.update(ended_at=now, ended_by=by) == 1


def _find_by_reason(reason: DuplicateReason, now: dt.datetime) -> int:
    """Bring the candidates of one reason up to date, in one query."""
    key, condition, most = _KEYS[reason]
    others = list(_pairs_by_international_domain()) if reason == DuplicateReason.ADDRESS else []
    query = f"""
        WITH keyed AS (
            SELECT DISTINCT {key} AS key, coalesce(merged_into_id, id) AS person FROM leads_lead WHERE {condition}
        ),
        shared AS (
            SELECT array_agg(person ORDER BY person) AS people FROM keyed GROUP BY key
            HAVING count(*) BETWEEN 2 AND {most}
        ),
        pair AS (
            SELECT DISTINCT first, second FROM shared, unnest(people) AS first, unnest(people) AS second
            WHERE first < second
            UNION SELECT first, second FROM unnest(%(firsts)s::bigint[], %(seconds)s::bigint[]) AS other(first, second)
        ),
        added AS (
            INSERT INTO leads_duplicatecandidate (first_id, second_id, reason, found_at)
            SELECT first, second, %(reason)s, %(now)s FROM pair ORDER BY first, second ON CONFLICT DO NOTHING
        ),
        dropped AS (
            DELETE FROM leads_duplicatecandidate candidate WHERE reason = %(reason)s
            AND NOT EXISTS (SELECT FROM pair WHERE first = first_id AND second = second_id)
        )
        SELECT count(*) FROM pair
    """  # noqa: S608  # constants
    values: dict[str, Any] = {
        "firsts": [first for first, _ in others],
        "seconds": [second for _, second in others],
        "reason": reason.value,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return int(cursor.fetchone()[0])


def _pairs_by_international_domain() -> Iterator[tuple[int, int]]:
    """Yield the people whose addresses are one when the domain is written in its ASCII form, which SQL cannot do."""
    people: dict[tuple[str, str], set[int]] = defaultdict(set)
    rows = Lead.objects.filter(
        Q(email__regex=r"[^\x01-\x7f]") | Q(email__icontains="@xn--") | Q(email__icontains=".xn--")
    )
    for pk, standing, email in rows.values_list("pk", "merged_into_id", "email"):
        local_part, _, domain = (email or "").lower().rpartition("@")
        try:
            spelled = idna.encode(domain.rstrip("."), uts46=True).decode()
        except idna.IDNAError:
            continue
        people[local_part.partition("+")[0].replace(".", ""), spelled].add(standing or pk)
    for same in people.values():
        yield from combinations(sorted(same)[: _KEYS[DuplicateReason.ADDRESS][2]], 2)
