"""Forms of the commitment pages: the terms of a draft, and the arrival of a lead to try them on."""

from __future__ import annotations

from typing import Any

from django import forms

from leads.vocabulary import Motion
from sla.commitments import commitments
from sla.forms.calendars import WallTime
from sla.models import WorkCalendar


class ArrivalForm(forms.Form):
    """Read the arrival to preview: a calendar, and the local time at which a lead would arrive."""

    calendar = forms.ModelChoiceField(WorkCalendar.objects.none(), required=False, empty_label=None)
    arrives = WallTime(required=False, label="A lead arrives")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        work_calendars = WorkCalendar.objects.order_by("name", "pk")
        self.fields["calendar"].queryset = work_calendars  # type: ignore[attr-defined]  # typed as plain Field


class CommitmentForm(forms.Form):
    """Read the terms of a draft, each with its label and limits from `commitments.TERMS`."""

    reason = forms.CharField(
        max_length=2000, label="Why these, and not those before", widget=forms.Textarea({"rows": 3})
    )
    read = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput())
    calendar = ArrivalForm.base_fields["calendar"]
    arrives = WallTime(required=False, label="A lead arrives")

    def __init__(self, *args: Any, motion: Motion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.motion = motion
        work_calendars = WorkCalendar.objects.order_by("name", "pk")
        self.fields["calendar"].queryset = work_calendars  # type: ignore[attr-defined]  # typed as plain Field
        for term in commitments.TERMS:
            self.fields[term.name] = forms.IntegerField(
                label=f"{term.name_for(motion)}, {term.unit}",
                min_value=term.least,
                max_value=term.most,
                required=not term.is_optional,
            )

    @property
    def typed_terms(self) -> list[forms.BoundField]:
        return [self[term.name] for term in commitments.TERMS]

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        hot, usual = typed.get("contact_minutes_tier_1"), typed.get("contact_minutes")
        if hot is not None and usual is not None and hot > usual:
            self.add_error("contact_minutes_tier_1", "The hottest leads cannot wait longer than the others.")
        attempts, days, channels = (
            typed.get(name) for name in ("attempts_before_unresponsive", "attempts_working_days", "attempts_channels")
        )
        if attempts is not None and days is not None and days > attempts:
            self.add_error("attempts_working_days", "There are fewer attempts than days: each day takes one at least.")
        if attempts is not None and channels is not None and channels > attempts:
            self.add_error("attempts_channels", "There are fewer attempts than channels: each takes one at least.")
        return typed

    def read_terms(self) -> dict[str, int | None]:
        return {term.name: self.cleaned_data[term.name] for term in commitments.TERMS}
