from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate


class LeadsConfig(AppConfig):
    name = "leads"

    def ready(self) -> None:
        """Refresh the shipped data sets and limit the rights of other roles at the end of each `migrate`."""
        from leads import reference_data_loading, table_rights  # noqa: PLC0415  # they need the models, loaded by now

        post_migrate.connect(reference_data_loading.load_after_migrate, sender=self)
        post_migrate.connect(table_rights.apply_after_migrate, sender=self)
        register(table_rights.check_application_role, Tags.database, deploy=True)
