from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from scoring.receipts import receipt_keys
from sla.notifications import preferences


class Command(BaseCommand):
    help = (
        "Put the secrets at rest under the newest SECRET_KEY; afterwards the old ones may leave SECRET_KEY_FALLBACKS."
    )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        resealed, lost = preferences.reseal_webhooks()
        self.stdout.write(f"{resealed} Slack webhooks are under the newest key.")
        if lost:
            self.stderr.write(f"{lost} cannot be opened with any key; their owners have to enter them again.")
        if receipt_keys.reseal():
            self.stderr.write("The key of receipts cannot be opened; `manage.py rotate_receipt_key` makes a new one.")
