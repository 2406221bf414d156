"""The working speed of reps, fitted on past first contacts (rules 12.37). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: A team's own contacts count from this many on; with fewer, those of all teams together.
FEWEST_CONTACTS: Final = 20


@dataclass(frozen=True, slots=True)
class PastContact:
    """A lead that a rep was to contact: when the rep got it and contacted it (seconds), None for a promise broken without a contact.

    `used_seconds` is the working time that the promise used; of a broken one without a contact only that it took longer than
    the promise is known. Contacts of other motions, where `is_of_motion` is false, only keep the rep busy.
    """

    rep: int
    team: int
    is_hot: bool
    assigned_at: float
    contacted_at: float | None
    used_seconds: float
    is_of_motion: bool = True


@dataclass(frozen=True, slots=True)
class WorkingSpeed:
    """Seconds that the first contact took when its rep was free, by team and whether the lead was hot."""

    by_team: Mapping[tuple[int, bool], Sequence[float]]
    overall: Mapping[bool, Sequence[float]]

    def seconds_for(self, team: int, *, is_hot: bool) -> Sequence[float]:
        """Return the observed seconds to draw from; empty without any past contact."""
        own = self.by_team.get((team, is_hot), ())
        if len(own) >= FEWEST_CONTACTS:
            return own
        return self.overall[is_hot] or self.overall[not is_hot]

    @property
    def contacts(self) -> int:
        return sum(len(seconds) for seconds in self.overall.values())


def fit_working_speed(contacts: Iterable[PastContact]) -> WorkingSpeed:
    """Return the speed by the contacts whose rep had no other lead to contact when they got this one.

    The others waited for those before them, and that wait is what the simulation computes. A lead that was never contacted made
    nobody wait.
    """
    by_rep: dict[int, list[PastContact]] = defaultdict(list)
    for contact in contacts:
        by_rep[contact.rep].append(contact)
    by_team: dict[tuple[int, bool], list[float]] = defaultdict(list)
    overall: dict[bool, list[float]] = {True: [], False: []}
    for of_rep in by_rep.values():
        busy_until = float("-inf")
        for contact in sorted(of_rep, key=lambda contact: contact.assigned_at):
            if contact.is_of_motion and contact.assigned_at >= busy_until:
                by_team[contact.team, contact.is_hot].append(contact.used_seconds)
                overall[contact.is_hot].append(contact.used_seconds)
            if contact.contacted_at is not None:
                busy_until = max(busy_until, contact.contacted_at)
    return WorkingSpeed(by_team, overall)
