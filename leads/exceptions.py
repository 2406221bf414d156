from __future__ import annotations


class Refused(Exception):
    """A fact that breaks a rule (rules 14.1): the field, as the sender named it, and the rule."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


class TwoReadings(Refused):
    """A text that can be read in two ways. It is refused, also where one that cannot be read is taken as unknown."""


class NobodysKey(Refused):
    """A key that names nobody: a placeholder for an id, or a page at a host that many share (rules 13.25, 13.26)."""
