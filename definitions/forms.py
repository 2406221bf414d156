"""Input of the admin and the pages. The rows of a draft are read by the same rules as its document (SPEC 15)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django import forms

from definitions import questions, wording
from definitions.draft import CHOICES, RANGES, TRUTHS, kind_of
from definitions.models import Clause, Criterion, Definition, Path, SignalRule, Version, plain
from definitions.reading import Node
from definitions.vocabulary import FIELDS, Decision, FieldKind, Operator, Part, PathKind, Side
from leads.models import Signal

_VALUE_INPUTS: Final = ("low", "high", "texts", "flag", "list")
#: Where a complaint about one of several texts stands.
_LINE: Final = re.compile(r"^\[(\d+)\]")
_YES_NO: Final = [("", "–"), ("true", "Yes"), ("false", "No")]


def _narrow(size: int) -> forms.TextInput:
    """A number among many columns; a number input would be twice as wide."""
    return forms.TextInput(attrs={"size": size, "inputmode": "decimal"})


class PlainNumbers(forms.ModelForm):  # type: ignore[type-arg]
    """50, not 50.0000: numbers without the zeros that their columns add."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        decimals = {name: value for name, value in self.initial.items() if isinstance(value, Decimal)}
        self.initial.update({name: plain(value) for name, value in decimals.items()})


