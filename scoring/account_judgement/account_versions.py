"""The rules of a version that judges companies, compiled for the engine and for the reader of their facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from definitions.document.basis import Basis
from definitions.models import Version
from scoring import active_versions
from scoring.engine.accounts import AccountRules
from scoring.engine.rules import RECENCY_VALIDATED, CriterionRule, Rules
from scoring.rule_compiler import compile_with_basis

#: A person who may not be contacted never counts, whatever the version says (rules 4.27).
OPTED_OUT = CriterionRule("opted_out", "lead.do_not_contact", "is", True)


@dataclass(frozen=True, slots=True)
class CompiledAccount:
    """A document that judges companies, compiled.

    `of_company` asks for company fields alone; the disqualifiers of `of_person` leave a person out of the count.
    `engaging` are the signals by which a contact is engaged, `company_signals` those of the company itself.
    """

    document: Mapping[str, Any]
    rules: AccountRules
    of_company: Rules
    of_person: Rules
    engaging: frozenset[str]
    company_signals: frozenset[str]


def compile_version(version: Version) -> CompiledAccount:
    """Return the rules of a version that judges companies, with its basis (rules 9.18)."""
    return compile_account(active_versions.document_of(version), active_versions.basis_of(version))


def compile_account(document: Mapping[str, Any], basis: Basis) -> CompiledAccount:
    """Compile a complete document with a section `account`."""
    rules = compile_with_basis(document, basis)
    section = document["account"]
    company = section["company_signals"]
    of_company = tuple(row for row in rules.disqualifiers if row.field.startswith("company."))
    of_person = tuple(row for row in rules.disqualifiers if row not in of_company)
    company_signals = frozenset(company["count_of"]) if company else frozenset[str]()
    # A third party's signal about the company is no engagement of a contact unless the version lists it, nor is marketing's
    # word about a lead.
    every_engagement = rules.engaging - company_signals - {RECENCY_VALIDATED}
    return CompiledAccount(
        document=document,
        rules=AccountRules(
            contacts_at_least=int(section["contacts_at_least"]),
            within_days=float(section["within_days"]),
            company_signals_at_least=int(company["at_least"]) if company else 0,
            company_within_days=float(company["within_days"]) if company else 0.0,
            tier_1_contacts=None if section["tier_1_contacts"] is None else int(section["tier_1_contacts"]),
        ),
        of_company=replace(rules, disqualifiers=of_company),
        of_person=replace(rules, gate=(), disqualifiers=(*of_person, OPTED_OUT)),
        engaging=frozenset(section["engaged_by"]) if section["engaged_by"] else every_engagement,
        company_signals=company_signals,
    )
