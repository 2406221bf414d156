"""The admin of facts, signals, lists, keys and people. Facts are read-only: they change by intake alone, so that the
attribute history is complete.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from leads import named_lists
from leads.models import (
    AttributeChange,
    Company,
    CompanyEvent,
    Event,
    ImportRun,
    Lead,
    ListEntry,
    NamedList,
    Outcome,
    ReferenceData,
    Signal,
    Spelling,
    StageChange,
    ValueReading,
)
from leads.vocabulary import EntryStatus


class _ReadOnlyMixin:
    """Forbid to add, change or delete rows in the admin."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, *_args: Any) -> bool:
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        return False


class FactAdmin(_ReadOnlyMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    pass


class AttributesOfLead(_ReadOnlyMixin, admin.TabularInline):  # type: ignore[type-arg]  # generic only in the stubs
    model = AttributeChange
    fk_name = "lead"
    fields = ("valid_from", "values", "source", "recorded_at")
    ordering = ("valid_from", "pk")
    verbose_name_plural = "what was said, and since when it holds"


class AttributesOfCompany(AttributesOfLead):
    fk_name = "company"


class StagesOfLead(_ReadOnlyMixin, admin.TabularInline):  # type: ignore[type-arg]  # generic only in the stubs
    model = StageChange
    fields = ("at", "motion", "from_stage", "to_stage", "by", "why")
    ordering = ("at", "pk")


@admin.register(Company)
class CompanyAdmin(FactAdmin):
    list_display = ("__str__", "domain", "industry", "country", "employees_low", "employees_high", "is_customer")
    list_filter = ("is_customer", "is_competitor")
    search_fields = ("name", "domain", "external_id")
    ordering = ("-pk",)
    inlines: ClassVar = [AttributesOfCompany]


@admin.register(Lead)
class LeadAdmin(FactAdmin):
    list_display = ("__str__", "email", "title", "company", "source", "stage_label", "stage_at", "is_alias_of")
    list_filter = ("stage", "do_not_contact", ("merged_into", admin.EmptyFieldListFilter))
    list_select_related = ("company", "merged_into")
    search_fields = ("email", "external_id", "first_name", "last_name")
    ordering = ("-pk",)
    inlines: ClassVar = [StagesOfLead, AttributesOfLead]

    @admin.display(description="Alias of", ordering="merged_into")
    def is_alias_of(self, lead: Lead) -> str:
        """Return the lead that stands for this one, if it is merged into another."""
        return f"{lead.merged_into} #{lead.merged_into_id}" if lead.merged_into else ""


@admin.register(Event)
class EventAdmin(FactAdmin):
    list_display = ("lead", "signal", "occurred_at", "recorded_at", "source", "asset")
    list_filter = ("signal",)
    list_select_related = ("lead", "signal")
    search_fields = ("=external_id", "=lead__email", "=lead__external_id")
    exclude = ("digest",)
    ordering = ("-pk",)


@admin.register(StageChange)
class StageChangeAdmin(FactAdmin):
    list_display = ("lead", "motion", "from_stage", "to_stage", "at", "by", "why")
    list_filter = ("motion", "to_stage")
    list_select_related = ("lead", "by")
    search_fields = ("=lead__email", "=lead__external_id")
    ordering = ("-pk",)


@admin.register(AttributeChange)
class AttributeChangeAdmin(FactAdmin):
    list_display = ("lead", "company", "values", "valid_from", "recorded_at", "source")
    list_select_related = ("lead", "company")
    search_fields = ("=lead__email", "=lead__external_id", "=company__domain")
    ordering = ("-pk",)


@admin.register(Outcome)
class OutcomeAdmin(FactAdmin):
    list_display = ("lead", "motion", "kind", "at", "amount", "currency", "reason", "source", "corrects")
    list_filter = ("motion", "kind")
    list_select_related = ("lead", "corrects__lead")
    search_fields = ("=external_id", "=lead__email", "=lead__external_id")
    ordering = ("-pk",)


@admin.register(ImportRun)
class ImportRunAdmin(FactAdmin):
    list_display = (
        "file_name",
        "kind",
        "started_at",
        "finished_at",
        "lines_done",
        "created",
        "updated",
        "unchanged",
        "rejected",
    )
    list_filter = ("kind",)
    ordering = ("-pk",)


@admin.register(CompanyEvent)
class CompanyEventAdmin(FactAdmin):
    list_display = ("company", "signal", "occurred_at", "source", "external_id")
    list_select_related = ("company", "signal")
    list_filter = ("signal",)
    ordering = ("-pk",)


@admin.register(ValueReading)
class ValueReadingAdmin(FactAdmin):
    list_display = ("attribute", "text", "meaning", "by", "at", "removed_by", "removed_at")
    list_filter = ("attribute",)
    list_select_related = ("by", "removed_by")
    search_fields = ("text",)
    ordering = ("-pk",)


@admin.register(Spelling)
class SpellingAdmin(FactAdmin):
    list_display = ("attribute", "text", "folded")
    list_filter = ("attribute",)
    search_fields = ("text",)
    ordering = ("attribute", "folded", "pk")


@admin.register(Signal)
class SignalAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    list_display = (
        "name",
        "code",
        "intent",
        "is_explicit_request",
        "is_engagement",
        "is_high_value_asset",
        "closes_request",
        "ends",
    )
    list_select_related = ("ends",)
    list_filter = ("intent", "is_explicit_request", "is_engagement")
    search_fields = ("name", "code")
    ordering = ("code",)

    def get_readonly_fields(self, request: HttpRequest, obj: Signal | None = None) -> tuple[str, ...]:  # noqa: ARG002  # of Django
        """Keep the code of an existing signal: senders and definitions refer to it."""
        return ("code",) if obj else ()


@admin.register(NamedList)
class NamedListAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    list_display = ("label", "name")
    ordering = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: NamedList | None = None) -> tuple[str, ...]:  # noqa: ARG002  # of Django
        return ("name",) if obj else ()


@admin.register(ListEntry)
class ListEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """The entries of all lists, apart from the lists themselves: a shipped list has thousands of entries."""

    list_display = ("value", "list", "status")
    list_filter = ("list", "status")
    list_select_related = ("list",)
    search_fields = ("value",)
    ordering = ("value", "pk")
    fields = ("list", "value", "status")
    actions = ("put_back",)

    def get_readonly_fields(self, request: HttpRequest, obj: ListEntry | None = None) -> tuple[str, ...]:  # noqa: ARG002  # of Django
        """Keep a shipped entry as it is: it can be taken out and put back."""
        return ("status",) if obj is None or obj.status == EntryStatus.OWN else ("list", "value", "status")

    def has_delete_permission(self, request: HttpRequest, obj: ListEntry | None = None) -> bool:
        is_removed = obj is not None and obj.status == EntryStatus.REMOVED
        return not is_removed and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: ListEntry) -> None:  # noqa: ARG002  # of Django
        named_lists.take_out([obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ListEntry]) -> None:  # noqa: ARG002  # of Django
        named_lists.take_out(queryset)

    @admin.action(description="Put selected entries back that were taken out", permissions=["change"])
    def put_back(self, request: HttpRequest, queryset: QuerySet[ListEntry]) -> None:
        count = named_lists.put_back(queryset)
        self.message_user(request, f"{count} {'entry was' if count == 1 else 'entries were'} put back.")


@admin.register(ReferenceData)
class ReferenceDataAdmin(FactAdmin):
    list_display = ("name", "dated", "loaded_at", "digest")
    ordering = ("name",)
