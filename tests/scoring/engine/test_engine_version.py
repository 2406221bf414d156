"""A fixed set of leads judged by fixed rules: a change of results is a change of semantics and needs a new number."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import replace

import numpy as np

from scoring.engine.bands import Band
from scoring.engine.engine_version import ENGINE_VERSION
from scoring.engine.judge import judge
from scoring.engine.rules import Catalogue, Decay, Inactivity, Rules
from scoring.rule_compiler import compile_document
from tests.scoring import facts as company
from tests.scoring.random_companies import START, facts_of
from tests.scoring.reference import DAY, Event, Lead

#: The digest of the results by the engine's number. After a change of semantics add a line; the earlier ones stay.
RESULTS = {
    1: "5d7495b67042cc0d6668a3ba695866635621bbd3ee242959ddf2da809380fccc",
    # The same: 2 knows more of the language, and judges what 1 knew as 1 did.
    2: "5d7495b67042cc0d6668a3ba695866635621bbd3ee242959ddf2da809380fccc",
}
CATALOGUE = Catalogue(
    engagement=frozenset({"demo_request", "pricing_view", "ebook_download", "email_open", "webinar_attended"}),
    requests=frozenset({"demo_request", "contact_request"}),
    closing=frozenset({"request_closed"}),
    endings=frozenset({("newsletter_signup", "unsubscribe")}),
)
SIGNALS = (*sorted(CATALOGUE.engagement | CATALOGUE.requests), "request_closed", "unsubscribe", "newsletter_signup")
COLUMNS = ("fit", "engagement", "bant", "gate", "disqualified", "threshold", "timing", "hot", "meets", "tier")
VALUES: dict[str, tuple[object, ...]] = {
    "company.employees": (None, 49, 50, 5000, "51-200", Band(11, 50), Band(1000, None)),
    "company.industry": (None, "", " software", "Retail", "Healthcare"),
    "company.country": (None, "US", "DE", "JP"),
    "company.technologies": (None, ("Django ", "redis"), ("cobol",)),
    "lead.email_domain": (None, "mail.gmail.com", "firm.example", "state.edu"),
    "lead.title": (None, "Chief Marketing Officer", "Student", "VP Sales", "Head of IT"),
    "lead.seniority": (None, None, "manager", "director"),
    "lead.do_not_contact": (None, True, False),
}


def judged_digest() -> str:
    chance = random.Random(20261130)
    facts = facts_of([random_lead(chance) for _ in range(300)])
    leads = np.repeat(np.arange(300), 3)
    at = np.tile(START + np.array([10, 45, 120]) * DAY, 300)
    verdicts = [judge(rules, facts, leads, at) for rules in all_rules()]
    results = [[round(float(value), 6) for value in getattr(part, name)] for part in verdicts for name in COLUMNS]
    return hashlib.sha256(json.dumps(results).encode()).hexdigest()


def random_lead(chance: random.Random) -> Lead:
    events = (
        Event(START + chance.randrange(120 * DAY), chance.choice(SIGNALS), chance.choice((None, 0, 1, 2)))
        for _ in range(chance.randrange(9))
    )
    rows = sorted(START + chance.randrange(90 * DAY) for _ in range(chance.randrange(1, 4)))
    return Lead(
        tuple(events), tuple((at, {name: chance.choice(values) for name, values in VALUES.items()}) for at in rows)
    )


def all_rules() -> list[Rules]:
    document = {
        **company.document(),
        "gate": [row("company.employees", "between", [50, 5000]), row("company.country", "in", ["Germany", "us"], 10)],
        "fit": [
            row("lead.seniority", "at_least", "manager", 30),
            row("company.technologies", "has_any", ["django"], 25),
            row("company.industry", "contains_any", ["soft"], 20),
            row("lead.title", "has_word_any", ["it"], 5),
        ],
        "bant": [row("lead.seniority", "in", ["director", "vp"], 40), row("lead.email_domain", "known", True, 10)],
        "disqualifiers": [row("lead.email_domain", "in_list", "free"), row("lead.do_not_contact", "is", True)],
        "account": None,
    }
    document["signals"] = [
        {"signal": "unsubscribe", "points": -30, "cap": 45, "rationale": "No."},
        *document["signals"],
    ]
    document["tier_3_below"] = {"axis": "fit", "less_than": 30}
    document["timing"] = {"engaged_within_days": 30, "or_request_within_days": 14}
    compiled = compile_document(document, catalogue=CATALOGUE, named_lists={"free": frozenset({"gmail.com", "edu"})})
    return [
        compiled,
        replace(compiled, gate=(), timing=None, decay=Decay("linear", 20.0)),
        replace(compiled, gate=compiled.gate[:1], inactivity=Inactivity(20.0, 7.5), decay=Decay("none")),
    ]


def row(field: str, op: str, value: object, points: float = 0) -> dict[str, object]:
    return {"field": field, "op": op, "value": value, "points": points, "rationale": "Because."}


def test_the_same_engine_judges_the_fixed_set_alike() -> None:
    assert judged_digest() == RESULTS.get(ENGINE_VERSION), (
        "The engine or the compiler judges the fixed set differently. If that is meant, raise ENGINE_VERSION, keep the"
        " lines of RESULTS and add one, so that older receipts are not recomputed by another meaning (rules 16.24)."
    )
