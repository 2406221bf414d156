"""The checklists of reviews: one for each trigger that has its own, else that of its kind (rules 8.28)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from definitions import version_documents
from definitions.models import Review, ReviewChecklistPoint, Version
from definitions.vocabulary import ReviewKind, ReviewTrigger


@dataclass(frozen=True, slots=True)
class AgendaPoint:
    """A point of a checklist. The review is not decided before a required one is ticked."""

    text: str
    is_required: bool = False


def _list_points(*texts: str) -> tuple[AgendaPoint, ...]:
    return tuple(AgendaPoint(text) for text in texts)


_BY_KIND: Final[Mapping[str, tuple[AgendaPoint, ...]]] = MappingProxyType(
    {
        ReviewKind.LIGHT: _list_points(
            "Compare the SAL rate and the rejection rate with the baseline",
            "Read the reasons given for rejections, the most frequent first",
            "Name one thing to change, or say that nothing changes",
        ),
        ReviewKind.FULL: _list_points(
            "Read the last 30 rejected leads; sales says of each what was missing",
            "Re-run the backtest of the version in force",
            "Name the criteria that let the false positives in",
            "Propose what to tighten, and check it against the closed-won leads at the time of their MQL",
            "Write down the reasoning of each change",
        ),
        ReviewKind.SPOT: _list_points(
            "Find the source and the campaign of the volume",
            "Decide whether these leads are of the ideal customer profile",
            "Look at their SAL rate against that of other sources",
            "Leave the definition as it is for this one event",
        ),
        ReviewKind.JOINT: _list_points(
            "Start with the rejected leads: the last 30 with their reasons; sales says what was missing",
            "Write the gap list, with an owner and a date for each gap",
            "Look at the last 20 closed-won leads as they were at their MQL",
            "Read MQL→SQL of the last two quarters",
            "Agree on triggering actions, eligibility, who acts when, and what happens when a lead does not convert",
            "Write down every decision with its reasoning",
        ),
        ReviewKind.RECONCILIATION: (
            AgendaPoint("Read the definition in force aloud, as it is published", is_required=True),
            AgendaPoint("Say where the new leader's own idea of an MQL differs"),
            AgendaPoint("Write a gap for each difference that stays"),
        ),
    }
)

_BY_TRIGGER: Final[Mapping[str, tuple[AgendaPoint, ...]]] = MappingProxyType(
    {
        ReviewTrigger.NEW_MARKET: _list_points(
            "Describe the ideal customer of the new market or product line, and how it differs",
            "Decide whether it needs a definition with a scope of its own",
            "Hold a joint session of marketing leader, sales leader, ops and somebody who works the queue",
            "Name the signals that mean something else there",
            "Agree on commitments and routing for it",
            "Set the day of the first backtest with its own outcomes",
        ),
        ReviewTrigger.ICP_CHANGE: _list_points(
            "Describe the ideal customer before and after the change, and what shows it",
            "Name the gate and fit criteria that no longer describe it",
            "Re-run the backtest with the changed criteria",
            "Say what happens to leads that qualify only now, and to those that no longer do",
        ),
        ReviewTrigger.ANNUAL: _list_points(
            "Re-run the backtest over the last twelve months",
            "Compare the points of each signal with its conversion",
            "Check thresholds and decay against the time from first touch to win",
            "Take out criteria that decide nothing",
            "Write down the reasoning of each change",
        ),
        ReviewTrigger.QUARTER: _list_points(
            "Compare the SAL rate and the rejection rate with the baseline; more than 5 points is a drift",
            "Look at the coverage of the quarter's wins",
            "Read the reasons given for rejections, the most frequent first",
            "Look at the suppressions of the quarter",
            "Name one thing to change, or say that nothing changes",
        ),
    }
)

#: The parts of a definition on which a reconciliation aligns one by one, by their names in the document.
_COMPONENTS: Final = MappingProxyType(
    {
        "gate": "the gate: who can be an MQL at all",
        "fit": "fit: who is worth how many points",
        "bant": "budget, authority, need and time",
        "disqualifiers": "the disqualifiers: who never is one",
        "signals": "the signals: what leads do, and what it is worth",
        "paths": "the paths: what together makes an MQL",
        "hot": "the hot triggers: what qualifies by itself",
        "timing": "timing: how fresh the engagement must be",
        "account": "the account: what a company needs",
    }
)


def build_checklist(*, trigger: str, kind: str, version: Version | None) -> tuple[AgendaPoint, ...]:
    """Return the points of a review; a reconciliation has a required one for each component of the version in force."""
    if kind != ReviewKind.RECONCILIATION:
        return _BY_TRIGGER.get(trigger, _BY_KIND[kind])
    first, *others = _BY_KIND[kind]
    document = version_documents.export_document(version) if version is not None else {}
    return (first, *_list_components(document), *others)


def _list_components(document: Mapping[str, Any]) -> list[AgendaPoint]:
    return [
        AgendaPoint(f"Align on {name}", is_required=True) for part, name in _COMPONENTS.items() if document.get(part)
    ]


def store_checklist(review: Review) -> None:
    """Give a review that was just opened its checklist, as it reads today."""
    points = build_checklist(trigger=review.trigger, kind=review.kind, version=review.version)
    ReviewChecklistPoint.objects.bulk_create(
        ReviewChecklistPoint(review=review, place=place, text=point.text, is_required=point.is_required)
        for place, point in enumerate(points, 1)
    )
