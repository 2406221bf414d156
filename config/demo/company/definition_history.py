"""The history of the example's definition: two versions with their signatures, and what people decide on its reviews.

Accord itself opens the reviews while the year is played.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeAlias

from django.urls import reverse

from config.accounts.models import User
from config.demo.company import definition_documents, version_backtests
from config.demo.company.lead_generator import YearDates
from config.demo.company.qualifying_instants import ExampleVersion, QualifyingInstants
from config.demo.company.staff import Staff
from definitions import proposals, reviews, version_documents, versions
from definitions.lint import Severity
from definitions.models import Review, Version
from definitions.proposals import ProposalGrounds
from definitions.review_record import participants, steps
from definitions.vocabulary import ChangeDriver, Decision, PrecisionBasis, ReviewSeat, ReviewTrigger, Side
from scoring.rule_compiler import compile_with_current_catalogue

_DAY: Final = dt.timedelta(days=1)
_DECIDED_AFTER: Final = 14 * _DAY
#: What the bad month opens.
_BAD_MONTH: Final = (ReviewTrigger.REJECTION_SPIKE, ReviewTrigger.REJECTION_SUSTAINED)

_Happening: TypeAlias = Callable[[dt.datetime], None]

_MARKETING_COMMENT: Final = "Fewer, and better. I will say so in the board report."
_SALES_COMMENT: Final = "If it keeps the readers of free reports away, my people call within the half hour."
_REASON_OF_DECISION: Final = (
    "The report that a trade magazine gave away brought readers, not buyers: downloads and mail clicks alone carried them over"
    " 40 points. From now on downloads are capped and one strong signal must be recent. The smallest firms go as well: under 150"
    " people nobody has a planner."
)
_REASON_TO_KEEP: Final = (
    "We looked at the leads and the figures together: nothing that another rule would have told apart."
)
_REASON_OF_SECOND_VERSION: Final = (
    "More than 35 % of the handoffs of a month were rejected, most of them as “not interested”. Downloads are capped, and a"
    " sign of choosing a vendor must be recent; companies from 150 people on."
)


def planned_changes(
    dates: YearDates, staff: Staff, instants: QualifyingInstants
) -> Iterator[tuple[dt.datetime, _Happening]]:
    """Yield what happens to the definition, each step with its date."""
    yield dates.start, partial(_adopt_first_version, staff, instants)
    change = dates.new_version
    yield change - 5 * _DAY, partial(_propose_second_version, staff, instants)
    yield change - 3 * _DAY, partial(_sign, Side.MARKETING, _MARKETING_COMMENT, staff)
    yield change - 2 * _DAY, partial(_sign, Side.SALES, _SALES_COMMENT, staff)
    yield change, partial(_activate, staff)
    yield change + dt.timedelta(hours=1), partial(_decide_reviews, staff)
    yield dates.now - 2 * _DAY, partial(_test_version_in_force, staff, instants)


def versions_in_force(dates: YearDates) -> list[ExampleVersion]:
    """Return both versions with the instants from which they are in force."""
    rows = (
        ("v1.0", dates.start, definition_documents.first_version()),
        ("v1.1", dates.new_version, definition_documents.second_version(_REASON_OF_SECOND_VERSION)),
    )
    return [
        ExampleVersion(
            f"{definition_documents.NAME} {number}",
            since,
            compile_with_current_catalogue(version_documents.normalize_document(document)),
        )
        for number, since, document in rows
    ]


def _adopt_first_version(staff: Staff, instants: QualifyingInstants, now: dt.datetime) -> None:
    version = _draft(staff, instants, definition_documents.first_version(), now)
    _propose(version, ProposalGrounds(driver=ChangeDriver.FIRST), staff, now)
    _sign(Side.MARKETING, "At last in writing.", staff, now)
    _sign(Side.SALES, "Good enough to begin with; we look at it every quarter.", staff, now)
    versions.activate(version=_newest(), hand_over_entrants=True, by=staff.ops, now=now)


def _propose_second_version(staff: Staff, instants: QualifyingInstants, now: dt.datetime) -> None:
    grounds = ProposalGrounds(
        driver=ChangeDriver.REJECTION_PATTERN,
        evidence="The review of the month: most rejections say “not interested”, and most of those leads only ever read.",
        # Of the leads of half a year few are won yet: a deal takes ten weeks.
        precision_basis=PrecisionBasis.SAL,
        review=Review.objects.undecided().filter(trigger__in=_BAD_MONTH).order_by("pk").first(),
    )
    _propose(
        _draft(staff, instants, definition_documents.second_version(_REASON_OF_SECOND_VERSION), now),
        grounds,
        staff,
        now,
    )


def _propose(version: Version, grounds: ProposalGrounds, staff: Staff, now: dt.datetime) -> None:
    """Propose a version on behalf of marketing ops, who accepts each of the linter's warnings and says why."""
    warnings = proposals.build_case(version, grounds, now=now).findings_with(Severity.WARNING)
    versions.propose(
        version=version,
        driver=grounds.driver or ChangeDriver.FIRST,
        precision_basis=grounds.precision_basis,
        evidence=grounds.evidence,
        review=grounds.review,
        # A month of few decisions opens no review, and the rates on the overview show it all the same.
        links=() if grounds.review else [reverse("overview")],
        acknowledged={
            warning.key: definition_documents.ACCEPTED.get(warning.code, definition_documents.ACCEPTED_ANYWAY)
            for warning in warnings
        },
        by=staff.ops,
        now=now,
    )


