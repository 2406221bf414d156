"""Triggers that keep rows or columns as they are."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import pgtrigger


def append_only(name: str) -> pgtrigger.Protect:
    """Return a trigger that allows to add rows, and forbids everybody to change or delete them (rules 17.3)."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)


def set_once(name: str, fields: Sequence[str], condition: pgtrigger.Q | None = None) -> pgtrigger.Protect:
    """Return a trigger that lets each column go from empty to a value, and then no further; `condition` narrows it."""
    changes = (
        pgtrigger.Q(**{f"old__{field}__isnull": False, f"old__{field}__df": pgtrigger.F(f"new__{field}")})
        for field in fields
    )
    changed = functools.reduce(operator.or_, changes)
    return pgtrigger.Protect(
        name=name, operation=pgtrigger.Update, condition=changed if condition is None else changed & condition
    )


class FrozenOnce(pgtrigger.ReadOnly):
    """A trigger that forbids changes of columns once `condition` holds. The library's ReadOnly ignores a condition."""

    def get_condition(self, model: Any) -> Any:
        return super().get_condition(model) & self.condition  # type: ignore[no-untyped-call]  # the package is untyped
