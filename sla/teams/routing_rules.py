"""The routing rules, matched in order against a handoff; each line of the trace says why a rule did not match. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from leads.models import Company, Lead
from leads.normalization.countries import country_key, country_name
from leads.normalization.text_folding import fold_text
from sla.models import Handoff, RoutingRule

TRACE_TEXT_AT_MOST: Final = 60
NO_MATCH: Final = "No routing rule matches."
#: The conditions that list the values a lead may have.
CHOICES: Final = ("tiers", "countries", "regions", "industries", "sources")


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """The rule that names the team, or None, and a line of trace for each rule that was tried."""

    rule: RoutingRule | None
    trace: list[dict[str, Any]]


def active_rules() -> list[RoutingRule]:
    active = RoutingRule.objects.filter(is_active=True).select_related("team__calendar")
    return list(active.order_by("position", "pk"))


def match_rules(rules: Sequence[RoutingRule], handoff: Handoff) -> RuleMatch:
    """Return the first rule whose conditions all hold (rules 6.4)."""
    trace: list[dict[str, Any]] = []
    for rule in rules:
        misses = [miss for check in CHECKS if (miss := check(rule, handoff))]
        trace.append({"rule": rule.position, "name": rule.name, "matched": not misses, "why": "; ".join(misses)})
        if not misses:
            return RuleMatch(rule, trace)
    return RuleMatch(None, trace)


def describe_conditions(rule: RoutingRule) -> list[str]:
    """Return the rule's conditions as text: "country is Germany, Austria or Switzerland". An empty list means that every lead matches."""
    conditions = [f"{name} is {_join_choices(choices)}" for name, choices in _named_choices(rule) if choices]
    return conditions + _describe_size(rule.employees_at_least, rule.employees_at_most)


def covers(earlier: RoutingRule, later: RoutingRule) -> bool:
    """Return whether every lead that matches `later` matches `earlier` too, so that `later` is never reached."""
    return (
        earlier.motion in ("", later.motion)
        and all(_includes_all(name, getattr(earlier, name), getattr(later, name)) for name in CHOICES)
        and (
            not earlier.domains
            or (bool(later.domains) and all(_is_named_account(d, earlier.domains) for d in later.domains))
        )
        and _is_wider_bound(earlier.employees_at_least, later.employees_at_least, int.__le__)
        and _is_wider_bound(earlier.employees_at_most, later.employees_at_most, int.__ge__)
    )


def _named_choices(rule: RoutingRule) -> list[tuple[str, list[str]]]:
    return [
        ("motion", [rule.motion.upper()] if rule.motion else []),
        ("tier", [str(tier) for tier in rule.tiers]),
        ("country", [country_name(country) for country in rule.countries]),
        ("region", rule.regions),
        ("industry", rule.industries),
        ("source", rule.sources),
        ("account", rule.domains),
    ]


def _join_choices(choices: Sequence[str]) -> str:
    # A blank choice matches leads whose value is unknown.
    *others, last = [choice.strip() or "unknown" for choice in choices]
    return f"{', '.join(others)} or {last}" if others else last


def _describe_size(least: int | None, most: int | None) -> list[str]:
    if least is not None and most is not None:
        return [f"company has {least:,} to {most:,} employees"]
    if least is not None:
        return [f"company has at least {least:,} employees"]
    return [] if most is None else [f"company has at most {most:,} employees"]


def _includes_all(name: str, earlier: Sequence[object], later: Sequence[object]) -> bool:
    fold = country_key if name == "countries" else fold_text
    later_choices = {fold(str(choice)) for choice in later}
    return not earlier or (bool(later_choices) and later_choices <= {fold(str(choice)) for choice in earlier})


def _is_named_account(domain: str, names: Sequence[str]) -> bool:
    return any(_is_within(_fold(domain), _fold(name)) for name in names)


def _is_wider_bound(earlier: int | None, later: int | None, compare: Callable[[int, int], bool]) -> bool:
    """Return whether the earlier bound excludes no company that the later one admits; a missing bound excludes nobody."""
    return earlier is None or (later is not None and compare(earlier, later))


def _check_country(rule: RoutingRule, handoff: Handoff) -> str:
    country = handoff.lead.country or _company(handoff.lead).country
    if not rule.countries or country_key(country) in {country_key(choice) for choice in rule.countries}:
        return ""
    return f"country {country_name(country)[:TRACE_TEXT_AT_MOST]}" if country.strip() else "country unknown"


def _check_region(rule: RoutingRule, handoff: Handoff) -> str:
    region = handoff.lead.region or _company(handoff.lead).region
    return _check_choice("region", region, rule.regions)


def _check_industry(rule: RoutingRule, handoff: Handoff) -> str:
    return _check_choice("industry", _company(handoff.lead).industry, rule.industries)


def _check_source(rule: RoutingRule, handoff: Handoff) -> str:
    return _check_choice("source", handoff.lead.source, rule.sources)


def _check_tier(rule: RoutingRule, handoff: Handoff) -> str:
    return "" if not rule.tiers or handoff.tier in rule.tiers else f"tier {handoff.tier}"


def _check_motion(rule: RoutingRule, handoff: Handoff) -> str:
    return "" if rule.motion in ("", handoff.motion) else f"motion {handoff.motion}"


def _check_size(rule: RoutingRule, handoff: Handoff) -> str:
    """Check the company's size; a band must lie wholly within the limits: "51-200" is not at most 100."""
    least, most, company = rule.employees_at_least, rule.employees_at_most, _company(handoff.lead)
    low, high = company.employees_low, company.employees_high
    is_large_enough = least is None or (low is not None and low >= least)
    is_small_enough = most is None or (high is not None and high <= most)
    if is_large_enough and is_small_enough:
        return ""
    if low is None and high is None:
        return "company size unknown"
    return f"company size {low}" if low == high else f"company size {_or_open(low)}–{_or_open(high)}"


def _check_domain(rule: RoutingRule, handoff: Handoff) -> str:
    domains = [(handoff.lead.email or "").rpartition("@")[2], _company(handoff.lead).domain or ""]
    named = [_fold(domain) for domain in rule.domains if domain.strip()]
    if not named or any(_is_within(_fold(domain), name) for domain in domains for name in named):
        return ""
    return "not a named account"


CHECKS: Final[tuple[Callable[[RoutingRule, Handoff], str], ...]] = (
    _check_motion, _check_tier, _check_country, _check_region, _check_industry, _check_source, _check_size, _check_domain,
)  # fmt: skip


def _or_open(count: int | None) -> str:
    return "?" if count is None else str(count)


def _check_choice(name: str, value: str, choices: Sequence[str]) -> str:
    if not choices or fold_text(value) in {fold_text(choice) for choice in choices}:
        return ""
    return f"{name} {value[:TRACE_TEXT_AT_MOST]}" if value.strip() else f"{name} unknown"


def _is_within(domain: str, named: str) -> bool:
    return domain == named or domain.endswith(f".{named}")


def _fold(text: str) -> str:
    return text.strip().casefold()


def _company(lead: Lead) -> Company:
    return lead.company or Company()
