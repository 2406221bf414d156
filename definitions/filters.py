from __future__ import annotations

from typing import ClassVar

import django_filters

from definitions.models import Version
from leads.vocabulary import Motion


class VersionFilter(django_filters.FilterSet):
    definition = django_filters.CharFilter(field_name="definition__slugs__slug")
    scope = django_filters.CharFilter(field_name="definition__scope", lookup_expr="iexact")
    motion = django_filters.ChoiceFilter(field_name="definition__motion", choices=Motion.choices)

    class Meta:
        model = Version
        fields: ClassVar = ["definition", "scope", "motion", "state"]
