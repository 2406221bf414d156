"""JSON with one spelling for each value, and its digest: equal values give equal text."""

from __future__ import annotations

import hashlib
import json


def write(value: object) -> str:
    """Return JSON with sorted keys and no spaces. Raises ValueError for a number that JSON does not have."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def compute_digest(value: object) -> str:
    """Return the SHA-256 of the text of a value, in hexadecimal digits."""
    return hash_text(write(value))


def hash_text(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
