"""Template tags with which pages of other apps show judgements: a lead's scores, a version's entrants, backtests and
charts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from django import template

from config.accounts.roles import holds
from definitions import backtest_requests, signals_and_lists, version_documents
from definitions.models import Backtest, Proposal, Suppression, Version
from definitions.plain_english import generated_statement
from definitions.suppressions import subject_matching
from definitions.vocabulary import PrecisionBasis, VersionState
from leads.models import Lead
from leads.vocabulary import READERS_OF_LEADS
from scoring import active_versions
from scoring.backtests import result_charts, result_view
from scoring.comparisons import account_comparison, version_comparison
from scoring.comparisons.version_comparison import ComparisonOutcome
from scoring.explain import frozen_evidence, lead_explanation
from scoring.live import qualify
from scoring.mals import recency_list
from scoring.models import BlindRule

register = template.Library()

_NAMES_SHOWN: Final = 8


@register.inclusion_tag("scoring/explain/_scores.html")
def scores_of(lead: Lead, now: dt.datetime) -> dict[str, Any]:
    """Return a lead's scores, judged at `now` instead of read from the stored score, because decay goes on between facts."""
    explanations = lead_explanation.explain_lead(lead, at=now)
    suppression = subject_matching.find_for_lead(lead, at=now)
    return {
        "suppression": suppression,
        "validation": recency_list.find_open(lead),
        "suppression_text": _write_suppression(suppression, [version for version, row in explanations if row.meets]),
        "scores": [
            {
                "version": version,
                "note": f"meets it now: tier {explanation.tier}" if explanation.meets else "does not meet it now",
                "why": explanation.why,
                "evidence": frozen_evidence.read_evidence(explanation.as_dict()),
                "waits": explanation.meets and bool(qualify.marked_entrants(version, [lead.pk], now=now)),
            }
            for version, explanation in explanations
        ],
    }


def _write_suppression(suppression: Suppression | None, met: Sequence[Version]) -> str:
    """Return the exclusion beside the verdict as a sentence: the verdict stands, and the lead is suppressed."""
    if suppression is None:
        return ""
    return f"Meets {', '.join(map(str, met))}, {suppression.clause}." if met else suppression.sentence


@register.simple_tag(takes_context=True)
def open_blind_rules(context: template.Context, version: Version) -> int:
    """Return the number of open alarms of blind rules of an active version, 0 for people who may not read leads."""
    if not version.is_active or not holds(context["request"].user, *READERS_OF_LEADS):
        return 0
    return BlindRule.objects.open().filter(version=version).count()


@register.simple_tag(takes_context=True)
def coming_of(context: template.Context, version: Version, now: dt.datetime) -> dict[str, Any]:
    """Return who would enter, leave and stay if the version came into force now.

    The first names are included for people who may read leads.
    """
    may_read = holds(context["request"].user, *READERS_OF_LEADS)
    if version.account is not None:
        return _read_coming_companies(version, now, may_read=may_read)
    comparison = version_comparison.compare_with_active(version, now=now)
    rows = {
        kind: list(comparison.rows(kind, limit=_NAMES_SHOWN)) if may_read else []
        for kind in (ComparisonOutcome.SECOND, ComparisonOutcome.FIRST)
    }
    counts = comparison.counts
    return {
        "version": version,
        "comparison": comparison,
        "entering": counts[ComparisonOutcome.SECOND],
        "leaving": counts[ComparisonOutcome.FIRST],
        "staying": counts[ComparisonOutcome.BOTH],
        "entrants": rows[ComparisonOutcome.SECOND],
        "leavers": rows[ComparisonOutcome.FIRST],
        "may_read": may_read,
        "note": "if it came into force now",
    }


def _read_coming_companies(version: Version, now: dt.datetime, *, may_read: bool) -> dict[str, Any]:
    comparison = account_comparison.compare_accounts_with_active(version, now=now)
    entrants, leavers = (
        account_comparison.read_companies(ids, limit=_NAMES_SHOWN) if may_read else []
        for ids in (comparison.entering, comparison.leaving)
    )
    return {
        "version": version,
        "is_of_companies": True,
        "comparison": comparison,
        "entering": len(comparison.entering),
        "leaving": len(comparison.leaving),
        "staying": len(comparison.staying),
        "entrants": entrants,
        "leavers": leavers,
        "note": "if it came into force now",
    }


@register.inclusion_tag("scoring/comparisons/_version_links.html", takes_context=True)
def record_of(context: template.Context, version: Version, now: dt.datetime) -> dict[str, Any]:
    """Return a version's record: how many leads wait since it came into force, and the version to compare it with."""
    others = Version.objects.filter(definition=version.definition_id).exclude(pk=version.pk).exclude(activated_at=None)
    return {
        "version": version,
        "waiting": version_comparison.count_marked_entrants(version, now=now)
        if version.state == VersionState.ACTIVE
        else 0,
        # Compared with the version in force or, if this is it, with the one before it.
        "other": others.order_by("-activated_at", "-pk").first(),
        "may_read": holds(context["request"].user, *READERS_OF_LEADS),
    }


@register.simple_tag
def period_of(backtest: Backtest) -> str:
    """Return the period of a backtest as text."""
    return result_view.period_label(backtest.start, backtest.end)


@register.inclusion_tag("scoring/backtests/_card.html", takes_context=True)
def backtest_of(context: template.Context, version: Version) -> dict[str, Any]:
    """Return coverage and precision of the version's present document, or else the pending or the outdated backtest."""
    current = backtest_requests.find_current_backtest(version)
    latest = version.backtests.select_related("version").order_by("-pk").first()
    return {
        "version": version,
        "current": current,
        "numbers": result_view.backtest_numbers(current, _precision_basis(version)) if current else [],
        "pending": latest if latest and latest.is_pending else None,
        "outdated": version.backtests.successful().order_by("-pk").first() if not current else None,
        "may_read": holds(context["request"].user, *READERS_OF_LEADS),
    }


def _precision_basis(version: Version) -> PrecisionBasis:
    """Return what precision counts by the version's proposal; wins before any."""
    chosen = Proposal.objects.filter(version=version).values_list("precision_basis", flat=True).first()
    return PrecisionBasis(chosen or PrecisionBasis.WON)


@register.inclusion_tag("scoring/backtests/_version_charts.html", takes_context=True)
def charts_of(context: template.Context, version: Version) -> dict[str, Any]:
    """Return the charts of a version: how its points decay, and volume, scores and grid of its last backtest. Sums only,
    no leads.
    """
    document: dict[str, Any] = version_documents.export_document(version)
    tested = backtest_requests.find_current_backtest(version)
    compiled = active_versions.rules_of(version)
    return {
        "version": version,
        "fading": result_charts.decay_chart(
            compiled.decay, compiled.signals, signals_and_lists.read_display_names().signals
        ),
        "inactivity": compiled.inactivity,
        "decay": generated_statement.describe_decay(document),
        "backtest": tested,
        "charts": result_charts.build_charts(tested.result or {}) if tested else None,
        "may_read": holds(context["request"].user, *READERS_OF_LEADS),
    }