class Lines(forms.CharField):
    """Texts, one on each line."""

    def __init__(self, *, label: str = "", help_text: str = "") -> None:
        widget = forms.Textarea(attrs={"rows": 3, "cols": 18})
        super().__init__(required=False, widget=widget, label=label, help_text=help_text)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        return [line.strip() for line in lines if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(initial) != self.to_python(data)


class CriterionForm(PlainNumbers):
    """One question to an attribute; which of the value's inputs it takes depends on the operator."""

    part: Part

    field = forms.ChoiceField(
        choices=[("", "–"), *((name, label) for name, (_, label) in FIELDS.items())], required=False
    )
    own_field = forms.CharField(
        label="or own attribute",
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"size": 12}),
        help_text="lead.custom.NAME or company.custom.NAME",
    )
    low = forms.DecimalField(label="from", required=False, widget=_narrow(7))
    high = forms.DecimalField(label="to", required=False, widget=_narrow(7))
    texts = Lines(label="texts", help_text="One a line. A range of seniorities: lowest, then highest.")
    flag = forms.TypedChoiceField(
        label="yes/no",
        choices=_YES_NO,
        required=False,
        coerce=lambda value: {"true": True, "false": False}.get(str(value).lower()),
        empty_value=None,
    )

    class Meta:
        model = Criterion
        fields = ("position", "field", "own_field", "op", "low", "high", "texts", "flag", "list", "points", "rationale")
        widgets = {
            "position": _narrow(2),
            "points": _narrow(5),
            "rationale": forms.Textarea(attrs={"rows": 2, "cols": 60}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.part = self.part
        self.initial["flag"] = {True: "true", False: "false"}.get(self.instance.flag, "")
        if self.instance.field not in FIELDS:
            self.initial["own_field"], self.initial["field"] = self.instance.field, ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        own = data.pop("own_field", "").strip()
        if bool(own) == bool(data.get("field")):
            raise forms.ValidationError("Choose a field, or name an attribute of your own; one of the two.")
        data["field"] = self._read(Node(own or data["field"], ""), "own_field" if own else "field", questions.field)
        if data["field"] and data.get("op") and not self.errors:
            data |= self._answer(data["field"], Operator(data["op"]), data)
        return data

    def _answer(self, field: str, op: Operator, data: dict[str, Any]) -> dict[str, Any]:
        if sentence := questions.unfit(field, op):
            self.add_error("op", sentence)
            return {}
        taken = inputs_of(field, op)
        for name in _VALUE_INPUTS:
            if name not in taken and data[name] not in (None, "", []):
                self.add_error(name, f"“{op.label}” does not use this: clear it.")
        if all(data[name] in (None, "", []) for name in taken):
            self.add_error(taken[0], f"“{op.label}” needs this.")
            return {}
        lists = {data["list"].name} if data["list"] else ()
        node = Node(_value(field, op, taken, data), "")
        answer = (
            self._read(node, taken[0], lambda at: questions.answer(at, field=field, op=op, lists=lists))
            or questions.Answer()
        )
        return {"low": answer.low, "high": answer.high, "texts": list(answer.texts), "flag": answer.flag}

    def _read(self, node: Node, name: str, reader: Any) -> Any:
        found = reader(node)
        for complaint in node.complaints:
            self.add_error(name, _LINE.sub(lambda match: f"Line {int(match[1]) + 1}", wording.capital(complaint)))
        return found


def inputs_of(field: str, op: Operator) -> tuple[str, ...]:
    """Which inputs hold the value of such a question."""
    if op in TRUTHS:
        return ("flag",)
    if op == Operator.IN_LIST:
        return ("list",)
    if op in CHOICES or kind_of(field) == FieldKind.SENIORITY:
        return ("texts",)
    return {Operator.AT_LEAST: ("low",), Operator.AT_MOST: ("high",)}.get(op, ("low", "high"))


def _value(field: str, op: Operator, taken: tuple[str, ...], data: dict[str, Any]) -> object:
    """The value as a document would write it."""
    if taken == ("list",):
        return data["list"].name
    if taken == ("texts",):
        return _texts(field, op, data["texts"])
    values = [data[name] for name in taken]
    return values if op == Operator.BETWEEN else values[0]


def _texts(field: str, op: Operator, texts: list[str]) -> object:
    if kind_of(field) == FieldKind.NUMBER:
        return [_number_or_text(text) for text in texts]
    if op == Operator.BETWEEN or op not in RANGES:
        return texts
    return texts[0] if len(texts) == 1 else texts


def _number_or_text(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def criterion_form(part: Part) -> type[CriterionForm]:
    return type(f"{part.name.title()}Form", (CriterionForm,), {"part": part})


class SignalRuleForm(PlainNumbers):
    class Meta:
        model = SignalRule
        fields = ("position", "signal", "points", "cap", "rationale")
        widgets = {
            "position": _narrow(2),
            "points": _narrow(6),
            "cap": _narrow(6),
            "rationale": forms.Textarea(attrs={"rows": 2, "cols": 40}),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        points, cap = data.get("points"), data.get("cap")
        if points is not None and cap is not None and points * cap < 0:
            self.add_error("cap", "The cap has the sign of the points: it limits negative points from below.")
        return data


class PathForm(forms.ModelForm):  # type: ignore[type-arg]
    kind: PathKind

    class Meta:
        model = Path
        fields = ("position", "name", "rationale")
        widgets = {"position": _narrow(2), "rationale": forms.Textarea(attrs={"rows": 2, "cols": 30})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A path that exists keeps its kind; on its own page both kinds are edited by this form.
        if hasattr(self, "kind"):
            self.instance.kind = self.kind


def path_form(kind: PathKind) -> type[PathForm]:
    return type(f"{kind.name.title()}Form", (PathForm,), {"kind": kind})


class ClauseForm(PlainNumbers):
    """Either an axis with at least so many points, or a count of signals."""

    signals = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="Any of these counts. Leave empty for an axis."
    )

    class Meta:
        model = Clause
        fields = (
            "position",
            "axis",
            "signals",
            "at_least",
            "within_days",
            "within_hours_of_each_other",
            "distinct_assets",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["signals"].choices = list(Signal.objects.order_by("name", "pk").values_list("code", "name"))  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("axis")) == bool(data.get("signals")):
            raise forms.ValidationError(
                "A clause asks for points on an axis, or counts signals; choose one of the two."
            )
        for name, sentence in self._complaints(data):
            self.add_error(name, sentence)
        return data

    def _complaints(self, data: dict[str, Any]) -> Iterable[tuple[str, str]]:
        times = data.get("at_least")
        if data.get("axis"):
            for name in ("within_days", "within_hours_of_each_other", "distinct_assets"):
                if data.get(name):
                    yield name, "Only a count of signals has this: clear it."
        elif times is not None and (times < 1 or times != times.to_integral_value()):
            yield "at_least", "A count is a whole number, at least 1."
        for name in ("within_days", "within_hours_of_each_other"):
            if (data.get(name) or Decimal(0)) < 0:
                yield name, "A window is not negative."


class VersionForm(PlainNumbers):
    class Meta:
        model = Version
        exclude = ()  # noqa: DJ006 (the admin's fieldsets name them)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        pairs = (("tier_3_axis", "tier_3_less_than"), ("inactivity_after_days", "inactivity_points"))
        for one, other in pairs:
            if one in data and other in data and (data[one] in (None, "")) != (data[other] is None):
                self.add_error(other, "Fill both, or neither.")
        for name in ("inactivity_points", "inactivity_after_days", "engaged_within_days", "or_request_within_days"):
            if (data.get(name) or 0) < 0:
                self.add_error(name, "This is not negative.")
        if "decay_per_days" in data and not data["decay_per_days"] > 0:
            self.add_error("decay_per_days", "This is more than 0.")
        return data


class SignForm(forms.Form):
    """A side's word on a proposed version."""

    side = forms.ChoiceField(choices=())
    decision = forms.ChoiceField(choices=Decision.choices, widget=forms.RadioSelect)
    comment = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}), max_length=5000, help_text="Why: it is kept with the signature."
    )

    def __init__(self, *args: Any, sides: Iterable[Side], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["side"].choices = [(side.value, side.label) for side in sides]  # type: ignore[attr-defined]


class DecideForm(forms.Form):
    """The leaders' decision on a review."""

    decision = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    reasoning = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 4}))
    led_to = forms.ModelChoiceField(
        queryset=Version.objects.none(), required=False, label="Version that comes of it", empty_label="None yet"
    )

    def __init__(self, *args: Any, definition: Definition, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = Version.objects.filter(definition=definition).select_related("definition")
        self.fields["led_to"].queryset = versions.order_by("-major", "-minor", "-pk")  # type: ignore[attr-defined]
