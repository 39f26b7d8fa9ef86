"""Measuring one Python source file with `ast`. Nothing here knows about tasks."""

import ast
import tokenize
from collections.abc import Iterable, Iterator
from typing import Any

Measures = dict[str, Any]
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

_BRANCHES = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.IfExp,
    ast.comprehension,
    ast.match_case,
    ast.Assert,
)


def measure(path: str) -> Measures:
    """Lines, functions, longest function, complexity and docstring coverage of a file.

    Raises:
        SyntaxError: it is not Python of this version.
    """
    with tokenize.open(path) as file:
        source = file.read()
    tree = ast.parse(source, path)
    functions = list(_functions(tree))
    documented = [node for node in ast.walk(tree) if isinstance(node, _Documented)]
    return {
        "path": path,
        "error": None,
        "lines": source.count("\n") + 1,
        "functions": len(functions),
        "longest": max((_length(function) for function in functions), default=0),
        "complexity": max((_complexity(function) for function in functions), default=0),
        "documentable": len(documented),
        "documented": sum(ast.get_docstring(node) is not None for node in documented),
    }


def unreadable(path: str, error: str) -> Measures:
    """The measures of a file that could not be read: none."""
    zero = dict.fromkeys(
        ("lines", "functions", "longest", "complexity", "documentable", "documented"), 0
    )
    return {"path": path, "error": error, **zero}


def totals(rows: Iterable[Measures]) -> dict[str, int]:
    """Sums over files, and the maxima where a sum says nothing."""
    rows = list(rows)
    sums = {
        key: sum(row[key] for row in rows)
        for key in ("lines", "functions", "documentable", "documented")
    }
    tops = {key: max((row[key] for row in rows), default=0) for key in ("longest", "complexity")}
    return {
        "files": len(rows),
        "unreadable": sum(row["error"] is not None for row in rows),
        **sums,
        **tops,
    }


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _complexity(function: ast.AST) -> int:
    """Cyclomatic complexity: one, and one more for each way the flow can branch."""
    score = 1
    for node in ast.walk(function):
        if isinstance(node, _BRANCHES):
            score += 1
        elif isinstance(node, ast.BoolOp):
            score += len(node.values) - 1
    return score
