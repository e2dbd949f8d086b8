"""Notes which lines of the backend run, at no cost: the functions' code says so itself.

A tracer, as a measurement of coverage uses one, makes the whole process three times as slow.
"""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType

Line = tuple[str, int]
"""A file, by its path below the root, and a line of it."""

NOTE = "__note__"
"""The name under which the code of a module finds what notes a line."""


@contextmanager
def noting(root: Path, lines: Iterable[Line], noted: set[Line]) -> Iterator[None]:
    """Add those of ``lines`` to ``noted`` that run meanwhile. They are lines of functions."""
    by_file: dict[str, set[int]] = {}
    for file, line in lines:
        by_file.setdefault(file, set()).add(line)
    modules = {file: import_module(file.removesuffix(".py").replace("/", ".")) for file in by_file}
    codes = {
        _key(code): code for file, mine in by_file.items() for code in _compiled(root, file, mine)
    }
    replaced: list[tuple[FunctionType, CodeType]] = []
    for module in modules.values():
        vars(module)[NOTE] = noted.add
    gc.unfreeze()  # else it leaves out what was imported before the first event
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and _key(one.__code__) in codes:
            replaced.append((one, one.__code__))
            one.__code__ = codes[_key(one.__code__)]
    try:
        yield
    finally:
        for function, code in replaced:
            function.__code__ = code
        for module in modules.values():
            del vars(module)[NOTE]


def _key(code: CodeType) -> tuple[str, str, int]:
    """Return what identifies a function's code."""
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _compiled(root: Path, file: str, lines: set[int]) -> Iterator[CodeType]:
    """Yield the code of the functions of a file, with notes at some lines."""
    path = root / file
    tree = ast.parse(path.read_text())
    _Noting(file, lines).generic_visit(tree)
    yield from _functions(compile(ast.fix_missing_locations(tree), str(path), "exec"))


def _functions(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _functions(inner)


class _Noting(ast.NodeTransformer):
    """Puts a note before the first statement or expression of each line."""

    def __init__(self, file: str, lines: set[int]) -> None:
        self._file = file
        self._lines = set(lines)

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        """Return the node with notes in it and, if it is the first of its line, before it."""
        if isinstance(node, ast.pattern):
            return node
        line = getattr(node, "lineno", 0)
        if line not in self._lines or not _may_be_noted(node):
            return self.generic_visit(node)
        self._lines.remove(line)
        said = ast.parse(f"{NOTE}(({self._file!r}, {line}))", mode="eval").body
        for one in ast.walk(said):
            ast.copy_location(one, node)
        noted = self.generic_visit(node)
        if isinstance(noted, ast.stmt):
            return [ast.copy_location(ast.Expr(said), node), noted]
        assert isinstance(noted, ast.expr)
        return ast.copy_location(ast.BoolOp(ast.Or(), [said, noted]), node)


def _may_be_noted(node: ast.AST) -> bool:
    """Return whether a note may stand before a node. A lambda has it inside, where it runs."""
    if isinstance(node, ast.expr):
        stored = not isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        return not (
            stored or isinstance(node, ast.FormattedValue | ast.Lambda | ast.Slice | ast.Starred)
        )
    return isinstance(node, ast.stmt)
