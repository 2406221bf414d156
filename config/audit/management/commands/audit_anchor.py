from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.audit import anchors, sealing


class Command(BaseCommand):
    help = "Print where the audit's chain stands, as one line of JSON to be kept outside of this server."

    def handle(self, **_options: Any) -> None:
        sealing.seal_all()
        self.stdout.write(anchors.read_last(timezone.now()).as_line())
