from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from scoring.receipts import receipt_keys


class Command(BaseCommand):
    help = (
        "Make a new key for receipts, which signs from now on. The private key before it is deleted; its public key stays"
        " published, so that its receipts can still be checked."
    )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        key = receipt_keys.rotate(timezone.now())
        self.stdout.write(f"The key {key.code} signs from now on: {key.public_key}")
