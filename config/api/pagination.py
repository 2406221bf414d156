"""Pagination of the API's lists: the cursor is opaque, the next page begins where this one ended, however many rows came since."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.views import APIView


class KeysetPages(CursorPagination):
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000

    def paginate_queryset(self, queryset: Any, request: Any, view: APIView | None = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ValidationError):
            # A forged cursor: well-formed, but its position does not exist in this order.
            raise NotFound(self.invalid_cursor_message) from None


class NewestFirst(KeysetPages):
    """Pages of rows with a `created_at`, the newest first."""

    ordering = ("-created_at", "-pk")


class LastStoredFirst(KeysetPages):
    """Pages of rows in the reverse order of their ids."""

    ordering = "-pk"
