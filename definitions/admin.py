"""The stock admin edits a draft; what is proposed can only be read there."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.web import holds
from definitions import catalogue, documents, forms, pages, steps, wording
from definitions.models import Clause, Criterion, Definition, Path, SignalRule, Version
from definitions.vocabulary import Part, PathKind
from leads.vocabulary import Role

_COLUMNS_NOBODY_TYPES = (
    "number", "state", "based_on", "created_by", "created_at", "proposed_at", "approved_at", "activated_at", "retired_at",
)  # fmt: skip


def _only_chosen(field: Any) -> Any:
    """A choice among what the catalogue offers: it is edited on its own page, not from here."""
    if hasattr(field, "widget") and isinstance(field.widget, RelatedFieldWidgetWrapper):
        field.widget.can_add_related = field.widget.can_change_related = False
        field.widget.can_delete_related = field.widget.can_view_related = False
    return field


class OfDraft:
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


class CriterionInline(OfDraft, admin.StackedInline):  # type: ignore[type-arg]
    model = Criterion
    extra = 0
    fields: ClassVar = [
        ("field", "own_field", "op"),
        ("low", "high", "texts", "flag", "list"),
        ("points", "rationale", "position"),
    ]
    classes = ("questions",)
    part: Part

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).filter(part=self.part)
        return rows.select_related("list").order_by("position", "pk")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        return _only_chosen(super().formfield_for_dbfield(db_field, request, **kwargs))


def _criterion_inline(part: Part, many: str) -> type[CriterionInline]:
    names = {"part": part, "form": forms.criterion_form(part), "verbose_name": "criterion", "verbose_name_plural": many}
    if part == Part.DISQUALIFIER:
        names["fields"] = [*CriterionInline.fields[:2], ("rationale", "position")]
    return type(f"{part.name.title()}Inline", (CriterionInline,), names)


class SignalRuleInline(OfDraft, admin.TabularInline):  # type: ignore[type-arg]
    model = SignalRule
    form = forms.SignalRuleForm
    extra = 0
    verbose_name = "signal"
    verbose_name_plural = "Signals: points for what leads do"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("signal").order_by("position", "pk")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        return _only_chosen(super().formfield_for_dbfield(db_field, request, **kwargs))


class PathInline(OfDraft, admin.TabularInline):  # type: ignore[type-arg]
    model = Path
    extra = 0
    readonly_fields = ("clauses_read", "edit_clauses")
    fields = ("position", "name", "clauses_read", "edit_clauses", "rationale")
    kind: PathKind

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).filter(kind=self.kind)
        return rows.prefetch_related("clauses").order_by("position", "pk")

    @admin.display(description="holds when the lead has")
    def clauses_read(self, path: Path) -> str:
        return wording.path(documents.path_row(path).document(), catalogue.names()) if path.pk else "–"

    @admin.display(description="clauses")
    def edit_clauses(self, path: Path) -> SafeString | str:
        if not path.pk:
            return "Save first, then give it its clauses."
        url = reverse("admin:definitions_path_change", args=[path.pk])
        return format_html('<a href="{}">{}</a>', url, "Edit clauses" if path.version.is_draft else "View clauses")


def _path_inline(kind: PathKind, one: str, many: str) -> type[PathInline]:
    names = {"kind": kind, "form": forms.path_form(kind), "verbose_name": one, "verbose_name_plural": many}
    return type(f"{kind.name.title()}Inline", (PathInline,), names)


class ClauseInline(OfDraft, admin.StackedInline):  # type: ignore[type-arg]
    model = Clause
    form = forms.ClauseForm
    extra = 0
    fields = (
        "position",
        ("axis", "at_least"),
        "signals",
        ("within_days", "within_hours_of_each_other", "distinct_assets"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).order_by("position", "pk")


class Locking:
    """What is being saved stays a draft until it is saved: somebody may propose it meanwhile."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        obj = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        if obj is None or request.method != "POST" or not transaction.get_connection().in_atomic_block:
            return obj
        pk = obj.pk if isinstance(obj, Version) else obj.version_id
        version = Version.objects.select_for_update(of=("self",), no_key=True).select_related("definition").get(pk=pk)
        if isinstance(obj, Version):
            return version
        obj.version = version
        return obj


