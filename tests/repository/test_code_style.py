"""The rules of names and sentences that can be counted: they hold in the whole product."""

from __future__ import annotations

import ast
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.repository.product_modules import PACKAGES, ROOT, product_modules

#: Local names that say nothing of what they hold.
PRIVATE_WORDS: Final = frozenset(
    {
        "each", "found", "said", "told", "held", "made", "words", "kept", "seen", "asked", "wanted", "taken", "given", "done",
    }
)  # fmt: skip
#: A docstring names its subject or begins with a verb. “One of …” does so.
VAGUE_BEGINNING: Final = re.compile(
    r"(What|Who|Whom|Whose|When|Where|Which|How|Why|Whether|Those|They|It|Its|Their|Theirs|One|So|As|Of|With|Without|None|All|Each"
    r"|Every|These|That|This|Them|If|By|Beside|Before|After|From|For|Until|Only|Not|Nobody|Somebody|Here|There)\b(?! of one)"
)
#: Names that Django and its libraries look up in every app or command.
SHARED_CLASSES: Final = frozenset({"Command", "Meta"})
SHARED_MODULES: Final = frozenset(
    {
        "models", "views", "admin", "forms", "urls", "apps", "api", "vocabulary", "serializers", "permissions", "filters",
        "__main__", "management",
    }
)  # fmt: skip
#: The modules of these packages are named by their package, too: `views/backtests.py` shows what `backtests` computes.
SHARED_FOLDERS: Final = frozenset(
    {"views", "api", "serializers", "forms", "models", "admin", "lint", "engine", "commands", "templatetags"}
)
SUPPRESSION: Final = re.compile(r"#\s*(?P<kind>noqa|type:\s*ignore|nosec|fmt:\s*off|ruff:\s*noqa)")
#: The code of the check, and after it the reason: as a comment, in parentheses or behind a dash.
REASONED: Final = re.compile(r"#\s*(noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*|type: ?ignore\[[a-z, -]+\])\s+(#|\(|-)\s*\w.*")


def find_repeated_classes(modules: dict[str, ast.Module]) -> list[str]:
    """Return the public classes whose name stands in several modules, each as `path:line Name`."""
    places = defaultdict(list)
    for path, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name not in SHARED_CLASSES:
                places[node.name].append((path, f"{path}:{node.lineno} {node.name}"))
    return sorted(place for rows in places.values() if len({path for path, _ in rows}) > 1 for _, place in rows)


def find_private_words(modules: dict[str, ast.Module]) -> list[str]:
    """Return the locals, parameters and loop variables that are named by one of `PRIVATE_WORDS`."""
    return [
        f"{path}:{line} {name}"
        for path, tree in modules.items()
        for name, line in _bound_names(tree)
        if name in PRIVATE_WORDS
    ]


