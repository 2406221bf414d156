"""The intake of outcomes from the CRM: opportunity, won, lost (rules 13.21 to 13.23).

The same content again is a duplicate. Other content of the same deal and kind corrects the row before it, unless rows
of another kind lie between the two: then the deal was reopened, and both count. An opportunity names its amount; a won or
lost deal may come without one, as its opportunity has said it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Final

from django.db.models import Q

from leads.exceptions import Refused
from leads.identity import lead_lookup, merges
from leads.identity.lead_lookup import LeadRef
from leads.intake import customer_status
from leads.intake.item_results import ItemResult
from leads.models import Lead, LeadStage, Outcome, StageChange
from leads.normalization import attributes, validation
from leads.normalization.locale_formats import UNSTATED, SenderFormats
from leads.normalization.placeholders import is_placeholder_value
from leads.rescoring import rescore_queue
from leads.retry_on_conflict import run_with_retries
from leads.stages import motion_stages, primary_motion, stage_changes
from leads.vocabulary import MOVES, PAUSABLE, Motion, OutcomeKind, Stage

_KEYS: Final = frozenset({"email", "lead", "system", "kind", "at", "id", "amount", "currency", "reason"})
#: The kinds that begin or end a customer.
_DECIDING: Final = (OutcomeKind.WON, OutcomeKind.LOST)
#: The stages in which sales works on a lead.
_WITH_SALES: Final = (Stage.SAL, Stage.SQL, Stage.OPPORTUNITY)
#: The order of outcomes of one deal that are dated to the same instant, as those of one day often are.
_PROGRESS: Final = (OutcomeKind.OPPORTUNITY, OutcomeKind.WON, OutcomeKind.LOST)


@dataclass(frozen=True, slots=True)
class _Item:
    lead: LeadRef
    kind: OutcomeKind
    at: dt.datetime
    external_id: str | None
    amount: Decimal | None
    currency: str
    reason: str


@dataclass(slots=True)
class _Deal:
    """The rows of one deal in memory, those of its corrections among them."""

    rows: list[Outcome] = field(default_factory=list)

    @property
    def lead(self) -> Lead | None:
        return self.rows[0].lead if self.rows else None

    @property
    def motion(self) -> Motion | None:
        return Motion(self.rows[0].motion) if self.rows else None

    def find_same(self, item: _Item) -> Outcome | None:
        """Return a row with this content, be it corrected by now: what was sent once is never news again."""
        content = (item.kind, item.at, item.amount, item.currency, item.reason)
        return next(
            (row for row in self.rows if (row.kind, row.at, row.amount, row.currency, row.reason) == content), None
        )

    def find_corrected(self, row: Outcome) -> Outcome | None:
        """Return the effective row that the new row takes the place of, if there is one."""
        run = next(run for run in self._runs() if row in run)
        return next((other for other in self._effective(run) if other is not row), None)

    def find_uncounted(self) -> list[Outcome]:
        """Return the last row of each happening of which no row is effective.

        A row that comes late and lies between a row and its correction shows that both happened.
        """
        return [max(run, key=_stored_last) for run in self._runs() if not self._effective(run)]

    def latest(self) -> Outcome:
        """Return the effective row that says how the deal stands."""
        return max(self._effective(self.rows), key=_deal_order)

    def _runs(self) -> list[list[Outcome]]:
        """Return the happenings: rows of one kind that follow each other in time without a row of another kind."""
        return [list(run) for _, run in groupby(sorted(self.rows, key=_deal_order), key=lambda row: row.kind)]

    def _effective(self, rows: Iterable[Outcome]) -> list[Outcome]:
        corrected = {row.corrects_id for row in self.rows}
        return [row for row in rows if row.pk is None or row.pk not in corrected]


def _deal_order(row: Outcome) -> tuple[dt.datetime, int, float]:
    return row.at, _PROGRESS.index(OutcomeKind(row.kind)), _stored_last(row)


def _stored_last(row: Outcome) -> float:
    """Sort rows as they were stored, one that is not stored yet behind all others."""
    return float("inf") if row.pk is None else row.pk


def record(
    *,
    items: Sequence[object],
    source: str,
    now: dt.datetime,
    formats: SenderFormats = UNSTATED,
    motion: Motion | None = None,
) -> list[ItemResult]:
    """Store outcomes `{"email" or "lead", "kind", "at", "id", "amount", "currency", "reason"}`. Return one result each.

    `source` is the namespace of the ids; texts are read in the sender's `formats`. An outcome moves its lead, in one
    motion, to the stage in which the deal stands then, if the table of moves allows it and no later change of stage
    exists there. `motion` is the motion of new deals where the caller knows it; else it is chosen (rules 2.16). A won
    deal makes the lead's company a customer.
    """
    parsed = [_read_or_refusal(item, source, now, formats) for item in items]
    return run_with_retries(lambda: _store_outcomes(parsed, source, now, motion))


def _read_or_refusal(item: object, source: str, now: dt.datetime, formats: SenderFormats) -> _Item | ItemResult:
    try:
        return _read_outcome(item, source, now, formats)
    except Refused as refusal:
        return ItemResult("rejected", field=refusal.field, reason=refusal.rule)


def _read_outcome(item: object, source: str, now: dt.datetime, formats: SenderFormats) -> _Item:
    body = validation.mapping("outcome", item)
    if not body.keys() <= _KEYS:
        raise Refused(
            validation.shorten_name(min(body.keys() - _KEYS)),
            f"is not a key of an outcome ({', '.join(sorted(_KEYS))}).",
        )
    if body.get("kind") not in OutcomeKind.values:
        raise Refused("kind", f"must be one of: {', '.join(OutcomeKind.values)}.")
    if "at" not in body:
        raise Refused("at", "is required.")
    # A text that stands for no answer says nothing (rules 13.34).
    amount, currency, reason = (
        None if isinstance(value := body.get(name), str) and is_placeholder_value(name, value) else value
        for name in ("amount", "currency", "reason")
    )
    money = attributes.read_money("amount", amount, currency, formats)
    if money is None and body["kind"] == OutcomeKind.OPPORTUNITY:
        raise Refused("amount", "is required for an opportunity: what is it worth? An estimate will do.")
    return _Item(
        lead=lead_lookup.read_reference(body, source),
        kind=OutcomeKind(body["kind"]),
        at=validation.instant("at", body["at"], now=now, locale=formats.locale),
        external_id=None if body.get("id") is None else validation.identity("id", body["id"], may_be_zero=True),
        amount=money.amount if money else None,
        currency=money.currency if money else "",
        reason=validation.text("reason", reason or "", limit=200),
    )


def _store_outcomes(
    parsed: Sequence[_Item | ItemResult], source: str, now: dt.datetime, motion: Motion | None
) -> list[ItemResult]:
    """Store the outcomes of a batch.

    1. Find the leads of deals that are known, and add those of new ones.
    2. Lock the companies whose deals are won or lost, then the leads, each in id order.
    3. Read the deals under these locks: two senders of one deal take turns.
    4. Record the items one after the other: each sees those before it.
    5. Bring the status of customer of the companies into line. Their people are rescored later, in batches.
    """
    items = [entry for entry in parsed if isinstance(entry, _Item)]
    # 1.
    deals = _read_deals(items, source)
    references = _find_leads(_first_of_new_deals(items, deals), now)
    references |= lead_lookup.find_leads({item.lead for item in items} - references.keys())
    ids = {lead.pk for lead in references.values()} | {deal.lead.pk for deal in deals.values() if deal.lead}
    # 2.
    companies = customer_status.lock_companies(ids) if any(item.kind in _DECIDING for item in items) else {}
    leads = _lock_leads(ids)
    # 3.
    deals = _read_deals(items, source)
    results = []
    # 4.
    for entry in parsed:
        if isinstance(entry, _Item):
            deal = _deal_of(entry, deals)
            lead = leads.get(references[entry.lead].pk) if entry.lead in references else None
            if lead and deal.lead and _is_same_person(lead, deal.lead):
                lead = leads.get(deal.lead.pk)
            entry = _record_outcome(entry, deal, lead, source, now, motion)  # noqa: PLW2901  # item to result
        results.append(entry)
    # 5.
    if any(result.status == "accepted" for result in results):
        customer_status.update_customers(companies, now=now)
    return results


def _read_deals(items: Sequence[_Item], source: str) -> dict[str, _Deal]:
    deals: dict[str, _Deal] = {item.external_id: _Deal() for item in items if item.external_id is not None}
    rows = Outcome.objects.filter(source=source, external_id__in=deals).select_related("lead").order_by("pk")
    for row in rows:
        deals[row.external_id or ""].rows.append(row)
    return deals


def _deal_of(item: _Item, deals: Mapping[str, _Deal]) -> _Deal:
    """Return the deal of an item; one without an id of the sender's is a deal of its own."""
    return _Deal() if item.external_id is None else deals[item.external_id]