@admin.register(Definition)
class DefinitionAdmin(OfDraft, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "motion", "is_primary")
    fields = ("name", "slug", "motion", "is_primary")
    ordering = ("name", "pk")

    def get_readonly_fields(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: Definition | None = None,
    ) -> tuple[str, ...]:
        return ("motion",) if obj else ()

    def get_prepopulated_fields(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: Definition | None = None,
    ) -> dict[str, Any]:
        return {} if obj else {"slug": ["name"]}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and obj is not None and not obj.versions.exists()

    def save_model(self, request: HttpRequest, obj: Definition, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)


@admin.register(Path)
class PathAdmin(OfDraft, Locking, admin.ModelAdmin):  # type: ignore[type-arg]
    """The clauses of one path; reached from its version."""

    form = forms.PathForm
    inlines = (ClauseInline,)

    class Media:
        css: ClassVar = {"all": ["css/admin.css"]}

    def has_module_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("version__definition")

    def response_post_save_change(self, request: HttpRequest, obj: Path) -> HttpResponseRedirect:  # noqa: ARG002
        return HttpResponseRedirect(reverse("admin:definitions_version_change", args=[obj.version_id]))


@admin.register(Version)
class VersionAdmin(OfDraft, Locking, admin.ModelAdmin):  # type: ignore[type-arg]
    form = forms.VersionForm
    change_form_template = "admin/definitions/version/change_form.html"
    list_display = ("__str__", "state", "owner", "activated_at", "created_at")
    list_filter = ("state", "definition")
    list_select_related = ("definition",)
    ordering = ("definition__name", "-major", "-minor", "-pk")
    readonly_fields = (*_COLUMNS_NOBODY_TYPES, "generated_statement")
    fieldsets = (
        (None, {"fields": (("definition", "number", "state"), "owner", "reason", "sal_rate_target")}),
        ("In plain English", {"fields": ("generated_statement", "own_statement")}),
        ("Timing", {"fields": (("engaged_within_days", "or_request_within_days"),)}),
        (
            "Scores: decay, silence, ceilings, tier 3",
            {
                "fields": (
                    ("decay_mode", "decay_percent", "decay_per_days"),
                    ("inactivity_after_days", "inactivity_points", "inactivity_per_days"),
                    ("fit_ceiling", "engagement_ceiling", "bant_ceiling"),
                    ("tier_3_axis", "tier_3_less_than"),
                )
            },
        ),
        (
            "Its life",
            {
                "fields": (
                    ("created_at", "created_by", "based_on"),
                    ("proposed_at", "approved_at", "activated_at", "retired_at"),
                ),
                "classes": ("collapse",),
            },
        ),
    )
    inlines = (
        _criterion_inline(Part.GATE, "Gate: all of these must pass"),
        _criterion_inline(Part.DISQUALIFIER, "Disqualifiers: any of these excludes"),
        _criterion_inline(Part.FIT, "Fit: points for who they are"),
        _criterion_inline(Part.BANT, "BANT: points for what they said"),
        SignalRuleInline,
        _path_inline(PathKind.PATH, "path", "Paths: any of these reaches the threshold"),
        _path_inline(PathKind.HOT, "hot trigger", "Hot triggers: any of these makes it tier 1"),
    )

    class Media:
        css: ClassVar = {"all": ["css/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("definition")

    def get_readonly_fields(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: Version | None = None,
    ) -> tuple[str, ...]:
        return (*self.readonly_fields, "definition") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Version, form: Any, change: bool) -> None:
        if not change:
            obj.definition = documents.lock(obj.definition)
            obj.minor = documents.next_minor(obj.definition, obj.major)
            obj.created_at, obj.created_by = timezone.now(), request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    @admin.display(description="generated statement")
    def generated_statement(self, version: Version) -> SafeString | str:
        if not version.pk:
            return "It writes itself as soon as the version is saved."
        said = pages.statement(version)
        advice = (
            " Longer than 30 seconds: nobody will say it like this. Cut criteria, or use named lists."
            if said.is_long
            else ""
        )
        return format_html("{}<br>{} words, about {} seconds aloud.{}", said.text, said.words, said.seconds, advice)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        offered = {"version": version, "offers": steps.offers(version, request.user)} if version else {}  # type: ignore[arg-type]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **offered})
