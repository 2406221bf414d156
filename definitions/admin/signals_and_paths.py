"""Rows about behaviour: points for signals, and paths and hot triggers with their clauses on the same page."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.contrib import admin
from django.forms.models import BaseInlineFormSet, inlineformset_factory
from django.http import HttpRequest

from definitions.admin.draft_only import DraftOnlyAdmin
from definitions.admin.widgets import OrderedFormSet, RowForm, number_input, rationale_input, short_reason
from definitions.models import Clause, Path, SignalRule
from definitions.vocabulary import Axis, PathKind
from leads.models import Signal

_WINDOW_FIELDS = ("within_days", "within_hours_of_each_other", "distinct_assets", "same_asset")
#: The choice that stands for a count of every signal of high intent; it is stored as that count.
HIGH_INTENT = "high_intent"
_AXES = [
    ("", "times any of these"),
    (HIGH_INTENT, "signal of high intent"),
    (Axis.ENGAGEMENT, "engagement points"),
    (Axis.FIT, "fit points"),
    (Axis.BANT, "BANT points"),
    (Axis.FIT_AND_ENGAGEMENT, "points of fit and engagement"),
]


class SignalRuleForm(RowForm):
    signal = forms.ModelChoiceField(Signal.objects.all(), empty_label="Choose a signal…")

    class Meta:
        model = SignalRule
        fields = (
            *("position", "signal", "points", "cap", "cap_rationale", "disqualifies", "disqualifies_within_days"),
            "rationale",
        )
        widgets = {
            "points": number_input(),
            "cap": number_input("no cap"),
            "cap_rationale": short_reason("Why this cap"),
            "disqualifies_within_days": number_input("good"),
            "rationale": rationale_input(),
        }
        labels = {"points": "points each", "cap": "at most in all"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["signal"].choices = [("", "Choose a signal…"), *self.available.signal_choices]  # type: ignore[attr-defined]  # a choice field

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        points, cap = data.get("points"), data.get("cap")
        if points is not None and cap is not None and points * cap < 0:
            self.add_error("cap", "The cap has the sign of the points: it limits negative points from below.")
        if data.get("disqualifies") and (points or 0) > 0:
            self.add_error("points", "A signal that excludes its lead gives no points: write 0 or less.")
        if data.get("disqualifies_within_days") is not None and not data.get("disqualifies"):
            self.add_error("disqualifies_within_days", "Only a signal that excludes has this: clear it.")
        if (data.get("disqualifies_within_days") or 0) < 0:
            self.add_error("disqualifies_within_days", "A window is not negative.")
        return data


class SignalTick(NamedTuple):
    """A signal that a clause may count, and whether it does."""

    code: str
    name: str
    is_request: bool
    is_ticked: bool


class ClauseForm(RowForm):
    """A clause: either an axis with a minimum of points, or a count of signals."""

    axis = forms.ChoiceField(choices=_AXES, required=False, label="of what")
    signals = forms.MultipleChoiceField(required=False)

    class Meta:
        model = Clause
        fields = ("position", "axis", "signals", "at_least", *_WINDOW_FIELDS, "rationale")
        widgets = {
            "rationale": short_reason("Why so many, and in this window"),
            "at_least": number_input(),
            "within_days": number_input("ever"),
            "within_hours_of_each_other": number_input("any"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["signals"].choices = self.available.codes  # type: ignore[attr-defined]  # a choice field

    @property
    def signal_groups(self) -> list[tuple[str, list[SignalTick]]]:
        chosen = set(self["signals"].value() or ())
        return [
            (
                intent,
                [SignalTick(signal.code, signal.name, signal.is_request, signal.code in chosen) for signal in signals],
            )
            for intent, signals in self.available.signals
        ]

    @property
    def chosen_names(self) -> str:
        names = [signal.name for _, signals in self.signal_groups for signal in signals if signal.is_ticked]
        return ", ".join(names) or "choose signals…"

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("axis") == HIGH_INTENT and not data.get("signals"):
            data |= {"axis": "", "signals": list(self.available.high_intent)}
        if bool(data.get("axis")) == bool(data.get("signals")):
            raise forms.ValidationError(
                "A clause asks for points on an axis, or counts signals; choose one of the two.",
                code="invalid" if data.get("axis") else "required",
            )
        for name, sentence in self._complaints(data):
            self.add_error(name, sentence)
        return data

    def _complaints(self, data: dict[str, Any]) -> Iterable[tuple[str, str]]:
        times = data.get("at_least")
        if data.get("axis"):
            for name in _WINDOW_FIELDS:
                if data.get(name):
                    yield name, "Only a count of signals has this: clear it."
        elif times is not None and (times < 1 or times != times.to_integral_value()):
            yield "at_least", "A count is a whole number, at least 1."
        if data.get("same_asset"):
            yield from _complain_of_same_asset(data)
        for name in _WINDOW_FIELDS[:2]:
            if (data.get(name) or Decimal(0)) < 0:
                yield name, "A window is not negative."


def _complain_of_same_asset(data: dict[str, Any]) -> Iterable[tuple[str, str]]:
    if len(data.get("signals") or ()) == 1:
        yield "same_asset", "One asset has two different signals at least; choose another one."
    for name in ("distinct_assets", "within_hours_of_each_other"):
        if data.get(name):
            yield name, "This does not go together with “about the same asset”."


class ClauseRows(OrderedFormSet, BaseInlineFormSet):  # type: ignore[type-arg]  # generic in the stubs only
    pass


ClauseFormSet = inlineformset_factory(Path, Clause, form=ClauseForm, formset=ClauseRows, extra=0)


class PathForm(RowForm):
    kind: PathKind
    #: The formset of this path's clauses, set and saved by PathFormSet.
    clauses: ClauseRows

    class Meta:
        model = Path
        fields = ("position", "name", "rationale")
        widgets = {
            "name": forms.TextInput(attrs={"placeholder": "Name of this path", "autocomplete": "off"}),
            "rationale": rationale_input(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.kind = self.kind

    def has_changed(self) -> bool:
        return super().has_changed() or self.clauses.has_changed()


class PathFormSet(OrderedFormSet, BaseInlineFormSet):  # type: ignore[type-arg]  # generic in the stubs only
    """The paths of one kind, each with a formset of its clauses under `<prefix>-<number>-clauses`."""

    forms: list[PathForm]  # type: ignore[assignment]  # the base knows plain forms only

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.clauses = ClauseFormSet(
            data=self.data if self.is_bound else None,
            instance=form.instance,
            prefix=f"{form.prefix}-clauses",
            queryset=Clause.objects.order_by("position", "pk"),
            form_kwargs=self.form_kwargs,
        )

    def is_valid(self) -> bool:
        remaining = [form for form in self.forms if not form.is_removed and not form.is_blank]
        return bool(super().is_valid()) and all(form.clauses.is_valid() for form in remaining)

    def save(self, commit: bool = True) -> Any:
        saved = super().save(commit=commit)
        for form in self.forms:
            if form.instance.pk and not form.is_removed:
                form.clauses.save(commit=commit)
        return saved


class SignalRuleFormSet(OrderedFormSet, BaseInlineFormSet):  # type: ignore[type-arg]  # generic in the stubs only
    pass


class SignalRuleInline(DraftOnlyAdmin, admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = SignalRule
    form = SignalRuleForm
    formset = SignalRuleFormSet
    extra = 0

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("signal").order_by("position", "pk")


class PathInline(DraftOnlyAdmin, admin.StackedInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = Path
    formset = PathFormSet
    extra = 0
    kind: PathKind

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).filter(kind=self.kind)
        return rows.order_by("position", "pk")


def build_path_inline(kind: PathKind) -> type[PathInline]:
    form = type(f"{kind.name.title()}Form", (PathForm,), {"kind": kind})
    return type(f"{kind.name.title()}Inline", (PathInline,), {"kind": kind, "form": form})
