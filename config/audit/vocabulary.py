from __future__ import annotations

from typing import Final

from django.db import models

#: Hexadecimal digits of a SHA-256.
HASH_LENGTH: Final = 64
#: Stands where the first link of the chain has the hash before it.
FIRST_PREVIOUS: Final = "0" * HASH_LENGTH


class Operation(models.TextChoices):
    """The kinds of entries."""

    FOUND = "found", "there when the audit began"
    INSERT = "insert", "added"
    UPDATE = "update", "changed"
    DELETE = "delete", "deleted"
    ERASE = "erase", "erased"
