"""The outlook of a promise in sentences for people (rules 12.38)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sla.business_time.hours import DAY_NAMES
from sla.promise_simulation import promise_outlooks
from sla.promise_simulation.promise_outlook import ENOUGH_PERCENT, MORE_REPS_AT_MOST
from sla.promise_simulation.promise_outlooks import PromiseDraft

#: The hours that are named, those with the lowest shares first.
SLOTS_NAMED: Final = 5


def show_outlook(draft: PromiseDraft) -> dict[str, Any]:
    """Return the newest outlook of a draft for its page; without `sentences` it is yet to come, with `failure` after a failure."""
    row = promise_outlooks.find_outlook(draft)
    if row is None:
        return {"failure": promise_outlooks.find_failure(draft)}
    sentences = describe_outlook(row.result, f"{draft.motion.upper()}s")
    return {"sentences": sentences, "teams": row.result.get("teams"), "basis": row.result.get("basis"), "at": row.at}


def describe_outlook(result: Mapping[str, Any], leads: str) -> list[str]:
    """Return the outlook as sentences, the share of all leads first. `leads` names them, as MQLs."""
    if result["why_not"]:
        return [result["why_not"]]
    overall = result["overall"]
    if not overall["leads"]:
        return ["No team of the past leads has a rep, so nobody would be contacted."]
    return [
        f"{_describe_volume(result['basis'], leads)} {overall['percent']:.0f} % of first contacts are in time.",
        *_describe_away(result["basis"].get("away", 0)),
        *_describe_teams(result["teams"]),
        *_describe_slots(result["slots"]),
    ]


def _describe_volume(basis: Mapping[str, Any], leads: str) -> str:
    volume = f"With {basis['mqls_a_month']:,.0f} {leads} a month"
    others = basis.get("others_a_month", 0)
    return f"{volume}, and {others:,.0f} other leads as they came so far," if others else volume


def _describe_away(away: int) -> Iterator[str]:
    if away:
        subject = "1 rep is" if away == 1 else f"{away} reps are"
        yield f"{subject} away without a day of return, and counted as absent all the time."


def _describe_teams(teams: list[dict[str, Any]]) -> Iterator[str]:
    for team in teams:
        if not team["is_enough"]:
            yield f"{team['team']}: {team['percent']:.0f} % in time, {_describe_missing(team['missing_reps'])}."


def _describe_slots(slots: list[dict[str, Any]]) -> Iterator[str]:
    short = sorted((slot for slot in slots if not slot["is_enough"]), key=lambda slot: slot["percent"])
    for slot in short[:SLOTS_NAMED]:
        if slot["missing_reps"]:
            hours = f"{DAY_NAMES[slot['weekday']]}s {slot['from_hour']}–{slot['to_hour']}"
            yield f"{hours} {slot['team']} is {_describe_missing(slot['missing_reps'])} ({slot['percent']:.0f} % in time)."


def _describe_missing(missing_reps: int | None) -> str:
    if missing_reps is None:
        return f"and {MORE_REPS_AT_MOST} more reps would not make it {ENOUGH_PERCENT} %: the contacts themselves take too long"
    return f"short of {missing_reps} rep{'' if missing_reps == 1 else 's'}"
