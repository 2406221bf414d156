"""The guesses of what the columns of a file mean, by their headers and by some of their cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from leads.imports.import_kinds import OPEN_PREFIXES, ImportKind
from leads.imports.sender_headers import GENERAL_COLUMNS, SENDERS, Sender, plain_header
from leads.normalization import machine_events

#: Of these a row takes the first column that is not empty; of other targets only one column counts.
_IN_TURN: Final = frozenset({"email", "phone"})
#: Of these every column counts: a wish in one of them is a wish.
TOGETHER: Final = frozenset({"do_not_contact"})
SEVERAL: Final = _IN_TURN | TOGETHER
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
#: A column of addresses without one in so many cells holds something else, such as their digests.
_CELLS_THAT_TELL: Final = 3
#: Where a header speaks of first names like this, `Name` is the last name.
_FIRST_NAMES: Final = frozenset({"vorname", "prenom", "voornaam", "fornamn"})
_NAMES: Final = frozenset({"name", "naam", "namn"})
_WHOLE_NAMES: Final = frozenset({"nome", "nombre"})
NO_ADDRESSES: Final = "its header means e-mail addresses, and its cells hold none"


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """A guess of what a column means: its target, or nothing; the sender that writes such headers; and the reason.

    `rank` orders the columns of one target.
    """

    header: str
    target: str
    sender: str
    reason: str
    rank: int = 0


def guess_columns(header: Sequence[str], sample_rows: Sequence[Sequence[str]], kind: ImportKind) -> list[ColumnGuess]:
    """Guess what each column means, in the order of the header. `sample_rows` are some rows of the file.

    A target has one column, but e-mail and phone have several that are used in turn, the first non-empty one first.
    """
    sender = guess_sender(header, kind.name)
    guesses = [_guess_column(name, kind, sender) for name in header]
    for place, guess in enumerate(guesses):
        if guess.target == "email" and _holds_no_address(sample_rows, place):
            guesses[place] = _leave_out(guess, NO_ADDRESSES)
    return _choose_columns(guesses)


def guess_sender(header: Sequence[str], kind_name: str) -> Sender | None:
    """Return the sender whose headers a file has, or none. The one with most of its marks wins."""
    names = frozenset(map(plain_header, header))
    likely = [
        (len(sender.marks & names), sender)
        for sender in SENDERS
        if sender.kind == kind_name and len(sender.marks & names) >= sender.enough
    ]
    return max(likely, key=lambda entry: entry[0])[1] if likely else None


def list_targets(cells: Sequence[str], kind: ImportKind) -> frozenset[str]:
    """Return the targets that the cells of a row would have if it were the header."""
    return frozenset(guess.target for name in cells if (guess := _guess_column(name, kind, None)).target)


def find_addresses(header: Sequence[str], sample_rows: Sequence[Sequence[str]], left_out: Sequence[int]) -> str:
    """Return the header of a column that is left out and holds e-mail addresses, or an empty text."""
    for place in left_out:
        if any(place < len(row) and _ADDRESS.fullmatch(row[place].strip()) for row in sample_rows):
            return header[place] or f"column {place + 1}"
    return ""


def _guess_column(header: str, kind: ImportKind, sender: Sender | None) -> ColumnGuess:
    name = header.strip()
    bare = name.removeprefix(f"{kind.subject}.")
    if bare.startswith(OPEN_PREFIXES):
        target = bare if kind.open_prefix and bare.startswith(kind.open_prefix) else ""
        return ColumnGuess(header, target, "", "is a name of Accord's")
    plain = plain_header(name).removeprefix(f"{kind.subject}.")
    if sender and (meaning := sender.find_target(plain)):
        target, rank = meaning
        reason = f"is a header of {sender.name}" if target else f"means nothing here in {sender.name}"
        return ColumnGuess(header, target, sender.name, reason, rank)
    if plain in kind.targets:
        return ColumnGuess(header, plain, "", "is a name of Accord's", 100)
    if kind.open_prefix == "properties." and machine_events.is_flag(name):
        return ColumnGuess(header, f"properties.{name}", "", "says whether a machine made the event")
    general = _find_general(plain, kind.name)
    return ColumnGuess(header, general[0], "", "is a usual name" if general[0] else "is not known", general[1])


def _find_general(plain: str, kind_name: str) -> tuple[str, int]:
    for target, headers in GENERAL_COLUMNS[kind_name].items():
        if plain in headers:
            return target, 101 + headers.index(plain)
    # Behind all known ones: people may choose its target.
    return "", 200


def _holds_no_address(sample_rows: Sequence[Sequence[str]], place: int) -> bool:
    cells = [row[place] for row in sample_rows if place < len(row) and row[place].strip()]
    return len(cells) >= _CELLS_THAT_TELL and not any("@" in cell for cell in cells)


def _leave_out(guess: ColumnGuess, reason: str) -> ColumnGuess:
    return ColumnGuess(guess.header, "", guess.sender, reason)


def _settle_names(guesses: Sequence[ColumnGuess]) -> Sequence[ColumnGuess]:
    """Settle what `Name` and `Nome` mean where no column holds the last name.

    `Name` beside `Vorname` is the last name, and `Nome` or `Nombre` alone is the full one.
    """
    if any(guess.target == "last_name" for guess in guesses):
        return guesses
    plain = [plain_header(guess.header) for guess in guesses]
    names, meaning, reason = (
        (_NAMES, "last_name", "stands beside the first name")
        if not _FIRST_NAMES.isdisjoint(plain)
        else (_WHOLE_NAMES, "full_name", "is the only name")
    )
    return [
        ColumnGuess(guess.header, meaning, guess.sender, reason, guess.rank)
        if name in names and guess.target
        else guess
        for guess, name in zip(guesses, plain, strict=True)
    ]


def _choose_columns(guesses: Sequence[ColumnGuess]) -> list[ColumnGuess]:
    """Leave out the columns whose target another column has already, and a full name beside its two halves."""
    guesses = _settle_names(guesses)
    best: dict[str, ColumnGuess] = {}
    for guess in guesses:
        if guess.target and (guess.target not in best or guess.rank < best[guess.target].rank):
            best[guess.target] = guess
    chosen = []
    for guess in guesses:
        first = best.get(guess.target)
        if first is guess and guess.target == "full_name" and best.keys() & {"first_name", "last_name"}:
            chosen.append(_leave_out(guess, "has its first and last name in columns of their own"))
        elif first is None or first is guess or guess.target in TOGETHER:
            chosen.append(guess)
        elif guess.target in _IN_TURN:
            chosen.append(
                ColumnGuess(
                    guess.header, guess.target, guess.sender, f"is used where {first.header} is empty", guess.rank
                )
            )
        elif guess.header != first.header and plain_header(guess.header) == plain_header(first.header):
            # Nobody can tell which of the two is meant: `build_plan` asks for a map.
            chosen.append(guess)
        else:
            chosen.append(_leave_out(guess, f"means {guess.target}, as {first.header} does, which is used"))
    return chosen
