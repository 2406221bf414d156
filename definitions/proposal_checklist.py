"""Seven points before a proposal, each computed from what there is (rules 9.7). A point that is not met warns; it bars nothing."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from definitions import commitment_snapshots, signals_and_lists
from definitions.document.values import Json
from definitions.lint import PathReach, compute_reach
from definitions.models import Backtest, CommitmentSnapshot, Definition, Review, Version
from definitions.plain_english.generated_statement import DisplayNames

WON_AT_LEAST: Final = 20
COVERAGE_PERCENT: Final = 70
#: A half with fewer leads says nothing about the other.
LEADS_AT_LEAST: Final = 20
#: So many signals must bear out their weight.
WEIGHTIEST: Final = 3
MONTHS_BETWEEN_REVIEWS: Final = 3


class PointStatus(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


#: How it is said, and how it looks (components/badge.html).
_STATUS_LABELS: Final = {PointStatus.YES: "Yes", PointStatus.NO: "No", PointStatus.UNKNOWN: "Cannot be computed"}
_TONES: Final = {PointStatus.YES: "good", PointStatus.NO: "warn", PointStatus.UNKNOWN: ""}


@dataclass(frozen=True, slots=True)
class ChecklistPoint:
    """`look_at` names the place where one sees for oneself: backtest, editor, evidence, promises, reviews."""

    code: str
    title: str
    standing: PointStatus
    sentence: str
    look_at: str

    @property
    def said(self) -> str:
        return _STATUS_LABELS[self.standing]

    @property
    def tone(self) -> str:
        return _TONES[self.standing]

    @property
    def is_met(self) -> bool:
        return self.standing == PointStatus.YES

    @property
    def is_missed(self) -> bool:
        return self.standing == PointStatus.NO

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ChecklistFacts:
    """What the points are computed from. `looked_at` is the last decided review or, before any, the last activation."""

    backtest: Backtest | None
    gate: Sequence[Json]
    gives_points: bool
    ways: Sequence[PathReach]
    evidence: str
    promise: CommitmentSnapshot | None
    looked_at: dt.datetime | None
    now: dt.datetime
    names: DisplayNames = field(default_factory=DisplayNames)

    @property
    def result(self) -> Mapping[str, Any] | None:
        return self.backtest.result if self.backtest else None


def build_checklist(
    *, document: Json, definition: Definition, backtest: Backtest | None, evidence: str, now: dt.datetime
) -> list[ChecklistPoint]:
    """The seven points of a document that is to be proposed; `backtest` is its current one, `evidence` the owner's words."""
    known: dict[str, Any] = document
    names = signals_and_lists.read_display_names()
    return compute_points(
        ChecklistFacts(
            backtest=backtest,
            gate=known["gate"],
            gives_points=any(row["points"] for row in [*known["signals"], *known["fit"], *known["bant"]]),
            ways=compute_reach(document, meanings=signals_and_lists.read_signal_meanings(), names=names),
            evidence=evidence.strip(),
            promise=commitment_snapshots.find_current_snapshot(),
            looked_at=_last_reviewed_at(definition),
            now=now,
            names=names,
        )
    )


def compute_points(known: ChecklistFacts) -> list[ChecklistPoint]:
    return [
        _check_fit_from_wins(known),
        _check_fit_gates_intent(known),
        _check_weights(known),
        _check_calibration(known),
        _check_commitments(known),
        _check_review_due(known),
        _check_backtest(known),
    ]


def read_frozen_points(frozen: Sequence[Mapping[str, Any]]) -> list[ChecklistPoint]:
    """The points as a proposal keeps them."""
    return [ChecklistPoint(**{**point, "standing": PointStatus(point["standing"])}) for point in frozen]


