"""Forms of the calendar pages: a working week, public holidays and a calendar's own days."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django import forms
from django.utils.dateparse import parse_datetime

from config import time_zones
from sla.business_time import calendars
from sla.business_time.arithmetic import WEEKDAYS, BadCalendar, Hours
from sla.business_time.hours import DAY_NAMES, CalendarDraft, OwnDay, format_hours, read_hours
from sla.vocabulary import YEARS

OWN_DAYS_AT_MOST: Final = 200
EMPTY_DAYS: Final = 3


class HoursField(forms.CharField):
    """Read opening hours such as "9:00-12:00, 13:00-17:30"; empty means closed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=200, **options)

    def clean(self, value: Any) -> Any:
        try:
            return read_hours(super().clean(value))
        except BadCalendar as error:
            raise forms.ValidationError(str(error)) from error


class WallTime(forms.CharField):
    """Read a local date and time without a zone; the zone is known only once the form's calendar is."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            at = parse_datetime(text)
        except ValueError:
            at = None
        if at is None or at.tzinfo is not None or at.year not in YEARS:
            raise forms.ValidationError(f"Give a date and a time between {YEARS[0]} and {YEARS[-1]}.")
        return at


class OwnDayForm(forms.Form):
    date = forms.DateField(widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    label = forms.CharField(max_length=120)
    hours = HoursField(label="Open", help_text="")

    def clean_date(self) -> dt.date:
        day: dt.date = self.cleaned_data["date"]
        if day.year not in YEARS:
            raise forms.ValidationError(f"Give a date between {YEARS[0]} and {YEARS[-1]}.")
        return day


OwnDays: Final = forms.formset_factory(
    OwnDayForm, extra=EMPTY_DAYS, can_delete=True, max_num=OWN_DAYS_AT_MOST, validate_max=True
)


class CalendarForm(forms.Form):
    """Read a calendar with its own days; `read_draft()` returns the input once the form is valid."""

    name = forms.CharField(max_length=120)
    zone = forms.CharField(max_length=64, label="Time zone", widget=forms.TextInput({"list": "zones"}))
    country = forms.ChoiceField(required=False, label="Public holidays of")
    subdivision = forms.CharField(
        max_length=16, required=False, label="Part of the country", widget=forms.TextInput({"list": "subdivisions"})
    )
    why = forms.CharField(max_length=300, required=False, label="Why it changes", help_text="Kept with your name.")
    read = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput())
    arrives = WallTime(required=False, label="A lead arrives")

    def __init__(self, data: Any = None, *, draft: CalendarDraft, arrives: dt.datetime) -> None:
        week = {name: format_hours(hours) for name, hours in zip(WEEKDAYS, draft.week, strict=True)}
        columns = {name: getattr(draft, name) for name in ("name", "zone", "country", "subdivision")}
        super().__init__(data, initial=columns | week | {"read": calendars.stamp(draft), "arrives": arrives})
        countries = [("", "No public holidays"), *calendars.countries()]
        self.fields["country"].choices = countries  # type: ignore[attr-defined]  # typed as plain Field
        for name, label in zip(WEEKDAYS, DAY_NAMES, strict=True):
            self.fields[name] = HoursField(label=label)
        rows = [{"date": day.date, "label": day.label, "hours": format_hours(day.hours)} for day in draft.days]
        self.days = OwnDays(data, initial=rows, prefix="days")

    @property
    def weekdays(self) -> list[forms.BoundField]:
        return [self[name] for name in WEEKDAYS]

    def is_valid(self) -> bool:
        return self.days.is_valid() & super().is_valid()

    def clean_zone(self) -> str:
        zone: str = self.cleaned_data["zone"].strip()
        if not time_zones.is_zone(zone):
            raise forms.ValidationError(time_zones.explain_refusal(zone))
        return zone

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        country, part = typed.get("country", ""), typed.get("subdivision", "").strip()
        typed["subdivision"] = part
        if part and not country:
            self.add_error("subdivision", "Choose the country first.")
        elif part and part not in calendars.subdivisions(country):
            known = ", ".join(calendars.subdivisions(country)) or "none"
            self.add_error("subdivision", f"{country} has no such part; known: {known}.")
        return typed

    def read_draft(self) -> CalendarDraft:
        typed = self.cleaned_data
        week: tuple[Hours, ...] = tuple(typed[name] for name in WEEKDAYS)
        own_rows = [
            row.cleaned_data for row in self.days.forms if row.cleaned_data and row not in self.days.deleted_forms
        ]
        own_days = tuple(
            sorted(
                (OwnDay(row["date"], row["label"], row["hours"]) for row in own_rows),
                key=lambda day: (day.date, day.label),
            )
        )
        return CalendarDraft(
            typed["name"].strip(), typed["zone"], typed["country"], typed["subdivision"], week, own_days
        )
