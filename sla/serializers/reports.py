"""The serializers of the reports and of the catalogue of figures (rules 12.19, 16.5)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from leads.vocabulary import Motion
from sla.figure_catalogue.figure_shape import FigureKind, GoodDirection
from sla.reports.framework.report_period import WEEKS_OFFERED


class ReportQuerySerializer(serializers.Serializer[Any]):
    """The question to a report. A parameter or value that is unknown is refused with a sentence."""

    motion = serializers.ChoiceField(
        choices=Motion.values, required=False, help_text="By default the primary motion; motions are never summed."
    )
    weeks = serializers.ChoiceField(
        choices=WEEKS_OFFERED, required=False, help_text="The last weeks, the running one included; by default 12."
    )
    to = serializers.DateField(required=False, help_text="The last day, included; by default today.")
    team = serializers.IntegerField(required=False)
    rep = serializers.IntegerField(required=False, help_text="A rep whom the caller may see by name.")
    tier = serializers.ChoiceField(choices=[1, 2, 3], required=False)
    campaign = serializers.CharField(required=False)
    version = serializers.IntegerField(required=False)
    week = serializers.CharField(
        required=False,
        help_text="Of the report `meeting` alone: the week that is over, as 2026-W10; by default the last.",
    )
    sort = serializers.CharField(
        required=False,
        help_text="`table.column`, or `-table.column` for the highest first; by default the worst stand first.",
    )

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python, and `source` an attribute of every serializer.
        first_day = serializers.DateField(required=False, help_text="The first day of the period, instead of weeks.")
        source = serializers.CharField(required=False, help_text="`(none)`: leads without a source.")
        return {**super().get_fields(), "from": first_day, "source": source}


class ReportCellSerializer(serializers.Serializer[Any]):
    """A value: rates and shares in percent, times in minutes, money by currency in `sums`."""

    value = serializers.JSONField(allow_null=True)
    count = serializers.IntegerField(allow_null=True, help_text="The numerator of a rate.")
    of = serializers.IntegerField(allow_null=True, help_text="The sample: the denominator of a rate.")
    interval = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="Wilson, 95 %, in percent, of a rate."
    )
    sums = serializers.DictField(child=serializers.CharField(), allow_null=True)
    is_maturing = serializers.BooleanField(help_text="The youngest leads have not had their time yet.")
    note = serializers.CharField(allow_blank=True)
    rows = serializers.CharField(allow_blank=True, help_text="The address of the rows behind the value.")


class ReportCardSerializer(serializers.Serializer[Any]):
    """A figure that stands for itself, with the period before and the target."""

    key = serializers.CharField()
    figure = serializers.CharField(help_text="Its key in the catalogue of figures.")
    name = serializers.CharField()
    now = ReportCellSerializer()
    before = ReportCellSerializer(allow_null=True)
    compared = ReportCellSerializer(
        allow_null=True, help_text="What stands against the period before, where it is not the figure itself."
    )
    target = ReportCellSerializer(allow_null=True)
    is_small_sample = serializers.BooleanField()
    note = serializers.CharField(allow_blank=True)


class ReportColumnSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    figure = serializers.CharField(allow_null=True, help_text="Its key in the catalogue of figures.")


class ReportRowSerializer(serializers.Serializer[Any]):
    """A row of a table; `cells` are by the keys of the columns."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # DRF takes declared fields off the class
    note = serializers.CharField(allow_blank=True)
    cells = serializers.DictField(child=ReportCellSerializer())


class ReportTableSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    caption = serializers.CharField()
    columns = ReportColumnSerializer(many=True)
    rows = ReportRowSerializer(many=True)
    total = ReportRowSerializer(allow_null=True)


class ReportSectionSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    headline = serializers.CharField(allow_blank=True)
    figures = ReportCardSerializer(many=True)
    table = ReportTableSerializer(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField())


class ReportSerializer(serializers.Serializer[Any]):
    """A report with the figures of its page; `[since, until)` is its period."""

    name = serializers.CharField()
    title = serializers.CharField()
    motion = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    headline = serializers.CharField(allow_blank=True)
    sections = ReportSectionSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField())


class CatalogueQuerySerializer(serializers.Serializer[Any]):
    motion = serializers.ChoiceField(
        choices=Motion.values,
        required=False,
        help_text="The motion whose leads the texts name; by default the primary one.",
    )


class HealthBandSerializer(serializers.Serializer[Any]):
    limit = serializers.IntegerField(allow_null=True, help_text="The upper limit in percent; null: none.")
    label = serializers.CharField()  # type: ignore[assignment]  # DRF takes declared fields off the class
    tone = serializers.CharField()


class CatalogueFigureSerializer(serializers.Serializer[Any]):
    """A figure of the catalogue."""

    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(FigureKind))
    numerator = serializers.CharField()
    denominator = serializers.CharField(allow_blank=True)
    period_rule = serializers.CharField()
    smallest_sample = serializers.IntegerField()
    good_direction = serializers.ChoiceField(choices=list(GoodDirection))
    matures_after_days = serializers.IntegerField(allow_null=True)
    bands = HealthBandSerializer(many=True)
    sentence = serializers.CharField()


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


class ComplianceQuerySerializer(ReportQuerySerializer):
    """The question to the SLA report; `since` and `until` are a period, half-open in the company's days, beside weeks or from and to."""

    # No default of "": it is none of the choices, and generated clients would leave the whole endpoint out.
    by = serializers.ChoiceField(choices=["rep", "team", "tier", "week"], required=False)
    since = serializers.DateField(required=False, allow_null=True, default=None)
    until = serializers.DateField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["since"] and attrs["until"] and attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"until": "It must lie after `since`."})
        return attrs


class ComplianceSerializer(ReportSerializer):
    """The SLA report; `figures` has the promises by the group that `by` names."""

    by = serializers.CharField(allow_blank=True)
    figures = FigureSerializer(many=True)
