"""The OpenAPI schemas of requests. The intake reads JSON without serializers, so the schemas are written by hand."""

from __future__ import annotations

from typing import Any, Final

from leads.intake.events import MAX_BATCH
from leads.normalization import attributes
from leads.vocabulary import OutcomeKind, Seniority

_INSTANT = {
    "type": "string",
    "format": "date-time",
    "description": "With its zone; at most five minutes ahead of our clock. Also a text in the locale of the key.",
}
_ID = {"oneOf": [{"type": "string", "maxLength": 200, "minLength": 1}, {"type": "integer"}]}
_SYSTEM = {"type": "string", "maxLength": 64, "description": "The system that gave the ids; default: the key's source."}
_LEAD_REF = {
    "system": _SYSTEM,
    "email": {"type": "string", "format": "email"},
    "lead": {
        "oneOf": [{"type": "integer", "minimum": 1}, {"type": "string", "maxLength": 128}],
        "description": "Instead of the e-mail: Accord's id as a number, or your own id as a text.",
    },
}
_FLAG = {"oneOf": [{"type": "boolean"}, {"type": "string"}], "nullable": True, "description": "As a text: yes or no."}
_CURRENCY = "The code of a currency, as EUR; default: that of the key, or of the installation."
_TYPES: Final = {
    "country": {"type": "string", "nullable": True, "description": "A name or an ISO code; stored as the code."},
    "do_not_contact": _FLAG
    | {
        "description": "True: not to be contacted. False or null lifts that only with a later valid_from, or by a signed-in person."
    },
    "is_customer": _FLAG,
    "is_competitor": _FLAG,
    "annual_revenue": {
        "oneOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
        "nullable": True,
        "description": "A number, or a text as “€1.2m” or “1.200.000 EUR” in the locale of the key.",
    },
    "annual_revenue_currency": {"type": "string", "nullable": True, "description": _CURRENCY},
    "technologies": {"oneOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}], "nullable": True},
    "seniority": {"type": "string", "nullable": True, "description": f"One of {', '.join(Seniority.values)}."},
}
_DATES = {
    "valid_from": _INSTANT | {"description": "Since when these values hold; default: now."},
    "created_at": _INSTANT | {"description": "Since when the values of a first statement hold; default: now."},
}
_CUSTOM = {
    "type": "object",
    "additionalProperties": True,
    "description": "Your own attributes: texts, numbers, true/false, lists of texts.",
}


def _object_schema(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _one_or_many(item: dict[str, Any]) -> dict[str, Any]:
    if not item["required"]:
        del item["required"]
    return {"oneOf": [item, {"type": "array", "items": item, "maxItems": MAX_BATCH}]}


def _field_schemas(names: Any) -> dict[str, Any]:
    return {name: _TYPES.get(name, {"type": "string", "nullable": True}) for name in sorted(names)}


EVENTS: Final = _one_or_many(
    _object_schema(
        _LEAD_REF
        | {
            "company_domain": {
                "type": "string",
                "description": "Instead of a person: an event of a company, as a job posting, by the company's domain.",
            },
            "company_external_id": _ID | {"description": "Instead of a domain: your own id of the company."},
            "company": {
                "type": "integer",
                "minimum": 1,
                "description": "Instead of a domain: Accord's id of the company.",
            },
            "signal": {"type": "string", "description": "The code of a signal."},
            "occurred_at": _INSTANT,
            "id": _ID,
            "properties": {
                "type": "object",
                "additionalProperties": True,
                "description": "`asset` names the content engaged with.",
            },
        },
        "signal",
        "occurred_at",
    )
)
OUTCOMES: Final = _one_or_many(
    _object_schema(
        _LEAD_REF
        | {
            "kind": {"type": "string", "enum": OutcomeKind.values},
            "at": _INSTANT,
            "id": _ID,
            "amount": {
                "oneOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
                "description": "Required for an opportunity.",
            },
            "currency": {"type": "string", "description": _CURRENCY},
            "reason": {"type": "string", "maxLength": 200},
        },
        "kind",
        "at",
    )
)
LEADS: Final = _one_or_many(
    _object_schema(
        {
            "email": {"type": "string", "format": "email"},
            "external_id": _ID,
            "system": _SYSTEM,
            "company_domain": {"type": "string"},
            "company_external_id": _ID,
            "custom": _CUSTOM,
        }
        | _DATES
        | _field_schemas(attributes.LEAD)
    )
)
COMPANIES: Final = _one_or_many(
    _object_schema(
        {
            "domain": {"type": "string"},
            "domains": {"type": "array", "items": {"type": "string"}, "maxItems": 100},
            "external_id": _ID,
            "system": _SYSTEM,
            "employees": {
                "oneOf": [{"type": "integer"}, {"type": "string"}],
                "description": "A count, or a band as 51-200 or 1000+.",
            },
            "custom": _CUSTOM,
        }
        | _DATES
        | _field_schemas(attributes.COMPANY)
    )
)
