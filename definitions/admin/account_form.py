"""The form of a version that judges companies: contacts, window, company signals and tier 1."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from django import forms

from definitions.admin.version_form import VersionForm
from definitions.admin.widgets import number_input
from definitions.document.values import AccountSetting, CompanySignalsSetting
from leads.models import Signal

#: The fields of the form that together are the section `account` of the document.
ACCOUNT_FIELDS: Final = (
    *("contacts_at_least", "contacts_within_days", "engaged_by", "contacts_rationale", "tier_1_contacts"),
    *("company_signals", "company_signals_at_least", "company_within_days", "company_rationale"),
)
_COMPANY_FIELDS: Final = ("company_signals_at_least", "company_within_days", "company_rationale")


class AccountVersionForm(VersionForm):
    """Reads what a company needs besides its gate; without company signals none is asked for."""

    #: A definition of companies has no timing of its own.
    timing_signals = None  # type: ignore[assignment]  # takes the field of the base away
    #: A company never becomes an SQL.
    mql_to_sql_low = None  # type: ignore[assignment]  # takes the field of the base away
    mql_to_sql_high = None  # type: ignore[assignment]  # takes the field of the base away

    contacts_at_least = forms.IntegerField(
        min_value=2, max_value=99, label="Different contacts", help_text="At least so many people of one company."
    )
    contacts_within_days = forms.DecimalField(
        min_value=Decimal("0.01"), max_digits=7, decimal_places=2, label="Engaged within", help_text="Days."
    )
    engaged_by = forms.ModelMultipleChoiceField(
        Signal.objects.order_by("name"),
        required=False,
        to_field_name="code",
        label="Engaged by",
        help_text="None chosen: every signal that counts as engagement.",
        widget=forms.SelectMultiple({"size": 8}),
    )
    contacts_rationale = forms.CharField(label="Why so many contacts", widget=forms.TextInput({"size": 60}))
    tier_1_contacts = forms.IntegerField(
        required=False, min_value=2, max_value=99, label="Tier 1 from", help_text="Contacts; empty: no play is tier 1."
    )
    company_signals = forms.ModelMultipleChoiceField(
        Signal.objects.order_by("name"),
        required=False,
        to_field_name="code",
        label="Seen of the company",
        help_text="Third parties’ signals, as a job posting; none chosen: none is asked for.",
        widget=forms.SelectMultiple({"size": 8}),
    )
    company_signals_at_least = forms.IntegerField(required=False, min_value=1, max_value=99, label="At least")
    company_within_days = forms.DecimalField(
        required=False, min_value=Decimal("0.01"), max_digits=7, decimal_places=2, label="Within", help_text="Days."
    )
    company_rationale = forms.CharField(required=False, label="Why these signals", widget=forms.TextInput({"size": 60}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("contacts_at_least", "contacts_within_days", "tier_1_contacts", *_COMPANY_FIELDS[:2]):
            self.fields[name].widget = number_input()
        if self.instance.account is not None:
            self.initial.update(_initial_values(AccountSetting.from_document(self.instance.account)))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean()
        if data.get("company_signals"):
            for name in _COMPANY_FIELDS:
                if data.get(name) in (None, "") and name not in self.errors:
                    self.add_error(name, "Fill this for the signals of the company, or choose none.")
        least, hot = data.get("contacts_at_least"), data.get("tier_1_contacts")
        if least is not None and hot is not None and hot < least:
            self.add_error("tier_1_contacts", "Tier 1 takes at least as many contacts.")
        if not any(name in self.errors for name in ACCOUNT_FIELDS):
            self.instance.account = _build_setting(data).to_document()
        return data


def _initial_values(account: AccountSetting) -> dict[str, Any]:
    company = account.company_signals
    values: dict[str, Any] = {
        "contacts_at_least": int(account.contacts_at_least),
        "contacts_within_days": account.within_days,
        "engaged_by": list(account.engaged_by),
        "contacts_rationale": account.rationale,
        "tier_1_contacts": None if account.tier_1_contacts is None else int(account.tier_1_contacts),
    }
    if company is None:
        return values
    return values | {
        "company_signals": list(company.signals),
        "company_signals_at_least": int(company.at_least),
        "company_within_days": company.within_days,
        "company_rationale": company.rationale,
    }


def _build_setting(data: dict[str, Any]) -> AccountSetting:
    codes = [signal.code for signal in data["company_signals"]]
    hot = data["tier_1_contacts"]
    return AccountSetting(
        contacts_at_least=Decimal(data["contacts_at_least"]),
        within_days=data["contacts_within_days"],
        engaged_by=tuple(signal.code for signal in data["engaged_by"]),
        rationale=data["contacts_rationale"],
        company_signals=CompanySignalsSetting(
            tuple(codes),
            Decimal(data["company_signals_at_least"]),
            data["company_within_days"],
            data["company_rationale"],
        )
        if codes
        else None,
        tier_1_contacts=None if hot is None else Decimal(hot),
    )
