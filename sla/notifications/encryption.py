"""Secrets at rest: what Accord must be able to say again, and nobody reads in the database or a backup of it.

The key is derived from SECRET_KEY. After a change of that, what was sealed before is opened by SECRET_KEY_FALLBACKS, as
long as the old key stands there; `manage.py reseal` makes it unnecessary.
"""

from __future__ import annotations

import base64
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE: Final = b"accord: secrets at rest"


class KeyLost(Exception):
    """None of the keys opens it: it was sealed under one that is gone."""


def seal(secret: str) -> str:
    """A text that only `unseal` can read; "" stays "", for there is nothing to hide."""
    return _keys().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """Raises KeyLost."""
    try:
        return _keys().decrypt(sealed.encode()).decode() if sealed else ""
    except InvalidToken:
        raise KeyLost from None


def reseal(sealed: str) -> str:
    """The same under the newest key. Raises KeyLost."""
    return seal(unseal(sealed))


def _keys() -> MultiFernet:
    return MultiFernet([_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
