"""What pages of other floors show of the judgement: how a lead stands under each version in force."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django import template

from config.accounts.roles import holds
from definitions import backtest_requests, signals_and_lists, version_documents
from definitions.models import Backtest, Version
from definitions.plain_english import generated_statement
from definitions.vocabulary import VersionState
from leads.models import Lead
from leads.vocabulary import READERS_OF_LEADS
from scoring import rule_compiler
from scoring.backtests import result_charts, result_view
from scoring.comparisons import version_comparison
from scoring.comparisons.version_comparison import ComparisonOutcome
from scoring.explain import frozen_evidence, lead_explanation
from scoring.live import qualify

register = template.Library()

_NAMES_SHOWN: Final = 8


@register.inclusion_tag("scoring/_scores.html")
def scores_of(lead: Lead, now: dt.datetime) -> dict[str, Any]:
    """Judged at `now`, not read from the kept score: decay goes on between two facts."""
    told = lead_explanation.of_lead(lead, at=now)
    return {
        "scores": [
            {
                "version": version,
                "note": f"meets it now: tier {each.tier}" if each.meets else "does not meet it now",
                "why": each.why,
                "evidence": frozen_evidence.read(each.as_dict()),
                "waits": each.meets and bool(qualify.marked(version, [lead.pk], now=now)),
            }
            for version, each in told
        ]
    }


@register.simple_tag(takes_context=True)
def coming_of(context: template.Context, version: Version, now: dt.datetime) -> dict[str, Any]:
    """Who would enter, leave and stay if the version came into force now; the first names for those who may read leads."""
    found = version_comparison.coming(version, now=now)
    may_read = holds(context["request"].user, *READERS_OF_LEADS)
    shown = {
        kind: list(found.rows(kind, limit=_NAMES_SHOWN)) if may_read else []
        for kind in (ComparisonOutcome.SECOND, ComparisonOutcome.FIRST)
    }
    counts = found.counts
    return {
        "version": version,
        "comparison": found,
        "entering": counts[ComparisonOutcome.SECOND],
        "leaving": counts[ComparisonOutcome.FIRST],
        "staying": counts[ComparisonOutcome.BOTH],
        "entrants": shown[ComparisonOutcome.SECOND],
        "leavers": shown[ComparisonOutcome.FIRST],
        "may_read": may_read,
        "note": "if it came into force now",
    }


@register.inclusion_tag("scoring/_record.html", takes_context=True)
def record_of(context: template.Context, version: Version, now: dt.datetime) -> dict[str, Any]:
    """What a version does on the leads: who waits since it came into force; the way to its comparison and its replay."""
    others = Version.objects.filter(definition=version.definition_id).exclude(pk=version.pk).exclude(activated_at=None)
    return {
        "version": version,
        "waiting": version_comparison.marked(version, now=now) if version.state == VersionState.ACTIVE else 0,
        # The one in force; seen from there, the one before it.
        "other": others.order_by("-activated_at", "-pk").first(),
        "may_read": holds(context["request"].user, *READERS_OF_LEADS),
    }


@register.simple_tag
def period_of(backtest: Backtest) -> str:
    return result_view.period(backtest.start, backtest.end)


@register.inclusion_tag("scoring/_backtest_card.html", takes_context=True)
def backtest_of(context: template.Context, version: Version) -> dict[str, Any]:
    """The two numbers of exactly what the version says now; else what there is, and how to come by them."""
    current = backtest_requests.current(version)
    latest = version.backtests.select_related("version").order_by("-pk").first()
    return {
        "version": version,
        "current": current,
        "numbers": result_view.numbers_of(current) if current else [],
        "pending": latest if latest and latest.is_pending else None,
        "outdated": version.backtests.successful().order_by("-pk").first() if not current else None,
        "may_read": holds(context["request"].user, *READERS_OF_LEADS),
    }


@register.inclusion_tag("scoring/_version_charts.html", takes_context=True)
def charts_of(context: template.Context, version: Version) -> dict[str, Any]:
    """What time takes from the version's points; volume, scores and fit by engagement of its last backtest. Sums only, no lead."""
    document: dict[str, Any] = version_documents.export(version)
    tested = (
        version.backtests.successful()
        .filter(digest=version_documents.digest(document))
        .order_by("-finished_at", "-pk")
        .first()
    )
    compiled = rule_compiler.compiled(document)
    return {
        "version": version,
        "fading": result_charts.fading(compiled.decay, compiled.signals, signals_and_lists.names().signals),
        "inactivity": compiled.inactivity,
        "decay": generated_statement.decay(document),
        "backtest": tested,
        "pictures": result_charts.build_charts(tested.result or {}) if tested else None,
        "may_read": holds(context["request"].user, *READERS_OF_LEADS),
    }
