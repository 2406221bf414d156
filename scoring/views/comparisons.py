from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.accounts.roles import roles_required
from config.downloads import csv_download
from config.web import Request, typed_number
from definitions.models import Version
from leads.vocabulary import READERS_OF_LEADS
from scoring.comparisons import replays, version_comparison
from scoring.comparisons.replay_differences import ReplayDifference
from scoring.comparisons.version_comparison import ComparedLead, ComparisonOutcome, LeadStanding, VersionComparison

PAGE: Final = 100
COLUMNS: Final = ("lead", "name", "email", "company", "meets")
STANDING: Final = ("meets", "tier", "fit", "engagement", "bant")
DIFFERENCES: Final = ("lead", "cycle", "difference", "expected at", "made at", "recorded at", "reason")


@roles_required(*READERS_OF_LEADS)
@require_GET
def comparison(request: Request, pk: int, other: int) -> HttpResponse:
    """Both versions on all leads as of now; the leads of one kind at a time, in keyset pages."""
    found = version_comparison.compare(_version(pk), _version(other), now=timezone.now())
    kind = _kind(request, found)
    rows = list(found.rows(kind, after=typed_number(request.GET.get("after", "")) or 0, limit=PAGE + 1))
    context = {
        "comparison": found,
        "kind": kind,
        "kinds": [(each, _label(each, found), found.counts[each]) for each in ComparisonOutcome],
        "tiers": [(tier, found.tiers[0][tier], found.tiers[1][tier]) for tier in (1, 2, 3)],
        "rows": rows[:PAGE],
        "more": rows[PAGE - 1].lead.pk if len(rows) > PAGE else None,
    }
    return render(request, "scoring/comparison.html", context)


@roles_required(*READERS_OF_LEADS)
@require_GET
def comparison_csv(request: Request, pk: int, other: int) -> HttpResponseBase:  # noqa: ARG001
    """Every lead, whatever it meets."""
    first, second = _version(pk), _version(other)
    found = version_comparison.compare(first, second, now=timezone.now())
    header = [*COLUMNS, *(f"{side.number} {name}" for side in (first, second) for name in STANDING), "why"]
    return csv_download(f"{first.definition.slug}-{first.number}-{second.number}", header, _cells(found))


@roles_required(*READERS_OF_LEADS)
@require_GET
def replay(request: Request, pk: int) -> HttpResponseBase:
    """What the judge says of a version's past, held against the MQLs that were made."""
    version, now = _version(pk), timezone.now()
    try:
        found = replays.replay(version, now=now)
    except replays.NeverInForce as refusal:
        return render(request, "scoring/replay.html", {"version": version, "refusal": refusal})
    if request.GET.get("format") == "csv":
        return csv_download(
            f"{version.definition.slug}-{version.number}-replay", DIFFERENCES, map(_difference, found.differences)
        )
    context = {"version": version, "replay": found, "rows": replays.named(found.differences[:PAGE]), "now": now}
    return render(request, "scoring/replay.html", context)


def _version(pk: int) -> Version:
    return get_object_or_404(Version.objects.select_related("definition"), pk=pk)


def _kind(request: Request, found: VersionComparison) -> ComparisonOutcome:
    """The one asked for; else who enters, or the first that there is anybody of."""
    asked = request.GET.get("kind", "")
    if asked in {str(kind) for kind in ComparisonOutcome}:
        return ComparisonOutcome(asked)
    return next(
        (
            kind
            for kind in (ComparisonOutcome.SECOND, ComparisonOutcome.FIRST, ComparisonOutcome.BOTH)
            if found.counts[kind]
        ),
        ComparisonOutcome.SECOND,
    )


def _label(kind: ComparisonOutcome, found: VersionComparison) -> str:
    first = "" if found.first is None else found.first.number
    return {
        ComparisonOutcome.BOTH: "Meet both",
        ComparisonOutcome.FIRST: f"Meet only {first}",
        ComparisonOutcome.SECOND: f"Meet only {found.second.number}",
        ComparisonOutcome.NEITHER: "Meet neither",
    }[kind]


def _cells(found: VersionComparison) -> Iterator[tuple[object, ...]]:
    for row in found.rows(*ComparisonOutcome):
        lead = row.lead
        yield (lead.pk, lead.name, lead.email, str(lead.company or ""), str(row.kind), *_standings(row), row.why)


def _standings(row: ComparedLead) -> Iterator[object]:
    for standing in (row.first, row.second):
        yield from _figures(standing)


def _figures(standing: LeadStanding | None) -> tuple[object, ...]:
    if standing is None:
        return ("",) * len(STANDING)
    return (
        "yes" if standing.meets else "no",
        standing.tier,
        standing.fit,
        standing.engagement,
        standing.bant,
    )


def _difference(each: ReplayDifference) -> tuple[object, ...]:
    instants = (at and at.isoformat() for at in (each.expected_at, each.made_at, each.recorded_at))
    return (each.lead_id, each.cycle, each.kind, *instants, each.reason)
