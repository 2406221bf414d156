"""Results of a version's MQLs by the week in which they qualified (rules 12.6).

A change of the definition shows in acceptance by week before it shows in won deals.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import TruncWeek

from definitions.models import Version
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.catalogue import ACCEPTANCE, RateReading
from sla.models import Disposition, Handoff
from sla.vocabulary import DispositionKind

WEEKS_SHOWN: Final = 26


@dataclass(frozen=True, slots=True)
class WeeklyCohort:
    """The handoffs of MQLs that qualified in the week from Monday `week`, company time.

    `untouched` counts those that nobody has contacted or decided yet.
    """

    week: dt.date
    mqls: int
    accepted: int
    rejected: int
    untouched: int

    @property
    def decided(self) -> int:
        return self.accepted + self.rejected

    @property
    def acceptance(self) -> RateReading:
        return RateReading(ACCEPTANCE, Sample(self.accepted, self.decided))

    @property
    def untouched_share(self) -> float | None:
        return self.untouched / self.mqls if self.mqls else None


def for_version(version: Version, *, now: dt.datetime) -> list[WeeklyCohort]:
    """Read the latest weeks that have any MQL, the newest first. One query."""
    standing = Disposition.objects.standing().filter(handoff=OuterRef("pk"))
    handoffs = Handoff.objects.filter(version=version, qualification__at__lte=now).annotate(
        was_accepted=Exists(standing.filter(kind=DispositionKind.ACCEPT)),
        was_rejected=Exists(standing.filter(kind=DispositionKind.REJECT)),
        week=TruncWeek("qualification__at", tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE)),
    )
    counted = (
        handoffs.order_by()
        .values("week")
        .annotate(
            mqls=Count("pk"),
            accepted=Count("pk", filter=Q(was_accepted=True)),
            rejected=Count("pk", filter=Q(was_rejected=True)),
            untouched=Count("pk", filter=Q(was_accepted=False, was_rejected=False, first_contact_at=None)),
        )
        .order_by("-week")
    )
    return [
        WeeklyCohort(row["week"].date(), row["mqls"], row["accepted"], row["rejected"], row["untouched"])
        for row in counted[:WEEKS_SHOWN]
    ]
