"""Ed25519 signatures of receipts, and the public keys that check them. Reads no database."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: A key may still sign for so long after the next one was made: requests that had begun, clocks of servers that differ.
OVERLAP: Final = dt.timedelta(hours=1)
_CODE_LENGTH: Final = 16


class NoKeyList(Exception):
    """The text is not a list of public keys as `/api/v1/receipt-keys` gives it; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A published key: its code, 32 bytes in base64, and from when until when it signed (None: it signs today)."""

    code: str
    public_key: str
    signs_from: dt.datetime
    signs_until: dt.datetime | None

    def signed_at(self, at: dt.datetime) -> bool:
        """Return whether the key signed at this instant."""
        return self.signs_from <= at and (self.signs_until is None or at <= self.signs_until)


def generate() -> tuple[str, str, str]:
    """Return a new key: its code, the public key and the private key, both in base64."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    code = hashlib.sha256(public).hexdigest()[:_CODE_LENGTH]
    return code, base64.b64encode(public).decode(), base64.b64encode(private.private_bytes_raw()).decode()


def sign(private_key: str, content: bytes) -> str:
    """Return the signature of the content in base64."""
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private_key))
    return base64.b64encode(key.sign(content)).decode()


def is_signed(public_key: str, signature: str, content: bytes) -> bool:
    """Return whether the signature is that of the content by this key; False also for texts that are neither."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        signed = base64.b64decode(signature, validate=True)
        # The last character has spare bits, so other texts stand for the same bytes.
        if base64.b64encode(signed).decode() != signature:
            return False
        key.verify(signed, content)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def list_as_json(keys: Sequence[PublicKey]) -> list[dict[str, str | None]]:
    """Return the keys as `/api/v1/receipt-keys` publishes them."""
    return [
        {
            "key": key.code,
            "algorithm": "Ed25519",
            "public_key": key.public_key,
            "signs_from": key.signs_from.isoformat(),
            "signs_until": None if key.signs_until is None else key.signs_until.isoformat(),
        }
        for key in keys
    ]


def list_from_json(content: Any) -> list[PublicKey]:
    """Return the keys of a published list. Raises NoKeyList."""
    rows = content.get("keys") if isinstance(content, Mapping) else None
    try:
        return [_read_key(row) for row in rows or ()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NoKeyList("This is not a list of keys as /api/v1/receipt-keys gives it.") from error


def _read_key(row: Mapping[str, Any]) -> PublicKey:
    until = row["signs_until"]
    begin, end = (
        dt.datetime.fromisoformat(row["signs_from"]),
        None if until is None else dt.datetime.fromisoformat(until),
    )
    if begin.tzinfo is None or (end is not None and end.tzinfo is None):
        raise ValueError("a time without its zone")
    return PublicKey(str(row["key"]), str(row["public_key"]), begin, end)
