"""The page of leads that may be one person, which marketing ops merge or keep apart (rules 13.53)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.db.models import Count, Max, Min
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config import lock_waits
from config.accounts.roles import roles_required
from config.accounts.vocabulary import Role
from config.web import Request, show_refused_step, typed_number
from leads.exceptions import Refused
from leads.identity import duplicates, merges, replaced_persons
from leads.imports import refused_addresses
from leads.models import DuplicateCandidate, Event, Lead, NotDuplicate
from leads.vocabulary import READERS_OF_LEADS, DuplicateReason
from sla.models import Handoff

PAGE: Final = 10
LATEST: Final = 10
_COLUMNS: Final = (
    ("E-mail", "email"), ("First name", "first_name"), ("Last name", "last_name"), ("Title", "title"),
    ("Phone", "phone"), ("Company", "company"), ("Country", "country_name"), ("Region", "region"), ("Source", "source"),
    ("Stage", "stage_label"), ("Budget", "budget"), ("Timeline", "timeline"), ("Use case", "use_case"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ComparedValue:
    """A line of the comparison of two leads."""

    label: str
    first: str
    second: str

    @property
    def is_different(self) -> bool:
        return self.first.casefold() != self.second.casefold()


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """Two leads side by side; `reason` is empty for a pair that a person chose."""

    first: Lead
    second: Lead
    reason: str
    strength: str
    values: Sequence[ComparedValue]


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_GET
def duplicate_list(request: Request) -> HttpResponse:
    """Show the pairs that wait for a decision, the strongest first, with what was decided lately."""
    reason = request.GET.get("reason", "")
    after = typed_number(request.GET.get("after", ""))
    rows = list(duplicates.rank_candidates(reason=reason, after=after)[: PAGE + 1])
    shown = rows[:PAGE]
    pairs = [(row.first, row.second, row.get_reason_display(), row.strength) for row in shown]
    context = {
        "pairs": _compare_pairs(pairs),
        "more": shown[-1].pk if len(rows) > PAGE else None,
        "reason": reason,
        "reasons": DuplicateReason.choices,
        "merges": merges.list_latest_merges(LATEST),
        "replaced": replaced_persons.replaced_persons()[:LATEST],
        "refused": refused_addresses.count_refused_addresses(),
        "apart": duplicates.list_kept_apart()[:LATEST],
        "now": timezone.now(),
    }
    return render(request, "sla/duplicates/duplicates.html", context)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_GET
def compare(request: Request) -> HttpResponse:
    """Show any two leads side by side, or the candidates of one."""
    first = get_object_or_404(Lead.objects.select_related("company"), pk=typed_number(request.GET.get("lead", "")))
    other = typed_number(request.GET.get("other", ""))
    if other is None:
        pairs = _join_reasons(duplicates.list_candidates_of(first))[:PAGE]
    else:
        pairs = [(first, get_object_or_404(Lead.objects.select_related("company"), pk=other), "", "")]
    context = {"lead": first, "pairs": _compare_pairs(pairs), "now": timezone.now()}
    return render(request, "sla/duplicates/compare.html", context)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def merge(request: Request) -> HttpResponse:
    """Merge the lead that was not chosen into the one that was."""
    chosen = typed_number(request.POST.get("into", ""))
    pair = [typed_number(request.POST.get(name, "")) for name in ("first", "second")]
    if chosen is None or chosen not in pair or None in pair:
        messages.warning(request, "Nothing was merged. Choose the lead that stays.")
        return _back(request)
    (lead_id,) = [number for number in pair if number not in (None, chosen)] or [chosen]
    try:
        with lock_waits.limit_lock_waits():
            row = merges.merge(
                lead_id=lead_id or 0,
                into_id=chosen,
                by=request.user,
                now=timezone.now(),
                why=request.POST.get("why", ""),
            )
    except Refused as refusal:
        if earlier := merges.find_merge((lead_id or 0, chosen)):
            by, at = earlier.by or "Another system", f"{earlier.at:%-d %B %Y at %H:%M} UTC"
            sentence = f"{by} merged {earlier.alias} into {earlier.into} on {at}."
            return show_refused_step(sentence, link=reverse("lead", args=[earlier.into_id]))
        messages.warning(request, f"Nothing was merged. The {refusal.field} {refusal.rule}")
        return _back(request)
    messages.success(request, f"{row.alias} is one person with {row.into} now. Below you can part them again.")
    return redirect("lead", chosen)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def part(request: Request, pk: int) -> HttpResponse:
    """End the merge of a lead."""
    try:
        with lock_waits.limit_lock_waits():
            row = merges.unmerge(lead_id=pk, by=request.user, now=timezone.now())
    except Refused as refusal:
        if ended := merges.find_ended_merge(pk):
            sentence = f"{ended.ended_by or 'Another system'} parted them on {ended.ended_at:%-d %B %Y at %H:%M} UTC."
            return show_refused_step(sentence, link=reverse("lead", args=[pk]))
        messages.warning(request, f"Nothing was parted. The {refusal.field} {refusal.rule}")
        return _back(request)
    messages.success(request, f"{row.alias} and {row.into} are two people again.")
    return redirect("lead", pk)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def keep_apart(request: Request) -> HttpResponse:
    """Record that two leads are two people."""
    pair = [typed_number(request.POST.get(name, "")) or 0 for name in ("first", "second")]
    try:
        row = duplicates.keep_apart(lead_id=pair[0], other_id=pair[1], by=request.user, now=timezone.now())
    except Refused as refusal:
        messages.warning(request, f"Nothing was recorded. The {refusal.field} {refusal.rule}")
        return _back(request)
    messages.success(request, f"{row.first} and {row.second} are two people, and are not shown again.")
    return _back(request)


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def take_back(request: Request, pk: int) -> HttpResponse:
    """End the statement that two leads are two people."""
    get_object_or_404(NotDuplicate, pk=pk)
    if duplicates.take_back(statement_id=pk, by=request.user, now=timezone.now()):
        messages.success(request, "They may be one person again.")
    else:
        messages.warning(request, "That was taken back already.")
    return _back(request)


def _back(request: Request) -> HttpResponse:
    reason = request.POST.get("reason", "")
    query = f"?reason={reason}" if reason in DuplicateReason.values else ""
    return redirect(f"{reverse('duplicates')}{query}")


def _join_reasons(rows: Iterable[DuplicateCandidate]) -> list[tuple[Lead, Lead, str, str]]:
    """Return each pair once, with all its reasons, the strongest first, and the strength of that one."""
    pairs: dict[tuple[int, int], list[DuplicateCandidate]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: DuplicateReason.values.index(row.reason)):
        pairs[row.first_id, row.second_id].append(row)
    return [
        (strongest.first, strongest.second, ", ".join(row.get_reason_display() for row in same), strongest.strength)
        for same in pairs.values()
        for strongest in same[:1]
    ]


def _compare_pairs(pairs: Iterable[tuple[Lead, Lead, str, str]]) -> list[ComparedPair]:
    """Put the leads of each pair side by side, with a fixed number of queries."""
    pairs = list(pairs)
    ids = {lead.pk for first, second, *_ in pairs for lead in (first, second)}
    activity, work = _read_activity(ids), _read_open_handoffs(ids)
    keys = _read_keys(ids)
    return [
        ComparedPair(first, second, reason, strength, _compare(first, second, activity, work, keys))
        for first, second, reason, strength in pairs
    ]


def _compare(
    first: Lead,
    second: Lead,
    activity: Mapping[int, tuple[str, str, str]],
    work: Mapping[int, str],
    keys: Mapping[int, str],
) -> list[ComparedValue]:
    """Return the lines of the comparison; lines that are empty on both sides are left out."""
    sides = [
        [
            *((label, _read_value(lead, name)) for label, name in _COLUMNS),
            *((name, str(value)) for name, value in sorted(lead.custom.items())),
            ("Ids and addresses", keys.get(lead.pk, lead.external_id or "")),
            ("Do not contact", "yes" if lead.do_not_contact else ""),
            *zip(("Events", "First event", "Last event"), activity.get(lead.pk, ("0", "", "")), strict=True),
            ("Open handoff", work.get(lead.pk, "")),
        ]
        for lead in (first, second)
    ]
    left, right = map(dict, sides)
    lines = (ComparedValue(label, left.get(label, ""), right.get(label, "")) for label in {**left, **right})
    return [line for line in lines if line.first or line.second]


def _read_value(lead: Lead, name: str) -> str:
    value = getattr(lead, name)
    return str((value() if callable(value) else value) or "")


def _read_activity(ids: Collection[int]) -> Mapping[int, tuple[str, str, str]]:
    """Return the number of events of each lead, and the days of the first and the last one."""
    rows = Event.objects.filter(lead__in=ids).order_by().values_list("lead")
    counted = rows.annotate(Count("pk"), Min("occurred_at"), Max("occurred_at"))
    return {
        lead: (f"{count:,}", f"{timezone.localtime(first_at):%-d %B %Y}", f"{timezone.localtime(last_at):%-d %B %Y}")
        for lead, count, first_at, last_at in counted
    }


def _read_open_handoffs(ids: Collection[int]) -> Mapping[int, str]:
    handoffs = Handoff.objects.open().filter(lead__in=ids).select_related("rep__user").order_by("pk")
    return {
        handoff.lead_id: f"{handoff.get_state_display()}, {handoff.rep_label or 'nobody yet'}" for handoff in handoffs
    }


def _read_keys(ids: Collection[int]) -> Mapping[int, str]:
    keys: dict[int, list[str]] = defaultdict(list)
    for lead in Lead.objects.filter(pk__in=ids).prefetch_related("keys"):
        keys[lead.pk] += [str(key) for key in lead.keys.all()] or ([lead.external_id] if lead.external_id else [])
    return {pk: ", ".join(values) for pk, values in keys.items()}
