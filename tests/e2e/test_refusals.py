"""Tests of who may join a namespace, and of the reasons that other clients receive."""

from __future__ import annotations

import base64
import time

import jwt
import pytest

from shared.identity.accounts import Account
from tests.e2e.clients import Refused
from tests.e2e.people import SECRET, sign, token
from tests.e2e.stack import FRONTEND
from tests.e2e.world import World

REQUIRED = "Authentication token required"
INVALID = "Invalid or expired token"
DENIED = "Access denied"
NOT_APPROVED = "Account not approved"
SUSPENDED_USER = "Account suspended. Please contact support."
SUSPENDED = "Account suspended"

NAMESPACES = {"/user": "USER", "/telecaller": "TELECALLER", "/admin": "ADMIN"}


def refusal(world: World, kind: str, namespace: str, given: object, **headers: str) -> str:
    """Return the reason that a client receives when a namespace refuses it."""
    with pytest.raises(Refused) as refused:
        world.connect(kind, world.ticket(namespace, given, **headers))
    return str(refused.value)


def wrong_tokens(account: Account) -> dict[str, object]:
    """Return tokens that the stack must refuse, by what is wrong with them."""
    claims = {"sub": account.id, "role": account.role, "name": account.name}
    header, payload, signature = sign(claims).split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return {
        "garbage": "garbage",
        "two parts": f"{header}.{payload}",
        "other text in its place": "a.b.c",
        "expired": sign({**claims, "exp": int(time.time()) - 10}),
        "without exp": sign({**claims, "exp": None}),
        "exp that is no number": f"{header}.{payload[:-4]}AAAA.{signature}",
        "not yet valid": sign({**claims, "nbf": int(time.time()) + 600}),
        "wrong key": sign(claims, key="another-secret-another-secret-another"),
        "HS512": sign(claims, key=SECRET * 2, algorithm="HS512"),
        "HS512 with the right secret": jwt.encode(
            {**claims, "exp": int(time.time()) + 600}, SECRET * 2, algorithm="HS512"
        ),
        "alg none": f"{unsigned}.{payload}.",
        "without sub": sign({**claims, "sub": None}),
        "empty sub": sign({**claims, "sub": ""}),
        "sub that is a number": sign({**claims, "sub": 7}),
        "without role": sign({**claims, "role": None}),
        "a number": 7,
        "an object": {"token": sign(claims)},
        "a list": [sign(claims)],
        "true": True,
    }


WRONG = sorted(wrong_tokens(Account(id="x", role="USER", name="x")))


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("kind", ["js", "python", "asyncio"])
def test_a_token_is_required(world: World, kind: str, namespace: str) -> None:
    assert refusal(world, kind, namespace, None) == REQUIRED
    assert refusal(world, kind, namespace, "") == REQUIRED


@pytest.mark.parametrize("kind", ["js", "python", "asyncio"])
def test_every_library_receives_the_reason_of_a_refusal(world: World, kind: str) -> None:
    account = world.people.take("USER")
    expired = sign({"sub": account.id, "role": "USER", "exp": 1})
    assert refusal(world, kind, "/user", expired) == INVALID
    assert refusal(world, kind, "/telecaller", token(account)) == DENIED


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_wrong_token_is_refused(world: World, namespace: str) -> None:
    role = NAMESPACES[namespace]
    account = world.people.take(role)
    texts = {
        what: refusal(world, "js", namespace, given)
        for what, given in wrong_tokens(account).items()
    }
    assert texts == dict.fromkeys(texts, INVALID)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_namespace_is_open_to_one_role_only(world: World, namespace: str) -> None:
    for role in ("USER", "TELECALLER", "ADMIN", "CUSTOMER", "user", "AGENT"):
        if role != NAMESPACES[namespace]:
            given = sign({"sub": "somebody", "role": role})
            assert refusal(world, "js", namespace, given) == DENIED


@pytest.mark.parametrize(
    ("group", "namespace", "text"),
    [
        ("SUSPENDED_USER", "/user", SUSPENDED_USER),
        ("SUSPENDED_TELECALLER", "/telecaller", SUSPENDED),
        ("PENDING_TELECALLER", "/telecaller", NOT_APPROVED),
        ("REJECTED_TELECALLER", "/telecaller", NOT_APPROVED),
    ],
)
@pytest.mark.parametrize("kind", ["js", "python", "asyncio"])
def test_a_suspended_or_unapproved_account_is_refused(
    world: World, kind: str, group: str, namespace: str, text: str
) -> None:
    assert refusal(world, kind, namespace, token(world.people.take(group))) == text


