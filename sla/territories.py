"""Which team a lead belongs to: the routing rules, in order, each with why it did or did not match. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from leads.models import Company, Lead
from sla.models import Handoff, RoutingRule

TRACE_TEXT_AT_MOST: Final = 60


@dataclass(frozen=True, slots=True)
class Match:
    """The rule that names the team, or None, and a line for each rule that was tried."""

    rule: RoutingRule | None
    trace: list[dict[str, Any]]


def rules() -> list[RoutingRule]:
    active = RoutingRule.objects.filter(is_active=True).select_related("team__calendar")
    return list(active.order_by("position", "pk"))


def match(rules: Sequence[RoutingRule], handoff: Handoff) -> Match:
    """The first rule whose conditions all hold (SPEC 6)."""
    trace: list[dict[str, Any]] = []
    for rule in rules:
        misses = [miss for check in CHECKS if (miss := check(rule, handoff))]
        trace.append({"rule": rule.position, "name": rule.name, "matched": not misses, "why": "; ".join(misses)})
        if not misses:
            return Match(rule, trace)
    return Match(None, trace)


def _country(rule: RoutingRule, handoff: Handoff) -> str:
    country = handoff.lead.country or _company(handoff.lead).country
    return _miss("country", country, rule.countries)


def _source(rule: RoutingRule, handoff: Handoff) -> str:
    return _miss("source", handoff.lead.source, rule.sources)


def _tier(rule: RoutingRule, handoff: Handoff) -> str:
    return "" if not rule.tiers or handoff.tier in rule.tiers else f"tier {handoff.tier}"


def _motion(rule: RoutingRule, handoff: Handoff) -> str:
    return "" if rule.motion in ("", handoff.motion) else f"motion {handoff.motion}"


def _size(rule: RoutingRule, handoff: Handoff) -> str:
    least, known = rule.employees_at_least, _company(handoff.lead).employees_low
    if least is None or (known is not None and known >= least):
        return ""
    return "company size unknown" if known is None else f"company size {known}"


def _domain(rule: RoutingRule, handoff: Handoff) -> str:
    domains = [(handoff.lead.email or "").rpartition("@")[2], _company(handoff.lead).domain or ""]
    named = [_folded(domain) for domain in rule.domains if domain.strip()]
    if not named or any(_is_within(_folded(domain), name) for domain in domains for name in named):
        return ""
    return "not a named account"


CHECKS: Final[tuple[Callable[[RoutingRule, Handoff], str], ...]] = (_motion, _tier, _country, _source, _size, _domain)


def _miss(what: str, value: str, wanted: Sequence[str]) -> str:
    if not wanted or _folded(value) in {_folded(choice) for choice in wanted}:
        return ""
    return f"{what} {value[:TRACE_TEXT_AT_MOST]}" if value.strip() else f"{what} unknown"


def _is_within(domain: str, named: str) -> bool:
    return domain == named or domain.endswith(f".{named}")


def _folded(text: str) -> str:
    return text.strip().casefold()


def _company(lead: Lead) -> Company:
    return lead.company or Company()
