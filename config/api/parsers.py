from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from config import strict_json


class StrictJSONParser(JSONParser):
    """A parser of UTF-8 JSON, as strict as `strict_json.loads`."""

    def parse(
        self, stream: IO[Any], _media_type: str | None = None, _parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return strict_json.loads(stream.read().decode("utf-8"))
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        except strict_json.BadPayload as refusal:
            raise ParseError(str(refusal)) from None
