"""The OpenAPI schema of /api/v1/."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator


class ProcessSchemaGenerator(SchemaGenerator):
    """Generates the schema once a process: it depends on the code alone, and takes more than a second of CPU."""

    def get_schema(self, request: object = None, public: bool = False) -> dict[str, Any]:  # noqa: ARG002 (the library's signature; everybody reads the same schema)
        return _generate_schema()


@cache
def _generate_schema() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]  # an untyped library
    return schema