def test_a_suspended_admin_is_refused(world: World) -> None:
    account = world.people.take("SUSPENDED_ADMIN")
    assert refusal(world, "js", "/admin", token(account)).startswith("Account suspended")


def test_a_telecaller_must_have_an_account(world: World) -> None:
    given = sign({"sub": "a-telecaller-nobody-sent", "role": "TELECALLER", "name": "Ghost"})
    assert refusal(world, "js", "/telecaller", given) == NOT_APPROVED


@pytest.mark.parametrize("kind", ["js", "python", "asyncio"])
def test_a_namespace_that_does_not_exist_is_refused(world: World, kind: str) -> None:
    given = token(world.people.take("USER"))
    assert refusal(world, kind, "/nowhere", given) == "Invalid namespace"


def test_a_refused_client_may_try_again_on_the_same_connection(world: World) -> None:
    """A page does so if it renews its token."""
    account = world.people.take("USER")
    raw = world.raw()
    assert raw.receive().startswith("0{")
    raw.send('40/user,{"token":"garbage"}')
    assert raw.receive() == '44/user,{"message":"Invalid or expired token"}'
    raw.send(f'40/user,{{"token":"{token(account)}"}}')
    assert raw.receive().startswith('40/user,{"sid":"')
    raw.close()


def test_a_refusal_in_one_namespace_does_not_affect_the_others(world: World) -> None:
    _, telecaller = world.telecaller()
    with pytest.raises(Refused, match=INVALID):
        world.connect("js", world.ticket("/user", "bad"), app=getattr(telecaller, "app"))  # noqa: B009
    assert telecaller.ask("call:accept", {"callId": "0" * 24}) == {
        "error": {"message": "Call not found"}
    }


@pytest.mark.parametrize("kind", ["js", "python", "asyncio"])
def test_a_token_may_have_the_bearer_prefix(world: World, kind: str) -> None:
    account = world.people.take("USER")
    world.connect(kind, world.ticket("/user", f"Bearer {token(account)}"))


@pytest.mark.parametrize("origin", [FRONTEND, "own", "localhost"])
def test_an_admin_may_connect_with_a_cookie_from_an_allowed_page(world: World, origin: str) -> None:
    origins = {
        "own": world.stack.url,
        "localhost": world.stack.url.replace("127.0.0.1", "localhost"),
    }
    cookie = f"theme=dark; authenticationToken={token(world.people.take('ADMIN'))}"
    headers = {"Cookie": cookie, "Origin": origins.get(origin, origin)}
    admin = world.connect("js", world.ticket("/admin", None, **headers))
    admin.emit("presence:request-counts")
    admin.wait("presence:counts")


def test_python_clients_may_connect_as_admin_with_a_cookie(world: World) -> None:
    for kind in ("python", "asyncio"):
        cookie = f"authenticationToken={token(world.people.take('ADMIN'))}"
        headers = {"Cookie": cookie, "Origin": FRONTEND}
        world.connect(kind, world.ticket("/admin", None, **headers))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "null",
        "http://admin.example.com",
        "https://admin.example.com.evil.com",
        "http://127.0.0.1:1",
        None,
    ],
)
def test_a_cookie_from_any_other_page_is_ignored(world: World, origin: str | None) -> None:
    headers = {"Cookie": f"authenticationToken={token(world.people.take('ADMIN'))}"}
    if origin is not None:
        headers["Origin"] = origin
    assert refusal(world, "js", "/admin", None, **headers) == REQUIRED


def test_a_cookie_is_checked_like_any_token(world: World) -> None:
    texts = {
        given: refusal(
            world, "js", "/admin", None, Cookie=f"authenticationToken={given}", Origin=FRONTEND
        )
        for given in (
            "garbage",
            sign({"sub": "a", "role": "ADMIN", "exp": 1}),
            token(world.people.take("USER")),
        )
    }
    assert list(texts.values()) == [INVALID, INVALID, DENIED]


def test_a_cookie_is_accepted_for_admins_only(world: World) -> None:
    headers = {"Cookie": f"authenticationToken={token(world.people.take('USER'))}"}
    assert refusal(world, "js", "/user", None, **headers, Origin=FRONTEND) == REQUIRED


def test_another_transport_is_answered_with_an_engine_error(world: World) -> None:
    answer = world.stack.get("/socket.io/?EIO=4&transport=other")
    assert answer.status == 400
    assert answer.body == {"code": 0, "message": "Transport unknown"}
