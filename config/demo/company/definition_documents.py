"""The two versions of the example's definition as documents (rules 15.1), with reasons for the linter's warnings."""

from __future__ import annotations

from typing import Any, Final

from definitions.vocabulary import DOCUMENT_FORMAT

NAME: Final = "Northlane MQL"
OWNER: Final = "olga.ops@accord.example"

_INDUSTRIES: Final = ["Manufacturing", "Logistics", "Distribution", "Food & Beverage", "Retail", "Pharmaceuticals"]
_COUNTRIES: Final = ["US", "CA", "MX", "BR", "GB", "DE", "FR", "NL", "SE", "PL", "ES", "SG", "AU", "JP", "IN"]
_REQUESTS: Final = ["demo_request", "talk_to_sales", "contact_request", "pricing_inquiry", "outbound_reply"]
_HIGH_INTENT: Final = [
    *_REQUESTS,
    *("pricing_view", "comparison_guide", "calculator_used", "demo_video_watched", "implementation_content"),
]

#: Signal, points, cap in v1.0, cap in v1.1, rationale.
_SIGNALS: Final = (
    ("demo_request", 50, None, None, "Asks to talk; eight of the last twenty wins began with it."),
    ("talk_to_sales", 50, None, None, "Asks to talk."),
    ("contact_request", 45, None, None, "Asks to talk, though sometimes about something else."),
    ("pricing_inquiry", 45, None, None, "Nobody asks for a price out of curiosity."),
    ("outbound_reply", 45, None, None, "Answers a person, in their own words."),
    ("webinar_attended", 20, 40, 30, "An hour of attention."),
    ("pricing_view", 15, 45, 45, "Looks at the price: fifteen of the last twenty wins did before they bought."),
    ("comparison_guide", 15, 30, 30, "Is choosing between vendors."),
    ("calculator_used", 15, 30, 30, "Works out their own case."),
    ("demo_video_watched", 12, 24, 24, "Wants to see it."),
    ("implementation_content", 12, 24, 24, "Thinks about the day after buying."),
    ("ebook_download", 12, None, 12, "Curiosity about the subject, not about us."),
    ("report_download", 12, None, 6, "Curiosity about the subject, not about us."),
    ("guide_download", 12, None, 12, "Further along than an e-book."),
    ("badge_scan", 8, 8, 8, "Was at our stand, or at the coffee beside it."),
    ("case_study", 8, 16, 16, "Looks for somebody like themselves."),
    ("product_page", 4, 12, 12, "Weak interest, and capped."),
    ("email_click", 3, 9, 9, "Weak interest, and capped."),
    ("blog_read", 3, 6, 6, "Weak interest, and capped."),
    ("webinar_registered", 3, 3, 3, "Half of those who register never come."),
    ("email_open", 1, 4, 4, "Noise, and capped."),
    ("newsletter_open", 1, 4, 4, "Noise, and capped."),
    ("unsubscribe", -30, -30, -30, "Has told us to stop."),
)

#: Why marketing ops accepts a warning of the linter, by the warning's code.
ACCEPTED: Final = {
    "complex.many_criteria": "The disqualifiers are lists that nobody has to remember; the gate is three rows.",
    "complex.one_screen": "Most rows are signals with small caps; the three parts still fit on a page.",
    "backtest.other_period": "The half year ends with the last whole month, whose decisions have all been made.",
    "backtest.no_leads": "We begin with an empty system; the leaders look again in a quarter.",
    "backtest.undecided": "There is little history yet; the leaders read the intervals and look again in a quarter.",
    "backtest.precision_undecided": "There is little history yet; the leaders read the intervals and look again in a quarter.",
    "criterion.never_matters": "Sales wants to see the BANT answers beside the score, though nothing asks for them yet.",
}
ACCEPTED_ANYWAY: Final = "Discussed in the joint session and kept for this quarter."


def first_version() -> dict[str, Any]:
    """Return v1.0, in which points alone carry a lead over the threshold, whatever they are for."""
    clauses = [
        _axis("fit", 25, "One strong mark of a good fit."),
        _axis("engagement", 40, "Two strong actions, or many weak ones."),
    ]
    paths = [_path("Engaged", clauses, "The right person, busy with us lately.")]
    return _document(
        "1.0",
        reason="First written definition: until now everybody in the building had their own.",
        signals=[_signal(row[0], row[1], row[2], row[4]) for row in _SIGNALS],
        paths=paths,
        smallest=100,
        floor=46,
    )


def second_version(evidence: str) -> dict[str, Any]:
    """Return v1.1, the answer to the bad month: downloads are capped, and one strong signal must be recent."""
    strong = _count(_HIGH_INTENT, 1, 30, "A purchase is decided in weeks: the sign is of this month.")
    clauses = [
        _axis("fit", 25, "One strong mark of a good fit."),
        _axis("engagement", 40, "Two strong actions, or many weak ones."),
        strong,
    ]
    rationale = "The right person, busy with us lately, and with one sign that they are choosing a vendor."
    return _document(
        "1.1",
        reason=evidence,
        signals=[_signal(row[0], row[1], row[3], row[4]) for row in _SIGNALS],
        paths=[_path("Engaged, with intent", clauses, rationale)],
        smallest=150,
        floor=46,
    )


