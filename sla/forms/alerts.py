"""The form of a person's alert preferences."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.http import QueryDict

from sla.models import AlertSettings
from sla.notifications import preferences, slack


class AlertForm(forms.Form):
    """Read a person's alert preferences. The Slack webhook is a secret: it is typed, and never shown again."""

    email_kinds = forms.MultipleChoiceField(required=False, label="E-mail", widget=forms.CheckboxSelectMultiple)
    slack_kinds = forms.MultipleChoiceField(required=False, label="Slack", widget=forms.CheckboxSelectMultiple)
    slack_url = forms.CharField(
        max_length=slack.ADDRESS_AT_MOST,
        required=False,
        label="Incoming webhook",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "inputmode": "url"}),
    )
    without_slack = forms.BooleanField(required=False, label="Forget the webhook")
    is_quiet_off_hours = forms.BooleanField(required=False, label="Quiet outside my working hours")
    in_browser = forms.BooleanField(required=False, label="Show tier 1 as a notification of the browser")
    with_sound = forms.BooleanField(required=False, label="Play a sound for tier 1")

    def __init__(self, data: QueryDict | None, *, chosen: AlertSettings) -> None:
        shown = ("email_kinds", "slack_kinds", "is_quiet_off_hours", "in_browser", "with_sound")
        super().__init__(data, initial={name: getattr(chosen, name) for name in shown})
        offered = [(kind.value, kind.label) for kind in preferences.offered_kinds(chosen.user)]
        for name in ("email_kinds", "slack_kinds"):
            cast("forms.MultipleChoiceField", self.fields[name]).choices = offered
        self.had_url = bool(chosen.slack_sealed)

    def clean_slack_url(self) -> str:
        url: str = self.cleaned_data["slack_url"]
        if url:
            try:
                slack.check_webhook(url)
            except slack.BadWebhook as broken:
                raise forms.ValidationError(str(broken)) from broken
        return url

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        has_url = typed.get("slack_url") or (self.had_url and not typed.get("without_slack"))
        if typed.get("slack_kinds") and not has_url and "slack_url" not in self.errors:
            self.add_error("slack_url", "Alerts in Slack need the address of a webhook.")
        return typed

    def read_preferences(self) -> preferences.AlertPreferences:
        typed = self.cleaned_data
        return preferences.AlertPreferences(
            email_kinds=typed["email_kinds"],
            slack_kinds=typed["slack_kinds"],
            slack_url=typed["slack_url"] or ("" if typed["without_slack"] else None),
            is_quiet_off_hours=typed["is_quiet_off_hours"],
            in_browser=typed["in_browser"],
            with_sound=typed["with_sound"],
        )
