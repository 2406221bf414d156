"""Versions at each point of their life, brought there by the steps that people take."""

from __future__ import annotations

import datetime as dt
from typing import Any

from definitions import documents, versions
from definitions.models import Version
from definitions.vocabulary import Decision, Side
from leads.vocabulary import Role
from tests.definitions.documents import minimal
from tests.definitions.people import person

NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def draft(**changes: Any) -> Version:
    return documents.import_document(document=minimal(**changes), by=None, now=NOW)


def proposed(**changes: Any) -> Version:
    return versions.propose(version=draft(**changes), by=person(Role.MARKETING_OPS), now=NOW + DAY)


def approved(**changes: Any) -> Version:
    version = proposed(**changes)
    sign(version, Side.MARKETING)
    return sign(version, Side.SALES).version


def active(**changes: Any) -> Version:
    return versions.activate(version=approved(**changes), by=person(Role.MARKETING_OPS), now=NOW + 3 * DAY)


def sign(version: Version, side: Side, decision: Decision = Decision.APPROVED) -> versions.Signed:
    return versions.sign(
        version=version,
        side=side,
        decision=decision,
        comment="It says what we mean.",
        by=person(versions.SIGNERS[side]),
        now=NOW + 2 * DAY,
    )
