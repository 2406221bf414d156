from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from definitions import lint, signals_and_lists, version_documents
from definitions.admin import criteria, form_document, page_sections
from definitions.admin.account_form import ACCOUNT_FIELDS, AccountVersionForm
from definitions.admin.choices import AvailableChoices, load_available_choices
from definitions.admin.criteria import build_criterion_inline
from definitions.admin.draft_only import DraftLockMixin, DraftOnlyAdmin
from definitions.admin.side_panel import build_panel
from definitions.admin.signals_and_paths import SignalRuleInline, build_path_inline
from definitions.admin.version_form import VersionForm
from definitions.lint import Severity
from definitions.models import Backtest, Version
from definitions.presenters import published_page, step_buttons
from definitions.vocabulary import Part, PathKind
from leads.vocabulary import Motion

_HEAD = ("owner", "reason", "sal_rate_target", "summary")
_NUMBERS = (
    *("kind", "mql_to_sql_low", "mql_to_sql_high", "mql_to_sql_rationale"),
    *(
        "engaged_within_days",
        "or_request_within_days",
        "timing_signals",
        "decay_mode",
        "decay_percent",
        "decay_per_days",
    ),
    *("inactivity_after_days", "inactivity_points", "inactivity_per_days"),
    *("fit_ceiling", "engagement_ceiling", "bant_ceiling", "tier_3_axis", "tier_3_less_than"),
    *("timing_rationale", "decay_rationale", "tier_3_rationale"),
)


