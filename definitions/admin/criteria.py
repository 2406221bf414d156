"""Rows that compare one attribute: the gate, fit points, BANT points and disqualifiers, read by rules 15.3."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest

from definitions.admin.draft_only import DraftOnlyAdmin
from definitions.admin.widgets import LinesField, OrderedFormSet, RowForm, number_input, rationale_input
from definitions.document import criterion_fields
from definitions.document.json_reader import Node
from definitions.document.values import CHOICES, RANGES, TRUTHS, field_kind
from definitions.models import Criterion
from definitions.plain_english import generated_statement
from definitions.vocabulary import (
    CURRENCY_FIELDS,
    FIELDS,
    OPERATORS_OF,
    FieldKind,
    Operator,
    Part,
    UnknownPolicy,
    split_currency,
)
from leads.models import NamedList

_VALUE_INPUTS: Final = ("low", "high", "texts", "flag", "list")
#: The place in a complaint about one of several texts: its index.
_LINE: Final = re.compile(r"^\[(\d+)\]")
_YES_NO: Final = [("", "–"), ("true", "yes"), ("false", "no")]
#: The choice in the list of fields that stands for an attribute named by the customer.
OWN: Final = "own"
_USUAL_CURRENCIES: Final = ("EUR", "USD", "GBP")
_STATED_FIELDS: Final = ("lead.budget", "lead.timeline", "lead.use_case")


def build_field_choices() -> list[tuple[str, Any]]:
    groups: dict[str, list[tuple[str, str]]] = {"The company": [], "The person": [], "What they said": []}
    for name in (*FIELDS, *_offered_amounts()):
        of_person = "What they said" if split_currency(name)[0] in _STATED_FIELDS else "The person"
        groups["The company" if name.startswith("company.") else of_person].append(
            (name, generated_statement.field_label(name))
        )
    return [("", "Choose…"), *groups.items(), (OWN, "An attribute of our own…")]


def _offered_amounts() -> list[str]:
    """Return the amounts to choose from, in the usual currencies; those in another currency are typed."""
    codes = dict.fromkeys((settings.CURRENCY, *_USUAL_CURRENCIES))
    return [f"{name}.{code}" for name in CURRENCY_FIELDS for code in codes]


def value_inputs(kind: FieldKind | None, op: Operator) -> tuple[str, ...]:
    """Return the names of the inputs that hold the value for a kind of field and an operator."""
    if op in TRUTHS:
        return ("flag",)
    if op == Operator.IN_LIST:
        return ("list",)
    if op in CHOICES or kind == FieldKind.SENIORITY:
        return ("texts",)
    return {Operator.AT_LEAST: ("low",), Operator.AT_MOST: ("high",)}.get(op, ("low", "high"))


def build_input_table() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return, by kind of field, each fitting operator with its value inputs; the page shows only those."""
    kinds: list[FieldKind | None] = [*FieldKind, None]
    return {
        str(kind or OWN): {
            str(op): value_inputs(kind, op) for op in Operator if kind is None or op in OPERATORS_OF[kind]
        }
        for kind in kinds
    }


def build_kind_table() -> dict[str, str]:
    return {name: str(field_kind(name)) for name in (*FIELDS, *_offered_amounts())}


