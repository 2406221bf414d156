"""Two intakes that meet: the one that the database sends back looks again and finds what the other wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from django.db import IntegrityError, OperationalError, transaction

Outcome = TypeVar("Outcome")

_ATTEMPTS: Final = 5
#: Somebody else took the same key, or both waited for each other.
_COLLISIONS: Final = frozenset({"23505", "40P01"})


def repeated(attempt: Callable[[], Outcome]) -> Outcome:
    """The attempt in a transaction of its own, or in a savepoint; again after a collision."""
    for _ in range(_ATTEMPTS - 1):
        try:
            with transaction.atomic():
                return attempt()
        except (IntegrityError, OperationalError) as error:
            if getattr(error.__cause__, "sqlstate", "") not in _COLLISIONS:
                raise
    with transaction.atomic():
        return attempt()
