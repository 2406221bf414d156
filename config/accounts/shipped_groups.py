"""The groups that Accord ships, one for each role, and the rights of marketing ops in the admin (rules 1.1, 1.4, 1.9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from config.accounts.vocabulary import Role


def ship(*, groups: Any) -> None:
    """Create the groups that are missing. Safe to repeat."""
    for role in Role.values:
        groups.get_or_create(name=role)


def grant_marketing_ops(app_label: str, allowed: Mapping[str, Iterable[str]], *, apps: Any) -> None:
    """Grant marketing ops `allowed`, actions by model name, on the models of an app. `apps` is the migration's registry.

    Django creates permissions only after the last migration, so missing ones are created here, under the
    names that Django gives them: it then finds these and creates no second ones. A model that a later migration
    creates is left out; that migration grants its rights.
    """
    known = {model.__name__.lower() for model in apps.get_app_config(app_label).get_models()}
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=Role.MARKETING_OPS.value)
    content_types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    for model, actions in ((model, actions) for model, actions in allowed.items() if model in known):
        content_type, _ = content_types.get_or_create(app_label=app_label, model=model)
        verbose_name = apps.get_model(app_label, model)._meta.verbose_name  # noqa: SLF001 (Django's documented way)
        for action in actions:
            permission, _ = permissions.get_or_create(
                content_type=content_type,
                codename=f"{action}_{model}",
                defaults={"name": f"Can {action} {verbose_name}"},
            )
            group.permissions.add(permission)
