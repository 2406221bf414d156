"""The measurement of each promise of both sides, in sentences for people (rules 6.13 to 6.23)."""

from __future__ import annotations

from dataclasses import dataclass

from leads.vocabulary import Motion
from sla.commitments import commitments
from sla.models import Commitment
from sla.vocabulary import OPPORTUNITY_DAYS


@dataclass(frozen=True, slots=True)
class Measurement:
    """A promise, and when its clock starts, runs and stops, or what is counted."""

    promise: str
    sentence: str


def describe_measurements(commitment: Commitment) -> list[Measurement]:
    """Return a measurement for each promise of these commitments: those of sales, then those of marketing."""
    is_of_plays = commitment.motion == Motion.AQL
    subject, noun = ("company", "play") if is_of_plays else ("lead", "handoff")
    return [
        Measurement(
            "First contact",
            f"The clock starts when a rep gets the {subject}, runs in the hours of the rep’s calendar and stops at the first logged"
            " call, e-mail, message or meeting by a person. Used up exactly is kept; notes and mails by machines are no contact.",
        ),
        Measurement(
            "Accept or reject",
            f"The clock starts when a rep gets the {subject}, counts all hours of the days on which the rep’s calendar opens and stops"
            " with the decision.",
        ),
        Measurement(
            "Contact attempts",
            f"Attempts logged on the {noun} count once a channel and minute, whatever came of them; their days are working days of"
            " the rep’s calendar.",
        ),
        Measurement(
            "Leads without a contact",
            "Accepted leads that nobody has contacted yet, for each rep, at the moment when the next one is given out.",
        ),
        Measurement(
            "Volume",
            f"The {commitment.motion.upper()}s that qualified in a calendar month of the company’s time zone, beside the number promised.",
        ),
        Measurement(
            commitments.name_target(Motion(commitment.motion)),
            f"Of the {commitment.motion.upper()}s that qualified in a calendar month, those that became an opportunity or a win within"
            f" {OPPORTUNITY_DAYS} days, beside the target; a month is judged when all of its {commitment.motion.upper()}s had this time.",
        ),
        Measurement(
            "Routing",
            f"The clock starts when the {commitment.motion.upper()} is recorded, runs in the hours of the team that gets it and stops"
            " when somebody has it.",
        ),
    ]
