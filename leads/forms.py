"""The forms of leads: whether one may be contacted, and how a text is to be read."""

from __future__ import annotations

from typing import Any

from django import forms

from leads.intake import value_readings
from leads.intake.contact_decisions import REASON_AT_MOST


class ContactDecisionForm(forms.Form):
    """Read whether a lead may be contacted from now on, and the reason."""

    is_opt_out = forms.TypedChoiceField(
        choices=[("yes", "Do not contact"), ("no", "May be contacted")],
        coerce=lambda value: value == "yes",
        widget=forms.HiddenInput,
    )
    reason = forms.CharField(
        max_length=REASON_AT_MOST,
        label="Why",
        help_text="Who asked for it, when and how. It is kept with your name.",
    )


class ValueReadingForm(forms.Form):
    """Read which text of which attribute is meant, and its meaning; nothing where it says nothing."""

    attribute = forms.ChoiceField(choices=[(name, name) for name in value_readings.ATTRIBUTES])
    text = forms.CharField(max_length=500)
    meaning = forms.CharField(max_length=200, required=False)
    says_nothing = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        if typed.get("says_nothing"):
            return {**typed, "meaning": ""}
        if "meaning" in typed and not typed["meaning"]:
            self.add_error("meaning", "Write how the text is to be read, or choose that it says nothing.")
        return typed
