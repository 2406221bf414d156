"""Forms of the pages of definitions, steps of a version and reviews. definitions.admin has its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.db.models import Q

from config import company_days
from definitions import evidence_links, presets
from definitions.models import Definition, Review, Version
from definitions.suppressions import lifecycle
from definitions.vocabulary import ChangeDriver, Decision, PrecisionBasis, Side, SuppressionSubject
from leads.vocabulary import Motion

_ENTRANTS: Final = [
    ("yes", "Hand them to sales: they qualify at once"),
    ("no", "Only mark them: they qualify when they do something new"),
]
_ENTERING_COMPANIES: Final = [
    ("yes", "Make account plays of them: they qualify at once"),
    ("no", "Only mark them: they qualify when something new is seen of them"),
]


class ProposeForm(forms.Form):
    """Read why a version is proposed: its driver, the evidence and the review that it answers."""

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
        help_text="In words: what was seen, what was decided on.",
    )
    links = forms.MultipleChoiceField(
        label="Reviews and backtests that show it",
        required=False,
        # A list box cuts their titles, and a click in it drops what was chosen before.
        widget=forms.CheckboxSelectMultiple,
        help_text="Whatever makes the definition looser cites one of these, or a report.",
    )
    report = forms.CharField(
        label="Or the address of a report of Accord",
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"placeholder": "/reports/sla/"}),
    )
    precision_basis = forms.ChoiceField(
        label="Precision counts leads that were",
        choices=PrecisionBasis.choices,
        initial=PrecisionBasis.WON,
        help_text="Of the leads that it flags; it is stated with the figure.",
    )
    review = forms.ModelChoiceField(
        label="Review that it answers", queryset=Review.objects.none(), required=False, empty_label="None"
    )

    def __init__(self, *args: Any, definition: Definition, is_first: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_first:
            self.fields["driver"].initial = ChangeDriver.FIRST
        self.fields["links"].choices = evidence_links.list_choices(definition)  # type: ignore[attr-defined]  # typed as plain Field
        reviews = Review.objects.filter(definition=definition).order_by("-opened_at", "-pk")
        self.fields["review"].queryset = reviews  # type: ignore[attr-defined]  # typed as plain Field


class SignForm(forms.Form):
    """Read a side's decision on a proposed version."""

    side = forms.ChoiceField(choices=())
    decision = forms.ChoiceField(choices=Decision.choices, widget=forms.RadioSelect)
    comment = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}), max_length=5000, help_text="Why: it is kept with the signature."
    )

    def __init__(self, *args: Any, sides: Iterable[Side], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(side.value, side.label) for side in sides]
        self.fields["side"].choices = choices  # type: ignore[attr-defined]  # typed as plain Field


class ActivateForm(forms.Form):
    """Read whether leads that meet the version only because of the change are handed to sales at once.

    The choice has no initial value: handing over a backlog is a decision.
    """

    entrants = forms.ChoiceField(
        label="Leads that meet it by the change alone", choices=_ENTRANTS, widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, judges_companies: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if judges_companies:
            self.fields["entrants"].label = "Companies that meet it by the change alone"
            self.fields["entrants"].choices = _ENTERING_COMPANIES  # type: ignore[attr-defined]  # typed as plain Field


class CopyForm(forms.Form):
    """Read the number and the reason of a copy."""

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
    """Read the reason for going back to an earlier version."""

    reason = forms.CharField(label="Reason for going back", max_length=5000, widget=forms.Textarea(attrs={"rows": 6}))


class ReviewDecisionForm(forms.Form):
    """Read the leaders' decision on a review."""

    decision = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    reasoning = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 4}))
    led_to = forms.ModelChoiceField(
        queryset=Version.objects.none(), required=False, label="Version that comes of it", empty_label="None yet"
    )

    def __init__(self, *args: Any, review: Review, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        in_force_before = Q(activated_at__lt=review.opened_at)
        of_definition = Version.objects.filter(definition=review.definition_id)
        versions = of_definition.exclude(in_force_before).select_related("definition")
        latest_first = versions.order_by("-major", "-minor", "-pk")
        self.fields["led_to"].queryset = latest_first  # type: ignore[attr-defined]  # typed as plain Field


class SuppressionForm(forms.Form):
    """Read what becomes no MQL for a time, until when and why."""

    subject = forms.ChoiceField(label="What is suppressed", choices=SuppressionSubject.choices)
    value = forms.CharField(
        label="Domain, source, lead or company",
        max_length=254,
        help_text="A domain with those below it, or a source as leads name it; of a lead its id or e-mail address, of a "
        "company its id or domain.",
    )
    reason = forms.CharField(
        label="Why",
        max_length=lifecycle.REASON_AT_MOST,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="It stands beside every lead that is kept back, with your name.",
    )
    until = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=f"It ends as this day begins. Empty: in {lifecycle.DEFAULT_DAYS} days; at most {lifecycle.MOST_DAYS}.",
    )

    def clean_until(self) -> dt.datetime | None:
        day = self.cleaned_data["until"]
        try:
            return None if day is None else company_days.start_of(day)
        except OverflowError:
            raise forms.ValidationError("This day lies outside of the calendar.") from None


class EndSuppressionForm(forms.Form):
    """Read why a suppression ends before its time."""

    reason = forms.CharField(
        label="Why it ends now", max_length=lifecycle.REASON_AT_MOST, widget=forms.Textarea(attrs={"rows": 2})
    )


class BeginForm(forms.Form):
    """Start a draft from a preset or an empty one, as a new definition by name or as the next version of one."""

    preset = forms.CharField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(
        label="Name of a new definition", required=False, max_length=120, help_text="Empty: the name of the model."
    )
    motion = forms.ChoiceField(choices=[("", "That of the model, or MQL"), *Motion.choices], required=False)
    scope = forms.CharField(
        label="Scope of a new definition",
        required=False,
        max_length=80,
        help_text="The market or product line that it is about. Empty: everything.",
    )
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
        typed = super().clean() or {}
        name, into = typed.get("name", "").strip(), typed.get("into")
        if not name and not into and typed.get("preset"):
            # A draft begun from a model is called as the model is, unless somebody names it.
            name = typed["name"] = presets.load_preset(typed["preset"]).document["name"]
        if not name and not into:
            self.add_error("name", "Give the new definition a name, or choose one that there is.")
        if name and into:
            self.add_error("name", "Either a new name or a definition that there is, not both.")
        if name and Definition.objects.filter(name=name).exists():
            self.add_error("name", f"“{name}” is a definition already: choose it in the list below.")
        return typed
