"""The groups that Accord ships, one for each role, and the rights of marketing ops in the admin (rules 1.1, 1.4, 1.9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from leads.vocabulary import Role

#: The rights of marketing ops on the facts. Most facts can only be viewed: intake alone changes them.
OPS_MAY: Final = {
    "company": ("view",),
    "lead": ("view",),
    "signal": ("view", "add", "change"),
    "namedlist": ("view", "add", "change"),
    "listentry": ("view", "add", "change", "delete"),
    "event": ("view",),
    "stagechange": ("view",),
    "attributechange": ("view",),
    "outcome": ("view",),
    "importrun": ("view",),
}


def ship(*, groups: Any) -> None:
    """Create the groups that are missing. Safe to repeat."""
    for role in Role.values:
        groups.get_or_create(name=role)


def grant_marketing_ops(
    app_label: str, allowed: Mapping[str, Iterable[str]], *, groups: Any, permissions: Any, content_types: Any
) -> None:
    """
    Grant marketing ops `allowed`: actions by model name.

    Django makes permissions only after the last migration, so those that are missing are made here, under the
    names that Django gives them: it finds these and makes no second ones.
    """
    group, _ = groups.get_or_create(name=Role.MARKETING_OPS.value)
    for model, actions in allowed.items():
        content_type, _ = content_types.get_or_create(app_label=app_label, model=model)
        for action in actions:
            permission, _ = permissions.get_or_create(
                content_type=content_type,
                codename=f"{action}_{model}",
                defaults={"name": f"Can {action} {_VERBOSE_NAMES.get(model, model)}"},
            )
            group.permissions.add(permission)


_VERBOSE_NAMES: Final = {
    "listentry": "list entry",
    "namedlist": "named list",
    "reasoncode": "reason code",
    "stagechange": "stage change",
}
