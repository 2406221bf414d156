"""Forms of the 60-day plan."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from config.accounts.models import User
from config.accounts.vocabulary import Role

_THREE_LINES: Final = {"rows": 3}


class OverhaulTickForm(forms.Form):
    step = forms.SlugField(max_length=40)
    note = forms.CharField(max_length=500, required=False)


class InterviewForm(forms.Form):
    rep = forms.ModelChoiceField(User.objects.none(), empty_label="Choose…")
    good_lead = forms.CharField(label="A good lead, and why", max_length=2000, widget=forms.Textarea(_THREE_LINES))
    bad_lead = forms.CharField(label="A bad lead, and why", max_length=2000, widget=forms.Textarea(_THREE_LINES))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reps = User.objects.filter(is_active=True, groups__name=Role.SDR).distinct()
        in_order = reps.order_by("first_name", "last_name", "pk")
        self.fields["rep"].queryset = in_order  # type: ignore[attr-defined]  # typed as plain Field
