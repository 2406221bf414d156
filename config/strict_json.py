"""JSON from strangers: what PostgreSQL or Python would choke on is refused here, by name."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 32

# The closing quote is optional so that a text without one is read once, not once for each quote in it.
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET: Final = re.compile(r"[][{}]")
_STEP: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


class BadPayload(Exception):
    """The text is not JSON that Accord takes; the message is for the sender."""


def loads(text: str) -> Any:
    """JSON without NaN, NUL characters, lone surrogates or nesting deeper than `MAX_DEPTH`. Raises BadPayload."""
    _check_depth(text)
    if "\x00" in text or "\\u0000" in text:
        raise BadPayload("The body contains a NUL character.")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"The body is not JSON: {error}") from None
    if "\\ud" in text.lower():
        _check_surrogates(value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _check_depth(text: str) -> None:
    brackets = _BRACKET.findall(_STRING.sub("", text))
    if max(accumulate(_STEP[bracket] for bracket in brackets), default=0) > MAX_DEPTH:
        raise BadPayload(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadPayload("The body contains half a character (a lone surrogate).") from None
