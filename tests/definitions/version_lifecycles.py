"""Versions at each point of their life, brought there by the steps that people take."""

from __future__ import annotations

import datetime as dt
from typing import Any

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import proposals, version_documents, versions
from definitions.lint import Severity
from definitions.models import Backtest, Version
from definitions.vocabulary import ChangeDriver, Decision, Side
from tests.definitions.documents import minimal
from tests.definitions.people import person

NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def draft(**changes: Any) -> Version:
    return version_documents.import_document(document=minimal(**changes), by=None, now=NOW)


def share(n: int, of: int) -> dict[str, Any]:
    return {"n": n, "of": of, "rate": n / of if of else None, "interval_95": [0.0, 1.0] if of else None}


def cohort(version: Version, **changes: Any) -> dict[str, Any]:
    """A version's half of a backtest's result: it covers 24 of 30 wins."""
    return {
        "number": version.number,
        "flagged": 120,
        "coverage": share(24, 30),
        "precision_won": share(24, 120),
        "precision_sal": share(80, 120),
        "rejected": 40,
        "verdicts": ["Passes: it covers the wins, and enough of what it flags is won."],
        "enough": True,
        "by_week": [60, 60],
        "lost_wins": {"total": 0, "rows": [], "by_criterion": []},
        "still_passing": {"total": 0, "of": 40, "rows": []},
    } | changes


def backtested(version: Version, *, at: dt.datetime = NOW, **changes: Any) -> Backtest:
    """A finished backtest of exactly what the version says now, against the version in force."""
    document = version_documents.export(version)
    against = Version.objects.active().filter(definition=version.definition).first()
    return Backtest.objects.create(
        version=version,
        against=against,
        document=document,
        digest=version_documents.digest(document),
        start=at - 180 * DAY,
        end=at,
        requested_at=at,
        finished_at=at,
        result={
            "from": (at - 180 * DAY).isoformat(),
            "to": at.isoformat(),
            "leads": 1000,
            "seconds": 1.5,
            "version": cohort(version, **changes),
            "against": cohort(against) if against else None,
            "weeks": ["2026-10-19", "2026-10-26"],
            "thresholds": [],
            "distributions": [],
            "grid": {"fit": [], "engagement": [], "cells": []},
        },
    )


def propose(version: Version, *, by: User | None = None, now: dt.datetime = NOW + DAY, **grounds: Any) -> Version:
    """The version proposed as people do it: backtested, every warning accepted, and with a reason for the change."""
    backtested(version, at=now)
    words = grounds_for(version, now=now) | grounds
    return versions.propose(version=version, by=by or person(Role.MARKETING_OPS), now=now, **words)


def grounds_for(version: Version, *, now: dt.datetime = NOW + DAY) -> dict[str, Any]:
    """What has to be said for any draft: what it answers, what shows it, and why each warning is accepted."""
    in_force = Version.objects.active().filter(definition=version.definition).exists()
    driver = ChangeDriver.SAL_RATE if in_force else ChangeDriver.FIRST
    said = {"driver": driver, "evidence": "Sales accepted 55 % of them in two months: see the reviews."}
    case = proposals.case_of(version, proposals.ProposalGrounds(**said), now=now)
    return said | {"acknowledged": {each.key: "We know." for each in case.of(Severity.WARNING)}}


def proposed(**changes: Any) -> Version:
    return propose(draft(**changes))


def approved(**changes: Any) -> Version:
    version = proposed(**changes)
    sign(version, Side.MARKETING)
    return sign(version, Side.SALES).version


def active(**changes: Any) -> Version:
    return versions.activate(
        version=approved(**changes), hand_over_entrants=False, by=person(Role.MARKETING_OPS), now=NOW + 3 * DAY
    )


def sign(version: Version, side: Side, decision: Decision = Decision.APPROVED) -> versions.SignatureResult:
    return versions.sign(
        version=version,
        side=side,
        decision=decision,
        comment="It says what we mean.",
        by=person(versions.SIGNERS[side]),
        now=NOW + 2 * DAY,
    )
