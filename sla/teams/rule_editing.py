"""Editing of the routing rules by managers. The order of the rules matters, so each change of it locks all of them."""

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
    """A rule with its conditions as text, and the earlier rule, if any, that takes every lead it would match."""

    rule: RoutingRule
    conditions: list[str]
    covered_by: RoutingRule | None


def list_entries() -> list[RuleEntry]:
    rules = list(RoutingRule.objects.select_related("team").order_by("position", "pk"))
    return [
        RuleEntry(rule, routing_rules.describe_conditions(rule), _covered_by(rules[:at], rule))
        for at, rule in enumerate(rules)
    ]


def may_change(user: User) -> bool:
    return holds(user, Role.SALES_MANAGER)


@transaction.atomic
def add_rule(*, columns: Mapping[str, Any], before: int | None = None, by: User, now: dt.datetime) -> RoutingRule:
    """Add a rule before the rule with the id `before`, or at the end. `columns` are those of the form."""
    _require_manager(by)
    rules = _lock_rules()
    rule = RoutingRule.objects.create(position=next(_free_positions(rules)), **columns)
    at = next((at for at, other in enumerate(rules) if other.pk == before), len(rules))
    _number_rules([*rules[:at], rule, *rules[at:]])
    changelog.record_change(target=rule, flag=ADDITION, text=f"Added: {describe_rule(rule)}", by=by, now=now)
    return rule


@transaction.atomic
def change_rule(*, rule: RoutingRule, columns: Mapping[str, Any], by: User, now: dt.datetime) -> RoutingRule:
    """Change a rule's conditions, name, team or switch. A change of nothing is not logged."""
    _require_manager(by)
    rule = RoutingRule.objects.select_for_update(of=("self",), no_key=True).select_related("team").get(pk=rule.pk)
    before = describe_rule(rule)
    for name, value in columns.items():
        setattr(rule, name, value)
    rule.save(update_fields=list(columns))
    if describe_rule(rule) != before:
        changelog.record_change(
            target=rule, flag=CHANGE, text=f"Was: {before}. Is: {describe_rule(rule)}", by=by, now=now
        )
    return rule


@transaction.atomic
def move_rule(*, rule: RoutingRule, up: bool, by: User, now: dt.datetime) -> None:
    """Move a rule one place up or down; at the end of the list nothing happens."""
    _require_manager(by)
    rules = _lock_rules()
    at = next((at for at, other in enumerate(rules) if other.pk == rule.pk), None)
    to = None if at is None else at + (-1 if up else 1)
    if at is None or to is None or not 0 <= to < len(rules):
        return
    rules[at], rules[to] = rules[to], rules[at]
    _number_rules(rules)
    changelog.record_change(
        target=rules[to], flag=CHANGE, text=f"Moved from place {at + 1} to {to + 1}", by=by, now=now
    )


@transaction.atomic
def remove_rule(*, rule: RoutingRule, by: User, now: dt.datetime) -> None:
    """Delete a rule; past decisions keep its text."""
    _require_manager(by)
    rules = _lock_rules()
    removed = next((other for other in rules if other.pk == rule.pk), None)
    if removed is None:
        return
    rules.remove(removed)
    changelog.record_change(target=removed, flag=DELETION, text=f"Deleted: {describe_rule(removed)}", by=by, now=now)
    removed.delete()
    _number_rules(rules)


def describe_rule(rule: RoutingRule) -> str:
    """Return the whole rule as text: "DACH: country is DE, AT or CH → team EMEA"."""
    conditions = " and ".join(routing_rules.describe_conditions(rule)) or "every lead"
    return f"{rule.name}: {conditions} → team {rule.team}{'' if rule.is_active else ' (off)'}"


def _covered_by(earlier: Sequence[RoutingRule], rule: RoutingRule) -> RoutingRule | None:
    return next((other for other in earlier if other.is_active and routing_rules.covers(other, rule)), None)


def _require_manager(by: User) -> None:
    if not may_change(by):
        raise permissions.NotYours("Only a sales manager can change the routing rules.")


def _lock_rules() -> list[RoutingRule]:
    """Lock all rules and return them in order: two people who move rules at once do so one after the other."""
    list(RoutingRule.objects.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    return list(RoutingRule.objects.select_related("team").order_by("position", "pk"))


def _number_rules(rules: Sequence[RoutingRule]) -> None:
    """Number the rules 1, 2, 3… in the given order.

    1. Move every rule whose number changes to a free number, since no two rows may share a position even for a moment.
    2. Give each its final number.
    """
    moved_rules = [(rule, at) for at, rule in enumerate(rules, start=1) if rule.position != at]
    free_positions = islice(_free_positions(rules), len(moved_rules))
    for rule, free in zip([rule for rule, _ in moved_rules], list(free_positions), strict=True):
        rule.position = free
    RoutingRule.objects.bulk_update([rule for rule, _ in moved_rules], ["position"])
    for rule, at in moved_rules:
        rule.position = at
    RoutingRule.objects.bulk_update([rule for rule, _ in moved_rules], ["position"])


def _free_positions(rules: Sequence[RoutingRule]) -> Any:
    """Yield positions that no rule has or will have."""
    used_positions = {rule.position for rule in rules} | set(range(1, len(rules) + 1))
    return (position for position in count() if position not in used_positions)
