from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from definitions.admin.draft_only import DraftOnlyAdmin
from definitions.models import Definition


@admin.register(Definition)
class DefinitionAdmin(DraftOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    list_display = ("name", "motion", "scope")
    fields = ("name", "slug", "motion", "scope")
    ordering = ("name", "pk")

    def get_readonly_fields(
        self,
        request: HttpRequest,  # noqa: ARG002 (Django passes it)
        obj: Definition | None = None,
    ) -> tuple[str, ...]:
        return ("motion",) if obj else ()

    def get_prepopulated_fields(
        self,
        request: HttpRequest,  # noqa: ARG002 (Django passes it)
        obj: Definition | None = None,
    ) -> dict[str, Any]:
        return {} if obj else {"slug": ["name"]}

    def get_form(self, request: HttpRequest, obj: Definition | None = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["help_texts"] = {
            "slug": "Its name in links. After a change, links with the earlier one lead here as well."
        }
        return super().get_form(request, obj, change, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and obj is not None and not obj.versions.exists()

    def save_model(self, request: HttpRequest, obj: Definition, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)
