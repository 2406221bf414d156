from __future__ import annotations

from django.apps import AppConfig


class SlaConfig(AppConfig):
    name = "sla"

    def ready(self) -> None:
        """Make files of past dispositions importable: their reasons are rows of this app, and imports are below it."""
        from leads.imports import file_imports  # noqa: PLC0415  # models may be imported only when all apps are loaded
        from sla.handoffs import past_disposition_files  # noqa: PLC0415  # the same

        file_imports.register_store("dispositions", past_disposition_files.store_items)
