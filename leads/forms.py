from __future__ import annotations

from django import forms

from leads.contact_decisions import REASON_AT_MOST


class ContactDecisionForm(forms.Form):
    """Read whether a lead may be contacted from now on, and the reason."""

    is_opt_out = forms.TypedChoiceField(
        choices=[("yes", "Do not contact"), ("no", "May be contacted")],
        coerce=lambda value: value == "yes",
        widget=forms.HiddenInput,
    )
    reason = forms.CharField(
        max_length=REASON_AT_MOST,
        label="Why",
        help_text="Who asked for it, when and how. It is kept with your name.",
    )
