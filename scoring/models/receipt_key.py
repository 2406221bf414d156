"""The keys of this installation that sign receipts."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models


class ReceiptKey(models.Model):
    """A pair of Ed25519 keys that signs receipts from `created_at` until the next one is made (rules 16.22).

    Public keys stay for ever, because receipts outlive their keys. The private key is encrypted by `config.encryption`,
    and deleted once the next one signs.
    """

    id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=16, unique=True, help_text="The name of the key in receipts.")
    public_key = models.CharField(max_length=44, unique=True, help_text="The 32 bytes of the key in base64.")
    private_sealed = models.TextField(blank=True, help_text="Empty: another key signs.")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                models.Value(1), condition=~models.Q(private_sealed=""), name="one_key_signs_receipts"
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="receipt_keys_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="receipt_key_is_fixed", exclude=["private_sealed"]),
        ]

    def __str__(self) -> str:
        return self.code
