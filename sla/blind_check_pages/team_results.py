"""The result of a round by team, people by name only for their manager and themselves (rules 9.39)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from config.accounts.models import User
from scoring.blind_checks.results import PersonResult, RoundResult
from sla.teams import people_groups

HEADER: Final = ("team", "person", "people who finished", "answers", "agree with the rule", "kappa with the rule")


@dataclass(frozen=True, slots=True)
class TeamResult:
    """The people of a team who finished the round, and those whom the viewer may see.

    `answers` and `agreed` are None where they would show somebody's own figure: of one person whom the viewer may not see.
    """

    name: str
    finished: int
    answers: int | None
    agreed: int | None
    shown: list[tuple[User, PersonResult]]


def list_teams(result: RoundResult, *, viewer: User) -> list[TeamResult]:
    """Return the teams of which somebody finished the round."""
    of_person = {person.person_id: person for person in result.people}
    teams = []
    for group in people_groups.list_groups(viewer):
        finished = [(person, of_person[person.pk]) for person in group.people if person.pk in of_person]
        if finished:
            shown = [pair for pair in finished if group.shows_people or pair[0].pk == viewer.pk]
            # What remains after those whom the viewer sees is a person's own figure if it is of one.
            is_shown = len(finished) - len(shown) != 1
            answers = sum(own.count for _, own in finished) if is_shown else None
            agreed = sum(own.agreed for _, own in finished) if is_shown else None
            teams.append(TeamResult(group.name, len(finished), answers, agreed, shown))
    return teams


def list_rows(result: RoundResult, *, viewer: User) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the file: one for each team, and one for each person whom the viewer may see."""
    for team in list_teams(result, viewer=viewer):
        yield team.name, "", team.finished, team.answers, team.agreed, ""
        for person, own in team.shown:
            yield team.name, person, 1, own.count, own.agreed, "" if own.kappa is None else round(own.kappa, 3)
