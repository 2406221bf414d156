"""Seven points before a proposal, each computed from the records (rules 9.7).

A missed point warns and prevents nothing.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from definitions import backtest_gate, commitment_snapshots, signals_and_lists
from definitions.backtest_bars import COVERAGE_PERCENT, WON_AT_LEAST
from definitions.document.values import Json
from definitions.lint import PathReach, compute_reach
from definitions.models import Backtest, CommitmentSnapshot, Definition, Review, Version
from definitions.plain_english.generated_statement import DisplayNames
from leads.vocabulary import Motion

#: The smallest group of leads whose share of wins is compared with another group's.
LEADS_AT_LEAST: Final = 20
#: The number of signals, weightiest first, whose lift is checked.
WEIGHTIEST: Final = 3
MONTHS_BETWEEN_REVIEWS: Final = 3


class PointStatus(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


#: The label and the tone of a status (components/badge.html).
_STATUS_LABELS: Final = {PointStatus.YES: "Yes", PointStatus.NO: "No", PointStatus.UNKNOWN: "Cannot be computed"}
_TONES: Final = {PointStatus.YES: "good", PointStatus.NO: "warn", PointStatus.UNKNOWN: ""}


@dataclass(frozen=True, slots=True)
class ChecklistPoint:
    """A point of the checklist.

    `look_at` names the place to check it: backtest, editor, evidence, promises, reviews.
    """

    code: str
    title: str
    standing: PointStatus
    sentence: str
    look_at: str

    @property
    def status_label(self) -> str:
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
    """The facts behind the points.

    `last_reviewed_at` is the last decided review or, before any, the last activation.
    """

    backtest: Backtest | None
    gate: Sequence[Json]
    gives_points: bool
    reaches: Sequence[PathReach]
    evidence: str
    commitments: CommitmentSnapshot | None
    last_reviewed_at: dt.datetime | None
    now: dt.datetime
    names: DisplayNames = field(default_factory=DisplayNames)

    @property
    def result(self) -> Mapping[str, Any] | None:
        return self.backtest.result if self.backtest else None


def build_checklist(
    *, document: Json, definition: Definition, backtest: Backtest | None, evidence: str, now: dt.datetime
) -> list[ChecklistPoint]:
    """Compute the seven points of a draft's document; `backtest` is its current one, `evidence` the author's words."""
    parts: dict[str, Any] = document
    names = signals_and_lists.read_display_names()
    return compute_points(
        ChecklistFacts(
            backtest=backtest,
            gate=parts["gate"],
            gives_points=any(row["points"] for row in [*parts["signals"], *parts["fit"], *parts["bant"]]),
            reaches=compute_reach(document, meanings=signals_and_lists.read_signal_meanings(), names=names),
            evidence=evidence.strip(),
            commitments=commitment_snapshots.find_current_snapshot(Motion(definition.motion)),
            last_reviewed_at=_last_reviewed_at(definition),
            now=now,
            names=names,
        )
    )


def compute_points(facts: ChecklistFacts) -> list[ChecklistPoint]:
    return [
        _check_fit_from_wins(facts),
        _check_fit_gates_intent(facts),
        _check_weights(facts),
        _check_calibration(facts),
        _check_commitments(facts),
        _check_review_due(facts),
        _check_backtest(facts),
    ]


def read_frozen_points(frozen: Sequence[Mapping[str, Any]]) -> list[ChecklistPoint]:
    """Return the points as a proposal stored them."""
    return [ChecklistPoint(**{**point, "standing": PointStatus(point["standing"])}) for point in frozen]


def _check_fit_from_wins(facts: ChecklistFacts) -> ChecklistPoint:
    title, look_at = "Fit comes from the deals that were won", "backtest"
    if facts.result is None:
        return ChecklistPoint(
            "fit_from_wins", title, PointStatus.UNKNOWN, "The backtest says; there is none yet.", look_at
        )
    covered, won = _read_share(facts.result["version"]["coverage"])
    if won < WON_AT_LEAST:
        sentence = f"{won} leads were won in the period of the backtest; {WON_AT_LEAST} are needed to tell."
        return ChecklistPoint("fit_from_wins", title, PointStatus.UNKNOWN, sentence, look_at)
    met = covered * 100 >= won * COVERAGE_PERCENT
    sentence = f"{covered} of the {won} leads that were won would have met it; {COVERAGE_PERCENT} % are asked for."
    return ChecklistPoint("fit_from_wins", title, _status_if_met(met), sentence, look_at)


def _check_fit_gates_intent(facts: ChecklistFacts) -> ChecklistPoint:
    title, look_at = "Fit gates intent", "editor"
    if facts.gate:
        rows = "criterion" if len(facts.gate) == 1 else "criteria"
        sentence = f"Nothing that a lead does carries it past the gate and its {len(facts.gate)} {rows}."
        return ChecklistPoint("fit_gates_intent", title, PointStatus.YES, sentence, look_at)
    without_fit = [reach.name for reach in facts.reaches if reach.reachable and reach.without_fit]
    if not without_fit:
        sentence = "There is no gate, but every path asks for fit points."
        return ChecklistPoint("fit_gates_intent", title, PointStatus.YES, sentence, look_at)
    sentence = f"There is no gate, and {_quote_names(without_fit)} can be met with no fit at all."
    return ChecklistPoint("fit_gates_intent", title, PointStatus.NO, sentence, look_at)


def _check_weights(facts: ChecklistFacts) -> ChecklistPoint:
    """Check the weightiest signals one by one.

    If too few leads sent any of them, all engagement points are checked together.
    """
    title = "Weights match the evidence"
    if not facts.gives_points:
        sentence = "It gives no points: there are no weights to be wrong."
        return ChecklistPoint("weights_match", title, PointStatus.YES, sentence, "editor")
    result = facts.result or {}
    lifts = [row for row in result.get("signals") or [] if row["leads"] >= LEADS_AT_LEAST and row["lift"] is not None]
    if lifts:
        return _check_lifts(facts, lifts[:WEIGHTIEST])
    halves = _split_in_halves(result.get("grid"))
    if halves is None:
        return ChecklistPoint("weights_match", title, PointStatus.UNKNOWN, _describe_judgement(facts), "evidence")
    edge, (low_won, low), (high_won, high) = halves
    sentence = (
        f"Of the leads with at least {edge:g} engagement points {high_won} of {high} were won,"
        f" of those below {low_won} of {low}."
    )
    return ChecklistPoint("weights_match", title, _status_if_met(high_won * low > low_won * high), sentence, "backtest")


def _check_lifts(facts: ChecklistFacts, rows: Sequence[Mapping[str, Any]]) -> ChecklistPoint:
    """Check that the leads that sent each of these signals were won more often than the average lead."""
    lifts = ", ".join(f"{facts.names.signal(row['signal'])} {row['lift']:.1f}" for row in rows)
    sentence = f"How many times as often as the average lead those who sent it were won: {lifts}."
    met = all(row["lift"] > 1 for row in rows)
    return ChecklistPoint("weights_match", "Weights match the evidence", _status_if_met(met), sentence, "backtest")


def _check_calibration(facts: ChecklistFacts) -> ChecklistPoint:
    title = "Thresholds have a calibration plan"
    count = len((facts.result or {}).get("thresholds") or [])
    due = _review_due_at(facts)
    if count and due < facts.now:
        sentence = (
            f"The backtest tried other values, but the next look at them was due on {_format_day(due)}: a day that has passed"
            " is no plan."
        )
        return ChecklistPoint("calibrated", title, PointStatus.NO, sentence, "reviews")
    if count:
        thresholds = "the threshold" if count == 1 else f"each of the {count} thresholds"
        sentence = (
            f"The backtest tried {thresholds} at other values; look again at the review due on {_format_day(due)}."
        )
        return ChecklistPoint("calibrated", title, PointStatus.YES, sentence, "backtest")
    sentence = "The backtest tried no other thresholds. " + _describe_judgement(facts)
    return ChecklistPoint("calibrated", title, PointStatus.UNKNOWN, sentence, "evidence")


def _check_commitments(facts: ChecklistFacts) -> ChecklistPoint:
    title, look_at = "Response time and reasons are agreed", "promises"
    if facts.commitments is None:
        sentence = "No commitments of its motion are in force: both leaders sign them."
        return ChecklistPoint("promised", title, PointStatus.NO, sentence, look_at)
    first = next(
        iter(commitment_snapshots.select_sentences(facts.commitments, commitment_snapshots.SALES)),
        facts.commitments.sentences[0],
    )
    sentence = f"{first} Signed by {facts.commitments.signed_by}, {_format_day(facts.commitments.at)}."
    return ChecklistPoint("promised", title, PointStatus.YES, sentence, look_at)


def _check_review_due(facts: ChecklistFacts) -> ChecklistPoint:
    title, look_at = "The review is on the calendar", "reviews"
    due = _review_due_at(facts)
    if due < facts.now:
        sentence = f"It was due on {_format_day(due)}, a quarter after the last look at it. Hold it, then propose."
        return ChecklistPoint("review_due", title, PointStatus.NO, sentence, look_at)
    since = "the last look at it" if facts.last_reviewed_at else "today"
    return ChecklistPoint(
        "review_due", title, PointStatus.YES, f"Due on {_format_day(due)}, a quarter after {since}.", look_at
    )


def _check_backtest(facts: ChecklistFacts) -> ChecklistPoint:
    title, look_at = "The backtest has run", "backtest"
    backtest = facts.backtest
    if backtest is not None and not backtest_gate.judged_any_lead(backtest):
        sentence = "It judged no lead, so it is none."
        return ChecklistPoint("tested", title, PointStatus.NO, sentence, look_at)
    if backtest is None:
        sentence = "Not on this document: it must run after the last edit, or the version cannot be proposed."
        return ChecklistPoint("tested", title, PointStatus.NO, sentence, look_at)
    # The period is half-open: its last day is the one before its end.
    last = backtest.end - dt.timedelta(microseconds=1)
    sentence = f"On exactly this document, {_format_day(backtest.start)} to {_format_day(last)}."
    return ChecklistPoint("tested", title, PointStatus.YES, sentence, look_at)


def _last_reviewed_at(definition: Definition) -> dt.datetime | None:
    decided = Review.objects.filter(definition=definition, decided_at__isnull=False).order_by("-decided_at").first()
    if decided is not None:
        return decided.decided_at
    in_force = Version.objects.active().filter(definition=definition).first()
    return in_force.activated_at if in_force else None


def _review_due_at(facts: ChecklistFacts) -> dt.datetime:
    return add_months(facts.last_reviewed_at or facts.now, MONTHS_BETWEEN_REVIEWS)


def add_months(at: dt.datetime, months: int) -> dt.datetime:
    """Add calendar months, clipped to the last day of the month (rules 4.16)."""
    years, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=years, month=month + 1, day=min(at.day, calendar.monthrange(years, month + 1)[1]))


def _split_in_halves(grid: Mapping[str, Any] | None) -> tuple[float, tuple[int, int], tuple[int, int]] | None:
    """Split the leads by engagement: return the edge, and (won, all) below and from it; None if no split is comparable.

    Of the edges that leave LEADS_AT_LEAST on both sides, the most even one is chosen.
    """
    if not grid or not grid.get("cells"):
        return None
    columns = list(zip(*grid["cells"], strict=True))
    counts = [(sum(cell["won"] for cell in column), sum(cell["leads"] for cell in column)) for column in columns]
    splits = [
        (float(grid["engagement"][at]), _sum_counts(counts[:at]), _sum_counts(counts[at:]))
        for at in range(1, len(counts))
    ]
    comparable = [split for split in splits if min(split[1][1], split[2][1]) >= LEADS_AT_LEAST]
    return max(comparable, key=lambda split: min(split[1][1], split[2][1])) if comparable else None


def _sum_counts(counts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(won for won, _ in counts), sum(leads for _, leads in counts)


def _describe_judgement(facts: ChecklistFacts) -> str:
    if facts.evidence:
        return f"A judgement; the evidence says: {facts.evidence}"
    return "A judgement: say a word about it in the evidence."


def _status_if_met(met: bool) -> PointStatus:
    return PointStatus.YES if met else PointStatus.NO


def _read_share(share: Mapping[str, Any]) -> tuple[int, int]:
    return share["n"], share["of"]


def _quote_names(names: Sequence[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)


def _format_day(at: dt.datetime) -> str:
    return f"{at.day} {at:%B %Y}"