@admin.register(Version)
class VersionAdmin(DraftOnlyAdmin, DraftLockMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """A version's page is the agreement itself, to be edited, with a panel that shows its meaning while it is typed."""

    form = VersionForm
    change_form_template = "admin/definitions/version/change_form.html"
    list_display = ("__str__", "state", "owner", "findings", "latest_backtest", "activated_at")
    list_filter = ("state", "definition")
    list_select_related = ("definition",)
    ordering = ("definition__name", "-major", "-minor", "-pk")
    rows = (
        build_criterion_inline(Part.GATE),
        build_criterion_inline(Part.DISQUALIFIER),
        build_criterion_inline(Part.FIT),
        build_criterion_inline(Part.BANT),
        SignalRuleInline,
        build_path_inline(PathKind.PATH),
        build_path_inline(PathKind.HOT),
    )

    class Media:
        css: ClassVar = {"all": ["css/admin.css"]}

    # Requests

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.panel_view))
        return [path("<int:pk>/panel/", view, name="definitions_version_panel"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> Any:
        latest = Backtest.objects.successful().filter(version=OuterRef("pk")).order_by("-finished_at", "-pk")
        rows = super().get_queryset(request).select_related("definition")
        return rows.annotate(backtested_at=Subquery(latest.values("finished_at")[:1]))

    def get_inlines(self, request: HttpRequest, obj: Version | None) -> Any:  # noqa: ARG002 (Django passes it)
        if obj is None:
            return ()
        return self.rows[:2] if _judges_companies(obj) else self.rows

    def get_fields(self, request: HttpRequest, obj: Version | None = None) -> Any:  # noqa: ARG002 (Django passes it)
        if obj is None:
            return ("definition", *_HEAD)
        return (*_HEAD, "own_statement", *(ACCOUNT_FIELDS if _judges_companies(obj) else _NUMBERS))

    def get_form(self, request: HttpRequest, obj: Version | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None and _judges_companies(obj):
            kwargs["form"] = AccountVersionForm
        return super().get_form(request, obj, change, **kwargs)

    def get_formset_kwargs(self, request: HttpRequest, obj: Version, inline: Any, prefix: str) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        return kwargs | {"form_kwargs": {"available": _available_choices(request)}}

    # The list

    @admin.display(description="lint")
    def findings(self, version: Version) -> str:
        """Return the counts of the linter's findings for a draft; other versions cannot be corrected any more."""
        if not version.is_draft:
            return "–"
        findings = lint.lint_document(
            version_documents.export_document(version),
            meanings=signals_and_lists.read_signal_meanings(),
            names=signals_and_lists.read_display_names(),
            change=None,
        )
        counts = [(sum(finding.severity == severity for finding in findings), severity) for severity in Severity]
        return (
            ", ".join(f"{count} {severity}{_plural_ending(count, severity)}" for count, severity in counts if count)
            or "clean"
        )

    @admin.display(description="latest backtest", ordering="backtested_at", empty_value="none yet")
    def latest_backtest(self, version: Any) -> Any:
        return version.backtested_at

    # The page

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Redirect to the presets, unless an empty version is asked for."""
        if request.method == "GET" and "empty" not in request.GET and self.has_add_permission(request):
            return HttpResponseRedirect(reverse("presets"))
        return super().add_view(request, form_url, extra_context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        version = kwargs.get("obj")
        if version is not None:
            context |= self._build_context(request, version, context)
        return super().render_change_form(request, context, *args, **kwargs)

    def _build_context(self, request: HttpRequest, version: Version, context: dict[str, Any]) -> dict[str, Any]:
        page: dict[str, Any] = {
            "version": version,
            "title": str(version),
            "subtitle": None,
            # The editor and its panel need the full width.
            "is_nav_sidebar_enabled": False,
            "head": context["adminform"].form,
            "offers": step_buttons.list_step_buttons(version, request.user),  # type: ignore[arg-type]  # staff are signed in
            "in_force": Version.objects.active().filter(definition=version.definition).exclude(pk=version.pk).first(),
        }
        if not self.has_change_permission(request, version):
            return page | {"published": published_page.build_published_page(version)}
        formsets = [inline.formset for inline in context["inline_admin_formsets"]]
        typed = self._read_document(version, context["adminform"].form, formsets)
        return page | {
            "sections": page_sections.attach_formsets(formsets, of_companies=_judges_companies(version)),
            "panel": build_panel(version, typed),
            "available": _available_choices(request),
            "questions": {"inputs": criteria.build_input_table(), "kinds": criteria.build_kind_table()},
        }

    def _read_document(self, version: Version, form: Any, formsets: list[Any]) -> form_document.FormDocument:
        return (
            form_document.read_form(version, form, formsets)
            if form.is_bound
            else form_document.read_stored(version, formsets)
        )

    def panel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Render the panel for the form as it is typed, and store nothing."""
        version = self.get_object(request, str(pk))
        if version is None:
            raise Http404
        if not self.has_change_permission(request, version):
            raise PermissionDenied
        form = self.get_form(request, version, change=True)(request.POST, instance=version)
        # The same private method by which Django's own change view builds them.
        formsets, _ = self._create_formsets(request, version, change=True)  # type: ignore[attr-defined]  # not in the stubs
        typed = form_document.read_form(version, form, formsets)
        context = {"panel": build_panel(version, typed), "version": version}
        name = "_panel.html" if getattr(request, "htmx", False) else "checked.html"
        return render(
            request, f"admin/definitions/version/{name}", {**self.admin_site.each_context(request), **context}
        )

    # Saving

    def save_model(self, request: HttpRequest, obj: Version, form: Any, change: bool) -> None:
        if not change:
            obj.definition = version_documents.lock_definition(obj.definition)
            obj.minor = version_documents.next_minor(obj.definition, obj.major)
            obj.created_at, obj.created_by = timezone.now(), request.user  # type: ignore[assignment]  # staff are signed in
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Version, post_url_continue: str | None = None) -> HttpResponse:  # noqa: ARG002 (Django passes it)
        messages.success(request, f"{obj} is begun. Now say who fits, what they do, and how fresh it must be.")
        return HttpResponseRedirect(reverse("admin:definitions_version_change", args=[obj.pk]))

    def response_change(self, request: HttpRequest, obj: Version) -> HttpResponse:
        """Stay on the page after saving: proposing and backtesting are offered there too."""
        messages.success(request, f"{obj} is saved.")
        return HttpResponseRedirect(reverse("admin:definitions_version_change", args=[obj.pk]))


def _judges_companies(version: Version) -> bool:
    return version.definition.motion == Motion.AQL


def _available_choices(request: Any) -> AvailableChoices:
    """Return the choices, loaded once for a request."""
    if not hasattr(request, "available"):
        request.available = load_available_choices()
    available: AvailableChoices = request.available
    return available


def _plural_ending(count: int, severity: Severity) -> str:
    return "" if count == 1 or severity == Severity.ADVICE else "s"
