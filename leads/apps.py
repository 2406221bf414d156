from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class LeadsConfig(AppConfig):
    name = "leads"

    def ready(self) -> None:
        """Refresh the shipped data sets at the end of each `migrate`."""
        from leads import reference_data_loading  # noqa: PLC0415  # it needs the models, which are loaded by now

        post_migrate.connect(reference_data_loading.load_after_migrate, sender=self)
