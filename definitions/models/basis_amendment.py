from __future__ import annotations

from django.conf import settings
from django.db import models

from definitions.models.definition import Version


class BasisAmendment(models.Model):
    """A draft that takes a version in force over to the present lists, meanings and tables (rules 9.20).

    `content` is the fingerprint that the version would have had with those of the day on which it was drafted.
    """

    amended = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="amendments")
    draft = models.OneToOneField(Version, on_delete=models.CASCADE, related_name="amendment")
    content = models.CharField(max_length=64)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.draft} amends {self.amended}"
