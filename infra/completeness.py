"""Checks that each product's declaration is complete, before the stack is built or documented.

Every problem is one sentence that names the product, the handler and what to write. Without this
check, a forgotten declaration leads to a ``KeyError`` far from its cause, or to ``AccessDenied``
when the first client sends the event.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from importlib.util import find_spec

from shared.aws.tables import Table, TableName
from shared.errors import DeclarationError
from shared.pipeline.declarations import Declarations, EventHandler
from shared.pipeline.deployment import Access, FunctionSpec, TableSpec
from shared.pipeline.registry import Registry
from shared.settings import Settings

GRANTS = frozenset(
    {
        "create-endpoint",
        "delete-endpoint",
        "delete-livekit-room",
        "invoke-disconnect",
        "invoke-opener",
        "invoke-socketio",
        "post",
        "publish-push",
        "put-events",
        "read-queues",
        "read-secret",
        "send-broadcast",
        "send-deadline",
        "send-push",
        "send-shard",
        "send-unpublished",
        "set-endpoint",
        "start-balance",
        "start-ring",
    }
)
"""The rights that ``Access.may`` can name. ``infra/resources.py`` says what they allow."""


ACTIONS = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "ConditionCheckItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "UpdateItem",
    }
)
"""The actions on a table that ``Access.tables`` can name. A ``Scan`` is none of them: it costs as
much as the whole table."""


def check(
    registry: Registry,
    stack_tables: Iterable[TableSpec],
    stack_functions: Iterable[FunctionSpec] = (),
) -> None:
    """Raise ``DeclarationError`` for the first problem of a declaration, if any."""
    for problem in problems(registry, stack_tables, stack_functions):
        raise DeclarationError(problem)


def problems(
    registry: Registry,
    stack_tables: Iterable[TableSpec],
    stack_functions: Iterable[FunctionSpec] = (),
) -> Iterator[str]:
    """Yield a sentence for every declaration that is missing or contradicts another."""
    shared = list(stack_tables)
    tables = {table.name: table for table in shared}
    for product in registry.products:
        for table in product.tables:
            if table.name in tables:
                yield f"{_name(product)} declares the table {table.name!r}, which exists already."
            tables[table.name] = table
    for product in registry.products:
        yield from _of_models(product, tables)
        for row in product.handlers:
            yield from _of_handler(registry, product, row, tables)
        yield from _of_accesses(product, tables)
        for namespace in sorted({sent[0] for sent in product.sent} - registry.namespaces.keys()):
            yield _undeclared(product, "sends() names", namespace)
        for namespace in sorted(product.connect_hooks.keys() - registry.namespaces.keys()):
            yield _undeclared(product, "on_connect() names", namespace)
        for function in product.functions:
            yield from _of_function(product, function, tables)
    for function in stack_functions:
        where = f"The function {function.name!r} of the stack"
        yield from _of_access(where, function.access, tables)


def _name(product: Declarations) -> str:
    return f"Product {product.name!r}"


def _undeclared(product: Declarations, what: str, namespace: str) -> str:
    return (
        f"{_name(product)}: {what} the namespace {namespace!r}, which no product declares: add "
        f"Namespace({namespace!r}, …) to its namespaces=[…]."
    )


def _of_handler(
    registry: Registry, product: Declarations, row: EventHandler, tables: dict[str, TableSpec]
) -> Iterator[str]:
    where = f"the handler of {row.event!r} ({_place(row)})"
    if row.namespace not in registry.namespaces:
        yield _undeclared(product, f"{where} is in", row.namespace)
    if not inspect.getdoc(row.handle):
        yield (
            f"{_name(product)}: {where} has no docstring: write one, it is the text of /docs about "
            "this event."
        )
    if row.limit and row.limit.setting not in Settings.__struct_fields__:
        yield (
            f"{_name(product)}: {where} is limited by the setting {row.limit.setting!r}, which "
            "does not exist: add it to shared/settings.py."
        )
    yield from _of_access(f"{_name(product)}: {where}", row.access, tables)


def _place(row: EventHandler) -> str:
    handle = inspect.unwrap(row.handle)
    return f"{getattr(handle, '__module__', '?')}.{getattr(handle, '__qualname__', handle)}"


def _of_accesses(product: Declarations, tables: dict[str, TableSpec]) -> Iterator[str]:
    for where, access in _accesses(product):
        yield from _of_access(f"{_name(product)}: {where}", access, tables)


def _accesses(product: Declarations) -> Iterator[tuple[str, Access]]:
    yield "access=", product.access
    for hook, access in product.accesses:
        yield f"the hook for {hook.value}", access


def _of_access(where: str, access: Access, tables: dict[str, TableSpec]) -> Iterator[str]:
    for name, actions in access.tables.items():
        for action in sorted(set(actions.split()) - ACTIONS):
            yield (
                f"{where} may {action!r} on {name!r}, which is no action on a table; there are "
                f"{', '.join(sorted(ACTIONS))}."
            )
        table, _, index = name.partition("/")
        if table not in tables:
            yield (
                f"{where} touches the table {table!r}, which no product "
                f"declares: add TableSpec({table!r}, …) to its tables=[…]."
            )
        elif index and index not in {one.name for one in tables[table].indexes}:
            yield (
                f"{where} touches the index {name!r}, which the table does not "
                f"have: add IndexSpec({index!r}, …) to its indexes=(…)."
            )
    for grant in sorted(set(access.may.split()) - GRANTS):
        yield (f"{where} may {grant!r}, which is no grant; there are {', '.join(sorted(GRANTS))}.")


def _of_models(product: Declarations, tables: dict[str, TableSpec]) -> Iterator[str]:
    """Compare the models in the product's folder with the tables that it declares."""
    package = _package(product)
    every = [access for _, access in _accesses(product)]
    every += [row.access for row in product.handlers]
    every += [function.access for function in product.functions]
    touched = {name.partition("/")[0] for access in every for name in access.tables}
    for model in _models(Table):
        if package is None or not model.__module__.startswith(f"{package}."):
            continue
        table = _table_of(model)
        if table is None:
            continue
        name = table.name
        where = f"the model {model.__module__}.{model.__name__}"
        if name not in tables:
            yield (
                f"{_name(product)}: {where} is in the table {name!r}, which no product declares: "
                f"add TableSpec({name!r}, …) to its tables=[…]."
            )
        elif name not in touched:
            yield (
                f"{_name(product)}: {where} is in the table {name!r}, which its code may not "
                f"touch: add it to access=Access({{{name!r}: 'GetItem …'}})."
            )


def _models(base: type[Table]) -> Iterator[type[Table]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def _table_of(model: type[Table]) -> TableName | None:
    """Return the name of a model's table. Returns None for a base of models."""
    found = vars(model.Meta).get("table_name") if hasattr(model, "Meta") else None
    return found if isinstance(found, TableName) else None


def _package(product: Declarations) -> str | None:
    """Return the package of the product's handlers. Returns None if it has no handler."""
    modules = (inspect.unwrap(row.handle).__module__ for row in product.handlers)
    return next((module.rpartition(".")[0] for module in modules), None)


def _of_function(
    product: Declarations, function: FunctionSpec, tables: dict[str, TableSpec]
) -> Iterator[str]:
    where = f"the function {function.name!r}"
    module = function.handler.rpartition(".")[0]
    if find_spec(module) is None:
        yield f"{_name(product)}: {where} has its handler in {module}, which does not exist."
    yield from _of_access(f"{_name(product)}: {where}", function.access, tables)
    for table in function.streams:
        if table not in tables or tables[table].stream is None:
            yield (
                f"{_name(product)}: {where} follows the stream of the table {table!r}, which has "
                "none: give its TableSpec a stream=Stream.BOTH."
            )
