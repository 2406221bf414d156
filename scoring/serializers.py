"""Serializers of judgements: the requests that the API accepts and its answers (rules 16.2, 16.4)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from definitions.models import Backtest
from leads.models import Lead
from leads.normalization.validation import MAX_BIGINT
from leads.serializers import LeadSerializer
from scoring.comparisons.version_comparison import ComparisonOutcome, VersionComparison
from scoring.models import Shortfall, ShortfallKind


class AtSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(
        required=False, help_text="The instant to judge at; default: now.", default_timezone=dt.UTC
    )


class ReceiptQuerySerializer(AtSerializer):
    version = serializers.CharField(
        required=False,
        max_length=150,
        help_text="A version's id, or SLUG/v1.0; default: the one in force at the instant, of the primary motion first.",
    )
    facts = serializers.BooleanField(
        default=False, help_text="Include the facts and rules, by which the verdict can be recomputed."
    )


class ReceiptSerializer(serializers.Serializer[Any]):
    """A receipt. To verify it, keep the answer byte by byte."""

    statement = serializers.DictField(
        help_text="What is signed: verdict, axes, each rule's result, why, explanation, version and fingerprint, engine, "
        "digests of facts and rules, instant, time of issue, and the key."
    )
    signature = serializers.CharField(
        help_text="Ed25519, in base64, of the statement as JSON with sorted keys and no spaces."
    )
    facts = serializers.DictField(
        required=False, help_text="The attributes in force that the rules ask for, and the events."
    )
    rules = serializers.DictField(
        required=False,
        help_text="The document, the signals' meanings, and the entries of lists that cover the lead's values.",
    )


class ReceiptKeySerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="The name of the key in receipts.")
    algorithm = serializers.CharField()
    public_key = serializers.CharField(help_text="32 bytes, in base64.")
    signs_from = serializers.DateTimeField()
    signs_until = serializers.DateTimeField(allow_null=True, help_text="Null: it signs today.")


class ReceiptKeysSerializer(serializers.Serializer[Any]):
    keys = ReceiptKeySerializer(many=True)


class ShortfallSerializer(serializers.ModelSerializer[Shortfall]):
    """The first criterion or clause that a lead lacked for an MQL as of `judged_at`."""

    kind = serializers.ChoiceField(
        choices=ShortfallKind.choices,
        help_text="nothing: it meets the definition, but its last handoff is closed, and only newer activity counts.",
    )
    attribute = serializers.CharField(source="field", help_text="As company.employees; empty for clauses and timing.")
    criterion = serializers.CharField(help_text="What is missing, without figures.")
    why = serializers.CharField(help_text="The same with figures, in one sentence.")
    unknown_fields = serializers.ListField(
        child=serializers.CharField(), help_text="The attributes that the gate asks for and nobody knows."
    )
    last_activity_at = serializers.DateTimeField(source="active_at", allow_null=True)

    class Meta:
        model = Shortfall
        fields = ("kind", "attribute", "criterion", "why", "unknown_fields", "last_activity_at", "judged_at")


class JudgedLeadSerializer(LeadSerializer):
    missing = serializers.SerializerMethodField(
        help_text="What keeps a MAL, or an engaged lead whose gate is unknown, from being an MQL. Null for others, "
        "and for up to a minute after a lead became a MAL."
    )

    needs_recency_validation = serializers.BooleanField(
        read_only=True, help_text="Marketing is to say whether its interest is still live (rules 2.25)."
    )

    @extend_schema_field(ShortfallSerializer(allow_null=True))
    def get_missing(self, lead: Lead) -> dict[str, Any] | None:
        shortfall: Shortfall | None = getattr(lead, "shortfall", None)
        if shortfall is None or not shortfall.is_current(lead):
            return None
        return dict(ShortfallSerializer(shortfall).data)

    class Meta(LeadSerializer.Meta):
        pass


class EvaluateSerializer(AtSerializer):
    leads = serializers.ListField(
        child=serializers.IntegerField(min_value=1),
        required=False,
        max_length=1000,
        help_text="Accord's ids; default: the counts of all leads.",
    )


class VerdictSerializer(serializers.Serializer[Any]):
    """The verdict on one lead. `tier` is 0 if it does not meet the version; `gate` is pass, fail or unknown."""

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
    """Verdicts in `leads` if leads were named; else `counts`: known, gate_pass, gate_fail, gate_unknown, tier_0 to tier_3."""

    at = serializers.DateTimeField()
    leads = VerdictSerializer(many=True, required=False)
    counts = serializers.DictField(child=serializers.IntegerField(), required=False)


class ShareSerializer(serializers.Serializer[Any]):
    """A proportion: `n` of `of`; `rate` and its 95 % Wilson interval are null where `of` is 0."""

    n = serializers.IntegerField()
    of = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True)
    interval_95 = serializers.ListField(child=serializers.FloatField(), allow_null=True)


class FromSerializer(serializers.Serializer[Any]):
    """A serializer with a field `from`, which cannot be an attribute because it is a keyword of Python."""

    is_from_required = True

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        start = serializers.DateTimeField(required=self.is_from_required, default_timezone=dt.UTC)
        return {"from": start, **super().get_fields()}


class FiguresSerializer(FromSerializer):
    """The two numbers of a period (rules 10.2, 10.3) and the verdicts on them."""

    to = serializers.DateTimeField()
    coverage = ShareSerializer()
    precision_won = ShareSerializer(help_text="Of all flagged leads.")
    precision_ripe = ShareSerializer(
        help_text="Of the leads flagged early enough to be won; the verdict is on this one."
    )
    precision_sal = ShareSerializer(help_text="Of all flagged leads, those at least accepted by sales.")
    too_recent = serializers.DictField(
        help_text="The leads that stand apart: `flagged`, `won` of them, and the usual `days` from MQL to win."
    )
    rejected = serializers.IntegerField()
    verdicts = serializers.ListField(child=serializers.CharField())


class BacktestResultSerializer(FiguresSerializer):
    lost_wins = serializers.ListField(
        child=serializers.IntegerField(), help_text="Won leads that it would have missed."
    )


class SuppressedSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    until = serializers.DateTimeField()
    reason = serializers.CharField()
    text = serializers.CharField(help_text="Until when, by whom and why, as a sentence.")


class ExplanationSerializer(serializers.Serializer[Any]):
    """The explanation by the judge (scoring.engine.explanation): every rule's part in the verdict."""

    version = serializers.CharField()
    definition = serializers.CharField()
    meets = serializers.BooleanField()
    tier = serializers.IntegerField()
    why = serializers.CharField()
    needs_recency_validation = serializers.BooleanField(
        help_text="Fit and behaviour are there, and only fresh engagement is missing (rules 2.25)."
    )
    suppressed = SuppressedSerializer(
        allow_null=True, help_text="The suppression that keeps the lead back, beside the verdict; null without any."
    )
    explanation = serializers.DictField()


