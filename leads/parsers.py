"""JSON from strangers: what PostgreSQL or Python would choke on is refused here, by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MAX_DEPTH = 32

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKET = re.compile(r"[][{}]")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


class StrictJSONParser(JSONParser):
    """UTF-8 JSON without NaN, NUL characters, lone surrogates or nesting deeper than `MAX_DEPTH`."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            text = stream.read().decode("utf-8")
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        return loads(text)


def loads(text: str) -> Any:
    """Raises ParseError with a sentence for the sender."""
    _check_depth(text)
    if "\x00" in text or "\\u0000" in text:
        raise ParseError("The body contains a NUL character.")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"The body is not JSON: {error}") from None
    if "\\ud" in text.lower():
        _check_surrogates(text, value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _check_depth(text: str) -> None:
    brackets = _BRACKET.findall(_STRING.sub("", text))
    if max(accumulate(_STEP[bracket] for bracket in brackets), default=0) > MAX_DEPTH:
        raise ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _check_surrogates(text: str, value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ParseError("The body contains half a character (a lone surrogate).") from None
