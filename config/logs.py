"""The filter of log messages: no personal data of leads. Imports no app."""

from __future__ import annotations

import re
from typing import Final

from structlog.typing import EventDict, WrappedLogger

#: PostgreSQL appends the offending row to its error message, and with it addresses, names and other personal data.
_ROW_DETAIL: Final = re.compile(r"DETAIL: .*?(?=\n\n|\Z)", re.DOTALL)


def remove_rows(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str) and "DETAIL: " in value:
            event[key] = _ROW_DETAIL.sub("DETAIL: (a row)", value)
    return event
