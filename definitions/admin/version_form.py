"""The form of a version's own fields: owner, reason, timing, decay, ceilings and tiers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from django import forms

from definitions.admin.widgets import HUNDRED, PercentField, PlainNumbers, number_input, short_reason
from definitions.models import Version
from definitions.vocabulary import Axis, DefinitionKind
from leads.models import Signal

_NUMBERS: Final = (
    *("decay_percent", "decay_per_days", "inactivity_after_days", "inactivity_points", "inactivity_per_days"),
    *("fit_ceiling", "engagement_ceiling", "bant_ceiling", "engaged_within_days", "or_request_within_days"),
    "tier_3_less_than",
)
_REASONS: Final = {
    "timing_rationale": "Why these windows",
    "decay_rationale": "Why points fade so, and silence costs this",
    "tier_3_rationale": "Why this floor",
    "mql_to_sql_rationale": "Why this range",
}
_PAIRS: Final = (
    ("tier_3_axis", "tier_3_less_than"),
    ("inactivity_after_days", "inactivity_points"),
    ("mql_to_sql_low", "mql_to_sql_high"),
)
_NOT_NEGATIVE: Final = (
    *("inactivity_points", "inactivity_after_days", "engaged_within_days", "or_request_within_days"),
    *("fit_ceiling", "engagement_ceiling", "bant_ceiling"),
)


def _healthy_end(label: str, default: str) -> PercentField:
    return PercentField(
        required=False,
        label=label,
        min_value=0,
        max_value=1,
        max_digits=4,
        decimal_places=3,
        widget=number_input(default),
        error_messages={"max_value": "This must be at most 100 %.", "min_value": "This must not be negative."},
    )


class VersionForm(PlainNumbers):
    sal_rate_target = PercentField(
        label="SAL-rate target",
        initial=Decimal("0.7"),
        min_value=0,
        max_value=1,
        max_digits=4,
        decimal_places=3,
        widget=number_input(),
        error_messages={"max_value": "This must be at most 100 %.", "min_value": "This must not be negative."},
    )

    mql_to_sql_low = _healthy_end("Healthy MQL→SQL from", "15")
    mql_to_sql_high = _healthy_end("Healthy MQL→SQL to", "20")

    timing_signals = forms.MultipleChoiceField(
        required=False,
        label="Engagement is",
        help_text="None chosen: every signal that counts as engagement.",
        widget=forms.SelectMultiple({"size": 8}),
    )

    class Meta:
        model = Version
        exclude = ()
        widgets = {
            **{name: number_input("none") for name in _NUMBERS},
            **{name: short_reason(text) for name, text in _REASONS.items()},
            "summary": forms.TextInput(attrs={"size": 80}),
            "owner": forms.TextInput(attrs={"size": 40}),
            "reason": forms.Textarea(attrs={"rows": 2}),
            "own_statement": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "sal_rate_target" in self.initial:
            self.initial["sal_rate_target"] = Decimal(self.instance.sal_rate_target)
        if "kind" in self.fields:
            self.fields["kind"].choices = [("", "not said"), *DefinitionKind.choices]  # type: ignore[attr-defined]  # a choice field
        if "timing_signals" in self.fields:
            self.fields["timing_signals"].choices = Signal.objects.order_by("name", "pk").values_list("code", "name")  # type: ignore[attr-defined]  # a choice field
        if "tier_3_axis" in self.fields:
            self.fields["tier_3_axis"].choices = [("", "no axis: no tier 3"), *Axis.choices]  # type: ignore[attr-defined]  # a choice field

    def clean_timing_signals(self) -> list[str] | None:
        # Cleaned before the model's fields are; the window is read as it was typed.
        codes = self.cleaned_data["timing_signals"] or None
        if codes and self["engaged_within_days"].value() in (None, ""):
            raise forms.ValidationError("This says what counts as active: say within how many days.")
        return codes

    def clean_mql_to_sql_high(self) -> Decimal | None:
        low: Decimal | None = self.cleaned_data.get("mql_to_sql_low")
        high: Decimal | None = self.cleaned_data["mql_to_sql_high"]
        if low is not None and high is not None and low >= high:
            raise forms.ValidationError("This must be more than where the range begins.")
        return high

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for first, second in _PAIRS:
            if first in data and second in data and (data[first] in (None, "")) != (data[second] is None):
                self.add_error(second, "Fill both, or neither.")
        for name in _NOT_NEGATIVE:
            if (data.get(name) or 0) < 0:
                self.add_error(name, "This must not be negative.")
        for name in ("decay_per_days", "inactivity_per_days"):
            if name in data and not data[name] > 0:
                self.add_error(name, "This must be more than 0.")
        if "decay_percent" in data and not 0 <= data["decay_percent"] <= HUNDRED:
            self.add_error("decay_percent", "This must be from 0 to 100.")
        return data
