from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from sla.notifications import preferences


class Command(BaseCommand):
    help = (
        "Put the secrets at rest under the newest SECRET_KEY; afterwards the old ones may leave SECRET_KEY_FALLBACKS."
    )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        resealed, lost = preferences.reseal_webhooks()
        self.stdout.write(f"{resealed} Slack webhooks are under the newest key.")
        if lost:
            self.stderr.write(f"{lost} cannot be opened with any key; their owners have to enter them again.")