def _bound_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names that a module binds and their lines, but for the fields of classes: columns and keys of answers."""
    statements = [node for owner in ast.walk(tree) if isinstance(owner, ast.ClassDef) for node in owner.body]
    fields = {id(node.target) for node in statements if isinstance(node, ast.AnnAssign)}
    fields |= {id(target) for node in statements if isinstance(node, ast.Assign) for target in node.targets}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in fields:
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.MatchAs | ast.MatchStar | ast.ExceptHandler) and node.name:
            yield node.name, node.lineno


def find_functions_named_of(modules: dict[str, ast.Module]) -> list[str]:
    """Return the functions `of` at module level: `module.of(…)` cannot be searched for."""
    return [
        f"{path}:{node.lineno}"
        for path, tree in modules.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == "of"
    ]


def find_repeated_modules(paths: Iterable[str]) -> list[str]:
    """Return the modules and packages with the name of another one, unless the framework or their package names them.

    The main module of a package may bear the name of the package: `clocks/clocks.py`.
    """
    places = defaultdict(list)
    for path in map(Path, paths):
        module = path.parent if path.name == "__init__.py" else path.with_suffix("")
        is_conventional = module.name in SHARED_MODULES | SHARED_FOLDERS or SHARED_FOLDERS & {*module.parent.parts}
        if not is_conventional and module.name != module.parent.name:
            places[module.name].append(f"{path.as_posix()}:1 {module.name}")
    return sorted(place for rows in places.values() if len(rows) > 1 for place in rows)


def find_vague_docstrings(modules: dict[str, ast.Module]) -> list[str]:
    """Return the docstrings that begin with a pronoun, a question word or the like."""
    return [
        f"{path}:{getattr(node, 'lineno', 1)} {docstring.splitlines()[0][:80]}"
        for path, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if VAGUE_BEGINNING.match(docstring := ast.get_docstring(node) or "")
    ]


def find_unexplained_suppressions(path: Path) -> list[str]:
    """Return the comments of a file that silence a check without a reason on their line."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    with path.open(encoding="utf-8") as file:
        if path.suffix == ".py":
            tokens = tokenize.generate_tokens(file.readline)
            comments = [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
        else:
            comments = list(enumerate(file, start=1))
    return [
        f"{name}:{line} {comment.strip()}"
        for line, comment in comments
        if SUPPRESSION.search(comment) and not REASONED.search(comment)
    ]


def test_a_public_class_name_stands_in_one_module() -> None:
    assert find_repeated_classes(product_modules()) == []


def test_locals_are_named_after_what_they_hold() -> None:
    assert find_private_words(product_modules()) == []


def test_no_function_is_named_of() -> None:
    assert find_functions_named_of(product_modules()) == []


def test_a_module_name_stands_once() -> None:
    assert find_repeated_modules(product_modules()) == []


def test_docstrings_begin_with_a_verb_or_name_their_subject() -> None:
    assert find_vague_docstrings(product_modules()) == []


def test_every_suppression_gives_its_reason() -> None:
    folders = [ROOT / name for name in (*PACKAGES, "tests", "benchmarks")]
    files = [
        *(file for folder in folders for file in sorted(folder.rglob("*.py"))),
        ROOT / "manage.py",
        *sorted((ROOT / "scripts").iterdir()),
    ]

    assert [line for file in files for line in find_unexplained_suppressions(file)] == []


# ── Each check finds what it is for ───────────────────────────────────────────────────────────────────────


def test_the_checks_find_classes_functions_locals_and_docstrings(tmp_path: Path) -> None:
    source = (
        '"""What stands here."""\n\n\nclass Row:\n    class Meta:\n        pass\n\n\n'
        'def of(kept, *, row):\n    """Of a row."""\n    return [each for each in row]\n'
    )
    modules = {"sla/rows.py": ast.parse(source), "leads/rows.py": ast.parse("class Row:\n    pass\n")}

    assert find_repeated_classes(modules) == ["leads/rows.py:1 Row", "sla/rows.py:4 Row"]
    assert find_private_words(modules) == ["sla/rows.py:9 kept", "sla/rows.py:11 each"]
    assert find_functions_named_of(modules) == ["sla/rows.py:9"]
    assert find_vague_docstrings(modules) == ["sla/rows.py:1 What stands here.", "sla/rows.py:9 Of a row."]
    assert find_repeated_modules(modules) == ["leads/rows.py:1 rows", "sla/rows.py:1 rows"]


def test_a_convention_or_the_package_may_name_a_module() -> None:
    paths = ["sla/models.py", "leads/models.py", "sla/views/queue.py", "sla/queue/__init__.py", "sla/queue/queue.py"]

    assert find_repeated_modules(paths) == []
    assert find_repeated_modules(["sla/queue/__init__.py", "sla/reports/queue.py"]) == [
        "sla/queue/__init__.py:1 queue",
        "sla/reports/queue.py:1 queue",
    ]


def test_a_suppression_needs_its_code_and_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    lines = [
        "a = 1  # noqa: S608",
        "b = 2  # noqa: S608  # the names are constants",
        "c = 3  # noqa",
        "d = 4  # type: ignore[arg-type]",
        "e = 5  # type: ignore[arg-type]  # the stubs are wrong",
        "f = (1,)  # fmt: skip",
        "# fmt: off",
        'g = "# noqa"',
    ]
    file.write_text("\n".join(lines))

    places = [line.partition(" ")[0] for line in find_unexplained_suppressions(file)]

    assert places == ["module.py:1", "module.py:3", "module.py:4", "module.py:7"]