class CriterionForm(RowForm):
    """A row that compares one attribute; the operator decides which of the value inputs it uses."""

    part: Part

    field = forms.ChoiceField(choices=build_field_choices, required=False)
    own_field = forms.CharField(
        label="own attribute",
        required=False,
        max_length=120,
        widget=forms.TextInput(
            attrs={"placeholder": "lead.custom.NAME or lead.budget.CHF", "list": "own-fields", "autocomplete": "off"}
        ),
    )
    low = forms.DecimalField(label="from", required=False, widget=number_input())
    high = forms.DecimalField(label="to", required=False, widget=number_input())
    texts = LinesField(label="values, one a line")
    flag = forms.TypedChoiceField(
        label="yes or no",
        choices=_YES_NO,
        required=False,
        coerce=lambda value: {"true": True, "false": False}.get(str(value).lower()),
        empty_value=None,
    )
    list = forms.ModelChoiceField(NamedList.objects.all(), required=False, empty_label="Choose a list…")

    class Meta:
        model = Criterion
        fields = (
            *("position", "field", "own_field", "op", "low", "high", "texts", "flag", "list", "points"),
            *("unknown", "rationale"),
        )
        widgets = {"points": number_input(), "rationale": rationale_input()}
        labels = {"op": "asks", "points": "fit points"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.part = self.part
        if self.part == Part.BANT:
            self.fields["points"].label = "BANT points"
        self.fields["unknown"].choices = [("", "not said"), *UnknownPolicy.choices]  # type: ignore[attr-defined]  # a choice field
        # The choices are read once for the page, not once for each row.
        self.fields["list"].choices = [("", "Choose a list…"), *self.available.lists]  # type: ignore[attr-defined]  # a choice field
        self.initial["flag"] = {True: "true", False: "false"}.get(self.instance.flag, "")
        if self.instance.field and self.instance.field not in build_kind_table():
            self.initial["own_field"], self.initial["field"] = self.instance.field, OWN

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        own = data.pop("own_field", "").strip()
        chosen_field = data.get("field") or ""
        if bool(own) == (chosen_field not in ("", OWN)):
            code = "invalid" if own else "required"
            raise forms.ValidationError("Choose a field, or name an attribute of your own; one of the two.", code=code)
        data["field"] = self._read_node(
            Node(own or chosen_field, ""), "own_field" if own else "field", criterion_fields.read_field
        )
        if data.get("unknown") and data.get("op") == Operator.KNOWN:
            self.add_error("unknown", "“is known” asks for that itself: leave it unsaid.")
        if data["field"] and data.get("op") and not set(self.errors) - {"rationale"}:
            data |= self._clean_value(data["field"], Operator(data["op"]), data)
        return data

    def _clean_value(self, field: str, op: Operator, data: dict[str, Any]) -> dict[str, Any]:
        if sentence := criterion_fields.explain_misfit(field, op):
            self.add_error("op", sentence)
            return {}
        inputs = value_inputs(field_kind(field), op)
        for name in _VALUE_INPUTS:
            if name not in inputs and data.get(name) not in (None, "", []):
                self.add_error(name, f"“{op.label}” does not use this: clear it.")
        if all(data.get(name) in (None, "", []) for name in inputs):
            self.add_error(inputs[0], forms.ValidationError(f"“{op.label}” needs this.", code="required"))
            return {}
        lists = {data["list"].name} if data["list"] else ()
        node = Node(_document_value(field, op, inputs, data), "")
        answer = (
            self._read_node(
                node, inputs[0], lambda at: criterion_fields.read_value(at, field=field, op=op, lists=lists)
            )
            or criterion_fields.CriterionValue()
        )
        return {"low": answer.low, "high": answer.high, "texts": [*answer.texts], "flag": answer.flag}

    def _read_node(self, node: Node, name: str, reader: Callable[[Node], Any]) -> Any:
        value = reader(node)
        for complaint in node.complaints.sentences():
            self.add_error(
                name,
                _LINE.sub(lambda match: f"Line {int(match[1]) + 1}", generated_statement.capitalize_first(complaint)),
            )
        return value


def _document_value(field: str, op: Operator, inputs: tuple[str, ...], data: dict[str, Any]) -> object:
    """Return the value as a document would write it."""
    if inputs == ("list",):
        return data["list"].name
    if inputs == ("texts",):
        return _document_texts(field, op, data["texts"])
    values = [data[name] for name in inputs]
    return values if op == Operator.BETWEEN else values[0]


def _document_texts(field: str, op: Operator, texts: list[str]) -> object:
    if field_kind(field) == FieldKind.NUMBER:
        return [_read_number_or_text(text) for text in texts]
    if op == Operator.BETWEEN or op not in RANGES:
        return texts
    return texts[0] if len(texts) == 1 else texts


def _read_number_or_text(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


class CriterionFormSet(OrderedFormSet, BaseInlineFormSet):  # type: ignore[type-arg]  # generic in the stubs only
    pass


class CriterionInline(DraftOnlyAdmin, admin.StackedInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = Criterion
    formset = CriterionFormSet
    extra = 0
    part: Part

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).filter(part=self.part)
        return rows.select_related("list").order_by("position", "pk")


def build_criterion_inline(part: Part) -> type[CriterionInline]:
    form = type(f"{part.name.title()}Form", (CriterionForm,), {"part": part})
    names: dict[str, Any] = {"part": part, "form": form}
    if part == Part.DISQUALIFIER:
        names["exclude"] = ["points"]
    return type(f"{part.name.title()}Inline", (CriterionInline,), names)
