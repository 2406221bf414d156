from __future__ import annotations

from typing import ClassVar

import django_filters

from definitions.models import Version
from leads.vocabulary import Motion


class VersionFilter(django_filters.FilterSet):
    definition = django_filters.CharFilter(field_name="definition__slug")
    motion = django_filters.ChoiceFilter(field_name="definition__motion", choices=Motion.choices)

    class Meta:
        model = Version
        fields: ClassVar = ["definition", "motion", "state"]
