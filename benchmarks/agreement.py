"""The definition that all benchmarks judge by: a gate, disqualifiers, decayed points with caps, a threshold, a count."""

from __future__ import annotations

import datetime as dt
from typing import Any

from config.accounts.models import User
from definitions import version_basis, version_documents, versions
from definitions.models import SignOff, Version
from definitions.vocabulary import Decision, Side, VersionState

EMPLOYEES = (50, 1000)
INDUSTRIES = ("Software", "Financial Services", "Healthcare", "Manufacturing", "Logistics", "Professional Services")
COUNTRIES = ("US", "CA", "GB", "DE", "FR", "NL", "AU", "IE", "SE")
LISTS = ("free_email", "disposable_email")
#: Domains that the generator takes from the first of them.
FREE_EMAIL = ("gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "gmx.de", "web.de", "aol.com")
NOT_BUYERS = ("student", "intern")
#: Points, and the cap on their decayed sum.
SIGNALS: dict[str, tuple[int, int | None]] = {
    "demo_request": (50, None),
    "contact_request": (50, None),
    "trial_signup": (40, None),
    "webinar_attended": (30, None),
    "pricing_view": (20, None),
    "ebook_download": (15, None),
    "case_study": (10, None),
    "product_page": (5, 20),
    "blog_read": (5, None),
    "email_click": (3, None),
    "email_open": (2, 10),
    "homepage_visit": (1, None),
}
THRESHOLD, TIER_3_BELOW = 50, 55
INTENT = ("demo_request", "contact_request", "trial_signup", "pricing_view", "webinar_attended")
INTENT_AT_LEAST, INTENT_DAYS = 2, 30
DECAY_PERCENT, DECAY_DAYS = 10, 30


def document() -> dict[str, Any]:
    why = {"rationale": "A measurement."}
    return {
        "format": "accord.definition/1",
        "name": "Benchmark",
        "motion": "mql",
        "version": "1.0",
        "owner": "ops@accord.test",
        "reason": "A measurement.",
        "sal_rate_target": 0.7,
        "decay": {"mode": "compound", "percent": DECAY_PERCENT, "per_days": DECAY_DAYS},
        "inactivity": None,
        "ceilings": {"fit": 100, "engagement": None, "bant": 100},
        "gate": [
            {"field": "company.employees", "op": "between", "value": list(EMPLOYEES), "points": 0, **why},
            {"field": "company.industry", "op": "in", "value": list(INDUSTRIES), "points": 0, **why},
            {"field": "company.country", "op": "in", "value": list(COUNTRIES), "points": 0, **why},
        ],
        "fit": [],
        "bant": [],
        "disqualifiers": [
            *({"field": "lead.email_domain", "op": "in_list", "value": name, **why} for name in LISTS),
            {"field": "lead.title", "op": "has_word_any", "value": list(NOT_BUYERS), **why},
        ],
        "signals": [{"signal": code, "points": points, "cap": cap, **why} for code, (points, cap) in SIGNALS.items()],
        "paths": [
            {
                "name": "Engaged, with intent",
                "clauses": [
                    {"axis": "engagement", "at_least": THRESHOLD},
                    {"count_of": list(INTENT), "at_least": INTENT_AT_LEAST, "within_days": INTENT_DAYS},
                ],
                **why,
            }
        ],
        "timing": None,
        "hot": [],
        "tier_3_below": {"axis": "engagement", "less_than": TIER_3_BELOW},
    }


def put_in_force(at: dt.datetime) -> None:
    """Import the definition, sign it by both sides and activate it at `at`."""
    version = _approve(document(), at)
    Version.objects.filter(pk=version.pk).update(state=VersionState.ACTIVE, activated_at=at)


def activate_next(*, by: User, at: dt.datetime) -> Version:
    """Activate the next version of the same definition, as a person does; it asks for the same."""
    version = _approve({**document(), "version": "1.1"}, at)
    version.refresh_from_db()
    return versions.activate(version=version, hand_over_entrants=True, by=by, now=at)


def _approve(content: dict[str, Any], at: dt.datetime) -> Version:
    version = version_documents.import_document(document=content, by=None, now=at)
    rows = Version.objects.filter(pk=version.pk)
    basis = version_basis.keep_basis(version_documents.read_basis(version), now=at)
    rows.update(state=VersionState.PROPOSED, proposed_at=at, basis=basis, basis_kept_at=at)
    for side in (Side.MARKETING, Side.SALES):
        leader, _ = User.objects.get_or_create(email=f"{side}@accord.test")
        SignOff.objects.create(version=version, side=side, decision=Decision.APPROVED, by=leader, at=at, comment="Yes.")
    rows.update(state=VersionState.APPROVED, approved_at=at)
    return version
