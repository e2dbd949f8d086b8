"""An incomplete product is refused with one sentence that says what to write."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from pynamodb.attributes import UnicodeAttribute

from functions.products import REGISTRY
from infra import app, functions
from infra.completeness import problems
from infra.tables import STACK
from shared.aws.tables import Table, TableName
from shared.errors import DeclarationError
from shared.pipeline.declarations import Limit
from shared.pipeline.deployment import Access, FunctionSpec, TableSpec
from shared.pipeline.payloads import Error
from shared.pipeline.product import Product
from shared.pipeline.registry import Registry
from shared.realtime.namespaces import Login, Namespace

BOARD = Namespace("/board", login=Login.NONE)


def said(context: Any, payload: Any) -> None:
    """Send it to all."""


def silent(context: Any, payload: Any) -> None: ...


def found(product: Product) -> list[str]:
    return list(problems(Registry([product]), STACK))


def test_the_products_of_the_stack_are_complete() -> None:
    own = (one.spec for one in functions.STACK)
    assert list(problems(REGISTRY, STACK, own)) == []


def test_a_function_of_the_stack_with_a_misspelt_action() -> None:
    wrong = FunctionSpec("ping", "functions.ping.handler", Access({"connections/due": "Qery"}))
    assert list(problems(Registry([]), STACK, [wrong])) == [
        "The function 'ping' of the stack may 'Qery' on 'connections/due', which is no action on a "
        "table; there are BatchGetItem, BatchWriteItem, ConditionCheckItem, DeleteItem, GetItem, "
        "PutItem, Query, UpdateItem."
    ]


def test_a_namespace_that_no_product_declares() -> None:
    product = Product("board")
    product.on("said", namespaces=["/board"])(said)
    product.sends("/elsewhere", Error)
    assert found(product) == [
        f"Product 'board': the handler of 'said' ({__name__}.said) is in the namespace '/board', "
        "which no product declares: add Namespace('/board', …) to its namespaces=[…].",
        "Product 'board': sends() names the namespace '/elsewhere', which no product declares: add "
        "Namespace('/elsewhere', …) to its namespaces=[…].",
    ]


@pytest.mark.parametrize(
    ("access", "sentence"),
    [
        (
            Access({"board": "PutItem"}),
            "touches the table 'board', which no product declares: add TableSpec('board', …) to "
            "its tables=[…].",
        ),
        (
            Access({"calls/caller": "Query"}),
            "touches the index 'calls/caller', which the table does not have: add "
            "IndexSpec('caller', …) to its indexes=(…).",
        ),
        (
            Access({"people": "GetItm PutItem"}),
            "may 'GetItm' on 'people', which is no action on a table; there are BatchGetItem, ",
        ),
        (Access(may="fly"), "may 'fly', which is no grant; there are create-endpoint, "),
    ],
)
def test_rights_to_what_is_not_there(access: Access, sentence: str) -> None:
    product = Product("board", namespaces=[BOARD], access=access)
    (problem,) = found(product)
    assert problem.startswith(f"Product 'board': access= {sentence}")
    product = Product("board", namespaces=[BOARD])
    product.on("said", namespaces=["/board"], access=access)(said)
    (problem,) = found(product)
    assert f"the handler of 'said' ({__name__}.said) {sentence}" in problem
    product = Product("board", namespaces=[BOARD])
    product.on_sweep(access=access)(lambda sweep: None)
    (problem,) = found(product)
    assert f"the hook for sweep {sentence}" in problem


def test_a_handler_without_words() -> None:
    product = Product("board", namespaces=[BOARD])
    product.on("said", namespaces=["/board"])(silent)
    (problem,) = found(product)
    assert "has no docstring: write one, it is the text of /docs about this event." in problem


def test_a_limit_that_is_no_setting() -> None:
    product = Product("board", namespaces=[BOARD])
    product.on("said", namespaces=["/board"], limit=Limit("limit_said"))(said)
    (problem,) = found(product)
    assert "is limited by the setting 'limit_said', which does not exist" in problem


def test_a_model_in_a_table_that_is_not_declared_or_not_allowed() -> None:
    class Line(Table):
        class Meta:
            table_name = TableName("board")

        key = UnicodeAttribute(hash_key=True)

    Line.__module__ = f"{__name__.rpartition('.')[0]}.store"
    product = Product("board", namespaces=[BOARD])
    product.on("said", namespaces=["/board"])(said)
    (problem,) = found(product)
    assert "which no product declares: add TableSpec('board', …) to its tables=[…]." in problem
    product = Product("board", namespaces=[BOARD], tables=[TableSpec("board", "key")])
    product.on("said", namespaces=["/board"])(said)
    (problem,) = found(product)
    assert (
        "which its code may not touch: add it to access=Access({'board': 'GetItem …'})" in problem
    )
    product = Product(
        "board",
        namespaces=[BOARD],
        tables=[TableSpec("board", "key")],
        access=Access({"board": "GetItem"}),
    )
    product.on("said", namespaces=["/board"])(said)
    assert found(product) == []
    Line.__module__ = "elsewhere"


def test_a_table_that_exists_already() -> None:
    product = Product("board", tables=[TableSpec("people", "id")])
    assert found(product) == ["Product 'board' declares the table 'people', which exists already."]


def test_a_function_without_a_module_or_a_stream() -> None:
    function = FunctionSpec("board-stream", "functions.board_stream.handler", streams=("rooms",))
    assert found(Product("board", functions=[function])) == [
        "Product 'board': the function 'board-stream' has its handler in functions.board_stream, "
        "which does not exist.",
        "Product 'board': the function 'board-stream' follows the stream of the table 'rooms', "
        "which has none: give its TableSpec a stream=Stream.BOTH.",
    ]


@pytest.mark.parametrize(
    ("declare", "sentence"),
    [
        (lambda: Namespace("board", "USER"), "the path begins with / and has no spaces"),
        (lambda: Namespace("/a b", "USER"), "the path begins with / and has no spaces"),
        (lambda: Namespace("/board"), "Namespace /board: give it a role, or login=Login.NONE"),
        (
            lambda: Registry([Product("a", namespaces=[BOARD]), Product("b", namespaces=[BOARD])]),
            "The namespace /board is declared twice",
        ),
    ],
)
def test_declarations_that_cannot_work(declare: Any, sentence: str) -> None:
    with pytest.raises(DeclarationError, match=sentence):
        declare()


def test_the_synth_ends_with_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    product = Product("board")
    product.on("said", namespaces=["/board"])(said)
    monkeypatch.setattr(sys.modules["functions.products"], "REGISTRY", Registry([product]))
    with pytest.raises(SystemExit, match=r"^Product 'board': the handler of 'said' .* add Name"):
        app.main()
