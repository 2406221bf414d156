"""The OpenAPI document: what generators of API clients need to accept it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping of the document, at any depth."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(child)


def test_no_parameter_has_an_empty_value(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    parameters = [parameter for operation in operations for parameter in operation.get("parameters", ())]
    schemas = [schema for parameter in parameters for schema in nodes(parameter["schema"])]

    assert [schema for schema in schemas if "" in (schema.get("default"), *schema.get("enum", ()))] == []


def test_the_default_of_an_enumeration_is_one_of_its_values(document: dict[str, Any]) -> None:
    enumerations = [node for node in nodes(document) if isinstance(node.get("enum"), list) and "default" in node]

    assert [node for node in enumerations if node["default"] not in node["enum"]] == []


def test_the_report_of_kept_promises_names_its_groups(document: dict[str, Any]) -> None:
    by = next(p for p in document["paths"]["/api/v1/reports/sla"]["get"]["parameters"] if p["name"] == "by")

    assert by["schema"]["enum"] == ["rep", "team", "tier", "week"]
    assert not by.get("required", False)
