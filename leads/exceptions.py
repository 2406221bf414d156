from __future__ import annotations


class Refused(Exception):
    """A fact that cannot be taken: the field, as the sender named it, and the rule it breaks (SPEC 14)."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule
