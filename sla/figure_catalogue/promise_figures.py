"""The figures of both sides' promises: volume, context, routing, contact, decision, attempts, acceptance (rules 12.24, 12.25). Pure."""

from __future__ import annotations

from typing import Final

from sla.figure_catalogue.catalogue import MQL_TO_OPPORTUNITY, SMALLEST_SAMPLE
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind, GoodDirection

_OPPORTUNITY_DAYS: Final = MQL_TO_OPPORTUNITY.matures_after.days if MQL_TO_OPPORTUNITY.matures_after else 0
_BY_START: Final = (
    "each counts in the period in which its promise began; those that still run or were cancelled in time are left out"
)
_BY_START_TIME: Final = (
    "business time from the start of the promise, of those met; each counts in the period in which it began"
)
_BY_QUALIFICATION: Final = "each counts in the period in which it became an {mql}"
_BY_ACCEPTANCE: Final = "each counts in the period of its acceptance, by what is known now"


def _kept(key: str, name: str, promise: str) -> CatalogueFigure:
    return CatalogueFigure(
        key=key, name=name, kind=FigureKind.RATE,
        numerator=f"promises of {promise} that were kept in time", denominator="those kept or late",
        period_rule=_BY_START, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.HIGHER,
    )  # fmt: skip


def _time(key: str, name: str, measured: str) -> CatalogueFigure:
    return CatalogueFigure(
        key=key, name=name, kind=FigureKind.TIME, numerator=measured, period_rule=_BY_START_TIME,
        smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.LOWER,
    )  # fmt: skip


ROUTED_IN_TIME: Final = _kept("routed_in_time", "Routed in time", "routing")
CONTACTED_IN_TIME: Final = _kept("contacted_in_time", "First contact in time", "first contact")
DECIDED_IN_TIME: Final = _kept("decided_in_time", "Accepted or rejected in time", "decision")
ROUTING_MEDIAN: Final = _time("routing_median", "Time to route, median", "the median time until a rep had the {mql}")
ROUTING_P90: Final = _time(
    "routing_p90", "Time to route, 90th percentile", "the time within which nine of ten {mql}s had a rep"
)
CONTACT_MEDIAN: Final = _time(
    "contact_median", "Time to first contact, median", "the median time until the first contact"
)
CONTACT_P90: Final = _time(
    "contact_p90", "Time to first contact, 90th percentile", "the time within which nine of ten were contacted first"
)
DECISION_MEDIAN: Final = _time(
    "decision_median", "Time to decide, median", "the median time until sales accepted or rejected"
)
DECISION_P90: Final = _time(
    "decision_p90", "Time to decide, 90th percentile", "the time within which nine of ten were decided"
)
LATE_CONTACTS: Final = CatalogueFigure(
    key="late_contacts", name="First contact late, by hour", kind=FigureKind.RATE,
    numerator="promises of first contact that were kept late or broken", denominator="those kept or late",
    period_rule="each counts in the hour of the week, in the company's zone, in which its promise began",
    smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.LOWER,
)  # fmt: skip

