"""The shapes of judgements at the wire: what the API takes and what it gives (SPEC 16)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rest_framework import serializers


class AtSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(
        required=False, help_text="The instant to judge at; default: now.", default_timezone=dt.UTC
    )


class EvaluateSerializer(AtSerializer):
    leads = serializers.ListField(
        child=serializers.IntegerField(min_value=1),
        required=False,
        max_length=1000,
        help_text="Accord's ids; default: the counts of all leads.",
    )


class VerdictSerializer(serializers.Serializer[Any]):
    """One lead's verdict. `tier` is 0 without it; `gate` is pass, fail or unknown."""

    lead = serializers.IntegerField()
    external_id = serializers.CharField()
    email = serializers.CharField()
    meets = serializers.BooleanField()
    tier = serializers.IntegerField()
    hot = serializers.BooleanField()
    fit = serializers.FloatField()
    engagement = serializers.FloatField()
    bant = serializers.FloatField()
    gate = serializers.ChoiceField(["pass", "fail", "unknown"])
    disqualified = serializers.BooleanField()
    threshold = serializers.BooleanField()
    timing = serializers.BooleanField()


class EvaluationSerializer(serializers.Serializer[Any]):
    """`leads` if leads were named; else `counts`: known, gate_pass, gate_fail, gate_unknown, tier_0 to tier_3."""

    at = serializers.DateTimeField()
    leads = VerdictSerializer(many=True, required=False)
    counts = serializers.DictField(child=serializers.IntegerField(), required=False)


class ShareSerializer(serializers.Serializer[Any]):
    """`n` of `of`; `rate` and its 95 % Wilson interval are null where `of` is 0."""

    n = serializers.IntegerField()
    of = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True)
    interval_95 = serializers.ListField(child=serializers.FloatField(), allow_null=True)


class BacktestResultSerializer(serializers.Serializer[Any]):
    to = serializers.DateTimeField()
    coverage = ShareSerializer()
    precision_won = ShareSerializer()
    precision_sal = ShareSerializer()
    rejected = serializers.IntegerField()
    verdicts = serializers.ListField(child=serializers.CharField())
    lost_wins = serializers.ListField(
        child=serializers.IntegerField(), help_text="Won leads that it would have missed."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # A keyword of the language.
        return {"from": serializers.DateTimeField(), **super().get_fields()}


class ExplanationSerializer(serializers.Serializer[Any]):
    """The judge's own account (scoring.engine.explanation): every rule's part in the verdict."""

    version = serializers.CharField()
    definition = serializers.CharField()
    meets = serializers.BooleanField()
    tier = serializers.IntegerField()
    why = serializers.CharField()
    explanation = serializers.DictField()


class BacktestSerializer(serializers.Serializer[Any]):
    to = serializers.DateTimeField(required=False, help_text="The period's end, not in it; default: now.")
    days = serializers.IntegerField(
        min_value=1, max_value=3660, default=182, help_text="Length of the period before `to`."
    )