class BacktestSerializer(serializers.Serializer[Any]):
    to = serializers.DateTimeField(required=False, help_text="The period's end, not in it; default: now.")
    days = serializers.IntegerField(
        min_value=1, max_value=3660, default=182, help_text="Length of the period before `to`."
    )


class PeriodSerializer(FromSerializer):
    """A period [`from`, `to`); without either the last six months up to now."""

    is_from_required = False

    to = serializers.DateTimeField(required=False, help_text="Not in the period any more.", default_timezone=dt.UTC)


class ThresholdSerializer(serializers.Serializer[Any]):
    """A number of the version, by its place in the document: `paths[0].clauses[1]`, `timing.engaged_within_days`."""

    place = serializers.CharField(max_length=60)
    at_least = serializers.DecimalField(
        max_digits=14, decimal_places=6, help_text="Points, times or days, as the place has them."
    )


class WhatIfSerializer(PeriodSerializer):
    thresholds = serializers.ListField(child=ThresholdSerializer(), max_length=100)


class WhatIfResultSerializer(FiguresSerializer):
    flagged = serializers.IntegerField(help_text="Leads that begin to qualify in the period.")
    weeks = serializers.ListField(child=serializers.DateField(), help_text="Mondays.")
    by_week = serializers.ListField(child=serializers.IntegerField(), help_text="Those flagged in each of the weeks.")


