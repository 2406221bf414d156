"""Widgets, fields and base forms shared by the forms of the rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.functional import cached_property

from definitions.admin.choices import AvailableChoices
from definitions.models import format_plain

HUNDRED = Decimal(100)


def number_input(empty: str = "") -> forms.TextInput:
    """Return a text input for a number; `empty` is the placeholder.

    An input of type "number" would change its value when the mouse wheel turns over it.
    """
    return forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "placeholder": empty})


def rationale_input() -> forms.Textarea:
    return forms.Textarea(attrs={"rows": 1, "placeholder": "Why this row is here"})


def short_reason(empty: str) -> forms.TextInput:
    """Return an input of one line for the reason of a number."""
    return forms.TextInput(attrs={"size": 40, "autocomplete": "off", "placeholder": empty})


class PlainNumbers(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A form that shows 50 instead of 50.0000, without the zeros that the columns add."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        decimals = {name: value for name, value in self.initial.items() if isinstance(value, Decimal)}
        self.initial.update({name: Decimal(format_plain(value)) for name, value in decimals.items()})


class RowForm(PlainNumbers):
    """A row of a formset. Its position is its place on the page, numbered by static/js/editor_rows.js."""

    position = forms.IntegerField(
        required=False, min_value=0, max_value=9999, widget=forms.HiddenInput(attrs={"data-position": ""})
    )

    def __init__(self, *args: Any, available: AvailableChoices, **kwargs: Any) -> None:
        self.available = available
        super().__init__(*args, **kwargs)

    def clean_position(self) -> int:
        typed = self.cleaned_data["position"]
        return typed if typed is not None else int((self.prefix or "0").rpartition("-")[2])

    @cached_property
    def changed_data(self) -> list[str]:
        """Return the changed fields. A new row's position does not count: an empty new row is no row."""
        changed: list[str] = super().changed_data
        return changed if self.instance.pk else [name for name in changed if name != "position"]

    @property
    def is_removed(self) -> bool:
        return bool(self["DELETE"].value()) if "DELETE" in self.fields else False

    @property
    def is_blank(self) -> bool:
        return not self.instance.pk and not self.has_changed()


class OrderedFormSet:
    """A formset shown in the order of the typed positions, not of the numbers in its field names."""

    def forms_in_order(self: Any) -> list[RowForm]:
        def place(item: tuple[int, RowForm]) -> tuple[int, int]:
            index, form = item
            position = str(form["position"].value() or "")
            return (int(position) if position.isascii() and position.isdecimal() else index), index

        return [form for _, form in sorted(enumerate(self.forms), key=place)]


class LinesField(forms.CharField):
    """A list of texts, one on each line."""

    def __init__(self, *, label: str = "") -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 3, "cols": 18}), label=label)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]  # a list, not a text
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        return [line.strip() for line in lines if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(initial) != self.to_python(data)


class PercentField(forms.DecimalField):
    """A share that is typed as 70 and stored as 0.7."""

    def prepare_value(self, value: Any) -> Any:
        return format_plain(value * HUNDRED) if isinstance(value, Decimal) else value

    def to_python(self, value: Any) -> Any:
        typed = super().to_python(value)
        return None if typed is None else typed / HUNDRED

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except forms.ValidationError:
            return True
