"""The rules of a version of a definition, compiled: values only. Rules 3.1 to 3.8."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from leads.normalization.job_titles import SHIPPED_TITLES, TitleReader

#: An unknown answer of such a criterion makes the lead wait until the value comes.
HOLD: Final = "hold"


@dataclass(frozen=True, slots=True)
class CriterionRule:
    """A question to one attribute (a row of `gate`, `fit`, `bant` or `disqualifiers`).

    `value` by `op`: between (low or None, high or None) · at_least, at_most number (a seniority's name for `lead.seniority`)
    · in, not_in, contains_any, has_word_any, has_any tuple · is, known bool · in_list the list's name.
    `unknown` is what an unknown answer counts as: fail, pass (of a disqualifier: it excludes), hold (nobody meets the rules
    while it is unknown) or, empty, nothing else (rules 3.15).
    """

    key: str
    field: str
    op: str
    value: object
    points: float = 0.0
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class SignalPoints:
    """Points of one occurrence of a signal. The cap limits the decayed sum; of negative points, from below.

    A signal that `excludes` disqualifies its lead, for good or until it is active again after `excludes_days` (rules 4.31).
    """

    signal: str
    points: float
    cap: float | None = None
    excludes: bool = False
    excludes_days: float | None = None


@dataclass(frozen=True, slots=True)
class AxisClause:
    """`axis` is fit, engagement, bant or fit+engagement."""

    axis: str
    at_least: float


@dataclass(frozen=True, slots=True)
class CountClause:
    """At least so many events of a set. `within_days` None is ever; `distinct` "asset" counts different assets instead.

    `same` "asset" counts the assets about which every signal of the set was seen (rules 4.32).
    """

    signals: frozenset[str]
    at_least: int
    within_days: float | None
    within_hours_of_each_other: float | None = None
    distinct: str | None = None
    same: str | None = None

    @property
    def tally(self) -> CountClause:
        """The same question without its threshold: what is counted, not how much is needed."""
        return replace(self, at_least=0)


Clause = AxisClause | CountClause


@dataclass(frozen=True, slots=True)
class PathRule:
    """Holds when all its clauses hold."""

    key: str
    name: str
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Timing:
    """Either alternative suffices. One that is None is not offered; with neither there is no condition."""

    engaged_within_days: float | None
    or_request_within_days: float | None


@dataclass(frozen=True, slots=True)
class Decay:
    """`mode` is none, linear or compound; `percent` is lost per `per_days`."""

    mode: str = "compound"
    percent: float = 10.0
    per_days: float = 30.0


@dataclass(frozen=True, slots=True)
class Inactivity:
    """`points` off for each full `per_days` beyond `after_days` since the last engagement."""

    after_days: float
    points: float
    per_days: float = 30.0


@dataclass(frozen=True, slots=True)
class TierFloor:
    axis: str
    less_than: float


#: The signal of a person's word that a lead's interest is live: engagement under every version (rules 4.33).
RECENCY_VALIDATED: Final = "recency_validated"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The meaning of signals apart from points: which are the lead's own engagement, which ask to be contacted,
    and which close every open request at or before them.

    `endings` are pairs (signal, other signal): an event of the first ends the negative points of the other's earlier events.
    """

    engagement: frozenset[str] = frozenset()
    requests: frozenset[str] = frozenset()
    closing: frozenset[str] = frozenset()
    endings: frozenset[tuple[str, str]] = frozenset()

    def signals_ending(self, signal: str) -> frozenset[str]:
        """Return the signals whose events end the negative points of this one's earlier events."""
        return frozenset(ending for ending, ended in self.endings if ended == signal)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one version. `ceilings` maps fit, engagement and bant to their highest score, None for no ceiling.

    `titles` reads the seniority that nobody stated. `motion` has no part in a verdict: it says which decisions of sales are
    evidence about the version (rules 10.16). `engaged_by` are the signals that the version counts as engagement, None those that
    the catalogue does (rules 4.30).
    """

    gate: tuple[CriterionRule, ...] = ()
    fit: tuple[CriterionRule, ...] = ()
    bant: tuple[CriterionRule, ...] = ()
    disqualifiers: tuple[CriterionRule, ...] = ()
    signals: tuple[SignalPoints, ...] = ()
    paths: tuple[PathRule, ...] = ()
    hot: tuple[PathRule, ...] = ()
    timing: Timing | None = None
    decay: Decay = field(default_factory=Decay)
    inactivity: Inactivity | None = None
    ceilings: Mapping[str, float | None] = field(
        default_factory=lambda: {"fit": 100.0, "engagement": 100.0, "bant": 100.0}
    )
    tier_3_below: TierFloor | None = None
    catalogue: Catalogue = field(default_factory=Catalogue)
    engaged_by: frozenset[str] | None = None
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    titles: TitleReader = SHIPPED_TITLES
    motion: str = "mql"

    @property
    def engaging(self) -> frozenset[str]:
        """Signals that count as engagement for timing and inactivity.

        A recency validation always is one, whatever the version names. Never one that this version punishes or excludes by,
        never a closing one.
        """
        punished = {rule.signal for rule in self.signals if rule.points < 0 or rule.excludes}
        stated = self.catalogue.engagement if self.engaged_by is None else self.engaged_by
        return (stated | {RECENCY_VALIDATED}) - punished - self.catalogue.closing

    @property
    def excluding(self) -> tuple[SignalPoints, ...]:
        """Return the signals that disqualify their leads."""
        return tuple(rule for rule in self.signals if rule.excludes)

    @property
    def activity(self) -> frozenset[str]:
        """Return the signals by which a lead is active again after one that excluded it."""
        by_itself = self.engaging - {RECENCY_VALIDATED}
        return by_itself | (self.catalogue.requests - {rule.signal for rule in self.excluding})

    @property
    def tallies(self) -> tuple[CountClause, ...]:
        """Return each distinct thing that some path counts, once."""
        clauses = [clause for path in (*self.paths, *self.hot) for clause in path.clauses]
        return tuple(dict.fromkeys(clause.tally for clause in clauses if isinstance(clause, CountClause)))

    @property
    def holding(self) -> tuple[CriterionRule, ...]:
        """Return the criteria besides the gate that hold a lead while their answer is unknown."""
        others = (*self.fit, *self.bant, *self.disqualifiers)
        return tuple(row for row in others if row.unknown == HOLD and row not in self.gate)

    @property
    def fields(self) -> frozenset[str]:
        """Return the attributes that the criteria ask for."""
        return frozenset(row.field for row in (*self.gate, *self.fit, *self.bant, *self.disqualifiers))

    @property
    def counts_assets(self) -> bool:
        """Return whether some path tells assets apart."""
        return any(tally.distinct is not None or tally.same is not None for tally in self.tallies)
