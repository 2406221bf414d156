from __future__ import annotations

from types import MappingProxyType
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """The groups of rules 1.1. A user may hold several."""

    SDR = "sdr", _("SDR")
    SALES_MANAGER = "sales_manager", _("Sales manager")
    MARKETING_OPS = "marketing_ops", _("Marketing ops")
    MARKETING_LEADER = "marketing_leader", _("Marketing leader")
    SALES_LEADER = "sales_leader", _("Sales leader")
    VIEWER = "viewer", _("Executive")


class SenderLocale(models.TextChoices):
    """The locales in which a client may write numbers and dates; leads.normalization.locale_formats reads them."""

    DE = "de", _("German (1.200,50 · 31.1.2026)")
    DE_CH = "de-CH", _("German, Switzerland (1’200.50 · 31.1.2026)")
    EN_GB = "en-GB", _("English, United Kingdom (1,200.50 · 31/1/2026)")
    EN_US = "en-US", _("English, United States (1,200.50 · 1/31/2026)")
    ES = "es", _("Spanish (1.200,50 · 31/1/2026)")
    ES_MX = "es-MX", _("Spanish, Mexico (1,200.50 · 31/1/2026)")
    FR = "fr", _("French (1 200,50 · 31/1/2026)")
    IT = "it", _("Italian (1.200,50 · 31/1/2026)")
    NL = "nl", _("Dutch (1.200,50 · 31-1-2026)")
    PL = "pl", _("Polish (1 200,50 · 31.1.2026)")
    PT = "pt", _("Portuguese (1.200,50 · 31/1/2026)")
    SV = "sv", _("Swedish (1 200,50 · 2026-01-31)")


class ApiKeyKind(models.TextChoices):
    """The three kinds of client that hold a key. For the record only: no right depends on it."""

    PERSONAL_TOOL = "personal_tool", _("A person's tool")
    SYSTEM = "system", _("System")
    AGENT = "agent", _("Agent")


#: The rights of an API key (rules 1.8), with their labels in the admin.
SCOPES: Final = MappingProxyType(
    {
        "facts:write": "Send events, leads, companies and outcomes",
        "facts:read": "Read leads, events and scores",
        "handoffs:read": "Read handoffs",
        "handoffs:write": "Accept, reject, log attempts, book meetings",
        "definitions:read": "Read definitions",
        "definitions:write": "Create drafts, evaluate, backtest",
        "reports:read": "Read reports",
    }
)
