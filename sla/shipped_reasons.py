"""The rejection reasons that Accord ships (rules 7.5), and the rights of marketing ops on them and on teams."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from sla.vocabulary import Family, Route


@dataclass(frozen=True, slots=True)
class ShippedReason:
    code: str
    label: str
    family: Family
    route: Route
    hint: str
    needs_note: bool = False
    needs_attempts: bool = False


#: The reason with which sales states a lead's own wish, so that it also sets the opt-out (rules 13.39).
DO_NOT_CONTACT: Final = "do_not_contact"

REASONS: Final = (
    ShippedReason(
        "wrong_company_profile",
        "Wrong company profile",
        Family.FIT,
        Route.DISQUALIFY,
        "Tighten the firmographic filters.",
        needs_note=True,
    ),
    ShippedReason(
        "wrong_persona",
        "Wrong persona / title",
        Family.FIT,
        Route.BACK_TO_MARKETING,
        "Tighten the titles and the seniority; another person at the company may be right.",
    ),
    ShippedReason(
        "not_interested",
        "Not interested / no need",
        Family.ENGAGEMENT,
        Route.BACK_TO_MARKETING,
        "Raise the engagement threshold; ask for more intent signals.",
    ),
    ShippedReason(
        "has_solution",
        "Already has a solution",
        Family.TIMING,
        Route.RECYCLE,
        "Right company, wrong moment: recycle until the contract ends.",
    ),
    ShippedReason(
        "bad_timing",
        "Bad timing / budget cycle / no active project",
        Family.TIMING,
        Route.RECYCLE,
        "Recycle with a re-engagement date.",
    ),
    ShippedReason(
        "no_budget_authority",
        "No budget / no authority",
        Family.BANT,
        Route.BACK_TO_MARKETING,
        "Ask for budget and authority before the handoff.",
    ),
    ShippedReason(
        "couldnt_reach",
        "Couldn’t reach",
        Family.DATA,
        Route.BACK_TO_MARKETING,
        "Improve e-mail verification and contact data.",
        needs_attempts=True,
    ),
    ShippedReason(
        "existing_customer", "Already a customer", Family.FIT, Route.DISQUALIFY, "A disqualifier is missing."
    ),
    ShippedReason(
        "competitor_selected",
        "Competitor selected",
        Family.TIMING,
        Route.RECYCLE,
        "Recycle until the competitor’s contract ends.",
    ),
    ShippedReason(
        "competitor_student_spam",
        "Competitor / student / spam",
        Family.FIT,
        Route.DISQUALIFY,
        "A disqualifier is missing.",
    ),
    ShippedReason(
        DO_NOT_CONTACT,
        "Asked not to be contacted",
        Family.DATA,
        Route.DISQUALIFY,
        "Keep the do-not-contact marks in step with the CRM and the mailing tool.",
    ),
)

#: The reasons that concern the person as such, close every motion and do not come back (rules 2.14, 7.20).
OF_PERSON: Final = ("competitor_student_spam", DO_NOT_CONTACT)
#: The details that a reason asks for, by its code: code and label of each.
SUB_REASONS: Final = {
    "couldnt_reach": (
        ("bad_number", "Bad number"),
        ("bounced", "Bounced"),
        ("no_answer", "No answer"),
        ("left_company", "Left the company"),
    )
}

#: The rights of marketing ops on teams, their reps and reasons (rules 1.4, 7.5). What has a page of its own is edited there.
OPS_MAY: Final = {
    "team": ("view", "add", "change"),
    "rep": ("view", "add", "change"),
    "absence": ("view", "add", "change", "delete"),
    "reasoncode": ("view", "add", "change"),
}
#: The rights that came with details of reasons.
OPS_MAY_DETAIL: Final = {"subreason": ("view", "add", "change")}


def ship(*, reasons: Any) -> None:
    """Create the reasons that are missing, in this order. What a customer changed stays; safe to repeat."""
    for position, reason in enumerate(REASONS, start=1):
        row = asdict(reason) | {"family": reason.family.value, "route": reason.route.value, "position": position}
        reasons.get_or_create(code=row.pop("code"), defaults=row)


def ship_details(*, reasons: Any, sub_reasons: Any) -> None:
    """Create the missing details of reasons; safe to repeat."""
    for code, details in SUB_REASONS.items():
        reason = reasons.filter(code=code).first()
        for position, (detail, label) in enumerate(details if reason else (), start=1):
            defaults = {"label": label, "position": position}
            sub_reasons.get_or_create(reason=reason, code=detail, defaults=defaults)
