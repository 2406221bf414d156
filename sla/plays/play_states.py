"""The lock on a play and the one place where its state changes."""

from __future__ import annotations

from typing import Any

from sla.models import AccountPlay
from sla.vocabulary import OPEN_PLAY_STATES, PLAY_MOVES, PlayState


class PlayStepRefused(Exception):
    """A step that the play's present state does not allow; the sentence says why."""


class PlayInputRefused(Exception):
    """A step that lacks what it needs; the sentence says what."""


def lock_play(play: AccountPlay) -> AccountPlay:
    """Lock a play and return it as it is now, with what its steps read."""
    # Locked without joins: of a play that got another owner while this waited, the joined owner would be missing.
    AccountPlay.objects.select_for_update(no_key=True).values_list("pk").get(pk=play.pk)
    related = ("company", "commitment", "qualification", "team", "rep__user", "rep__team")
    return AccountPlay.objects.select_related(*related).get(pk=play.pk)


def move_play(play: AccountPlay, to: PlayState, **columns: Any) -> None:
    """Move a locked play and store further columns; one that closes takes the names of the day.

    Raises PlayStepRefused if PLAY_MOVES has no such move.
    """
    if to not in PLAY_MOVES[PlayState(play.state)]:
        raise PlayStepRefused(f"This play is “{PlayState(play.state).label}”; it cannot become “{to.label}”.")
    play.state = to
    for name, value in columns.items():
        setattr(play, name, value)
    is_open = to in OPEN_PLAY_STATES
    play.rep_name = "" if is_open else str(play.rep or "")
    play.team_name = "" if is_open else str(play.team or "")
    play.save(update_fields=["state", *columns, "rep_name", "team_name"])
