"""The words of an unexpected error stay in the log: records and messages use `outages.describe_failure` (rules 17.20)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tests.repository.product_modules import product_modules

#: Whoever catches one of these may have caught an error of the database, whose words can hold people's data.
UNEXPECTED: Final = frozenset(
    {
        "Exception", "BaseException", "DatabaseError", "OperationalError", "InterfaceError", "IntegrityError",
        "DataError", "InternalError", "ProgrammingError",
    }
)  # fmt: skip
#: The functions that may use the words, with the reason.
EXEMPT: Final = {
    "config/demo/prepare.py _connect": "a sentence in the terminal of whoever typed the address of the database",
    "config/jobs/sweeps.py set_aside": "only of CannotBeDone, in our own sentences",
    "config/web.py bad_request": "only of QueryRefused, in our own sentences",
    "leads/files/csv_reader.py _describe_flaw": "of the reader of CSV, which it translates",
    "scoring/backtests/pending_backtests.py _error_sentence": "only of ValueError, by which the compiler of rules names a part",
    "sla/handoffs/routing.py describe_failure": "only of hours that cannot be read, in our own sentences",
    "sla/views/plays.py show_overtaken": "only of our own refusals",
    "sla/views/responses.py show_overtaken": "only of our own refusals",
    "sla/notifications/deliveries.py _error_text": "only of mail servers, and of our own refusals of webhooks",
}


def find_error_texts(modules: dict[str, ast.Module]) -> list[str]:
    """Return the functions that write out an unexpected error, each as `path function`."""
    return sorted(
        {
            f"{path} {function.name}"
            for path, tree in modules.items()
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for name, block in _unexpected_errors(function)
            if any(_writes_out(node, name) for node in ast.walk(block))
        }
    )


def _unexpected_errors(function: ast.FunctionDef) -> Iterator[tuple[str, ast.AST]]:
    """Yield the names that hold an unexpected error and the part of the function in which they do."""
    for argument in [*function.args.args, *function.args.kwonlyargs]:
        if argument.annotation is not None and _names_of(argument.annotation) & UNEXPECTED:
            yield argument.arg, function
    for node in ast.walk(function):
        if isinstance(node, ast.ExceptHandler) and node.name and node.type and _names_of(node.type) & UNEXPECTED:
            yield node.name, node


def _names_of(node: ast.AST) -> set[str]:
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return names | {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def _writes_out(node: ast.AST, name: str) -> bool:
    """Return whether a node makes text of the error: str(error), repr(error), f"{error}" or error.args."""
    match node:
        case ast.Call(func=ast.Name(id="str" | "repr" | "format"), args=[ast.Name(id=used), *_]):
            return used == name
        case ast.FormattedValue(value=ast.Name(id=used)) | ast.Attribute(value=ast.Name(id=used), attr="args"):
            return used == name
    return False


def test_no_record_or_message_takes_over_the_words_of_an_unexpected_error() -> None:
    assert find_error_texts(product_modules()) == sorted(EXEMPT)


def test_the_check_finds_every_way_to_write_an_error_out() -> None:
    source = """
def store(row):
    try:
        row.save()
    except Exception as error:
        row.error = {use}
def refuse(row):
    try:
        row.save()
    except Refused as refusal:
        row.error = str(refusal)
"""
    for use in ("str(error)", "repr(error)", 'f"It failed: {error}"', "error.args[0]"):
        assert find_error_texts({"a.py": ast.parse(source.replace("{use}", use))}) == ["a.py store"]
    assert find_error_texts({"a.py": ast.parse(source.replace("{use}", "describe_failure(error)"))}) == []
    annotated = "def store(row, error: Exception):\n    row.error = str(error)\n"
    assert find_error_texts({"a.py": ast.parse(annotated)}) == ["a.py store"]
