"""The rows behind a figure, as a report names them for the page that lists them (rules 12.25)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A row in the list: whom it is about with the address of its page, who has it, when it counts, and why it is here.

    A lead that is no MQL has no tier.
    """

    label: str
    company: str
    href: str
    owner: str
    tier: int | None
    state: str
    tone: str
    at: dt.datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class FigureRows:
    """The rows of a figure: a queryset of exactly those that it counts, and how one of them is written.

    `when` stands in the place of the period where the figure is of none.
    """

    title: str
    rows: QuerySet[Any]
    write: Callable[[Any], FigureRow]
    when: str = ""
