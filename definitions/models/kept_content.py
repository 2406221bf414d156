from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Func

from leads.models import append_only


class KeptContent(models.Model):
    """A content that versions and backtests are judged with: entries of a list, meanings of signals, a reading table (rules 9.18).

    One row for each distinct content, under the SHA-256 of its text; versions and backtests refer to it by this digest.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    content = models.TextField(help_text="Canonical JSON.")
    kept_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="kept_content_has_its_digest",
                condition=models.Q(
                    digest=Func(
                        F("content"),
                        template="encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')",
                        output_field=models.CharField(),
                    )
                ),
            )
        ]
        triggers: ClassVar = [append_only("kept_contents_stay")]

    def __str__(self) -> str:
        return self.digest[:16]
