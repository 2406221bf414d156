from __future__ import annotations

from typing import ClassVar

import django_filters

from definitions.models import Review, ReviewQuerySet, Version
from definitions.vocabulary import ReviewKind, ReviewState, ReviewTrigger
from leads.vocabulary import Motion


class VersionFilter(django_filters.FilterSet):
    definition = django_filters.CharFilter(field_name="definition__slugs__slug")
    scope = django_filters.CharFilter(field_name="definition__scope", lookup_expr="iexact")
    motion = django_filters.ChoiceFilter(field_name="definition__motion", choices=Motion.choices)

    class Meta:
        model = Version
        fields: ClassVar = ["definition", "scope", "motion", "state"]


class ReviewFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=ReviewState.choices, method="filter_state", empty_label="Any state")
    kind = django_filters.ChoiceFilter(choices=ReviewKind.choices, empty_label="Any kind")
    trigger = django_filters.ChoiceFilter(choices=ReviewTrigger.choices, empty_label="Any cause")
    definition = django_filters.CharFilter(field_name="definition__slugs__slug")
    motion = django_filters.ChoiceFilter(field_name="definition__motion", choices=Motion.choices)

    class Meta:
        model = Review
        fields: ClassVar = ["state", "kind", "trigger", "definition", "motion"]

    @staticmethod
    def filter_state(rows: ReviewQuerySet, _name: str, state: str) -> ReviewQuerySet:
        return rows.in_state(state)
