"""The decisions of sales on companies (rules 10.14). The app above has them and registers how to read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

#: Rows of (company, instant), in no order.
DatedCompanies: TypeAlias = Sequence[tuple[int, dt.datetime]]


@dataclass(frozen=True, slots=True)
class AccountDecisions:
    """The companies that were won, accepted or taken further, and rejected, each with the instant."""

    won: DatedCompanies = ()
    accepted: DatedCompanies = ()
    rejected: DatedCompanies = ()


_readers: list[Callable[[dt.datetime], AccountDecisions]] = []


def register_reader(reader: Callable[[dt.datetime], AccountDecisions]) -> None:
    """Let `reader` return the decisions dated before an instant from now on."""
    _readers[:] = [reader]


def read_decisions(until: dt.datetime) -> AccountDecisions:
    """Return the decisions dated before `until`; none while no app has registered how to read them."""
    return _readers[0](until) if _readers else AccountDecisions()
