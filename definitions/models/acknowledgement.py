"""The acknowledgement that a person has read a version."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from definitions.models.definition import Version
from leads.models import append_only


class Acknowledgement(models.Model):
    """A person's statement that they have read a version, once for each version (rules 9.32)."""

    id = models.BigAutoField(primary_key=True)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="acknowledgements")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="acknowledgements")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "version"], name="acknowledged_once"),
        ]
        triggers: ClassVar = [append_only("acknowledgements_stay")]

    def __str__(self) -> str:
        return f"{self.person}: {self.version}"
