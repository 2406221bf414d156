"""Encryption at rest of secrets that Accord must read again, and nobody reads in the database or a backup of it.

The key is derived from SECRET_KEY. After a change of that, older secrets are decrypted with SECRET_KEY_FALLBACKS as
long as the old key is listed there; `manage.py reseal` makes it unnecessary.
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
    """A secret that none of the keys decrypts."""


def seal(secret: str) -> str:
    """Encrypt the secret so that only `unseal` can read it; "" stays "", as there is nothing to hide."""
    return _keys().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """Decrypt the secret. Raises KeyLost."""
    try:
        return _keys().decrypt(sealed.encode()).decode() if sealed else ""
    except InvalidToken:
        raise KeyLost from None


def reseal(sealed: str) -> str:
    """Encrypt the secret again under the newest key. Raises KeyLost."""
    return seal(unseal(sealed))


def _keys() -> MultiFernet:
    return MultiFernet([_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
