"""Forms of the nurture pages: the filter of the lists, postponing leads and bringing them back."""

from __future__ import annotations

from typing import Any

from django import forms

from leads.vocabulary import Motion
from sla.models import ReasonCode, Rep
from sla.nurture import nurture_tasks


class NurtureFilterForm(forms.Form):
    q = forms.CharField(max_length=100, required=False, label="Search", widget=forms.TextInput({"type": "search"}))
    when = forms.ChoiceField(
        choices=[("", "Any day"), *nurture_tasks.RETURN_PERIODS.items()], required=False, label="Comes back"
    )
    motion = forms.ChoiceField(
        choices=[("", "All motions"), *((motion.value, motion.upper()) for motion in Motion)], required=False
    )
    reason = forms.ModelChoiceField(ReasonCode.objects.none(), required=False, empty_label="Any reason")
    rep = forms.ModelChoiceField(Rep.objects.none(), required=False, empty_label="Anybody", label="Owner")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reasons = ReasonCode.objects.filter(route="recycle").order_by("position", "pk")
        self.fields["reason"].queryset = reasons  # type: ignore[attr-defined]  # typed as plain Field
        reps = Rep.objects.select_related("user").order_by("user__last_name", "pk")
        self.fields["rep"].queryset = reps  # type: ignore[attr-defined]  # typed as plain Field


class BackForm(forms.Form):
    why = forms.CharField(max_length=300, required=False)


class PostponeForm(BackForm):
    to = forms.DateField(label="Postpone to", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
