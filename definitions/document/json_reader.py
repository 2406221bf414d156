"""A reader for JSON of unknown shape: it collects all complaints, and every complaint names its place. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, TypeVar

T = TypeVar("T")
D = TypeVar("D")

#: The most rows in one part; a definition that people sign has a few dozen.
MAX_ROWS: Final = 500
MAX_TEXT: Final = 5000
#: So many complaints about one document are named; the others are counted.
NAMED_COMPLAINTS: Final = 20
HUGE_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class NumberLimits:
    """The numbers that a place accepts: digits in all, digits after the point, and both ends (inclusive)."""

    digits: int = 8
    places: int = 3
    low: Decimal | None = None
    high: Decimal | None = None


class Complaints(list[str]):
    """The first complaints about one document, and the number of all others (rules 14.15)."""

    others = 0

    def add(self, place: str, sentence: str, closest_to: str | None = None, options: Collection[str] = ()) -> None:
        """Note a sentence about a place, with the option that is closest to a text that names none."""
        if len(self) == NAMED_COMPLAINTS:
            # A similar word is searched for named complaints alone: a document may have 100,000 unknown keys.
            self.others += 1
            return
        if closest_to is not None:
            sentence = f"{sentence}{_suggest_closest(closest_to, options)}."
        self.append(f"{place}: {sentence}" if place else sentence)

    def sentences(self) -> tuple[str, ...]:
        """Return the complaints as people read them; the last sentence counts those that are not named."""
        return (*self, f"and {self.others:,} more.") if self.others else tuple(self)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place. Reading an unfit value notes a complaint and returns a harmless stand-in."""

    value: object
    place: str
    complaints: Complaints = field(default_factory=Complaints)

    def complain(self, sentence: str, closest_to: str | None = None, options: Collection[str] = ()) -> None:
        self.complaints.add(self.place, sentence, closest_to, options)

    def read_members(self, *, required: Collection[str], optional: Collection[str] = ()) -> NodeMembers:
        """Return the known members of an object that are present; note unknown and missing keys."""
        if not isinstance(self.value, dict):
            self.complain(f"must be an object, not {_describe_type(self.value)}.")
            return NodeMembers({})
        known_keys = [*required, *optional]
        for key in self.value:
            if key not in known_keys:
                self._child(str(key)).complain("there is no such key", closest_to=str(key), options=known_keys)
        for key in required:
            if key not in self.value:
                self._child(key).complain("is missing.")
        return NodeMembers({key: self._child(key, self.value[key]) for key in known_keys if key in self.value})

    def read_items(self) -> Iterator[Node]:
        if not isinstance(self.value, list):
            self.complain(f"must be a list, not {_describe_type(self.value)}.")
            return
        if len(self.value) > MAX_ROWS:
            self.complain(f"has {len(self.value):,} entries; {MAX_ROWS} are the most.")
            return
        for index, value in enumerate(self.value):
            yield Node(value, f"{self.place}[{index}]", self.complaints)

    def read_text(self, *, longest: int = MAX_TEXT) -> str:
        """Return a text that is not empty, trimmed."""
        if not isinstance(self.value, str):
            self.complain(f"must be a text, not {_describe_type(self.value)}.")
            return ""
        text = self.value.strip()
        if not text:
            self.complain("must not be empty.")
        elif len(text) > longest:
            self.complain(f"is longer than {longest:,} characters.")
        elif "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
            self.complain("contains a character that cannot be stored.")
        return text

    def read_choice(self, options: Collection[str], noun: str) -> str | None:
        text = self.read_text()
        if text in options:
            return text
        if text:
            self.complain(f"there is no {noun} “{text[:80]}”", closest_to=text, options=options)
        return None

    def read_truth(self) -> bool:
        if not isinstance(self.value, bool):
            self.complain(f"must be true or false, not {_describe_type(self.value)}.")
        return self.value is True

    def read_number(self, limits: NumberLimits) -> Decimal:
        """Return a finite number that fits its column exactly; nothing is rounded silently."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float | Decimal):
            self.complain(f"must be a number, not {_describe_type(self.value)}.")
            return Decimal(1)
        number = Decimal(str(self.value)) if not _is_huge(self.value) else Decimal("Infinity")
        sentence = _explain_misfit(number, limits)
        if sentence:
            self.complain(sentence)
            return Decimal(1)
        return number

    def read_number_or_null(self, limits: NumberLimits) -> Decimal | None:
        return None if self.value is None else self.read_number(limits)

    def read_count(self) -> Decimal:
        number = self.read_number(NumberLimits(digits=5, places=3, low=Decimal(1)))
        if number != number.to_integral_value():
            self.complain("must be a whole number.")
        return number

    def _child(self, key: str, value: object = None) -> Node:
        return Node(value, f"{self.place}.{key[:80]}" if self.place else key[:80], self.complaints)


class NodeMembers(dict[str, Node]):
    def read(self, key: str, reader: Callable[[Node], T], default: D) -> T | D:
        return reader(self[key]) if key in self else default


def _explain_misfit(number: Decimal, limits: NumberLimits) -> str:
    if number.is_nan():
        return "must be a number."
    if limits.low is not None and number < limits.low:
        return f"must be at least {limits.low.normalize():f}."
    if limits.high is not None and number > limits.high:
        return f"must be at most {limits.high.normalize():f}."
    if abs(number) >= 10 ** (limits.digits - limits.places):
        return f"must be smaller than {10 ** (limits.digits - limits.places):,}."
    if number != round(number, limits.places):
        return f"must have at most {limits.places} digits after the point."
    return ""


def _is_huge(value: object) -> bool:
    """Tell whether an integer has too many digits.

    Turning thousands of digits into a text is slow, and Python refuses it.
    """
    return isinstance(value, int) and value.bit_length() > HUGE_BITS


def _describe_type(value: object) -> str:
    names = {
        bool: "true or false",
        dict: "an object",
        list: "a list",
        str: "a text",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "null")


def _suggest_closest(text: str, options: Collection[str]) -> str:
    close = get_close_matches(text[:80], list(options), n=1)
    return f" (did you mean “{close[0]}”?)" if close else ""
