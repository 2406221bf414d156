"""The serializers of the compliance report (rules 16.5)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from leads.vocabulary import Motion


class FigureSerializer(serializers.Serializer[Any]):
    """The compliance with one promise in one group; shares in percent, times in minutes of business time."""

    kind = serializers.CharField()
    promise = serializers.CharField()
    key = serializers.CharField(allow_blank=True)
    group = serializers.CharField(allow_blank=True)
    kept = serializers.IntegerField()
    late = serializers.IntegerField()
    running = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    median_minutes = serializers.FloatField(allow_null=True)
    p90_minutes = serializers.FloatField(allow_null=True)


class ComplianceQuerySerializer(serializers.Serializer[Any]):
    """The period, half-open in the company's days; by default the last twelve weeks and the running one."""

    # No default of "": it is none of the choices, and generated clients would leave the whole endpoint out.
    by = serializers.ChoiceField(choices=["rep", "team", "tier", "week"], required=False)
    motion = serializers.ChoiceField(
        choices=Motion.values, required=False, help_text="By default the primary motion; motions are never summed."
    )
    since = serializers.DateField(required=False, allow_null=True, default=None)
    until = serializers.DateField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["since"] and attrs["until"] and attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"until": "It must lie after `since`."})
        return attrs


class ComplianceSerializer(serializers.Serializer[Any]):
    motion = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    by = serializers.CharField(allow_blank=True)
    figures = FigureSerializer(many=True)
