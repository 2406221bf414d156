"""Comparison of a version that judges companies with the one in force (rules 9.14, 4.26): which companies enter and leave."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from definitions.models import Version
from leads.models import Company
from scoring.account_judgement import account_qualification, account_versions
from scoring.account_judgement.account_versions import CompiledAccount
from scoring.engine.accounts import judge_account
from scoring.instants import microseconds

#: Companies whose facts are read at a time, so that memory is bounded.
_READ_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class AccountComparison:
    """The ids of the companies that enter, leave and stay with a version; `first` is the one in force, if there is one.

    `handed_over` of those that enter would become plays at once; the others are in a play, or ruled out. `known` is the
    number of companies with people.
    """

    first: Version | None
    known: int
    entering: Sequence[int]
    leaving: Sequence[int]
    staying: Sequence[int]
    handed_over: Sequence[int]


def compare_accounts_with_active(version: Version, *, now: dt.datetime) -> AccountComparison:
    """Judge all companies with people at `now` by the version and by the one in force of its definition."""
    in_force = Version.objects.active().filter(definition=version.definition_id, account__isnull=False).first()
    known = list(Company.objects.filter(leads__isnull=False).order_by("pk").values_list("pk", flat=True).distinct())
    after = _list_meeting(version, known, now)
    before = set() if in_force is None or in_force.pk == version.pk else set(_list_meeting(in_force, known, now))
    entering = [pk for pk in after if pk not in before]
    return AccountComparison(
        first=in_force,
        known=len(known),
        entering=entering,
        leaving=sorted(before.difference(after)),
        staying=[pk for pk in after if pk in before],
        handed_over=account_qualification.select_free(entering, now=now),
    )


def read_companies(company_ids: Collection[int], *, limit: int) -> list[Company]:
    """Return the first companies of these, in the order of their ids."""
    return list(Company.objects.filter(pk__in=sorted(company_ids)[:limit]).order_by("pk"))


def _list_meeting(version: Version, company_ids: Sequence[int], now: dt.datetime) -> list[int]:
    compiled, meeting = account_versions.compile_version(version), list[int]()
    for first in range(0, len(company_ids), _READ_AT_ONCE):
        meeting += _select_meeting(compiled, company_ids[first : first + _READ_AT_ONCE], now)
    return meeting


def _select_meeting(compiled: CompiledAccount, company_ids: Sequence[int], now: dt.datetime) -> list[int]:
    at = np.array([microseconds(now)], dtype=np.int64)
    return [
        facts.company_id
        for facts in account_qualification.read_facts(compiled, company_ids)
        if judge_account(compiled.rules, facts, at).meets[0]
    ]