def _is_same_person(lead: Lead, other: Lead) -> bool:
    return (lead.merged_into_id or lead.pk) == (other.merged_into_id or other.pk)


def _first_of_new_deals(items: Sequence[_Item], deals: Mapping[str, _Deal]) -> list[_Item]:
    """Return the items whose leads are added if they are missing: a deal has one lead, the first that is named."""
    first = {item.external_id or position: item for position, item in reversed(list(enumerate(items)))}
    return [item for item in first.values() if not _deal_of(item, deals).rows]


def _find_leads(items: Sequence[_Item], now: dt.datetime) -> dict[LeadRef, lead_lookup.FoundLead]:
    """Return the leads of items by reference, and add missing ones."""
    first_seen: dict[LeadRef, dt.datetime] = {}
    for item in items:
        first_seen[item.lead] = min(item.at, first_seen.get(item.lead, now))
    return lead_lookup.find_or_add(first_seen, now=now)


def _lock_leads(ids: Collection[int]) -> dict[int, Lead]:
    """Lock these leads in id order, with those that stand for them, which are rescored."""
    standing = merges.list_standing_ids(ids)
    rows = Lead.objects.filter(pk__in={*ids, *standing}).order_by("pk")
    return {lead.pk: lead for lead in rows.select_for_update(of=("self",), no_key=True)}


