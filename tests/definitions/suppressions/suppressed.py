"""Suppressions as marketing ops sets them, for tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from config.accounts.vocabulary import Role
from definitions.models import Suppression
from definitions.suppressions import lifecycle
from definitions.suppressions.subjects import read_subject
from tests.factories import UserFactory


def suppress(subject: str, value: object, *, at: dt.datetime, **terms: Any) -> Suppression:
    """Suppress what a person would type, by marketing ops, from `at` on."""
    by = terms.pop("by", None) or UserFactory(roles=[Role.MARKETING_OPS])
    reason = terms.pop("reason", "A competitor.")
    return lifecycle.suppress(subject=read_subject(subject, str(value)), reason=reason, by=by, now=at, **terms)


def end(suppression: Suppression, *, at: dt.datetime, reason: str = "It was a customer.") -> Suppression:
    return lifecycle.end(suppression=suppression, reason=reason, by=UserFactory(roles=[Role.MARKETING_LEADER]), now=at)
