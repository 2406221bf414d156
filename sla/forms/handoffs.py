"""Forms of the steps of a handoff. They check input; the use-cases decide whether a step is allowed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.conf import settings
from django.utils.functional import cached_property

from definitions import motions
from leads.models import Lead
from sla.handoffs import rejection_reasons, sales_stages
from sla.models import ReasonCode, Rep, SubReason, Team
from sla.teams import round_robin
from sla.vocabulary import CONTACTS, AttemptOutcome, Channel, DispositionKind

DIGITS_AT_MOST = 18
NOTE_ATTRIBUTES = {"rows": 2, "maxlength": 1000}


def _contact_choices() -> list[tuple[str, str]]:
    return [
        (f"{channel}:{outcome}", f"{channel.label}: {label}")
        for channel, outcomes in CONTACTS.items()
        for outcome, label in outcomes.items()
    ]


def _known_answers(lead: Lead) -> dict[str, str]:
    lead_texts = {"problem": lead.use_case, "budget": lead.budget, "authority": lead.title, "timeline": lead.timeline}
    return {name: text for name, text in lead_texts.items() if text}


class LocalDateTimeInput(forms.DateTimeInput):
    """Let the browser's own picker choose a date and time in the reader's zone."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class RejectForm(forms.Form):
    reason = forms.ModelChoiceField(ReasonCode.objects.none(), error_messages={"required": "Pick a reason."})
    sub_reason = forms.ModelChoiceField(SubReason.objects.none(), required=False)
    note = forms.CharField(max_length=1000, required=False, widget=forms.Textarea(NOTE_ATTRIBUTES))
    missing = forms.CharField(max_length=500, required=False, label="What was missing?")
    reengage_on = forms.DateField(required=False, label="Come back on", widget=DayInput())

    def __init__(self, *args: Any, reengage_on: dt.date | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reasons = rejection_reasons.offered_with_details()
        self.fields["reason"].queryset = self.reasons  # type: ignore[attr-defined]  # typed as plain Field
        details = SubReason.objects.filter(is_offered=True)
        self.fields["sub_reason"].queryset = details  # type: ignore[attr-defined]  # typed as plain Field
        self.fields["reengage_on"].initial = reengage_on

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        detail = typed.get("sub_reason")
        # A detail that was ticked before another reason was chosen is none of that reason's.
        if detail is not None and detail.reason != typed.get("reason"):
            typed["sub_reason"] = None
        return typed


class HandoffIdsField(forms.MultipleChoiceField):
    """Read handoff ids without looking them up.

    Some may have moved on since the page was shown; the use-case decides which can still be acted on.
    """

    def valid_value(self, value: str) -> bool:
        return value.isascii() and value.isdigit() and len(value) <= DIGITS_AT_MOST

    def clean(self, value: Any) -> list[int]:
        return [int(pk) for pk in super().clean(value)]


class DecideSeveralForm(forms.Form):
    """Read one decision on several handoffs; offers only reasons that need no detail about a single lead."""

    kind = forms.ChoiceField(choices=DispositionKind.choices)
    handoffs = HandoffIdsField(error_messages={"required": "Select leads first."})
    reason = forms.ModelChoiceField(rejection_reasons.bulk_reasons(), required=False, empty_label="Reason to reject…")
    confirmed = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        if typed.get("kind") == DispositionKind.REJECT and "reason" in typed and typed["reason"] is None:
            raise forms.ValidationError("Pick the reason that is true of each of them.")
        if typed.get("kind") == DispositionKind.ACCEPT:
            typed["reason"] = None
        return typed


class CorrectForm(RejectForm):
    """Read a correction: a decision that replaces the standing one."""

    kind = forms.TypedChoiceField(
        choices=DispositionKind.choices, coerce=DispositionKind, error_messages={"required": "Accepted or rejected?"}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False


class AttemptForm(forms.Form):
    """Read a contact attempt: `did` is a button such as call:no_answer, or channel and outcome are chosen apart."""

    did = forms.ChoiceField(choices=_contact_choices, required=False)
    channel = forms.ChoiceField(choices=Channel.choices, required=False)
    outcome = forms.ChoiceField(choices=AttemptOutcome.choices, required=False)
    at = forms.DateTimeField(required=False, label="When", help_text="Empty: now.", widget=LocalDateTimeInput())
    note = forms.CharField(max_length=1000, required=False, widget=forms.Textarea(NOTE_ATTRIBUTES))

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        if typed.get("did"):
            typed["channel"], _, typed["outcome"] = typed["did"].partition(":")
        if not typed.get("channel") or not typed.get("outcome"):
            raise forms.ValidationError("Say how the lead was contacted and what came of it.")
        return typed


class NoteForm(forms.Form):
    text = forms.CharField(max_length=1000, label="Note", widget=forms.Textarea(NOTE_ATTRIBUTES))


class MeetingForm(forms.Form):
    at = forms.DateTimeField(
        label="When", help_text="After the handover: to come, or held already.", widget=LocalDateTimeInput()
    )


class QualifyForm(forms.Form):
    """Read the four answers that a human confirmed (rules 2.5)."""

    problem = forms.CharField(max_length=500, help_text="What do they want solved?")
    budget = forms.CharField(max_length=500, help_text="How much, and is it set aside?")
    authority = forms.CharField(max_length=500, help_text="Who decides, and are they with us?")
    timeline = forms.CharField(max_length=500, help_text="By when must it run?")

    def __init__(self, *args: Any, lead: Lead | None = None, **kwargs: Any) -> None:
        """Show the lead's own statement beside each question as a hint; it is never filled in as the answer."""
        super().__init__(*args, **kwargs)
        known = {} if lead is None else _known_answers(lead)
        for name, text in known.items():
            self.fields[name].help_text = f"{self.fields[name].help_text} So far: {text}"


class OpportunityForm(forms.Form):
    amount = forms.DecimalField(
        min_value=0,
        max_digits=sales_stages.AMOUNT_DIGITS,
        decimal_places=2,
        help_text=f"In {settings.CURRENCY}; an estimate will do.",
    )


class AmountForm(forms.Form):
    amount = forms.DecimalField(
        min_value=0,
        max_digits=sales_stages.AMOUNT_DIGITS,
        decimal_places=2,
        required=False,
        help_text=f"In {settings.CURRENCY}.",
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
        reps = active.order_by("team__name", "user__last_name", "pk")
        self.fields["rep"].queryset = reps  # type: ignore[attr-defined]  # typed as plain Field
        self.fields["rep"].label_from_instance = self._with_standing  # type: ignore[attr-defined]  # as above

    def _with_standing(self, rep: Rep) -> str:
        why = self._standings.get(rep.pk, "")
        return f"{rep} ({rep.team}{why and ', '}{why})"

    @cached_property
    def _standings(self) -> dict[int, str]:
        """Map rep id to the reason why the rep gets no new leads now; queried only where the choices are rendered."""
        reps, motion = round_robin.fetch_reps(*Team.objects.all()), motions.read_primary_motion()
        lines = round_robin.fetch_availabilities(reps, self._now, motion=motion)
        return {line.rep.pk: line.why for line in lines if not line.is_available}
