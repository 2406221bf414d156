"""Rules 3.1 to 3.8, 4.1 to 4.10, 15.3 to 15.7 once more, slow and obvious: one lead, one instant, plain loops.

The module shares the dataclasses of the rules (and `Band`) with the engine and nothing else. If both are wrong alike,
the rules were misread.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from scoring.engine.bands import Band
from scoring.engine.rules import AxisClause, CountClause, CriterionRule, PathRule, Rules, SignalPoints

DAY = 86_400 * 1_000_000
HOUR = 3_600 * 1_000_000
SENIORITIES = ["intern", "individual contributor", "manager", "senior manager", "director", "vp", "c-level"]
TITLES = {
    "Chief Marketing Officer": "c-level",
    "VP Sales": "vp",
    "Director IT": "director",
    "Senior Manager Finance": "senior manager",
    "Manager Operations": "manager",
    "Specialist": "individual contributor",
    "Intern Operations": "intern",
}


@dataclass(frozen=True)
class Event:
    at: int
    signal: str
    asset: int | None = None


@dataclass(frozen=True)
class Lead:
    """A lead; `rows` are (valid from, all attributes from then on)."""

    events: tuple[Event, ...] = ()
    rows: tuple[tuple[int, dict[str, object]], ...] = ()


@dataclass
class Judged:
    fit: float
    engagement: float
    bant: float
    gate: int
    disqualified: bool
    engaged: bool
    threshold: bool
    timing: bool
    hot: bool
    meets: bool = field(init=False)
    tier: int = 0

    def __post_init__(self) -> None:
        self.meets = self.gate == 1 and not self.disqualified and (self.hot or (self.threshold and self.timing))


def judge(rules: Rules, lead: Lead, at: int) -> Judged:
    events = [event for event in lead.events if event.at <= at]
    attributes: dict[str, object] = {}
    for start, row in lead.rows:
        if start <= at:
            attributes = row
    axes = {
        "fit": limited(rules, "fit", earned(rules.fit, attributes, rules)),
        "bant": limited(rules, "bant", earned(rules.bant, attributes, rules)),
        "engagement": limited(rules, "engagement", engagement(rules, events, at)),
    }
    axes["fit+engagement"] = round(axes["fit"] + axes["engagement"], 6)
    judged = Judged(
        axes["fit"],
        axes["engagement"],
        axes["bant"],
        gate=gate(rules, attributes),
        disqualified=any(answer(criterion, attributes, rules) is True for criterion in rules.disqualifiers)
        or any(excluded(rule, rules, events) for rule in rules.signals if rule.excludes),
        engaged=last_engagement(rules, events) is not None,
        threshold=any(holds(path, axes, events, at) for path in rules.paths),
        timing=timely(rules, events, at),
        hot=any(holds(path, axes, events, at) for path in rules.hot),
    )
    if judged.meets:
        floor = rules.tier_3_below
        weak = floor is not None and axes[floor.axis] < floor.less_than
        judged.tier = 1 if judged.hot else 3 if weak else 2
    return judged


# Attributes


def gate(rules: Rules, attributes: dict[str, object]) -> int:
    answers = [answer(criterion, attributes, rules) for criterion in rules.gate]
    if False in answers:
        return 0
    others = (*rules.fit, *rules.bant, *rules.disqualifiers)
    waits = any(row.unknown == "hold" and answer(row, attributes, rules) is None for row in others)
    return -1 if None in answers or waits else 1


def earned(criteria: tuple[CriterionRule, ...], attributes: dict[str, object], rules: Rules) -> float:
    return sum(criterion.points for criterion in criteria if answer(criterion, attributes, rules) is True)


def missing(value: object) -> bool:
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or (isinstance(value, str) and value.strip() == "")
        or value == ()
    )


def answer(criterion: CriterionRule, attributes: dict[str, object], rules: Rules) -> bool | None:
    plain = answer_as_said(criterion, attributes, rules)
    return {"fail": False, "pass": True}.get(criterion.unknown) if plain is None else plain


def answer_as_said(criterion: CriterionRule, attributes: dict[str, object], rules: Rules) -> bool | None:  # noqa: C901, PLR0911  # one branch for each operator
    value, expected = attributes.get(criterion.field), criterion.value
    if criterion.field == "lead.seniority" and missing(value):
        value = TITLES.get(str(attributes.get("lead.title")))
    if criterion.field == "lead.email_domain" and missing(value):
        email = attributes.get("lead.email")
        value = email.split("@")[-1] if isinstance(email, str) and "@" in email else None
    if criterion.op == "known":
        return (not missing(value)) == expected
    if missing(value):
        return None
    if criterion.op in ("between", "at_least", "at_most"):
        low, high = {
            "between": lambda: expected,
            "at_least": lambda: (expected, None),
            "at_most": lambda: (None, expected),
        }[criterion.op]()
        return within(value, low, high, ranked=criterion.field == "lead.seniority")
    if criterion.op == "is":
        return value is expected if isinstance(value, bool) else None
    texts = [str(part).strip().casefold() for part in (value if isinstance(value, tuple) else (value,))]
    options = rules.lists[expected] if criterion.op == "in_list" else expected
    options_folded = [str(option).strip().casefold() for option in options]
    if criterion.op == "in_list":
        return any(text == word or text.endswith(f".{word}") for text in texts for word in options_folded)
    if criterion.op in ("in", "has_any"):
        return any(text in options_folded for text in texts)
    if criterion.op == "not_in":
        return not any(text in options_folded for text in texts)
    if criterion.op == "contains_any":
        return any(word in text for word in options_folded for text in texts)
    assert criterion.op == "has_word_any"
    return any(spaced(word) in spaced(text) for word in options_folded for text in texts)


def spaced(text: str) -> str:
    return f" {' '.join(re.split(r'[^0-9a-z]+', text))} "


def within(value: object, low: object, high: object, *, ranked: bool) -> bool | None:
    if ranked:
        value, low, high = (None if it is None else SENIORITIES.index(it) for it in (value, low, high))
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    bottom, top = (value.low, value.high) if isinstance(value, Band) else (value, value)
    bottom = float("-inf") if bottom is None else bottom
    top = float("inf") if top is None else top
    low = float("-inf") if low is None else low
    high = float("inf") if high is None else high
    if bottom >= low and top <= high:
        return True
    if top < low or bottom > high:
        return False
    return None


# Events


def limited(rules: Rules, axis: str, raw: float) -> float:
    ceiling = rules.ceilings[axis]
    value = max(0.0, raw)
    return round(value if ceiling is None else min(value, ceiling), 6)


def engagement(rules: Rules, events: list[Event], at: int) -> float:
    total = sum(contribution(rule, rules, events, at) for rule in rules.signals)
    last = last_engagement(rules, events)
    if rules.inactivity is not None and last is not None:
        beyond = at - last - round(rules.inactivity.after_days * DAY)
        periods = beyond // round(rules.inactivity.per_days * DAY) if beyond > 0 else 0
        total -= rules.inactivity.points * periods
    return total


def contribution(rule: SignalPoints, rules: Rules, events: list[Event], at: int) -> float:
    total = 0.0
    enders = {ending for ending, ended in rules.catalogue.endings if ended == rule.signal}
    for event in events:
        is_ended = rule.points < 0 and any(other.signal in enders and other.at > event.at for other in events)
        if event.signal == rule.signal and not is_ended:
            total += worth(rule, rules, (at - event.at) / DAY)
    if rule.cap is not None:
        return min(total, abs(rule.cap)) if rule.points > 0 else max(total, -abs(rule.cap))
    return total


def worth(rule: SignalPoints, rules: Rules, age: float) -> float:
    decay, lost = rules.decay, rules.decay.percent / 100
    if rule.points < 0 or decay.mode == "none":
        return rule.points
    if decay.mode == "linear":
        return rule.points * max(0.0, 1 - lost * age / decay.per_days)
    return rule.points * (1 - lost) ** (age / decay.per_days)


def excluded(rule: SignalPoints, rules: Rules, events: list[Event]) -> bool:
    enders = {ending for ending, ended in rules.catalogue.endings if ended == rule.signal}
    excluders = {other.signal for other in rules.signals if other.excludes}
    standing = [
        event.at
        for event in events
        if event.signal == rule.signal and not any(other.signal in enders and other.at > event.at for other in events)
    ]
    if not standing or rule.excludes_days is None:
        return bool(standing)
    requested_at = [event.at for event in events if event.signal in rules.catalogue.requests - excluders]
    # Marketing's word about a lead is nothing that the lead did.
    engaged = last_engagement(rules, [event for event in events if event.signal != "recency_validated"])
    active = [*requested_at, *([] if engaged is None else [engaged])]
    return not active or max(active) - max(standing) <= rule.excludes_days * DAY


def last_engagement(rules: Rules, events: list[Event]) -> int | None:
    punished = {rule.signal for rule in rules.signals if rule.points < 0 or rule.excludes}
    stated = rules.catalogue.engagement if rules.engaged_by is None else rules.engaged_by
    counting = (stated | {"recency_validated"}) - punished - rules.catalogue.closing
    return max((event.at for event in events if event.signal in counting), default=None)


def timely(rules: Rules, events: list[Event], at: int) -> bool:
    timing = rules.timing
    if timing is None or (timing.engaged_within_days is None and timing.or_request_within_days is None):
        return True
    last = last_engagement(rules, events)
    if timing.engaged_within_days is not None and last is not None and at - last <= timing.engaged_within_days * DAY:
        return True
    return timing.or_request_within_days is not None and any(
        at - event.at <= timing.or_request_within_days * DAY and not closed(rules, event, events)
        for event in events
        if event.signal in rules.catalogue.requests
    )


def closed(rules: Rules, request: Event, events: list[Event]) -> bool:
    return any(event.signal in rules.catalogue.closing and event.at >= request.at for event in events)


def holds(path: PathRule, axes: dict[str, float], events: list[Event], at: int) -> bool:
    return all(
        axes[clause.axis] >= clause.at_least if isinstance(clause, AxisClause) else counted(clause, events, at)
        for clause in path.clauses
    )


def counted(clause: CountClause, events: list[Event], at: int) -> bool:
    return figure(clause, events, at) >= clause.at_least


def figure(clause: CountClause, events: list[Event], at: int) -> int:
    mine = [event for event in events if event.signal in clause.signals]
    if clause.distinct is not None or clause.same is not None:
        # What carries no asset is none of the things that are counted, so it is not the last of them either.
        mine = [event for event in mine if event.asset is not None]
    recent = [event for event in mine if clause.within_days is None or at - event.at <= clause.within_days * DAY]
    if clause.same is not None:
        assets = {event.asset for event in recent}
        return sum(
            all(any(e.asset == asset and e.signal == name for e in recent) for name in clause.signals)
            for asset in assets
        )
    if clause.within_hours_of_each_other is None:
        return number(clause, recent)
    reach = clause.within_hours_of_each_other * HOUR
    bursts = [[event for event in mine if last.at - reach <= event.at <= last.at] for last in recent]
    return max((number(clause, burst) for burst in bursts), default=0)


def number(clause: CountClause, events: list[Event]) -> int:
    if clause.distinct is None:
        return len(events)
    return len({event.asset for event in events if event.asset is not None})
