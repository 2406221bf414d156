from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from leads.models import append_only
from leads.vocabulary import Motion


class PrimaryMotion(models.Model):
    """A choice of the motion that most of the pipeline comes from; the latest row holds (rules 2.8).

    Rows are added only: there is always exactly one latest, and the earlier ones say who changed it and when.
    """

    motion = models.CharField(max_length=3, choices=Motion.choices)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: the installation itself.",
    )
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="primary_motion_is_known", condition=Q(motion__in=Motion.values))
        ]
        triggers: ClassVar = [append_only("primary_motions_stay")]

    def __str__(self) -> str:
        return f"{self.motion} since {self.at:%Y-%m-%d}"
