from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest

from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from definitions.models import Version


class DraftOnlyAdmin:
    """Every role reads; marketing ops writes, as long as the version is a draft."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return holds(request.user, *Role.values)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return holds(request.user, *Role.values)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return holds(request.user, Role.MARKETING_OPS) and _is_open(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)


def _is_open(obj: Any) -> bool:
    version = obj if isinstance(obj, Version) else getattr(obj, "version", None)
    return version is None or version.is_draft


class DraftLockMixin:
    """What is being saved stays a draft until it is saved: somebody may propose it meanwhile."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        obj = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        if obj is None or request.method != "POST" or not transaction.get_connection().in_atomic_block:
            return obj
        locked = Version.objects.select_for_update(of=("self",), no_key=True)
        return locked.select_related("definition").get(pk=obj.pk)
