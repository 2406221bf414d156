"""The serializers of reinstatements (rules 16.15)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from sla.handoffs import reinstatements
from sla.models import Reinstatement


class ReinstatementSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(
        max_length=reinstatements.REASON_AT_MOST, help_text="Why the lead comes back, for the record."
    )


class ReinstatedSerializer(serializers.ModelSerializer[Reinstatement]):
    """The return of a disqualified lead; without `by` it came back by its own request."""

    stage = serializers.CharField(source="lead.stage")
    by = serializers.CharField(allow_null=True)
    history = serializers.SerializerMethodField(help_text="Why it had been disqualified, and how it came back.")

    class Meta:
        model = Reinstatement
        fields = ("id", "lead", "stage", "disqualified_at", "at", "by", "reason", "history")

    def get_history(self, row: Reinstatement) -> str:
        return reinstatements.write_history(row)
