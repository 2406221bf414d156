"""Forms check what was typed; whether it may be done is the use-case's to say."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils.functional import cached_property

from leads.models import Lead
from sla.handoffs import rejection_reasons
from sla.models import ReasonCode, Rep, Team
from sla.teams import round_robin
from sla.vocabulary import CONTACTS, AttemptOutcome, Channel, DispositionKind

DIGITS_AT_MOST = 18
NOTE = {"rows": 2, "maxlength": 1000}


def _contacts() -> list[tuple[str, str]]:
    return [
        (f"{channel}:{outcome}", f"{channel.label}: {words}")
        for channel, outcomes in CONTACTS.items()
        for outcome, words in outcomes.items()
    ]


def _known(lead: Lead) -> dict[str, str]:
    said = {"problem": lead.use_case, "budget": lead.budget, "authority": lead.title, "timeline": lead.timeline}
    return {name: words for name, words in said.items() if words}


class Moment(forms.DateTimeInput):
    """A date and time in the reader's zone, by the browser's own picker."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class RejectForm(forms.Form):
    reason = forms.ModelChoiceField(ReasonCode.objects.none(), error_messages={"required": "Pick a reason."})
    note = forms.CharField(max_length=1000, required=False, widget=forms.Textarea(NOTE))
    missing = forms.CharField(max_length=500, required=False, label="What was missing?")
    reengage_on = forms.DateField(required=False, label="Come back on", widget=DayInput())

    def __init__(self, *args: Any, reengage_on: dt.date | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reasons = ReasonCode.objects.filter(is_offered=True).order_by("position", "pk")
        self.fields["reason"].queryset = self.reasons  # type: ignore[attr-defined]
        self.fields["reengage_on"].initial = reengage_on


class Ids(forms.MultipleChoiceField):
    """Of rows that may have gone on since the page was shown: which of them can still be acted on is not the form's to say."""

    def valid_value(self, value: str) -> bool:
        return value.isascii() and value.isdigit() and len(value) <= DIGITS_AT_MOST

    def clean(self, value: Any) -> list[int]:
        return [int(each) for each in super().clean(value)]


class DecideSeveralForm(forms.Form):
    """One decision on several handoffs; only reasons that ask nothing of the single lead can be given to all."""

    kind = forms.ChoiceField(choices=DispositionKind.choices)
    handoffs = Ids(error_messages={"required": "Select leads first."})
    reason = forms.ModelChoiceField(rejection_reasons.bulk_reasons(), required=False, empty_label="Reason to reject…")
    confirmed = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if said.get("kind") == DispositionKind.REJECT and "reason" in said and said["reason"] is None:
            raise forms.ValidationError("Pick the reason that is true of each of them.")
        if said.get("kind") == DispositionKind.ACCEPT:
            said["reason"] = None
        return said


class CorrectForm(RejectForm):
    """Another word in place of the one that stands."""

    kind = forms.TypedChoiceField(
        choices=DispositionKind.choices, coerce=DispositionKind, error_messages={"required": "Accepted or rejected?"}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False


class AttemptForm(forms.Form):
    """What was done and what came of it: `did` is a button such as call:no_answer, or the two are chosen apart."""

    did = forms.ChoiceField(choices=_contacts, required=False)
    channel = forms.ChoiceField(choices=Channel.choices, required=False)
    outcome = forms.ChoiceField(choices=AttemptOutcome.choices, required=False)
    at = forms.DateTimeField(required=False, label="When", help_text="Empty: now.", widget=Moment())
    note = forms.CharField(max_length=1000, required=False, widget=forms.Textarea(NOTE))

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        if typed.get("did"):
            typed["channel"], _, typed["outcome"] = typed["did"].partition(":")
        if not typed.get("channel") or not typed.get("outcome"):
            raise forms.ValidationError("Say how the lead was contacted and what came of it.")
        return typed


class NoteForm(forms.Form):
    text = forms.CharField(max_length=1000, label="Note", widget=forms.Textarea(NOTE))


class MeetingForm(forms.Form):
    at = forms.DateTimeField(label="When", help_text="After the handover: to come, or held already.", widget=Moment())


class QualifyForm(forms.Form):
    """The four answers a human confirmed (rules 2.5)."""

    problem = forms.CharField(max_length=500, help_text="What do they want solved?")
    budget = forms.CharField(max_length=500, help_text="How much, and is it set aside?")
    authority = forms.CharField(max_length=500, help_text="Who decides, and are they with us?")
    timeline = forms.CharField(max_length=500, help_text="By when must it run?")

    def __init__(self, *args: Any, lead: Lead | None = None, **kwargs: Any) -> None:
        """What the lead itself has said stands beside each question: a hint, never the answer."""
        super().__init__(*args, **kwargs)
        known = {} if lead is None else _known(lead)
        for name, said in known.items():
            self.fields[name].help_text = f"{self.fields[name].help_text} So far: {said}"


class OpportunityForm(forms.Form):
    amount = forms.DecimalField(
        min_value=0, max_digits=18, decimal_places=2, help_text="In the company’s currency; an estimate will do."
    )


class AmountForm(forms.Form):
    amount = forms.DecimalField(
        min_value=0, max_digits=18, decimal_places=2, required=False, help_text="In the company’s currency."
    )


class LostForm(forms.Form):
    reason = forms.CharField(max_length=200, help_text="In a few words; the definition learns from it.")


class AssignForm(forms.Form):
    rep = forms.ModelChoiceField(Rep.objects.none(), empty_label="Choose a rep")
    reason = forms.CharField(max_length=200)

    def __init__(self, *args: Any, now: dt.datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._now = now
        active = Rep.objects.filter(is_active=True, user__is_active=True).select_related("user", "team")
        self.fields["rep"].queryset = active.order_by("team__name", "user__last_name", "pk")  # type: ignore[attr-defined]
        self.fields["rep"].label_from_instance = self._with_standing  # type: ignore[attr-defined]

    def _with_standing(self, rep: Rep) -> str:
        why = self._standings.get(rep.pk, "")
        return f"{rep} ({rep.team}{why and ', '}{why})"

    @cached_property
    def _standings(self) -> dict[int, str]:
        """What keeps each rep from new leads at this moment; read only where the choices are shown."""
        reps = round_robin.fetch_reps(*Team.objects.all())
        return {
            line.rep.pk: line.why for line in round_robin.fetch_availabilities(reps, self._now) if not line.is_available
        }
