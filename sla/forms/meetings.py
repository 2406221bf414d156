"""Forms of the weekly meeting: a note, a decision, and what became of one."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from config.accounts.models import User
from leads.vocabulary import READERS_OF_LEADS
from sla.vocabulary import MeetingDecisionState

_TWO_LINES: Final = {"rows": 2}


class MeetingNoteForm(forms.Form):
    text = forms.CharField(label="Note", max_length=2000, widget=forms.Textarea(_TWO_LINES))


class MeetingDecisionForm(forms.Form):
    text = forms.CharField(label="What was decided", max_length=500, widget=forms.Textarea(_TWO_LINES))
    owner = forms.ModelChoiceField(User.objects.none(), label="Who sees to it", empty_label="Choose…")
    due_on = forms.DateField(label="Until", widget=forms.DateInput({"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        readers = User.objects.filter(is_active=True, groups__name__in=READERS_OF_LEADS).distinct()
        in_order = readers.order_by("first_name", "last_name", "pk")
        self.fields["owner"].queryset = in_order  # type: ignore[attr-defined]  # typed as plain Field


class MeetingOutcomeForm(forms.Form):
    state = forms.ChoiceField(
        label="What became of it",
        choices=[choice for choice in MeetingDecisionState.choices if choice[0] != MeetingDecisionState.OPEN],
    )
    outcome = forms.CharField(
        label="In a sentence", max_length=500, required=False, help_text="Required if it is dropped."
    )