class BacktestRowSerializer(serializers.ModelSerializer[Backtest]):
    """A backtest that was asked for: waiting, running (`done` of `total` steps), finished, failed (`error`) or cancelled."""

    against = serializers.PrimaryKeyRelatedField[Any](
        read_only=True, allow_null=True, help_text="The version in force when it was asked for."
    )
    to = serializers.DateTimeField(source="end")
    state = serializers.SerializerMethodField()
    requested_by = serializers.CharField(allow_null=True)
    cancelled_by = serializers.CharField(allow_null=True)

    class Meta:
        model = Backtest
        fields: tuple[str, ...] = (
            *("id", "version", "against", "digest", "to", "state", "done", "total", "error"),
            *("requested_at", "requested_by", "cancelled_at", "cancelled_by", "finished_at"),
        )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": serializers.DateTimeField(source="start"), **super().get_fields()}

    def get_state(self, row: Backtest) -> str:
        if row.is_pending:
            return "running" if row.attempts else "waiting"
        return "cancelled" if row.is_cancelled else "failed" if row.is_failed else "finished"


class BacktestDetailSerializer(BacktestRowSerializer):
    result = serializers.JSONField(
        read_only=True,
        help_text="The full result once it is finished; leads by name only with the scope facts:read.",
        allow_null=True,
    )

    class Meta(BacktestRowSerializer.Meta):
        fields = (*BacktestRowSerializer.Meta.fields, "result")

    def to_representation(self, instance: Backtest) -> dict[str, Any]:
        shown = super().to_representation(instance)
        return shown if self.context["with_leads"] else shown | {"result": _without_leads(shown["result"])}


def _without_leads(result: dict[str, Any] | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return result | {side: _without_lead_rows(result[side]) for side in ("version", "against") if result.get(side)}


def _without_lead_rows(cohort: dict[str, Any]) -> dict[str, Any]:
    return cohort | {name: cohort[name] | {"rows": []} for name in ("lost_wins", "still_passing")}


class CompareSerializer(serializers.Serializer[Any]):
    with_ = serializers.IntegerField(min_value=1, max_value=MAX_BIGINT, help_text="The id of the other version.")
    leads = serializers.ChoiceField(
        [str(kind) for kind in ComparisonOutcome],
        required=False,
        help_text="List these by name (scope facts:read): those that meet both, only the `first` (this one), only the `second`.",
    )
    after = serializers.IntegerField(
        min_value=0, max_value=MAX_BIGINT, default=0, help_text="List from above this id; at most 1,000 at once."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `with` is a keyword of Python, so it cannot be the name of an attribute.
        return {"with" if name == "with_" else name: field for name, field in super().get_fields().items()}


class StandingSerializer(serializers.Serializer[Any]):
    """A lead under one version; `tier` is 0 for one that does not meet it."""

    meets = serializers.BooleanField()
    tier = serializers.IntegerField()
    fit = serializers.FloatField()
    engagement = serializers.FloatField()
    bant = serializers.FloatField()


class ComparedLeadSerializer(serializers.Serializer[Any]):
    """A compared lead; `why` says what decides, if it meets only one of the two versions."""

    lead = serializers.IntegerField(source="lead.pk")
    external_id = serializers.CharField(source="lead.external_id", allow_null=True)
    email = serializers.CharField(source="lead.email", allow_null=True)
    first = StandingSerializer()
    second = StandingSerializer()
    why = serializers.CharField()


class ComparisonSerializer(serializers.Serializer[Any]):
    """A comparison of two versions: `counts` by the versions that leads meet, `tiers` of each version.

    `handed_over` is how many of those who meet only the second would go to sales at once if it came into force.
    """

    at = serializers.DateTimeField()
    first = serializers.CharField(source="first.number")
    second = serializers.CharField(source="second.number")
    counts = serializers.DictField(child=serializers.IntegerField())
    tiers = serializers.ListField(child=serializers.DictField(child=serializers.IntegerField()))
    handed_over = serializers.SerializerMethodField()

    def get_handed_over(self, comparison: VersionComparison) -> int:
        return len(comparison.handed_over)


class ComparisonWithLeadsSerializer(ComparisonSerializer):
    leads = ComparedLeadSerializer(many=True, required=False)
    next_after = serializers.IntegerField(allow_null=True, required=False, help_text="Where the next page begins.")
