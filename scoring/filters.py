"""The filters of the API's list of leads that need a judgement."""

from __future__ import annotations

import django_filters as filters

from leads.filters import LeadApiFilter
from leads.models import LeadQuerySet
from scoring.mals import gate_gaps


class JudgedLeadFilter(LeadApiFilter):
    unknown = filters.CharFilter(
        method="filter_unknown",
        help_text="Engaged leads whose gate is unknown because of this attribute, as company.employees; any: of whichever.",
    )

    class Meta(LeadApiFilter.Meta):
        fields = [*LeadApiFilter.Meta.fields, "unknown"]

    def filter_unknown(self, leads: LeadQuerySet, _name: str, field: str) -> LeadQuerySet:
        gaps = gate_gaps.select_gaps(field="" if field == "any" else field)
        return leads.filter(pk__in=gaps.order_by().values("lead_id"))
