"""Persons replaced by others under one address: a name that becomes another person's is noted and listed (rules 13.40)."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from django.db.models import QuerySet

from leads.identity import merges
from leads.models import Lead, PersonChange
from leads.normalization.row_notes import RowNote
from leads.vocabulary import NoteKind

#: Names that stand in many surnames without telling them apart.
_PARTICLES: Final = frozenset(
    {"al", "bin", "da", "de", "del", "den", "der", "di", "dos", "du", "el", "la", "le", "van", "von", "zu"}
)
_TYPO_FROM: Final = 4
_UMLAUTS: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae", "œ": "oe", "ß": "ss", "ł": "l", "đ": "d"}
)
#: First names and what they are called for short, where the short form is not how the name begins.
_SHORT_FORMS: Final = tuple(
    frozenset(line.split())
    for line in """
    robert rob bob bobby bert
    william will bill billy liam
    richard rick dick rich
    margaret peggy meg maggie greta margarete gretchen
    elizabeth elisabeth liz beth betty lisa elsa lizzie bettina
    alexander alexandra sascha sasha sandra xander lex alex aleksandra aleksander
    james jim jimmy jamie
    john jack johnny
    johannes hans jan jo
    henry harry hank heinrich heinz hendrik henk
    charles chuck charlie carlos
    edward ted ned eddie eduardo
    katherine catherine kate kathy kitty katharina katja katrin cathy kasia katarzyna
    anthony tony antonio toni anton
    andrew drew andy andreas
    michael mike mick michal misha
    joseph joe josef sepp jose pepe
    francisco paco pancho
    franz frank francis
    theodore ted theo
    stephen steve steven stefan stephan
    patricia pat patty tricia
    susan sue suzanne susanne
    rebecca becky
    dorothy dot dottie
    helena lena elena
    magdalena lena magda
    nikolaus klaus nick nicolas claus
    matthias matt matthew
    ludwig lutz
    wolfgang wolf
    giuseppe peppe beppe
    guillermo memo
    mathilde tilda
    augustine gus august
    lawrence larry lorenz laurence
    """.strip().splitlines()
)


class NameChange(StrEnum):
    """The meaning of a changed name: the same person spelled otherwise, perhaps another one, or another one."""

    VARIANT = "variant"
    DOUBTFUL = "doubtful"
    ANOTHER_PERSON = "another person"


class PersonName(NamedTuple):
    """A person's first and last name; empty where not known."""

    first: str
    last: str

    def __str__(self) -> str:
        return f"{self.first} {self.last}".strip()


def name_of(lead: Lead) -> PersonName:
    """Return the name that the lead has at present."""
    return PersonName(lead.first_name, lead.last_name)


def compare_names(before: PersonName, after: PersonName) -> NameChange:
    """Compare two names. Names that are not known in full, or written in two scripts, tell nothing.

    Case, accents, middle names, initials, short forms and a mistyped letter make no other person. The same first name
    with another last name may be a marriage.
    """
    if not (before.first and before.last and after.first and after.last):
        return NameChange.VARIANT
    if before == after:
        return NameChange.VARIANT
    if _script_of(str(before)) != _script_of(str(after)):
        return NameChange.DOUBTFUL
    is_same_last = _share_last_name(before.last, after.last)
    if is_same_last and _share_first_name(before.first, after.first, _is_variant):
        return NameChange.VARIANT
    if _is_swapped(before, after):
        return NameChange.VARIANT
    is_same_first = _share_first_name(before.first, after.first, _is_same_or_short)
    return NameChange.DOUBTFUL if is_same_first else NameChange.ANOTHER_PERSON


def note_changed_name(before: PersonName, after: PersonName) -> tuple[RowNote, ...]:
    """Return the note on a name that a statement changed, or nothing where it is the same person's."""
    change = compare_names(before, after)
    if change == NameChange.ANOTHER_PERSON:
        sentence = f"Another person under the same address: it belonged to {before} and belongs to {after} now."
        return (RowNote(NoteKind.REPLACED_PERSON, "first_name", sentence),)
    if change == NameChange.DOUBTFUL:
        sentence = f"The name changed from {before} to {after}: the same person, or another one under the same address."
        return (RowNote(NoteKind.REPLACED_PERSON, "last_name", sentence),)
    return ()


