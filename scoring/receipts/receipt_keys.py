"""The keys of this installation: made on first use, rotated by a command, and published for ever (rules 16.22)."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from itertools import pairwise

from django.db import IntegrityError, transaction

from config import encryption
from scoring.models import ReceiptKey
from scoring.receipts import signatures
from scoring.receipts.signatures import OVERLAP, PublicKey


class NoSigningKey(Exception):
    """The private key cannot be decrypted any more; the message is a sentence."""


def list_public_keys() -> list[PublicKey]:
    """Return the keys that ever signed, the oldest first, each with its time.

    A key signs until the next one is made, and for `OVERLAP` longer.
    """
    rows = list(ReceiptKey.objects.order_by("created_at", "pk"))
    ends = [following.created_at + OVERLAP for _row, following in pairwise(rows)]
    return [
        PublicKey(row.code, row.public_key, row.created_at, end) for row, end in zip(rows, [*ends, None], strict=False)
    ]


def signing_key(now: dt.datetime) -> ReceiptKey:
    """Return the key that signs now; the first receipt of an installation makes it."""
    key = _find_signing_key()
    if key is None:
        # Of two first receipts at once one makes the key.
        with suppress(IntegrityError), transaction.atomic():
            return _make_key(now)
        key = ReceiptKey.objects.exclude(private_sealed="").get()
    return key


@transaction.atomic
def rotate(now: dt.datetime) -> ReceiptKey:
    """Make a new key that signs from now on, and delete the private key of the one before; its public key stays."""
    for row in ReceiptKey.objects.exclude(private_sealed="").select_for_update():
        row.private_sealed = ""
        row.save(update_fields=["private_sealed"])
    return _make_key(now)


def sign(key: ReceiptKey, content: bytes) -> str:
    """Return the signature of the content. Raises NoSigningKey."""
    try:
        private = encryption.unseal(key.private_sealed)
    except encryption.KeyLost:
        raise NoSigningKey(
            f"The private key {key.code} was encrypted under a SECRET_KEY that is gone. `manage.py rotate_receipt_key`"
            " makes a new one; receipts that were signed stay valid."
        ) from None
    return signatures.sign(private, content)


@transaction.atomic
def reseal() -> int:
    """Encrypt the private key under the newest SECRET_KEY; return how many keys no SECRET_KEY decrypts: 0 or 1."""
    lost = 0
    for row in ReceiptKey.objects.exclude(private_sealed="").select_for_update():
        try:
            row.private_sealed = encryption.reseal(row.private_sealed)
        except encryption.KeyLost:
            lost += 1
        else:
            row.save(update_fields=["private_sealed"])
    return lost


def _find_signing_key() -> ReceiptKey | None:
    return ReceiptKey.objects.exclude(private_sealed="").first()


def _make_key(now: dt.datetime) -> ReceiptKey:
    code, public, private = signatures.generate()
    return ReceiptKey.objects.create(
        code=code, public_key=public, private_sealed=encryption.seal(private), created_at=now
    )