def _check_fit_from_wins(known: ChecklistFacts) -> ChecklistPoint:
    title, look_at = "Fit comes from the deals that were won", "backtest"
    if known.result is None:
        return ChecklistPoint(
            "fit_from_wins", title, PointStatus.UNKNOWN, "The backtest says; there is none yet.", look_at
        )
    covered, won = _read_share(known.result["version"]["coverage"])
    if won < WON_AT_LEAST:
        said = f"{won} leads were won in the period of the backtest; {WON_AT_LEAST} are needed to tell."
        return ChecklistPoint("fit_from_wins", title, PointStatus.UNKNOWN, said, look_at)
    met = covered * 100 >= won * COVERAGE_PERCENT
    said = f"{covered} of the {won} leads that were won would have met it; {COVERAGE_PERCENT} % are asked for."
    return ChecklistPoint("fit_from_wins", title, _status_if_met(met), said, look_at)


def _check_fit_gates_intent(known: ChecklistFacts) -> ChecklistPoint:
    title, look_at = "Fit gates intent", "editor"
    if known.gate:
        rows = "criterion" if len(known.gate) == 1 else "criteria"
        said = f"Nothing that a lead does carries it past the gate and its {len(known.gate)} {rows}."
        return ChecklistPoint("fit_gates_intent", title, PointStatus.YES, said, look_at)
    open_ways = [way.name for way in known.ways if way.reachable and way.without_fit]
    if not open_ways:
        said = "There is no gate, but every path asks for fit points."
        return ChecklistPoint("fit_gates_intent", title, PointStatus.YES, said, look_at)
    said = f"There is no gate, and {_quote_names(open_ways)} can be met with no fit at all."
    return ChecklistPoint("fit_gates_intent", title, PointStatus.NO, said, look_at)


def _check_weights(known: ChecklistFacts) -> ChecklistPoint:
    """By each of the weightiest signals; where too few leads sent any of them, by all engagement points together."""
    title = "Weights match the evidence"
    if not known.gives_points:
        said = "It gives no points: there are no weights to be wrong."
        return ChecklistPoint("weights_match", title, PointStatus.YES, said, "editor")
    result = known.result or {}
    heard = [row for row in result.get("signals") or [] if row["leads"] >= LEADS_AT_LEAST and row["lift"] is not None]
    if heard:
        return _check_lifts(known, heard[:WEIGHTIEST])
    halves = _split_in_halves(result.get("grid"))
    if halves is None:
        return ChecklistPoint("weights_match", title, PointStatus.UNKNOWN, _describe_judgement(known), "evidence")
    edge, (low_won, low), (high_won, high) = halves
    said = (
        f"Of the leads with at least {edge:g} engagement points {high_won} of {high} were won,"
        f" of those below {low_won} of {low}."
    )
    return ChecklistPoint("weights_match", title, _status_if_met(high_won * low > low_won * high), said, "backtest")


def _check_lifts(known: ChecklistFacts, rows: Sequence[Mapping[str, Any]]) -> ChecklistPoint:
    """Whether those who sent each of these signals were won more often than the average lead."""
    told = ", ".join(f"{known.names.signal(row['signal'])} {row['lift']:.1f}" for row in rows)
    said = f"How many times as often as the average lead those who sent it were won: {told}."
    met = all(row["lift"] > 1 for row in rows)
    return ChecklistPoint("weights_match", "Weights match the evidence", _status_if_met(met), said, "backtest")


def _check_calibration(known: ChecklistFacts) -> ChecklistPoint:
    title = "Thresholds have a calibration plan"
    tried = len((known.result or {}).get("thresholds") or [])
    if tried:
        each = "the threshold" if tried == 1 else f"each of the {tried} thresholds"
        said = f"The backtest tried {each} at other values; look again at the review due on {_format_day(_review_due_at(known))}."
        return ChecklistPoint("calibrated", title, PointStatus.YES, said, "backtest")
    said = "The backtest tried no other thresholds. " + _describe_judgement(known)
    return ChecklistPoint("calibrated", title, PointStatus.UNKNOWN, said, "evidence")


