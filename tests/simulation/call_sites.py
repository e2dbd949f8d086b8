"""The places in the backend's code that touch AWS, found by reading the code.

A call touches AWS if it is a method of a table's model, of a port or of an SDK client, or calls a
function of ours that does so anywhere. Names are looked up in the imported modules. What cannot be
looked up, as a method of a local variable, counts by its name. So a call may be listed that touches
nothing; none is missing that has one of these names.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from pynamodb.indexes import Index

from shared import ports
from shared.aws.tables import Table

ROOT = Path(__file__).parents[2]
WINGS = ("functions", "shared")
NOT_HERE = (
    "shared/ports.py",
    "shared/aws/http_connection.py",
    "shared/aws/http_pool.py",
    "shared/protocol/",
)
"""Without requests: the ports' names, what the simulation replaces, and what is pure."""

_OF_PORTS = {
    name
    for port in (ports.Connections, ports.Tasks)
    for name in vars(port)
    if not name.startswith("_")
}
_OF_MODELS = {"batch_get", "count", "delete", "get", "query", "refresh", "save", "update"}
_BY_NAME = {"emit", "update_if", "save_if", "delete_if", "query", "batch_get"}


class Site(NamedTuple):
    """A call in the code.

    function: the qualified name of the function that makes the call.
    text: what it calls.
    line: the first line of the call.
    """

    file: str
    function: str
    text: str
    line: int

    @property
    def name(self) -> str:
        """What identifies the call while lines move."""
        return f"{self.file} {self.function}: {self.text}"


class _Function(NamedTuple):
    """A function's calls, in the module whose names it uses."""

    module: ModuleType
    calls: list[ast.Call]


@cache
def sites() -> list[Site]:
    """Return all calls that touch AWS."""
    modules = {file: _module(file) for file in _files()}
    trees = {file: ast.parse((ROOT / file).read_text()) for file in modules}
    functions = {
        (modules[file].__name__, name): _Function(modules[file], list(_calls(node)))
        for file, tree in trees.items()
        for name, node in _functions(tree)
    }
    touching: set[tuple[str, str]] = set()
    while True:
        found = {
            key
            for key, one in functions.items()
            if key in touching or any(_touches(call, one.module, touching) for call in one.calls)
        }
        if found == touching:
            break
        touching = found
    return sorted(
        Site(file, name, _text(call.func), call.lineno)
        for file, tree in trees.items()
        for name, node in _functions(tree)
        for call in _calls(node)
        if _touches(call, modules[file], touching)
    )


def _files() -> list[str]:
    found = (path for wing in WINGS for path in sorted((ROOT / wing).rglob("*.py")))
    names = (str(path.relative_to(ROOT)) for path in found)
    return [name for name in names if not name.startswith(NOT_HERE)]


def _module(file: str) -> ModuleType:
    return import_module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the functions of a module and the methods of its classes, by qualified name."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            methods = (one for one in node.body if isinstance(one, ast.FunctionDef))
            yield from ((f"{node.name}.{one.name}", one) for one in methods)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Call))


def _touches(call: ast.Call, module: ModuleType, touching: set[tuple[str, str]]) -> bool:
    """Return whether a call touches AWS, as far as is known by now."""
    target = call.func
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Constant):
        return False
    if any(keyword.arg == "consistent_read" for keyword in call.keywords):
        return True
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Call):
        inner = _text(target.value.func)
        if inner.endswith("clients.client"):
            return True
    text = _text(target)
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    owner, found = _resolved(target, module)
    if found is None:
        methods = {key[1].rpartition(".")[2] for key in touching if "." in key[1]}
        own = name in methods - _OF_MODELS - _OF_PORTS and not name.startswith("__")
        writes = name in ("update", "save", "delete") and _is_write(call)
        ported = name in _OF_PORTS and ("connections." in text or "tasks." in text)
        return name in _BY_NAME or ported or own or writes
    if name in _OF_MODELS | _BY_NAME and _is_model(owner):
        return True
    if isinstance(found, partial):
        found = found.func
    real: Any = found
    if callable(real):
        real = inspect.unwrap(real)
    return (getattr(real, "__module__", ""), getattr(real, "__qualname__", "")) in touching


@cache
def _text(node: ast.expr) -> str:
    return ast.unparse(node)


def _is_model(owner: object) -> bool:
    """Return whether something is a table's model or one of its indexes."""
    return isinstance(owner, Index) or (isinstance(owner, type) and issubclass(owner, Table))


def _is_write(call: ast.Call) -> bool:
    """Return whether a call looks like a model's write: a list of actions, or nothing at all."""
    return not call.args or isinstance(call.args[0], ast.List)


def _resolved(target: ast.expr, module: ModuleType) -> tuple[object, object]:
    """Return what a dotted name means in a module, behind the object whose attribute it is.

    Returns None twice if the name is a local one.
    """
    names: list[str] = []
    while isinstance(target, ast.Attribute):
        names.append(target.attr)
        target = target.value
    if not isinstance(target, ast.Name) or target.id not in vars(module):
        return None, None
    found = owner = vars(module)[target.id]
    for name in reversed(names):
        owner, found = found, getattr(found, name, None)
    return owner, found
