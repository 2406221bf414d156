"""What people say when they take a step with a version: why they propose it, who is handed over, why they go back."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from definitions.models import Definition, Review
from definitions.vocabulary import ChangeDriver

_ENTRANTS: Final = [
    ("yes", "Hand them to sales: they become MQLs at once"),
    ("no", "Only mark them: they become MQLs when they do something new"),
]


class ProposeForm(forms.Form):
    driver = forms.ChoiceField(
        label="What does this version answer?",
        choices=[("", "Choose…"), *ChangeDriver.choices],
        help_text="A change follows from how good the leads were, never from how many there should be.",
    )
    evidence = forms.CharField(
        label="What shows it",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Figures, links, what was decided on. Needed for whatever makes the definition looser.",
    )
    review = forms.ModelChoiceField(
        label="Review that it answers", queryset=Review.objects.none(), required=False, empty_label="None"
    )

    def __init__(self, *args: Any, definition: Definition, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reviews = Review.objects.filter(definition=definition).order_by("-opened_at", "-pk")
        self.fields["review"].queryset = reviews  # type: ignore[attr-defined]


class ActivateForm(forms.Form):
    """No answer is given beforehand: handing over a backlog is a decision."""

    entrants = forms.ChoiceField(
        label="Leads that meet it by the change alone", choices=_ENTRANTS, widget=forms.RadioSelect
    )
