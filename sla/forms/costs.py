"""Forms of marketing's costs: one cost, a file of them, and a correction. They check input and never save."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.conf import settings

from config.uploads import max_bytes
from leads.vocabulary import Motion
from sla.marketing_costs import cost_entry, cost_files
from sla.marketing_costs.cost_entry import CostLine, CostRefused

_MOTIONS: Final = [(motion, motion.upper()) for motion in Motion if motion != Motion.AQL]
_WHY_HELP: Final = (
    "Needed only where another amount is entered already: what stands is corrected, and stays in the history."
)


class _ReasonForm(forms.Form):
    """A form that says why a cost is corrected."""

    reason = forms.CharField(
        label="Why, if it corrects a cost", max_length=cost_entry.REASON_AT_MOST, required=False, help_text=_WHY_HELP
    )


class CostForm(_ReasonForm):
    """A cost of one month. Its `line` is what was typed, once it is valid."""

    motion = forms.ChoiceField(label="For leads of", choices=_MOTIONS, initial=Motion.MQL)
    source = forms.CharField(label="Source", max_length=cost_files.SOURCE_AT_MOST, help_text="As leads write it.")
    campaign = forms.CharField(
        label="Campaign",
        max_length=cost_files.CAMPAIGN_AT_MOST,
        required=False,
        help_text="As events write it. Empty: the cost is of the source as a whole.",
    )
    month = forms.CharField(
        label="Month", max_length=10, help_text="As 2026-03.", widget=forms.TextInput({"type": "month"})
    )
    amount = forms.CharField(label="Amount", max_length=40, widget=forms.TextInput({"inputmode": "decimal"}))
    currency = forms.CharField(label="Currency", max_length=3, help_text="As EUR or USD.")

    field_order = ("motion", "source", "campaign", "month", "amount", "currency", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["currency"].initial = settings.CURRENCY
        self.line: CostLine | None = None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                self.line = cost_files.read_line(cleaned, motion=Motion(cleaned["motion"]))
            except CostRefused as refusal:
                self.add_error(refusal.field, str(refusal))
        return cleaned


class CostUploadForm(_ReasonForm):
    """A file of costs."""

    file = forms.FileField(
        label="File",
        help_text="CSV with the columns source, month, amount, and if you like campaign, currency, motion.",
        allow_empty_file=True,
        widget=forms.FileInput({"accept": ".csv,.tsv,.txt,text/csv"}),
    )

    field_order = ("file", "reason")

    def __init__(self, *args: Any, has_too_large_file: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        too_large = f"The file is larger than {max_bytes() >> 20:,} MB." if has_too_large_file else "Choose a file."
        self.fields["file"].error_messages["required"] = too_large


class CostCorrectionForm(forms.Form):
    """Another amount of a cost, or its withdrawal, and why."""

    amount = forms.DecimalField(
        label="Amount",
        required=False,
        min_value=0,
        max_digits=14,
        decimal_places=2,
        help_text="Empty: the cost is withdrawn.",
    )
    reason = forms.CharField(label="Why", max_length=cost_entry.REASON_AT_MOST)
