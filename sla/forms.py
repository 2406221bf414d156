"""Forms check what was typed; whether it may be done is the use-case's to say."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms

from sla.models import ReasonCode, Rep
from sla.vocabulary import AttemptOutcome, Channel

NOTE = {"rows": 2, "maxlength": 1000}


class Moment(forms.DateTimeInput):
    """A date and time in the reader's zone, by the browser's own picker."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class RejectForm(forms.Form):
    reason = forms.ModelChoiceField(ReasonCode.objects.none(), error_messages={"required": "Pick a reason."})
    note = forms.CharField(max_length=1000, required=False, widget=forms.Textarea(NOTE))
    reengage_on = forms.DateField(required=False, label="Come back on", widget=Day())

    def __init__(self, *args: Any, reengage_on: dt.date | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reasons = ReasonCode.objects.filter(is_offered=True).order_by("position", "pk")
        self.fields["reason"].queryset = self.reasons  # type: ignore[attr-defined]
        self.fields["reengage_on"].initial = reengage_on


class AttemptForm(forms.Form):
    channel = forms.ChoiceField(choices=Channel.choices)
    outcome = forms.ChoiceField(choices=AttemptOutcome.choices)
    at = forms.DateTimeField(required=False, label="When", help_text="Empty: now.", widget=Moment())
    note = forms.CharField(max_length=1000, required=False, widget=forms.Textarea(NOTE))


class MeetingForm(forms.Form):
    at = forms.DateTimeField(label="When", widget=Moment())


class QualifyForm(forms.Form):
    """The four answers a human confirmed (SPEC 2)."""

    problem = forms.CharField(max_length=500, help_text="What do they want solved?")
    budget = forms.CharField(max_length=500, help_text="How much, and is it set aside?")
    authority = forms.CharField(max_length=500, help_text="Who decides, and are they with us?")
    timeline = forms.CharField(max_length=500, help_text="By when must it run?")


class AmountForm(forms.Form):
    amount = forms.DecimalField(
        min_value=0, max_digits=18, decimal_places=2, required=False, help_text="In the company’s currency."
    )


class LostForm(forms.Form):
    reason = forms.CharField(max_length=200)


class AssignForm(forms.Form):
    rep = forms.ModelChoiceField(Rep.objects.none(), empty_label="Choose a rep")
    reason = forms.CharField(max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        active = Rep.objects.filter(is_active=True, user__is_active=True).select_related("user", "team")
        self.fields["rep"].queryset = active.order_by("team__name", "user__last_name", "pk")  # type: ignore[attr-defined]
        self.fields["rep"].label_from_instance = _with_team  # type: ignore[attr-defined]


def _with_team(rep: Rep) -> str:
    away = ", away" if rep.is_away else ""
    return f"{rep} ({rep.team}{away})"
