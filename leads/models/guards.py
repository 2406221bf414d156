"""Triggers that keep rows or columns as they are."""

from __future__ import annotations

from typing import Any

import pgtrigger


def append_only(name: str) -> pgtrigger.Protect:
    """Return a trigger that allows to add rows, and forbids everybody to change or delete them (rules 17.3)."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)


class FrozenOnce(pgtrigger.ReadOnly):
    """A trigger that forbids changes of columns once `condition` holds. The library's ReadOnly ignores a condition."""

    def get_condition(self, model: Any) -> Any:
        return super().get_condition(model) & self.condition  # type: ignore[no-untyped-call]  # the package is untyped
