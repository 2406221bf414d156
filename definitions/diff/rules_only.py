"""The part of a document that decides who qualifies and how: everything but words about it. Rules 9.19."""

from __future__ import annotations

from typing import Any, Final

from definitions.plain_english.generated_statement import Json

_WORDS_OF_A_VERSION: Final = frozenset({"format", "name", "version", "owner", "reason", "statement", "sal_rate_target"})
_WORDS_OF_A_ROW: Final = frozenset({"rationale"})


def changes_no_rule(before: Json, after: Json) -> bool:
    """Tell whether two documents differ at most in words: names, reasons, rationales, the statement, the target."""
    return _select_rules(before) == _select_rules(after)


def _select_rules(document: Json) -> dict[str, Any]:
    rules = {key: _drop_words(value) for key, value in document.items() if key not in _WORDS_OF_A_VERSION}
    for part in ("paths", "hot"):
        rules[part] = [{key: value for key, value in row.items() if key != "name"} for row in rules.get(part, ())]
    return rules


def _drop_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _drop_words(part) for key, part in value.items() if key not in _WORDS_OF_A_ROW}
    return [_drop_words(part) for part in value] if isinstance(value, list) else value