def build_person_change(
    lead: Lead, before: PersonName, *, at: dt.datetime, source: str, now: dt.datetime
) -> PersonChange | None:
    """Return the record that the lead's address went over to another person, not stored yet; None if it did not."""
    after = name_of(lead)
    if compare_names(before, after) != NameChange.ANOTHER_PERSON:
        return None
    return PersonChange(lead=lead, at=at, from_name=str(before), to_name=str(after), source=source, recorded_at=now)


def replaced_persons() -> QuerySet[PersonChange]:
    """Return all changes of person, the one recorded last first, with their leads."""
    return PersonChange.objects.select_related("lead").order_by("-pk")


def earlier_persons(lead: Lead) -> QuerySet[PersonChange]:
    """Return the persons to whom the addresses of the lead, and of those merged into it, belonged before, the latest first."""
    return (
        PersonChange.objects.filter(lead__in=merges.list_person_ids(lead)).select_related("lead").order_by("-at", "-pk")
    )


def _share_first_name(one: str, other: str, is_same: Callable[[str, str], bool]) -> bool:
    return any(
        is_same(left, right)
        for ones, others in zip(_spellings(one), _spellings(other), strict=True)
        for left in ones
        for right in others
    )


def _share_last_name(one: str, other: str) -> bool:
    return any(
        left == right or _is_mistyped(left, right) or (1 in (len(left), len(right)) and left[0] == right[0])
        for ones, others in zip(_spellings(one), _spellings(other), strict=True)
        for left in _without_particles(ones)
        for right in _without_particles(others)
    )


def _is_swapped(before: PersonName, after: PersonName) -> bool:
    return any(
        set(first) == set(other_last) and set(last) == set(other_first)
        for first, last, other_first, other_last in zip(
            *map(_spellings, (before.first, before.last, after.first, after.last)), strict=True
        )
    )


def _without_particles(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for part in parts if part not in _PARTICLES) or parts


def _is_variant(one: str, other: str) -> bool:
    """Return whether one first name is the other, mistyped, its beginning (Alex for Alexander) or its short form."""
    is_beginning = one.startswith(other) or other.startswith(one)
    return is_beginning or _is_mistyped(one, other) or _is_same_or_short(one, other)


def _is_same_or_short(one: str, other: str) -> bool:
    """Return whether one first name is the other, its initial or its short form. Jan and Janet are two names."""
    if one == other or (1 in (len(one), len(other)) and one[0] == other[0]):
        return True
    return any(one in names and other in names for names in _SHORT_FORMS)


def _is_mistyped(one: str, other: str) -> bool:
    """Return whether two words differ by one letter: another one, one more, or two neighbours swapped."""
    if one == other or min(len(one), len(other)) < _TYPO_FROM or abs(len(one) - len(other)) > 1:
        return one == other
    begin = next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(other))
    rest, other_rest = one[begin:], other[begin:]
    return (
        rest[1:] == other_rest[1:]
        or rest[1:] == other_rest
        or rest == other_rest[1:]
        or (rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:])
    )


@lru_cache(maxsize=4096)
def _spellings(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words of a name without case and accents: ä as a, and ä as ae."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return _split_words(folded), _split_words(folded.translate(_UMLAUTS))


def _split_words(name: str) -> tuple[str, ...]:
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", name) if not unicodedata.combining(mark))
    return tuple(re.findall(r"[^\W_]+", plain.replace("'", "").replace("’", ""))) or (name,)


def _script_of(name: str) -> str:
    """Return the script of the first letter: LATIN, CYRILLIC, CJK…"""
    letter = next((mark for mark in name if mark.isalpha()), "")
    return unicodedata.name(letter, "LATIN").partition(" ")[0]