def _document(
    version: str, *, reason: str, signals: list[Any], paths: list[Any], smallest: int, floor: int
) -> dict[str, Any]:
    return {
        "format": DOCUMENT_FORMAT,
        "name": NAME,
        "motion": "mql",
        "version": version,
        "owner": OWNER,
        "reason": reason,
        "summary": "Companies that move goods and fit, whose planners have been busy with us in the last month.",
        "kind": "three_components",
        "sal_rate_target": 0.7,
        "decay": {
            "mode": "compound",
            "percent": 10,
            "per_days": 30,
            "rationale": "Interest of last quarter says little.",
        },
        "inactivity": {"after_days": 60, "points": 5},
        "ceilings": {"fit": 100, "engagement": 100, "bant": 100},
        "gate": _gate(smallest),
        "fit": _FIT,
        "bant": _BANT,
        "disqualifiers": _DISQUALIFIERS,
        "signals": signals,
        "paths": paths,
        "timing": {
            "engaged_within_days": 30,
            "or_request_within_days": 60,
            "rationale": "After a silent month most have bought elsewhere; a request waits for its answer longer.",
        },
        "hot": _HOT,
        "tier_3_below": {"axis": "engagement", "less_than": floor, "rationale": "Barely above the threshold."},
    }


def _gate(smallest: int) -> list[Any]:
    return [
        _row(
            "company.employees", "between", [smallest, 5000], "Smaller ones plan by hand; larger ones build their own."
        ),
        _row("company.industry", "in", _INDUSTRIES, "They move goods. The industries of the last thirty wins."),
        _row("company.country", "in", _COUNTRIES, "Where we sell and support."),
    ]


def _row(field: str, op: str, value: object, rationale: str, points: int = 0) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, "points": points, "rationale": rationale}


def _exclusion(field: str, op: str, value: object, rationale: str) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, "rationale": rationale}


def _signal(code: str, points: int, cap: int | None, rationale: str) -> dict[str, Any]:
    reason = {} if cap is None else {"cap_rationale": "Doing it more often says little more."}
    return {"signal": code, "points": points, "cap": cap, "rationale": rationale, **reason}


def _axis(axis: str, at_least: int, rationale: str) -> dict[str, Any]:
    return {"axis": axis, "at_least": at_least, "rationale": rationale}


def _count(signals: list[str], at_least: int, days: int, rationale: str, **more: int) -> dict[str, Any]:
    return {"count_of": signals, "at_least": at_least, "within_days": days, "rationale": rationale, **more}


def _path(name: str, clauses: list[Any], rationale: str) -> dict[str, Any]:
    return {"name": name, "clauses": clauses, "rationale": rationale}


_BUYERS: Final = ["supply chain", "operations", "operating", "procurement", "logistics", "planning", "planner"]
_FIT: Final = [
    _row("lead.title", "contains_any", _BUYERS, "The people who live with the plan.", 25),
    _row("lead.seniority", "at_least", "manager", "Can start a project.", 10),
    _row("lead.seniority", "at_least", "director", "Can pay for it.", 15),
    _row("company.industry", "in", ["Manufacturing", "Logistics", "Distribution"], "Two thirds of our revenue.", 15),
    _row("company.annual_revenue", "at_least", 20_000_000, "Stock worth planning.", 10),
    _row(
        "company.technologies", "has_any", ["SAP", "NetSuite", "Microsoft Dynamics"], "We connect to it in a week.", 10
    ),
]
_BANT: Final = [
    _row("lead.budget", "known", True, "Has talked about money.", 25),
    _row("lead.seniority", "at_least", "director", "Authority.", 25),
    _row("lead.use_case", "known", True, "Has named a need.", 25),
    _row("lead.timeline", "in", ["now", "this quarter"], "Wants it soon.", 25),
]
_DISQUALIFIERS: Final = [
    _exclusion("lead.email_domain", "in_list", "free_email", "No company behind it."),
    _exclusion("lead.email_domain", "in_list", "disposable_email", "Nobody behind it."),
    _exclusion("lead.email_domain", "in_list", "student_email", "Students write theses."),
    _exclusion("lead.email_domain", "in_list", "competitors", "They know already."),
    _exclusion("company.is_customer", "is", True, "Belongs to customer success."),
    _exclusion("lead.title", "has_word_any", ["student", "intern", "assistant"], "Not buyers."),
    _exclusion("lead.do_not_contact", "is", True, "Has told us not to."),
]
_HOT: Final = [
    _path(
        "Asked to talk",
        [_count(_REQUESTS, 1, 1, "One is enough, and worth a call on the day.")],
        "Whoever calls back first usually wins.",
    ),
    _path(
        "Price three times in a day",
        [_count(["pricing_view"], 3, 1, "Three looks in a day compare offers.", within_hours_of_each_other=24)],
        "Is putting an offer together, ours or another's.",
    ),
]
