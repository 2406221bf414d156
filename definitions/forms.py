"""Input of the pages. What the admin edits is read by definitions.admin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from definitions.models import Definition, Version
from definitions.vocabulary import Decision, Side


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


class ReviewDecisionForm(forms.Form):
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
