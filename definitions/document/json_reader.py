"""Reading a JSON value of unknown shape: every complaint names its place, and all of them are collected. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, TypeVar

T = TypeVar("T")
D = TypeVar("D")

#: Rows of one part; a definition that people sign has a few dozen.
MAX_ROWS: Final = 500
MAX_TEXT: Final = 5000
HUGE_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class NumberLimits:
    """Which numbers a place takes: so many digits in all, so many after the point, between two ends (inclusive)."""

    digits: int = 8
    places: int = 3
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands. Reading something unfit notes a complaint and gives a harmless stand-in."""

    value: object
    place: str
    complaints: list[str] = field(default_factory=list)

    def complain(self, sentence: str) -> None:
        self.complaints.append(f"{self.place}: {sentence}" if self.place else sentence)

    def members(self, *, required: Collection[str], optional: Collection[str] = ()) -> NodeMembers:
        """The members of an object, as far as they are there."""
        if not isinstance(self.value, dict):
            self.complain(f"must be an object, not {_describe_type(self.value)}.")
            return NodeMembers({})
        known = [*required, *optional]
        for key in self.value:
            if key not in known:
                self._at(str(key)).complain(f"there is no such key{_suggest_closest(str(key), known)}.")
        for key in required:
            if key not in self.value:
                self._at(key).complain("is missing.")
        return NodeMembers({key: self._at(key, self.value[key]) for key in known if key in self.value})

    def items(self) -> Iterator[Node]:
        if not isinstance(self.value, list):
            self.complain(f"must be a list, not {_describe_type(self.value)}.")
            return
        if len(self.value) > MAX_ROWS:
            self.complain(f"has {len(self.value):,} entries; {MAX_ROWS} are the most.")
            return
        for index, value in enumerate(self.value):
            yield Node(value, f"{self.place}[{index}]", self.complaints)

    def text(self, *, longest: int = MAX_TEXT) -> str:
        """A text that says something, trimmed."""
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

    def choice(self, options: Collection[str], what: str) -> str | None:
        text = self.text()
        if text in options:
            return text
        if text:
            self.complain(f"there is no {what} “{text[:80]}”{_suggest_closest(text, options)}.")
        return None

    def truth(self) -> bool:
        if not isinstance(self.value, bool):
            self.complain(f"must be true or false, not {_describe_type(self.value)}.")
        return self.value is True

    def number(self, measure: NumberLimits) -> Decimal:
        """A finite number that fits its column exactly: nothing is rounded behind the author's back."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float | Decimal):
            self.complain(f"must be a number, not {_describe_type(self.value)}.")
            return Decimal(1)
        number = Decimal(str(self.value)) if not _is_huge(self.value) else Decimal("Infinity")
        sentence = _explain_misfit(number, measure)
        if sentence:
            self.complain(sentence)
            return Decimal(1)
        return number

    def number_or_null(self, measure: NumberLimits) -> Decimal | None:
        return None if self.value is None else self.number(measure)

    def count(self) -> Decimal:
        number = self.number(NumberLimits(digits=5, places=3, low=Decimal(1)))
        if number != number.to_integral_value():
            self.complain("must be a whole number.")
        return number

    def _at(self, key: str, value: object = None) -> Node:
        return Node(value, f"{self.place}.{key[:80]}" if self.place else key[:80], self.complaints)


class NodeMembers(dict[str, Node]):
    def read(self, key: str, reader: Callable[[Node], T], default: D) -> T | D:
        return reader(self[key]) if key in self else default


def _explain_misfit(number: Decimal, measure: NumberLimits) -> str:
    if number.is_nan():
        return "must be a number."
    if measure.low is not None and number < measure.low:
        return f"must be at least {measure.low.normalize():f}."
    if measure.high is not None and number > measure.high:
        return f"must be at most {measure.high.normalize():f}."
    if abs(number) >= 10 ** (measure.digits - measure.places):
        return f"must be smaller than {10 ** (measure.digits - measure.places):,}."
    if number != round(number, measure.places):
        return f"must have at most {measure.places} digits after the point."
    return ""


def _is_huge(value: object) -> bool:
    """Turning an integer of thousands of digits into a text is slow, and refused by Python."""
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
