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


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def comparison(request: Request, pk: int, other: int) -> HttpResponse:
    """Show both versions on all leads as of now; the leads of one outcome at a time, in keyset pages."""
    compared = version_comparison.compare_versions(_get_version(pk), _get_version(other), now=timezone.now())
    kind = _chosen_kind(request, compared)
    rows = list(compared.rows(kind, after=typed_number(request.GET.get("after", "")) or 0, limit=PAGE + 1))
    context = {
        "comparison": compared,
        "kind": kind,
        "kinds": [(outcome, _kind_label(outcome, compared), compared.counts[outcome]) for outcome in ComparisonOutcome],
        "tiers": [(tier, compared.tiers[0][tier], compared.tiers[1][tier]) for tier in (1, 2, 3)],
        "rows": rows[:PAGE],
        "more": rows[PAGE - 1].lead.pk if len(rows) > PAGE else None,
    }
    return render(request, "scoring/comparisons/comparison.html", context)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def comparison_csv(request: Request, pk: int, other: int) -> HttpResponseBase:  # noqa: ARG001 (views take the request)
    """Download every lead with its standing under both versions."""
    first, second = _get_version(pk), _get_version(other)
    compared = version_comparison.compare_versions(first, second, now=timezone.now())
    header = [*COLUMNS, *(f"{side.number} {name}" for side in (first, second) for name in STANDING), "why"]
    return csv_download(f"{first.definition.slug}-{first.number}-{second.number}", header, _comparison_cells(compared))


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def replay(request: Request, pk: int) -> HttpResponseBase:
    """Show the replay of a version's past beside the MQLs that were made, as a page or as CSV."""
    version, now = _get_version(pk), timezone.now()
    try:
        replayed = replays.replay_version(version, now=now)
    except replays.NeverInForce as refusal:
        return render(request, "scoring/comparisons/replay.html", {"version": version, "refusal": refusal})
    if request.GET.get("format") == "csv":
        return csv_download(
            f"{version.definition.slug}-{version.number}-replay",
            DIFFERENCES,
            map(_difference_cells, replayed.rows),
        )
    context = {
        "version": version,
        "replay": replayed,
        "rows": replays.with_leads(replayed.differences[:PAGE]),
        "losses": replays.with_leads(replayed.losses[:PAGE]),
        "now": now,
    }
    return render(request, "scoring/comparisons/replay.html", context)


def _get_version(pk: int) -> Version:
    return get_object_or_404(Version.objects.select_related("definition"), pk=pk)


def _chosen_kind(request: Request, compared: VersionComparison) -> ComparisonOutcome:
    """Return the outcome asked for; else those who enter, or the first outcome that has any leads."""
    typed = request.GET.get("kind", "")
    if typed in {str(kind) for kind in ComparisonOutcome}:
        return ComparisonOutcome(typed)
    return next(
        (
            kind
            for kind in (ComparisonOutcome.SECOND, ComparisonOutcome.FIRST, ComparisonOutcome.BOTH)
            if compared.counts[kind]
        ),
        ComparisonOutcome.SECOND,
    )


def _kind_label(kind: ComparisonOutcome, compared: VersionComparison) -> str:
    first = "" if compared.first is None else compared.first.number
    return {
        ComparisonOutcome.BOTH: "Meet both",
        ComparisonOutcome.FIRST: f"Meet only {first}",
        ComparisonOutcome.SECOND: f"Meet only {compared.second.number}",
        ComparisonOutcome.NEITHER: "Meet neither",
    }[kind]


def _comparison_cells(compared: VersionComparison) -> Iterator[tuple[object, ...]]:
    for row in compared.rows(*ComparisonOutcome):
        lead = row.lead
        yield (lead.pk, lead.name, lead.email, str(lead.company or ""), str(row.kind), *_standing_cells(row), row.why)


def _standing_cells(row: ComparedLead) -> Iterator[object]:
    for standing in (row.first, row.second):
        yield from _figure_cells(standing)


def _figure_cells(standing: LeadStanding | None) -> tuple[object, ...]:
    if standing is None:
        return ("",) * len(STANDING)
    return (
        "yes" if standing.meets else "no",
        standing.tier,
        standing.fit,
        standing.engagement,
        standing.bant,
    )


def _difference_cells(difference: ReplayDifference) -> tuple[object, ...]:
    instants = (at and at.isoformat() for at in (difference.expected_at, difference.made_at, difference.recorded_at))
    return (difference.lead_id, difference.cycle, difference.kind, *instants, difference.reason)