DELIVERED: Final = CatalogueFigure(
    key="delivered", name="{mql}s delivered", kind=FigureKind.COUNT,
    numerator="{mql}s of all teams, as they qualified; a merge of leads changes no count", period_rule=_BY_QUALIFICATION,
)  # fmt: skip
AGREED: Final = CatalogueFigure(
    key="agreed", name="{mql}s agreed", kind=FigureKind.COUNT,
    numerator="the {mql}s a month in the commitments, which come from the capacity of sales",
    period_rule="of the commitments in force at the end of the month",
)  # fmt: skip
OPPORTUNITY_TARGET: Final = CatalogueFigure(
    key="opportunity_target", name="{mql}→opportunity agreed", kind=FigureKind.SHARE,
    numerator=f"the share of the {{mql}}s that is to become opportunities within {_OPPORTUNITY_DAYS} days, by the commitments",
    period_rule="of the commitments in force at the end of the month",
)  # fmt: skip
OPPORTUNITIES_IN_TIME: Final = CatalogueFigure(
    key="opportunities_in_time", name=f"{{mql}}→opportunity within {_OPPORTUNITY_DAYS} days", kind=FigureKind.RATE,
    numerator=f"{{mql}}s that became an opportunity or a win within {_OPPORTUNITY_DAYS} days", denominator="all {mql}s",
    period_rule=_BY_QUALIFICATION, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.HIGHER,
)  # fmt: skip
DELIVERED_SHARE: Final = CatalogueFigure(
    key="delivered_share", name="Delivered of agreed", kind=FigureKind.SHARE,
    numerator="{mql}s delivered", denominator="{mql}s agreed",
    period_rule="in calendar months that are over; above 110 % sales is given more than it said that it can work on",
)  # fmt: skip
MET_DEFINITION: Final = CatalogueFigure(
    key="met_definition", name="Met the definition", kind=FigureKind.RATE,
    numerator="{mql}s that a version in force at their instant judged to qualify", denominator="all {mql}s",
    period_rule=_BY_QUALIFICATION, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.HIGHER,
)  # fmt: skip
COMPLETE_CONTEXT: Final = CatalogueFigure(
    key="complete_context", name="Context complete", kind=FigureKind.RATE,
    numerator="{mql}s whose source and what they engaged with are on record", denominator="all {mql}s",
    period_rule=_BY_QUALIFICATION, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.HIGHER,
)  # fmt: skip
TRIED_AS_PROMISED: Final = CatalogueFigure(
    key="tried_as_promised", name="Tried as promised", kind=FigureKind.RATE,
    numerator="{mql}s given up as out of reach after the attempts that the commitments ask for, on as many working days and by as"
    " many channels",
    denominator="all {mql}s rejected as out of reach", period_rule="each counts in the period of its rejection",
    smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.HIGHER,
)  # fmt: skip

#: An acceptance within this time of the routing leaves no time to read the lead's page.
HASTY_WITHIN_SECONDS: Final = 30
#: A first contact is compared with so many leads that the rep got before it.
TURNS: Final = 20

HASTY: Final = CatalogueFigure(
    key="accepted_in_seconds", name="Accepted within seconds", kind=FigureKind.RATE,
    numerator=f"{{mql}}s accepted within {HASTY_WITHIN_SECONDS} seconds of being given to the rep", denominator="all {mql}s accepted",
    period_rule=_BY_ACCEPTANCE, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.LOWER,
)  # fmt: skip
UNCONTACTED: Final = CatalogueFigure(
    key="accepted_not_contacted", name="Accepted, not contacted", kind=FigureKind.RATE,
    numerator="{mql}s accepted whose lead nobody has contacted, before or after", denominator="all {mql}s accepted",
    period_rule=_BY_ACCEPTANCE, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.LOWER,
)  # fmt: skip
UNREAD: Final = CatalogueFigure(
    key="accepted_unread", name="Accepted, evidence not opened", kind=FigureKind.RATE,
    numerator="{mql}s accepted whose page with the evidence the rep had not opened in Accord, as from the list of the queue",
    denominator="all {mql}s accepted that were handed over since openings are recorded",
    period_rule=_BY_ACCEPTANCE, smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.LOWER,
)  # fmt: skip
UNSEEN: Final = CatalogueFigure(
    key="accepted_before_contact", name="Accepted before any contact", kind=FigureKind.RATE,
    numerator="{mql}s accepted before the lead was contacted", denominator="all {mql}s accepted",
    period_rule=_BY_ACCEPTANCE, smallest_sample=SMALLEST_SAMPLE,
)  # fmt: skip
OUT_OF_TURN: Final = CatalogueFigure(
    key="contacted_out_of_turn", name="Contacted out of turn", kind=FigureKind.RATE,
    numerator=f"first contacts made while one of the {TURNS} {{mql}}s of the same tier that the rep got right before it still"
    " waited for its own",
    denominator="all first contacts", period_rule="each counts in the period in which it was contacted first",
    smallest_sample=SMALLEST_SAMPLE, good_direction=GoodDirection.LOWER,
)  # fmt: skip

PROMISE_FIGURES: Final = (
    DELIVERED, AGREED, DELIVERED_SHARE, OPPORTUNITIES_IN_TIME, OPPORTUNITY_TARGET, MET_DEFINITION, COMPLETE_CONTEXT,
    ROUTED_IN_TIME, ROUTING_MEDIAN, ROUTING_P90,
    CONTACTED_IN_TIME, CONTACT_MEDIAN, CONTACT_P90, LATE_CONTACTS, DECIDED_IN_TIME, DECISION_MEDIAN, DECISION_P90,
    TRIED_AS_PROMISED, HASTY, UNREAD, UNCONTACTED, UNSEEN, OUT_OF_TURN,
)  # fmt: skip