def _check_commitments(known: ChecklistFacts) -> ChecklistPoint:
    title, look_at = "Response time and reasons are agreed", "promises"
    if known.promise is None:
        said = "No commitments are in force: both leaders sign them, under Rules."
        return ChecklistPoint("promised", title, PointStatus.NO, said, look_at)
    first = next(
        iter(commitment_snapshots.select_sentences(known.promise, commitment_snapshots.SALES)),
        known.promise.sentences[0],
    )
    said = f"{first} Signed by {known.promise.signed_by}, {_format_day(known.promise.at)}."
    return ChecklistPoint("promised", title, PointStatus.YES, said, look_at)


def _check_review_due(known: ChecklistFacts) -> ChecklistPoint:
    title, look_at = "The review is on the calendar", "reviews"
    due = _review_due_at(known)
    if due < known.now:
        said = f"It was due on {_format_day(due)}, a quarter after the last look at it. Hold it, then propose."
        return ChecklistPoint("review_due", title, PointStatus.NO, said, look_at)
    since = "the last look at it" if known.looked_at else "today"
    return ChecklistPoint(
        "review_due", title, PointStatus.YES, f"Due on {_format_day(due)}, a quarter after {since}.", look_at
    )


def _check_backtest(known: ChecklistFacts) -> ChecklistPoint:
    title, look_at = "The backtest has run", "backtest"
    test = known.backtest
    if test is None:
        said = "Not on this document: it must run after the last edit, or the version cannot be proposed."
        return ChecklistPoint("tested", title, PointStatus.NO, said, look_at)
    said = f"On exactly this document, over {_format_day(test.start)} to {_format_day(test.end)}."
    return ChecklistPoint("tested", title, PointStatus.YES, said, look_at)


def _last_reviewed_at(definition: Definition) -> dt.datetime | None:
    decided = Review.objects.filter(definition=definition, decided_at__isnull=False).order_by("-decided_at").first()
    if decided is not None:
        return decided.decided_at
    in_force = Version.objects.active().filter(definition=definition).first()
    return in_force.activated_at if in_force else None


def _review_due_at(known: ChecklistFacts) -> dt.datetime:
    return add_months(known.looked_at or known.now, MONTHS_BETWEEN_REVIEWS)


def add_months(at: dt.datetime, months: int) -> dt.datetime:
    """Calendar months, clipped to the last day (rules 4.16)."""
    years, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=years, month=month + 1, day=min(at.day, calendar.monthrange(years, month + 1)[1]))


def _split_in_halves(grid: Mapping[str, Any] | None) -> tuple[float, tuple[int, int], tuple[int, int]] | None:
    """Where engagement parts the leads in two halves large enough to compare, and won and all of each; None when it cannot.

    Of the possible edges the one that parts them most evenly.
    """
    if not grid or not grid.get("cells"):
        return None
    columns = list(zip(*grid["cells"], strict=True))
    counts = [(sum(cell["won"] for cell in column), sum(cell["leads"] for cell in column)) for column in columns]
    parted = [
        (float(grid["engagement"][at]), _sum_counts(counts[:at]), _sum_counts(counts[at:]))
        for at in range(1, len(counts))
    ]
    fair = [each for each in parted if min(each[1][1], each[2][1]) >= LEADS_AT_LEAST]
    return max(fair, key=lambda each: min(each[1][1], each[2][1])) if fair else None


def _sum_counts(counts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(won for won, _ in counts), sum(leads for _, leads in counts)


def _describe_judgement(known: ChecklistFacts) -> str:
    if known.evidence:
        return f"A judgement; the evidence says: {known.evidence}"
    return "A judgement: say a word about it in the evidence."


def _status_if_met(met: bool) -> PointStatus:
    return PointStatus.YES if met else PointStatus.NO


def _read_share(share: Mapping[str, Any]) -> tuple[int, int]:
    return share["n"], share["of"]


def _quote_names(names: Sequence[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)


def _format_day(at: dt.datetime) -> str:
    return f"{at.day} {at:%B %Y}"