def _draft(staff: Staff, instants: QualifyingInstants, document: dict[str, Any], now: dt.datetime) -> Version:
    version = version_documents.import_document(document=document, by=staff.ops, now=now)
    version_backtests.run_finished_backtest(version, instants, by=staff.ops, now=now)
    return version


def _sign(side: Side, comment: str, staff: Staff, now: dt.datetime) -> None:
    by = staff.marketing_leader if side == Side.MARKETING else staff.sales_leader
    versions.sign(version=_newest(), side=side, decision=Decision.APPROVED, comment=comment, by=by, now=now)


def _activate(staff: Staff, now: dt.datetime) -> None:
    """Activate the second version; it hands over no entrants, as it asks for more than the first."""
    versions.activate(version=_newest(), hand_over_entrants=False, by=staff.ops, now=now)


def _test_version_in_force(staff: Staff, instants: QualifyingInstants, now: dt.datetime) -> None:
    """Backtest the version in force on the half year before, for the next meeting."""
    version_backtests.run_finished_backtest(_newest(), instants, by=staff.ops, now=now)


def _newest() -> Version:
    return Version.objects.select_related("definition").order_by("-pk")[0]


def decide_older_reviews(dates: YearDates, staff: Staff, now: dt.datetime) -> None:
    """Decide the reviews that are two weeks old to keep the definition; from the end of the bad month on they stay open."""
    if now >= dates.bad_month_ends:
        return
    for review in Review.objects.undecided().filter(opened_at__lt=now - _DECIDED_AFTER).order_by("pk"):
        _decide(review, "Keep", _REASON_TO_KEEP, staff.marketing_leader, staff, now)


def _decide_reviews(staff: Staff, now: dt.datetime) -> None:
    """Decide what the bad month opened by the new version, and what else is open to keep the definition."""
    for review in Review.objects.undecided().order_by("pk"):
        if review.trigger in (*_BAD_MONTH, ReviewTrigger.DRIFT):
            _decide(review, "Tighten: v1.1", _REASON_OF_DECISION, staff.sales_leader, staff, now, led_to=_newest())
        else:
            _decide(review, "Keep", _REASON_TO_KEEP, staff.sales_leader, staff, now)


def _decide(
    review: Review,
    decision: str,
    reasoning: str,
    by: User,
    staff: Staff,
    now: dt.datetime,
    led_to: Version | None = None,
) -> None:
    """Decide a review with everybody at the table who has to be."""
    people = {ReviewSeat.OPS: staff.ops, ReviewSeat.QUEUE: staff.desk.user}
    for seat in participants.list_missing_seats(review, participants.list_present(review)):
        participants.add_participant(review=review, person=people[seat], seat=seat, by=by, now=now)
    for point in review.checklist.order_by("place"):
        steps.tick(review=review, point=point.pk, is_done=True, by=by, now=now)
    reviews.decide_review(review=review, decision=decision, reasoning=reasoning, led_to=led_to, by=by, now=now)
