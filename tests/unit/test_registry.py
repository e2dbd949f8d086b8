"""The registry: one table of events and one table of HTTP routes."""

from __future__ import annotations

import re

import msgspec
import pytest

from shared.identity.wallet import Wallet
from shared.pipeline.declarations import Limit, RingTimeout
from shared.pipeline.http import HttpRequest
from shared.pipeline.payloads import Error, Inbound, Outbound
from shared.pipeline.product import Product
from shared.pipeline.registry import Registry
from shared.pipeline.routes import Parameter
from shared.realtime.address import Address, Wire
from shared.realtime.people import Person


def handle(context: object, payload: object) -> None: ...


class Payload(Inbound, frozen=True):
    some_field: str


class Said(Outbound, frozen=True):
    event = "said"
    some_field: str


def test_a_row_holds_what_the_product_registered() -> None:
    product = Product("shop")
    limit = Limit("limit_call_end_per_minute")
    registered = product.on(
        "item:buy",
        namespaces=["/user", "/admin"],
        payload=Payload,
        error_event="shop:error",
        missing="Invalid item",
        texts={"someField": "Invalid field"},
        limit=limit,
        preload=len,
    )(handle)
    assert registered is handle
    registry = Registry([product])
    for namespace in ("/user", "/admin"):
        row = registry.find(namespace, "item:buy")
        assert row
        assert (row.event, row.namespace, row.product) == ("item:buy", namespace, "shop")
        assert (row.payload, row.handle, row.preload) == (Payload, handle, len)
        assert (row.error_event, row.missing) == ("shop:error", "Invalid item")
        assert (row.texts, row.limit) == ({"someField": "Invalid field"}, limit)


def test_a_registration_without_options_has_the_defaults() -> None:
    product = Product("shop")
    product.on("look", namespaces=["/user"])(handle)
    row = Registry([product]).find("/user", "look")
    assert row
    assert (row.payload, row.error_event, row.missing) == (None, "error", None)
    assert (row.texts, row.limit, row.preload) == ({}, None, None)


@pytest.mark.parametrize(("namespace", "event"), [("/admin", "look"), ("/user", "listen")])
def test_an_event_that_is_not_registered_is_not_found(namespace: str, event: str) -> None:
    product = Product("shop")
    product.on("look", namespaces=["/user"])(handle)
    assert Registry([product]).find(namespace, event) is None


@pytest.mark.parametrize("same_product", [True, False])
def test_an_event_cannot_be_registered_twice_in_a_namespace(same_product: bool) -> None:
    first = Product("first")
    second = first if same_product else Product("second")
    for product in (first, second):
        product.on("look", namespaces=["/user"])(handle)
    with pytest.raises(ValueError, match="look is registered twice in /user"):
        Registry([first] if same_product else [first, second])


def test_an_action_of_one_product_has_a_route_and_a_shared_action_has_none() -> None:
    calls, chat = Product("calls"), Product("chat")
    calls.on("call:end", namespaces=["/user", "/telecaller"])(handle)
    calls.on("call:cancel", namespaces=["/user"])(handle)
    chat.on("call:end", namespaces=["/"])(handle)
    chat.on("message_read", namespaces=["/"])(handle)
    registry = Registry([calls, chat])
    assert registry.routes() == {"call.cancel": "calls", "message_read": "chat"}
    served = registry.find("/", "call:end")
    assert served
    assert served.product == "chat"


def test_leave_hooks_of_several_products_are_collected() -> None:
    first, second = Product("first"), Product("second")

    def one(background: object, person: object) -> None: ...

    def two(background: object, person: object) -> None: ...

    assert first.on_last_leave("/user", "/admin")(one) is one
    second.on_last_leave("/user")(two)
    hooks = Registry([first, second]).leave_hooks
    assert hooks == {"/user": [one, two], "/admin": [one]}


def test_leave_hooks_of_a_namespace_must_agree_on_the_class_of_its_rows() -> None:
    first, second = Product("first"), Product("second")

    def hook(background: object, person: object) -> None: ...

    first.on_last_leave("/user", row=Wallet)(hook)
    second.on_last_leave("/user", "/admin")(hook)
    assert Registry([first, second]).person_rows == {"/user": Wallet}
    second.on_last_leave("/user", row=Person)(hook)
    with pytest.raises(ValueError, match=r"people in /user have two classes of rows$"):
        Registry([first, second])


def test_sweeps_timeouts_and_backend_events_are_collected() -> None:
    product = Product("shop")

    def sweep(sweep: object) -> None: ...

    def timeout(background: object, person: object, call_id: str) -> None: ...

    def sold(background: object, payload: Payload, at: int) -> None: ...

    assert product.on_sweep()(sweep) is sweep
    assert product.on_ring_timeout("/user", row=Person)(timeout) is timeout
    assert product.on_backend("item.sold", payload=Payload)(sold) is sold
    registry = Registry([product])
    assert registry.sweep_hooks == [sweep]
    assert registry.ring_timeouts == {"/user": RingTimeout(Person, timeout)}
    (event,) = registry.backend_events.values()
    assert (event.type, event.payload, event.handle) == ("item.sold", Payload, sold)


def test_an_outbound_event_is_addressed_to_connections() -> None:
    addresses = [Address("/user", Wire.NATIVE, f"c{number}") for number in range(2)]
    delivery = Said("x").to(iter(addresses))
    assert (delivery.event, delivery.payload) == ("said", Said("x"))
    assert delivery.addresses == tuple(addresses)
    assert Error("no").to([]).event == "error"


def test_a_broadcast_names_its_room_and_its_group() -> None:
    to_namespace = Said("x").to_everybody("/user", group="tina")
    found = (to_namespace.namespace, to_namespace.room, to_namespace.group)
    assert found == ("/user", "", "tina")
    assert (to_namespace.event, to_namespace.skip_person) == ("said", None)
    room = Said("x").to_room("/", "channel", group="channel", skip_person="ulla")
    assert (room.namespace, room.room, room.skip_person) == ("/", "channel", "ulla")


def read(request: HttpRequest) -> None: ...


def test_an_http_route_holds_what_the_product_registered() -> None:
    product = Product("shop")
    query = {"a": Parameter("b")}
    registered = product.route(
        "GET /items/{id}", who="an admin", query=query, body=Payload, status=202, errors=[404]
    )(read)
    assert registered is read
    row = Registry([product]).http_routes["GET /items/{id}"]
    assert (row.method, row.path, row.product) == ("GET", "/items/{id}", "shop")
    assert (row.who, row.query, row.body) == ("an admin", query, Payload)
    assert (row.status, row.errors, row.handle) == (202, (404,), read)


def test_an_http_route_cannot_be_registered_twice() -> None:
    first, second = Product("first"), Product("second")
    for product in (first, second):
        product.route("GET /items/{id}")(read)
    with pytest.raises(ValueError, match=re.escape("GET /items/{id} is registered twice")):
        Registry([first, second])


@pytest.mark.parametrize("key", ["/items", "get /items", "GET items", "GET /{id}/{id}", "GET /{a}"])
def test_a_malformed_route_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=re.escape(key)):
        Product("shop").route(key)


def test_counters_are_kept_in_the_order_of_the_products() -> None:
    class Number(msgspec.Struct):
        number: int

    def one(now_ms: int) -> Number:
        return Number(now_ms)

    def other(now_ms: int) -> Number:
        return Number(now_ms)

    first, second = Product("first"), Product("second")
    assert second.counters()(other) is other
    first.counters()(one)
    assert Registry([first, second]).counters == [one, other]
