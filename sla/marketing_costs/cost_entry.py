"""Entering the costs of marketing, and correcting them by later rows (rules 12.48, 12.49)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.db import IntegrityError, transaction

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from leads.retry_on_conflict import run_with_retries
from leads.vocabulary import Motion
from sla.models import MarketingCost

#: Who enters costs. Whoever may read leads reads them.
ENTER_COSTS: Final = (Role.MARKETING_OPS,)
REASON_AT_MOST: Final = 300
#: A source, campaign, month, motion and currency: of each there is one cost.
CostKey = tuple[str, str, dt.date, str, str]


@dataclass(frozen=True, slots=True)
class CostLine:
    """A cost as somebody typed it or as a line of a file has it; `month` is the first day of the month."""

    motion: Motion
    source: str
    campaign: str
    month: dt.date
    amount: Decimal
    currency: str
    line: int = 0

    @property
    def key(self) -> CostKey:
        return (self.source, self.campaign, self.month, str(self.motion), self.currency)


@dataclass(frozen=True, slots=True)
class StoredCosts:
    """The numbers of costs that were added, corrected, and stood already as they came."""

    added: int
    corrected: int
    unchanged: int


class CostRefused(Exception):
    """A cost that is not stored; `field` is what is wrong, `line` the line of a file, 0 without one."""

    def __init__(self, field: str, sentence: str, line: int = 0) -> None:
        place = f"Line {line}, {field}: " if line else ""
        super().__init__(f"{place}{sentence}")
        self.field, self.line = field, line


def store(
    lines: Sequence[CostLine], *, by: User, now: dt.datetime, reason: str = "", file_name: str = ""
) -> StoredCosts:
    """Store costs, all or none. What stands with the same amount stays; another amount is a correction and needs a reason.

    Raises CostRefused.
    """
    _require_role(by)
    reason = _read_reason(reason)
    return run_with_retries(lambda: _store(lines, by, now, reason, file_name))


def correct(*, cost: MarketingCost, amount: Decimal | None, by: User, now: dt.datetime, reason: str) -> MarketingCost:
    """Correct a cost by a later row; an amount of None withdraws it. Raises CostRefused."""
    _require_role(by)
    reason = _read_reason(reason)
    if not reason:
        raise CostRefused("reason", "Say why the cost is corrected.")
    if cost.amount == amount:
        raise CostRefused("amount", "This is the amount that stands already.")
    try:
        # The table may not be locked by row, as nobody may change it: the constraint says who was first.
        with transaction.atomic():
            return _add_row(_as_line(cost), amount, by, now, reason, corrects=cost)
    except IntegrityError as error:
        raise CostRefused("amount", "Somebody else has corrected this cost. Look at it as it stands now.") from error


def find_standing(keys: Sequence[CostKey]) -> dict[CostKey, MarketingCost]:
    """Return the last row of each cost by its key, also of a withdrawn one."""
    rows = MarketingCost.objects.filter(source__in={key[0] for key in keys}, corrected_by=None)
    return {_as_line(row).key: row for row in rows}


def _store(lines: Sequence[CostLine], by: User, now: dt.datetime, reason: str, file_name: str) -> StoredCosts:
    standing = find_standing([line.key for line in lines])
    added = corrected = 0
    lines_by_key: dict[CostKey, int] = {}
    for line in lines:
        if (earlier := lines_by_key.setdefault(line.key, line.line)) != line.line:
            raise CostRefused("source", f"The same cost stands in line {earlier} already.", line.line)
        row = standing.get(line.key)
        if row is None:
            _add_row(line, line.amount, by, now, "", file_name)
            added += 1
        elif row.amount != line.amount:
            if not reason:
                raise CostRefused("amount", f"{_describe(row)}. Say why it is corrected.", line.line)
            _add_row(line, line.amount, by, now, reason, file_name, row)
            corrected += 1
    return StoredCosts(added, corrected, len(lines) - added - corrected)


def _add_row(
    line: CostLine,
    amount: Decimal | None,
    by: User,
    now: dt.datetime,
    reason: str,
    file_name: str = "",
    corrects: MarketingCost | None = None,
) -> MarketingCost:
    return MarketingCost.objects.create(
        motion=line.motion, source=line.source, campaign=line.campaign, month=line.month, amount=amount, currency=line.currency,
        entered_by=by, entered_at=now, reason=reason, file_name=file_name, corrects=corrects,
    )  # fmt: skip


def _as_line(row: MarketingCost) -> CostLine:
    return CostLine(Motion(row.motion), row.source, row.campaign, row.month, row.amount or Decimal(0), row.currency)


def _describe(row: MarketingCost) -> str:
    if row.amount is None:
        return f"The cost of {row.name} in {row.month:%B %Y} was withdrawn"
    return f"{row.amount:,.2f} {row.currency} is entered for {row.name} in {row.month:%B %Y} already"


def _read_reason(reason: str) -> str:
    reason = reason.strip()
    if len(reason) > REASON_AT_MOST:
        raise CostRefused("reason", f"At most {REASON_AT_MOST} characters.")
    return reason


def _require_role(by: User) -> None:
    if not holds(by, *ENTER_COSTS):
        raise CostRefused("entered_by", "Only marketing ops enters costs.")
