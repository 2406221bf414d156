"""The routing rules as a manager reads and changes them. Their order is their meaning, so each change holds all of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION
from django.db import transaction

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from sla import permissions
from sla.models import RoutingRule
from sla.teams import changelog, routing_rules


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """A rule with its conditions in words, and the earlier rule, if any, that takes everything it would match."""

    rule: RoutingRule
    conditions: list[str]
    covered_by: RoutingRule | None


def entries() -> list[RuleEntry]:
    rules = list(RoutingRule.objects.select_related("team").order_by("position", "pk"))
    return [
        RuleEntry(rule, routing_rules.conditions(rule), _covered_by(rules[:at], rule)) for at, rule in enumerate(rules)
    ]


def may_change(user: User) -> bool:
    return holds(user, Role.SALES_MANAGER)


@transaction.atomic
def add(*, columns: Mapping[str, Any], before: int | None = None, by: User, now: dt.datetime) -> RoutingRule:
    """A new rule, before the rule with the id `before` or at the end. `columns` are those of the form."""
    _require(by)
    rules = _lock()
    rule = RoutingRule.objects.create(position=next(_free(rules)), **columns)
    at = next((at for at, other in enumerate(rules) if other.pk == before), len(rules))
    _arrange([*rules[:at], rule, *rules[at:]])
    changelog.record(of=rule, flag=ADDITION, said=f"Added: {sentence(rule)}", by=by, now=now)
    return rule


@transaction.atomic
def change(*, rule: RoutingRule, columns: Mapping[str, Any], by: User, now: dt.datetime) -> RoutingRule:
    """Other conditions, name, team or switch. What did not change is not logged."""
    _require(by)
    rule = RoutingRule.objects.select_for_update(of=("self",), no_key=True).select_related("team").get(pk=rule.pk)
    before = sentence(rule)
    for name, value in columns.items():
        setattr(rule, name, value)
    rule.save(update_fields=list(columns))
    if sentence(rule) != before:
        changelog.record(of=rule, flag=CHANGE, said=f"Was: {before}. Is: {sentence(rule)}", by=by, now=now)
    return rule


@transaction.atomic
def move(*, rule: RoutingRule, up: bool, by: User, now: dt.datetime) -> None:
    """One place up or down; at the end of the list nothing happens."""
    _require(by)
    rules = _lock()
    at = next((at for at, other in enumerate(rules) if other.pk == rule.pk), None)
    to = None if at is None else at + (-1 if up else 1)
    if at is None or to is None or not 0 <= to < len(rules):
        return
    rules[at], rules[to] = rules[to], rules[at]
    _arrange(rules)
    changelog.record(of=rules[to], flag=CHANGE, said=f"Moved from place {at + 1} to {to + 1}", by=by, now=now)


@transaction.atomic
def remove(*, rule: RoutingRule, by: User, now: dt.datetime) -> None:
    """Decisions keep the rule's words; the rule itself is gone."""
    _require(by)
    rules = _lock()
    gone = next((other for other in rules if other.pk == rule.pk), None)
    if gone is None:
        return
    rules.remove(gone)
    changelog.record(of=gone, flag=DELETION, said=f"Deleted: {sentence(gone)}", by=by, now=now)
    gone.delete()
    _arrange(rules)


def sentence(rule: RoutingRule) -> str:
    """The whole rule: "DACH: country is DE, AT or CH → team EMEA"."""
    said = " and ".join(routing_rules.conditions(rule)) or "every lead"
    return f"{rule.name}: {said} → team {rule.team}{'' if rule.is_active else ' (off)'}"


def _covered_by(earlier: Sequence[RoutingRule], rule: RoutingRule) -> RoutingRule | None:
    return next((other for other in earlier if other.is_active and routing_rules.covers(other, rule)), None)


def _require(by: User) -> None:
    if not may_change(by):
        raise permissions.NotYours("Only a sales manager can change the routing rules.")


def _lock() -> list[RoutingRule]:
    """All rules in order, held: two who move rules at once do so one after the other."""
    list(RoutingRule.objects.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    return list(RoutingRule.objects.select_related("team").order_by("position", "pk"))


def _arrange(rules: Sequence[RoutingRule]) -> None:
    """Number them 1, 2, 3… By way of free numbers, since no two rows may hold one position even for a moment."""
    moved = [(rule, at) for at, rule in enumerate(rules, start=1) if rule.position != at]
    parked = islice(_free(rules), len(moved))
    for rule, free in zip([rule for rule, _ in moved], list(parked), strict=True):
        rule.position = free
    RoutingRule.objects.bulk_update([rule for rule, _ in moved], ["position"])
    for rule, at in moved:
        rule.position = at
    RoutingRule.objects.bulk_update([rule for rule, _ in moved], ["position"])


def _free(rules: Sequence[RoutingRule]) -> Any:
    """Positions that no rule has or will have."""
    taken = {rule.position for rule in rules} | set(range(1, len(rules) + 1))
    return (position for position in count() if position not in taken)
