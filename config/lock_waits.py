"""Short waits for the locks of a decision: who comes too late is told so, and does not queue behind the others (rules 17.21)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError, connection, transaction

from config import outages

SECONDS_AT_MOST: Final = 2
SENTENCE: Final = "Somebody else is changing this right now. Nothing was changed; look again in a moment."
#: A deadlock among deciders: the others go on.
_DEADLOCK: Final = "40P01"


class RowContended(Exception):
    """A row that others were changing for longer than a person's step waits; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(SENTENCE)


@contextmanager
def limit_lock_waits(seconds: int = SECONDS_AT_MOST) -> Iterator[None]:
    """Run the block in a transaction, or a savepoint, that waits so long for each lock at most. Raises RowContended.

    The limit holds until the end of the outermost transaction. Not for periodic work, which can wait.
    """
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{int(seconds)}s'")
            yield
    except OperationalError as error:
        if outages.is_lock_timeout(error) or outages.read_sqlstate(error) == _DEADLOCK:
            raise RowContended from error
        raise
