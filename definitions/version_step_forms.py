"""What people say when they take a step with a version: why they propose it, who is handed over, why they go back."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from definitions import presets
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

    def __init__(self, *args: Any, definition: Definition, is_first: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_first:
            self.fields["driver"].initial = ChangeDriver.FIRST
        reviews = Review.objects.filter(definition=definition).order_by("-opened_at", "-pk")
        self.fields["review"].queryset = reviews  # type: ignore[attr-defined]


class ActivateForm(forms.Form):
    """No answer is given beforehand: handing over a backlog is a decision."""

    entrants = forms.ChoiceField(
        label="Leads that meet it by the change alone", choices=_ENTRANTS, widget=forms.RadioSelect
    )


class CopyForm(forms.Form):
    number = forms.ChoiceField(
        choices=[("minor", "The next minor number"), ("major", "A new major number: another kind of definition")],
        widget=forms.RadioSelect,
        initial="minor",
    )
    reason = forms.CharField(
        label="Reason for the change",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It can be written later, but before the proposal.",
    )


class RevertForm(forms.Form):
    reason = forms.CharField(label="Reason for going back", max_length=5000, widget=forms.Textarea(attrs={"rows": 6}))


class BeginForm(forms.Form):
    """A preset, or none for an empty draft; a new name, or a definition whose next version it becomes."""

    preset = forms.CharField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(label="Name of a new definition", required=False, max_length=120)
    into = forms.ModelChoiceField(
        label="Or the next version of",
        queryset=Definition.objects.order_by("name", "pk"),
        required=False,
        empty_label="A new definition",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not Definition.objects.exists():
            del self.fields["into"]
            self.fields["name"].label = "Name of the definition"
            self.fields["name"].initial = "MQL"

    def clean_preset(self) -> str:
        code: str = self.cleaned_data["preset"]
        if code and code not in {preset.code for preset in presets.load_presets()}:
            raise forms.ValidationError("There is no such definition to begin with; choose one of those shown.")
        return code

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        name = said.get("name", "").strip()
        if not name and not said.get("into"):
            self.add_error("name", "Give the new definition a name, or choose one that there is.")
        if name and said.get("into"):
            self.add_error("name", "Either a new name or a definition that there is, not both.")
        if name and Definition.objects.filter(name=name).exists():
            self.add_error("name", f"“{name}” is a definition already: choose it in the list below.")
        return said
