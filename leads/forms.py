"""The form by which people of marketing ops say how a text is to be read."""

from __future__ import annotations

from typing import Any

from django import forms

from leads import value_readings


class ReadingForm(forms.Form):
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