def _record_outcome(
    item: _Item, deal: _Deal, lead: Lead | None, source: str, now: dt.datetime, motion: Motion | None
) -> ItemResult:
    if deal.lead and (lead is None or lead.pk != deal.lead.pk):
        return ItemResult(
            "rejected",
            field="id",
            reason="conflict: the outcomes with this id are of another lead, and a deal has one.",
        )
    if same := deal.find_same(item):
        return ItemResult("duplicate", id=same.pk)
    if lead is None:
        refusal = lead_lookup.unknown_lead(item.lead)
        return ItemResult("rejected", field=refusal.field, reason=refusal.rule)
    of_deal = deal.motion or motion or _choose_motion(lead, Stage(item.kind))
    outcome = _add_row(item, deal, lead, of_deal, source, now)
    _move_lead(lead, deal)
    rescore_queue.request(lead_ids=[lead.pk], at=now)
    return ItemResult("accepted", id=outcome.pk)


def _add_row(item: _Item, deal: _Deal, lead: Lead, motion: Motion, source: str, now: dt.datetime) -> Outcome:
    """Store the row of an item, and again those rows of the deal that it shows to be no corrections."""
    outcome = Outcome(
        lead=lead,
        motion=motion,
        kind=item.kind,
        at=item.at,
        amount=item.amount,
        currency=item.currency,
        reason=item.reason,
        recorded_at=now,
        source=source,
        external_id=item.external_id,
        is_first=item.external_id is not None and not deal.rows,
    )
    deal.rows.append(outcome)
    outcome.corrects = deal.find_corrected(outcome)
    outcome.save(force_insert=True)
    for row in deal.find_uncounted():
        again = Outcome(
            lead=row.lead,
            motion=row.motion,
            kind=row.kind,
            at=row.at,
            amount=row.amount,
            currency=row.currency,
            reason=row.reason,
            recorded_at=now,
            source=source,
            external_id=row.external_id,
        )
        again.save(force_insert=True)
        deal.rows.append(again)
    return outcome


def _move_lead(lead: Lead, deal: _Deal) -> None:
    """Move the lead to where its deal stands, unless something later is known of the lead in the deal's motion."""
    latest = deal.latest()
    to, motion = Stage(latest.kind), latest.motion
    # A pause, and the end of one, say nothing about the deal: Accord dates them when it noticed.
    of_pause = Q(to_stage=Stage.PAUSED) | Q(from_stage=Stage.PAUSED, to_stage__in=PAUSABLE, by__isnull=True)
    is_superseded = (
        StageChange.objects.filter(lead=lead, motion=motion, at__gt=latest.at).exclude(of_pause).exists()
        or Outcome.objects.effective().filter(lead=lead, motion=motion, at__gt=latest.at).exists()
    )
    if not is_superseded and to in MOVES[motion_stages.read_stage(lead, motion)]:
        stage_changes.move(lead=lead, motion=motion, to=to, by=None, now=latest.at, why="Outcome from the CRM")


def _choose_motion(lead: Lead, to: Stage) -> Motion:
    """Return the motion that the first outcome of a deal concerns (rules 2.16): `to` is the stage it leads to.

    1. The motion in which sales works on the lead, of several the one that moved last.
    2. One in which the lead stands where the outcome leads already: it repeats what sales has recorded.
    3. One whose handoff waits to be decided, of several the one that moved last.
    4. The one accepted last, among those that may still move there.
    5. The primary motion.
    """
    rows = {
        Motion(row.motion): row
        for row in LeadStage.objects.filter(lead=lead)
        if row.stage == to or to in MOVES[Stage(row.stage)]
    }
    for stages in (_WITH_SALES, (to,), (Stage.MQL,)):
        latest = max((row for row in rows.values() if row.stage in stages), key=attrgetter("since"), default=None)
        if latest is not None:
            return Motion(latest.motion)
    accepted = StageChange.objects.filter(lead=lead, to_stage=Stage.SAL, motion__in=rows).order_by("-at", "-pk").first()
    return primary_motion.read_primary_motion() if accepted is None else Motion(accepted.motion)
