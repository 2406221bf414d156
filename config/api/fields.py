"""Fields of serializers that several apps use."""

from __future__ import annotations

from typing import Any

from django.db.models import TextChoices
from rest_framework import serializers


class VocabularyField(serializers.ChoiceField):
    """Read a vocabulary's value as its member; a refusal lists the values."""

    def __init__(self, vocabulary: type[TextChoices], **kwargs: Any) -> None:
        self.vocabulary = vocabulary
        super().__init__(choices=vocabulary.choices, **kwargs)
        self.error_messages["invalid_choice"] = f"It must be one of: {', '.join(vocabulary.values)}."

    def to_internal_value(self, data: Any) -> TextChoices:
        return self.vocabulary(super().to_internal_value(data))
