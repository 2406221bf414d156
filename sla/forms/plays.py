"""Forms of account plays. They check input; the use-cases decide whether a step is allowed."""

from __future__ import annotations

from typing import Any

from django import forms

from sla.forms.handoffs import AttemptForm, RejectForm
from sla.models import AccountPlay, PlayContact, PlayTask
from sla.plays import play_work
from sla.vocabulary import BuyingRole


class PlayRejectForm(RejectForm):
    """Read the rejection of a play, with a reason that fits a company."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reasons = play_work.offered_reasons()
        self.fields["reason"].queryset = self.reasons  # type: ignore[attr-defined]  # typed as plain Field


class PlayAttemptForm(AttemptForm):
    """Read a contact with one person of the company."""

    contact = forms.ModelChoiceField(PlayContact.objects.none(), empty_label="Choose a person", label="With whom")

    field_order = ("contact", "did", "at", "note")

    def __init__(self, *args: Any, play: AccountPlay, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = play.contacts.select_related("lead").order_by("pk")
        self.fields["contact"].queryset = rows  # type: ignore[attr-defined]  # typed as plain Field
        self.fields["contact"].label_from_instance = lambda row: row.lead.name  # type: ignore[attr-defined]  # as above
        self.fields["did"].required = True
        self.fields["did"].label = "What happened"
        self.fields["did"].error_messages["required"] = "Say how the person was contacted and what came of it."
        for name in ("channel", "outcome"):
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() if "did" in self.cleaned_data else self.cleaned_data
        return typed


class PlayTaskForm(forms.Form):
    task = forms.ModelChoiceField(PlayTask.objects.none())

    def __init__(self, *args: Any, play: AccountPlay, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].queryset = play.tasks.all()  # type: ignore[attr-defined]  # typed as plain Field


class PlayRoleForm(forms.Form):
    contact = forms.ModelChoiceField(PlayContact.objects.none())
    role = forms.TypedChoiceField(choices=BuyingRole.choices, coerce=BuyingRole)

    def __init__(self, *args: Any, play: AccountPlay, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["contact"].queryset = play.contacts.all()  # type: ignore[attr-defined]  # typed as plain Field
