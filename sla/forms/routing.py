"""Forms of the routing pages: rules, reps, absences, teams and leads to try."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, cast

from django import forms
from django.core.validators import MaxLengthValidator

from leads.exceptions import Refused
from leads.normalization import validation
from leads.normalization.countries import country_name, read_country
from leads.vocabulary import Motion
from sla.models import RoutingRule, Team
from sla.vocabulary import YEARS

TIERS: Final = ((1, "1 hot"), (2, "2 standard"), (3, "3 nurture first"))
MOST: Final = 2**31 - 1
SMALL: Final = 32767
CHOICES_AT_MOST: Final = 500
ADDRESS_AT_MOST: Final = 500
SHOWN_AT_MOST: Final = 80


class SeveralWordsField(forms.CharField):
    """Read words separated by commas or line breaks, without duplicates."""

    def __init__(self, *, item_at_most: int, **kwargs: Any) -> None:
        widget = forms.Textarea({"rows": 2, "maxlength": 20_000})
        super().__init__(required=False, widget=widget, max_length=20_000, **kwargs)
        self.check_item = MaxLengthValidator(item_at_most)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        typed = cast("str", super().clean(value))
        items = [word.strip() for line in typed.splitlines() for word in line.split(",")]
        distinct = list({word.casefold(): word for word in items if word}.values())
        if len(distinct) > CHOICES_AT_MOST:
            raise forms.ValidationError(f"At most {CHOICES_AT_MOST}.")
        for word in distinct:
            self.check_item(word)
        return distinct


class DomainsField(SeveralWordsField):
    """Read domains, or addresses of web sites and people; each is reduced to its host."""

    def clean(self, value: Any) -> list[str]:
        return list(dict.fromkeys(_read_host(typed) for typed in super().clean(value)))


class CountriesField(SeveralWordsField):
    """Read names or codes of countries to codes, and show them by name. What is no country is complained of by name."""

    def prepare_value(self, value: Any) -> Any:
        shown = [country_name(country) for country in value] if isinstance(value, list) else value
        return super().prepare_value(shown)

    def clean(self, value: Any) -> list[str]:
        return list(dict.fromkeys(_read_country(typed) for typed in super().clean(value)))


class RuleForm(forms.Form):
    """Read the columns of a routing rule; empty conditions match anything."""

    name = forms.CharField(max_length=120)
    team = forms.ModelChoiceField(Team.objects.none(), empty_label="Choose a team")
    countries = CountriesField(item_at_most=120, help_text="By name or code: Germany, AT, Schweiz.")
    regions = SeveralWordsField(item_at_most=64)
    industries = SeveralWordsField(item_at_most=120)
    sources = SeveralWordsField(item_at_most=120)
    domains = DomainsField(
        item_at_most=ADDRESS_AT_MOST, label="Named accounts", help_text="Domains: acme.com also means eu.acme.com."
    )
    tiers = forms.TypedMultipleChoiceField(
        choices=TIERS, coerce=int, required=False, widget=forms.CheckboxSelectMultiple()
    )
    employees_at_least = forms.IntegerField(min_value=0, max_value=MOST, required=False, label="Employees from")
    employees_at_most = forms.IntegerField(min_value=0, max_value=MOST, required=False, label="Employees to")
    motion = forms.ChoiceField(choices=[("", "Any"), *Motion.choices], required=False)
    is_active = forms.BooleanField(required=False, initial=True, label="Switched on")

    def __init__(self, data: Any = None, *, rule: RoutingRule | None = None) -> None:
        columns = self.base_fields if rule is not None else ()
        super().__init__(data, initial={name: getattr(rule, name) for name in columns})
        teams = Team.objects.order_by("name", "pk")
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]  # typed as plain Field

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        least, most = typed.get("employees_at_least"), typed.get("employees_at_most")
        if least is not None and most is not None and least > most:
            self.add_error("employees_at_most", "No company has that many and that few.")
        return typed


class NewRuleForm(RuleForm):
    before = forms.ModelChoiceField(
        RoutingRule.objects.none(),
        required=False,
        empty_label="At the end",
        label="Place",
        help_text="The first match wins.",
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        rules = RoutingRule.objects.order_by("position", "pk")
        before = self.fields["before"]
        before.queryset = rules  # type: ignore[attr-defined]  # typed as plain Field
        before.label_from_instance = lambda rule: f"Before {rule}"  # type: ignore[attr-defined]  # typed as plain Field


class RepForm(forms.Form):
    weight = forms.IntegerField(min_value=1, max_value=100)
    capacity = forms.IntegerField(min_value=0, max_value=SMALL)
    is_active = forms.BooleanField(required=False, label="Active")


class HandOverForm(forms.Form):
    reason = forms.CharField(max_length=200)


class TeamForm(forms.Form):
    reassigns_on_breach = forms.BooleanField(required=False)
    unworked_at_most = forms.IntegerField(min_value=1, max_value=SMALL, required=False)


class AbsenceForm(forms.Form):
    starts_at = forms.DateTimeField(label="From", widget=forms.DateTimeInput({"type": "datetime-local"}))
    ends_at = forms.DateTimeField(label="To", widget=forms.DateTimeInput({"type": "datetime-local"}))
    label = forms.CharField(max_length=120, required=False)


class DryRunForm(forms.Form):
    """Read a lead by its attributes, and an instant; every field may be empty."""

    country = forms.CharField(max_length=120, required=False)
    region = forms.CharField(max_length=64, required=False)
    source = forms.CharField(max_length=120, required=False)
    domain = forms.CharField(max_length=ADDRESS_AT_MOST, required=False)
    industry = forms.CharField(max_length=120, required=False)
    employees = forms.IntegerField(min_value=0, max_value=MOST, required=False)
    tier = forms.TypedChoiceField(choices=TIERS, coerce=int, initial=2, required=False)
    motion = forms.ChoiceField(choices=Motion.choices, required=False)
    at = forms.DateTimeField(
        required=False,
        label="When",
        help_text="Empty: now.",
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def clean_domain(self) -> str:
        typed = self.cleaned_data["domain"]
        return _read_host(typed) if typed else ""

    def clean_country(self) -> str:
        typed = self.cleaned_data["country"]
        return _read_country(typed) if typed else ""

    def clean_tier(self) -> int:
        return int(self.cleaned_data["tier"] or 2)

    def clean_at(self) -> dt.datetime | None:
        at: dt.datetime | None = self.cleaned_data["at"]
        if at is not None and at.year not in YEARS:
            raise forms.ValidationError(f"Give a date between {YEARS[0]} and {YEARS[-1]}.")
        return at


def _read_country(typed: str) -> str:
    country = read_country(typed)
    if not country:
        raise forms.ValidationError(f"“{typed[:SHOWN_AT_MOST]}” is no country; write its name, or its code as DE.")
    return country


def _read_host(typed: str) -> str:
    """Return the host as companies and leads store it: acme.com of `https://www.acme.com/about`.

    Raises ValidationError that quotes the input.
    """
    try:
        return validation.domain("domain", typed)
    except Refused:
        raise forms.ValidationError(f"“{typed[:SHOWN_AT_MOST]}” is no domain; write it as acme.com.") from None
