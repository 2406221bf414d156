"""The form that brings a disqualified lead back."""

from __future__ import annotations

from django import forms

from sla.handoffs import reinstatements


class ReinstateForm(forms.Form):
    reason = forms.CharField(
        max_length=reinstatements.REASON_AT_MOST, label="Why it comes back", widget=forms.Textarea({"rows": 2})
    )
