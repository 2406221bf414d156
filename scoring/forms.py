"""Forms of backtests (a period, thresholds) and of the lists of MALs. They check input only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django import forms

from config import company_days
from definitions.backtest_requests import MONTHS, default_period
from leads.stages import mal_exits
from leads.vocabulary import MalExitKind
from scoring.mals import gate_gaps, mal_list, recency_list, recency_work
from scoring.models import RecencyState

_DATE: Final = forms.DateInput(attrs={"type": "date"})
_MAX_THRESHOLD: Final = Decimal(99999)


class PeriodForm(forms.Form):
    """A period: the last months, or two dates; days are the company's."""

    months = forms.IntegerField(
        label="The last months",
        min_value=1,
        max_value=120,
        initial=MONTHS,
        required=False,
        help_text="Up to yesterday.",
    )
    start = forms.DateField(label="Or from", required=False, widget=_DATE)
    end = forms.DateField(label="Up to", required=False, widget=_DATE, help_text="This day is not part of it any more.")

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        if self.errors:
            return typed
        if bool(typed.get("start")) != bool(typed.get("end")):
            missing = "end" if typed.get("start") else "start"
            self.add_error(missing, "A period of your own needs both dates.")
        elif not typed.get("start") and not typed.get("months"):
            self.add_error("months", "Say how many months, or two dates.")
        return typed

    def period(self, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
        """Return the half-open period asked for, from midnight to midnight in the company's time zone."""
        start, end = self.cleaned_data["start"], self.cleaned_data["end"]
        if start and end:
            return company_days.start_of(start), company_days.start_of(end)
        return default_period(company_days.start_of(company_days.day_of(now)), self.cleaned_data["months"])


@dataclass(frozen=True, slots=True)
class Slider:
    """A threshold of a backtest's result with its field; the slider covers the values that the backtest tried."""

    label: str
    unit: str
    own: float
    low: float
    high: float
    field: forms.BoundField

    @property
    def value(self) -> object:
        return self.field.value()


class ThresholdsForm(forms.Form):
    """The thresholds of a backtest's result, named t0, t1, … in its order; one that is left out stays as tested."""

    def __init__(self, thresholds: Sequence[Mapping[str, Any]], data: Mapping[str, Any] | None) -> None:
        self.thresholds = thresholds
        own = {f"t{index}": threshold["value"] for index, threshold in enumerate(thresholds)}
        super().__init__(None if data is None else {name: data.get(name) or value for name, value in own.items()})
        for index, threshold in enumerate(thresholds):
            self.fields[f"t{index}"] = _build_threshold_field(threshold)

    def sliders(self) -> list[Slider]:
        return [_build_slider(threshold, self[f"t{index}"]) for index, threshold in enumerate(self.thresholds)]

    def values(self) -> dict[str, Decimal]:
        """Return the thresholds that differ from the backtest's own, by their place in the document."""
        typed = {threshold["place"]: self.cleaned_data[f"t{index}"] for index, threshold in enumerate(self.thresholds)}
        own = {threshold["place"]: Decimal(str(threshold["value"])) for threshold in self.thresholds}
        return {place: value for place, value in typed.items() if value != own[place]}


def _build_threshold_field(threshold: Mapping[str, Any]) -> forms.DecimalField:
    is_count = threshold["unit"] == "times"
    return forms.DecimalField(
        label=threshold["label"],
        initial=threshold["value"],
        min_value=Decimal(1 if is_count else 0),
        max_value=_MAX_THRESHOLD,
        decimal_places=0 if is_count else 3,
        widget=forms.NumberInput(attrs={"step": "1" if is_count else "any"}),
    )


def _build_slider(threshold: Mapping[str, Any], field: forms.BoundField) -> Slider:
    tried = [choice["at_least"] for choice in threshold["choices"]] + [threshold["value"]]
    return Slider(
        label=threshold["label"],
        unit=threshold["unit"],
        own=threshold["value"],
        low=min(tried),
        high=max(tried),
        field=field,
    )


class LeadSearchForm(forms.Form):
    """The filters that the lists of MALs share."""

    q = forms.CharField(max_length=100, required=False, label="Search", widget=forms.TextInput({"type": "search"}))
    source = forms.ChoiceField(required=False)
    country = forms.CharField(max_length=64, required=False, help_text="A code or a name.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer("source", [(source, source) for source in mal_list.list_sources()], "All sources")

    def _offer(self, name: str, choices: list[tuple[str, str]], empty_label: str) -> None:
        """Offer these choices; one that the address names and nobody has any more stays, so that it finds nobody."""
        chosen = str(self.data.get(name, ""))
        if chosen and chosen not in dict(choices):
            choices = [*choices, (chosen, chosen)]
        self.fields[name].choices = [("", empty_label), *choices]  # type: ignore[attr-defined]  # typed as plain Field


class MalFilterForm(LeadSearchForm):
    since = forms.ChoiceField(choices=[("", "At any time"), *mal_list.PERIODS.items()], required=False, label="MAL")
    missing = forms.ChoiceField(required=False, label="What is missing")
    sort = forms.ChoiceField(choices=list(mal_list.SORTS.items()), required=False, label="Order")

    def __init__(self, *args: Any, counts: Sequence[mal_list.MissingCount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer("missing", [(row.token, f"{row.label} ({row.count:,})") for row in counts], "Anything")


class GateGapFilterForm(LeadSearchForm):
    field = forms.ChoiceField(required=False, label="What is missing")

    def __init__(self, *args: Any, counts: Sequence[gate_gaps.GapCount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer("field", [(row.field, f"{row.label} ({row.count:,})") for row in counts], "Anything")


class LeftFilterForm(forms.Form):
    q = forms.CharField(max_length=100, required=False, label="Search", widget=forms.TextInput({"type": "search"}))
    kind = forms.ChoiceField(choices=[("", "Any way"), *MalExitKind.choices], required=False, label="Left as")


class MalExitForm(forms.Form):
    """The exit of some MALs: how they leave, and what is known."""

    kind = forms.ChoiceField(choices=MalExitKind.choices, label="They leave as")
    note = forms.CharField(max_length=mal_exits.NOTE_AT_MOST, help_text="What you know, and from whom.")


class RecencyFilterForm(forms.Form):
    q = forms.CharField(max_length=100, required=False, label="Search", widget=forms.TextInput({"type": "search"}))
    show = forms.ChoiceField(choices=list(recency_list.SHOWS.items()), required=False, label="Show")


class RecencyOwnerForm(forms.Form):
    """The person of marketing who is to validate a lead."""

    owner = forms.ModelChoiceField(recency_work.select_owners(), label="Assign to", empty_label=None)


class RecencyOutcomeForm(forms.Form):
    """The outcome of a recency validation, with a note."""

    outcome = forms.ChoiceField(
        choices=[(RecencyState.VALIDATED, "Validated: the interest is live"), (RecencyState.LAPSED, "Not active")],
        label="What did you find out?",
        widget=forms.RadioSelect,
    )
    note = forms.CharField(
        max_length=recency_work.NOTE_AT_MOST,
        label="What you checked",
        help_text="A call, a reply, a visit of an event; or why nothing is to be expected.",
    )
