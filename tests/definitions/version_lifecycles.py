"""Versions in every state, brought there by the steps that people take."""

from __future__ import annotations

import datetime as dt
from typing import Any

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import backtest_requests, evidence_links, proposals, version_basis, version_documents, versions
from definitions.lint import Severity
from definitions.models import Backtest, Version
from definitions.vocabulary import ChangeDriver, Decision, Side
from tests.definitions.documents import minimal_document, with_reasons
from tests.factories import UserFactory

NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def create_draft(**changes: Any) -> Version:
    document = with_reasons(minimal_document(**changes))
    return version_documents.import_document(document=document, by=None, now=NOW)


def build_share(n: int, of: int) -> dict[str, Any]:
    return {"n": n, "of": of, "rate": n / of if of else None, "interval_95": [0.0, 1.0] if of else None}


def build_cohort(version: Version, **changes: Any) -> dict[str, Any]:
    """Build a version's half of a backtest's result: it covers 24 of 30 wins."""
    return {
        "number": version.number,
        "flagged": 120,
        "coverage": build_share(24, 30),
        "precision_won": build_share(24, 120),
        "precision_sal": build_share(80, 120),
        "rejected": 40,
        "verdicts": ["Passes: it covers the wins, and enough of what it flags is won."],
        "enough": True,
        "by_week": [60, 60],
        "lost_wins": {"total": 0, "rows": [], "by_criterion": []},
        "still_passing": {"total": 0, "of": 40, "rows": []},
    } | changes


def create_backtest(
    version: Version, *, at: dt.datetime = NOW, start: dt.datetime | None = None, leads: int = 1000, **changes: Any
) -> Backtest:
    """Create a finished backtest of exactly the version's present document, against the version in force."""
    document = version_documents.export_document(version)
    against = Version.objects.active().filter(definition=version.definition).first()
    start = start or backtest_requests.default_period(at)[0]
    return Backtest.objects.create(
        version=version,
        against=against,
        document=document,
        digest=version_documents.fingerprint(version),
        basis=version_basis.keep_basis(version_documents.read_basis(version), now=at),
        start=start,
        end=at,
        requested_at=at,
        finished_at=at,
        result={
            "from": start.isoformat(),
            "to": at.isoformat(),
            "leads": leads,
            "seconds": 1.5,
            "version": build_cohort(version, **changes),
            "against": build_cohort(against) if against else None,
            "weeks": ["2026-10-19", "2026-10-26"],
            "thresholds": [],
            "distributions": [],
            "grid": {"fit": [], "engagement": [], "cells": []},
        },
    )


def propose(version: Version, *, by: User | None = None, now: dt.datetime = NOW + DAY, **grounds: Any) -> Version:
    """Propose a version as people do: with a backtest, every warning accepted, and a reason for the change."""
    create_backtest(version, at=now)
    all_grounds = build_grounds(version, now=now) | grounds
    return versions.propose(version=version, by=by or UserFactory(roles=[Role.MARKETING_OPS]), now=now, **all_grounds)


def build_grounds(version: Version, *, now: dt.datetime = NOW + DAY) -> dict[str, Any]:
    """Build grounds that suffice for any draft: driver, evidence in words, its backtest cited, every warning accepted."""
    in_force = Version.objects.active().filter(definition=version.definition).exists()
    driver = ChangeDriver.SAL_RATE if in_force else ChangeDriver.FIRST
    current = backtest_requests.find_current_backtest(version)
    cited = [f"backtest:{current.pk}"] if current else []
    links, complaints = evidence_links.read_links(cited, definition=version.definition)
    grounds: dict[str, Any] = {
        "driver": driver,
        "evidence": "Sales accepted 55 % of them in two months.",
        "links": [] if complaints else cited,
    }
    case = proposals.build_case(version, proposals.ProposalGrounds(**grounds | {"links": links}), now=now)
    return grounds | {"acknowledged": {warning.key: "We know." for warning in case.findings_with(Severity.WARNING)}}


def create_proposed(**changes: Any) -> Version:
    return propose(create_draft(**changes))


def create_approved(**changes: Any) -> Version:
    version = create_proposed(**changes)
    sign(version, Side.MARKETING)
    return sign(version, Side.SALES).version


def create_active(**changes: Any) -> Version:
    return versions.activate(
        version=create_approved(**changes),
        hand_over_entrants=False,
        by=UserFactory(roles=[Role.MARKETING_OPS]),
        now=NOW + 3 * DAY,
    )


def sign(version: Version, side: Side, decision: Decision = Decision.APPROVED) -> versions.SignatureResult:
    return versions.sign(
        version=version,
        side=side,
        decision=decision,
        comment="It says what we mean.",
        by=UserFactory(roles=[versions.SIGNERS[side]]),
        now=NOW + 2 * DAY,
    )
