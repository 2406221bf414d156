"""The reading of a rate of the catalogue for a definition in a period (rules 12.15)."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.db.models import Count, Exists, F, FloatField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Floor, Least

from config.calendar_periods import CalendarQuarter
from definitions.models import Definition
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from scoring.models import AccountQualification
from sla.figure_catalogue.catalogue import Cohort, RateFigure, RateKey
from sla.models import PlayDisposition, PlayOutcome, ReportedMql
from sla.reported_mqls import current_rows
from sla.reported_mqls.cycle_outcomes import OPENED
from sla.vocabulary import DispositionKind

#: The width of a score band in points of fit and engagement together.
BAND_POINTS: Final = 20


def read_rate(
    figure: RateFigure,
    *,
    definition: Definition,
    start: dt.datetime,
    end: dt.datetime,
    now: dt.datetime,
    within: dt.timedelta | None = None,
) -> Sample:
    """Return the numerator and denominator of a rate in `[start, end)`, by what is known at `now`.

    `within` counts conversions only so long after the lead qualified or was accepted, so that periods can be compared. A
    definition of companies counts plays; it has no SQL, and no part of it is told apart.
    """
    if definition.motion == Motion.AQL:
        return _read_plays(figure, definition, start, end, now, within)
    cohort = select_cohort(figure.cohort, definition=definition, start=start, end=end)
    return _count(cohort, _numerator(figure, now, within))


def find_mature_quarter(figure: RateFigure, now: dt.datetime) -> CalendarQuarter:
    """Return the latest closed quarter whose youngest lead has had the time to convert."""
    return CalendarQuarter.containing(now - (figure.matures_after or dt.timedelta()), quarters_back=1)


def read_by_band(
    figure: RateFigure, *, definition: Definition, start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> dict[int, Sample]:
    """Return the rate by the lower end of each score band that has any MQL, in its order; each had its time to mature."""
    cohort = select_cohort(figure.cohort, definition=definition, start=start, end=end).annotate(points=score_band())
    rows = (
        cohort.order_by("points")
        .values("points")
        .annotate(total=Count("pk"), hits=Count("pk", filter=_numerator(figure, now, figure.matures_after)))
    )
    return {int(row["points"]): Sample(row["hits"], row["total"]) for row in rows}


def read_by_source(
    figure: RateFigure, *, definition: Definition, start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> dict[str, Sample]:
    """Return the rate by the source of the leads, the one with the most leads first."""
    cohort = select_cohort(figure.cohort, definition=definition, start=start, end=end)
    rows = (
        cohort.order_by()
        .values("source")
        .annotate(total=Count("pk"), hits=Count("pk", filter=_numerator(figure, now, figure.matures_after)))
    )
    in_order = sorted(rows, key=lambda row: (-row["total"], row["source"]))
    return {row["source"]: Sample(row["hits"], row["total"]) for row in in_order}


def band_name(band: int) -> str:
    """Return a score band as its causes and tables name it: 60–79 points."""
    return f"{band_range(band)} points"


def band_range(band: int) -> str:
    """Return the points of a band of fit, engagement or both: 60–79."""
    return f"{band}–{band + BAND_POINTS - 1}"


def select_cohort(
    cohort: Cohort, *, definition: Definition, start: dt.datetime, end: dt.datetime
) -> QuerySet[ReportedMql]:
    """Return the MQLs of a definition whose qualification or decision lies in `[start, end)`."""
    rows = current_rows.read_mqls().filter(motion=definition.motion, definition=definition)
    if cohort == Cohort.QUALIFIED:
        return rows.filter(at__gte=start, at__lt=end)
    decided = rows.filter(decided_at__gte=start, decided_at__lt=end, decision_at__isnull=False)
    return decided if cohort == Cohort.DECIDED else decided.filter(decision=DispositionKind.ACCEPT)


def score_band() -> Any:
    """Return the lower end of an MQL's score band: fit and engagement together, as frozen when it qualified."""
    return point_band(F("fit") + F("engagement"))


def point_band(points: Any) -> Any:
    """Return the lower end of the band in which an expression of points lies."""
    return Floor(points / Value(BAND_POINTS, output_field=FloatField())) * BAND_POINTS


def _numerator(figure: RateFigure, now: dt.datetime, within: dt.timedelta | None) -> Q:
    """Return the condition on a reported MQL of the cohort that makes it count."""
    match figure.key:
        case RateKey.REJECTION:
            return Q(decision=DispositionKind.REJECT)
        case RateKey.ACCEPTANCE:
            return Q(decision=DispositionKind.ACCEPT)
    began = F("decided_at" if figure.cohort == Cohort.ACCEPTED else "at")
    until = now if within is None else Least(Value(now), began + within)
    if figure.key == RateKey.MQL_TO_OPPORTUNITY:
        return Q(opened_at__lte=until)
    # An opportunity is past the stage SQL, whether or not the four answers were recorded.
    return Q(answered_at__lte=until) | Q(opened_at__lte=until)


def _count(cohort: QuerySet[Any], counts: Q) -> Sample:
    # Ordered by nothing, and one join at most, so that no row is counted twice.
    total = cohort.order_by().aggregate(total=Count("pk"), hits=Count("pk", filter=counts))
    return Sample(total["hits"], total["total"])


def _read_plays(
    figure: RateFigure,
    definition: Definition,
    start: dt.datetime,
    end: dt.datetime,
    now: dt.datetime,
    within: dt.timedelta | None,
) -> Sample:
    decided = PlayDisposition.objects.filter(play__version__definition=definition, at__gte=start, at__lt=end)
    if figure.key in (RateKey.REJECTION, RateKey.ACCEPTANCE):
        kind = DispositionKind.REJECT if figure.key == RateKey.REJECTION else DispositionKind.ACCEPT
        return _count(decided, Q(kind=kind))
    if figure.key != RateKey.MQL_TO_OPPORTUNITY:
        return Sample(0, 0)
    opened = PlayOutcome.objects.filter(play__qualification=OuterRef("pk"), kind__in=OPENED, at__lte=now)
    if within is not None:
        opened = opened.filter(at__lte=OuterRef("at") + within)
    cohort = AccountQualification.objects.filter(definition=definition, at__gte=start, at__lt=end)
    return _count(cohort, Q(Exists(opened)))
