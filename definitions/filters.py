from __future__ import annotations

from typing import ClassVar

import django_filters

from definitions.models import Version


class VersionFilter(django_filters.FilterSet):
    definition = django_filters.CharFilter(field_name="definition__slug")

    class Meta:
        model = Version
        fields: ClassVar = ["definition", "state"]
