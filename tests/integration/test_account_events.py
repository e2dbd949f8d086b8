"""``account.upserted`` on real engines."""

from __future__ import annotations

from functools import partial

import jwt
import msgspec
import pytest

from functions.calls.namespaces import TELECALLER, USER
from functions.chat.namespaces import CHAT
from functions.products import REGISTRY
from local.accounts import save as save_account
from shared.identity import accounts
from shared.identity.accounts import Account
from shared.identity.wallet import Wallet
from shared.pipeline import departure
from shared.realtime import connections, people, rooms, session_store
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from shared.realtime.sessions import Session
from tests.fakes import JWT_SECRET, NOW_MS, Fakes
from tests.integration import stage
from tests.integration.booking_stage import report
from tests.integration.chat import Chat, Overtaken, announcing
from tests.integration.engines import Engine

pytestmark = pytest.mark.usefixtures("tables")

ULLA = Account(id="ulla", role="USER", name="Ulla", coins=100)


def upsert(fakes: Fakes, account: Account, at: int) -> None:
    report(fakes, "account.upserted", NOW_MS + at, **msgspec.to_builtins(account))


def coins() -> int:
    return int(people.get(USER.path, "ulla", Wallet).coins)


def replaced(**values: object) -> Account:
    return msgspec.structs.replace(ULLA, **values)


def test_coins_change_by_the_difference_between_two_reported_accounts(fakes: Fakes) -> None:
    upsert(fakes, ULLA, 1)
    Wallet(people.key(USER.path, "ulla")).update([Wallet.coins.add(-30)])
    for _ in range(2):
        upsert(fakes, ULLA, 1)
        assert coins() == 70
    for _ in range(2):
        upsert(fakes, replaced(coins=150), 3)
        assert coins() == 120
    upsert(fakes, replaced(coins=0), 2)
    assert coins() == 120
    assert accounts.get("ulla") == replaced(coins=150)
    upsert(fakes, replaced(coins=10), 4)
    assert coins() == 0


def test_the_balance_of_a_saved_account_counts_as_reported(fakes: Fakes) -> None:
    save_account(ULLA)
    upsert(fakes, replaced(coins=110), 1)
    assert coins() == 110


def test_suspension_closes_every_session(fakes: Fakes) -> None:
    upsert(fakes, ULLA, 1)
    stage.connect(USER.path, "ulla", "c1")
    upsert(fakes, replaced(account_status="SUSPENDED"), 2)
    assert fakes.tasks.expelled == [("c1", USER.path, "ulla")]
    departure.expel(REGISTRY, fakes.ports, *fakes.tasks.expelled[0])
    assert fakes.connections.to("c1") == ["41/user,"]
    assert fakes.connections.closed == ["c1"]
    assert not people.get(USER.path, "ulla").online
    departure.expel(REGISTRY, fakes.ports, *fakes.tasks.expelled[0])
    upsert(fakes, ULLA, 1)
    account = accounts.get("ulla")
    assert account
    assert not account.active


def test_suspension_closes_the_sessions_of_every_role(fakes: Fakes) -> None:
    for namespace in REGISTRY.namespaces:
        stage.connect(namespace, "ulla", namespace)
    upsert(fakes, replaced(account_status="SUSPENDED"), 1)
    assert sorted(fakes.tasks.expelled) == [
        (path, path, "ulla") for path in sorted(REGISTRY.namespaces)
    ]


def test_suspension_closes_chat_too(tables: object, engine: Engine, fakes: Fakes) -> None:
    """One connection is only in chat, and one is in another namespace as well."""
    with announcing(engine, fakes, "chat"):
        _suspend_in_chat(fakes)


def _suspend_in_chat(fakes: Fakes) -> None:
    chat = Chat(fakes)
    chat.channel(1)
    for tab in ("alone", "both"):
        chat.tab("ulla", tab)
        chat.send(tab, "join_channel", 1)
    assert session_store.add_session("both", stage.session_of(USER.path, "ulla"))
    assert stage.join(Address(USER.path, Wire.SOCKETIO, "both"), "ulla")
    upsert(fakes, replaced(account_status="SUSPENDED"), 1)
    assert sorted(fakes.tasks.expelled) == [
        ("alone", CHAT.path, "ulla"),
        ("both", CHAT.path, "ulla"),
        ("both", USER.path, "ulla"),
    ]
    for session in fakes.tasks.expelled:
        departure.expel(REGISTRY, fakes.ports, *session)
    assert fakes.connections.to("alone")[-1] == "41"
    assert sorted(fakes.connections.to("both")[-2:]) == ["41", "41/user,"]
    assert sorted(fakes.connections.closed) == ["alone", "both"]
    assert not people.get(CHAT.path, "ulla").online
    assert not rooms.connections_by_person(CHAT.path)
    assert [one["userId"] for one in chat.broadcasts("user_left")] == ["ulla"]


def session_at(tab: str, namespace: str) -> Session:
    connection = connections.get(tab)
    session = connection.session(namespace) if connection else None
    assert session
    return session


def test_an_approval_withdrawn_closes_the_sessions_that_need_it(fakes: Fakes) -> None:
    for path in (TELECALLER.path, CHAT.path):
        stage.connect(path, "ulla", path)
    upsert(fakes, replaced(role="TELECALLER", approval_status="APPROVED"), 1)
    assert fakes.tasks.expelled == []
    upsert(fakes, replaced(role="TELECALLER", approval_status="REJECTED"), 2)
    assert fakes.tasks.expelled == [(TELECALLER.path, TELECALLER.path, "ulla")]


def test_open_sessions_follow_their_account(fakes: Fakes) -> None:
    Chat(fakes).tab("ulla", "tab", permissions=frozenset({"chat.access"}))
    before = session_at("tab", CHAT.path)
    upsert(fakes, replaced(name="New", profile="p"), 1)
    expected = msgspec.structs.replace(before, name="New", profile="p")
    assert session_at("tab", CHAT.path) == expected, "permissions are still those of the token"
    for number, listed in enumerate((["call.audio"], []), 2):
        upsert(fakes, replaced(permissions=listed), number)
        assert session_at("tab", CHAT.path).permissions == frozenset(listed)


@pytest.mark.parametrize("status", ["ACTIVE", "SUSPENDED"])
def test_an_account_that_changes_while_its_person_authenticates_counts(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    chat = Chat(fakes)
    connections.create(Connection("tab", wire="s", expires_at=stage.EXPIRES_AT))
    session_store.add_session("tab", Session(CHAT.path, "sid", "", "", ""))
    changed = replaced(name="New", permissions=[], account_status=status)
    monkeypatch.setattr(people, "join", Overtaken(people.join, partial(upsert, fakes, changed, 1)))
    claims: dict[str, object] = {
        "sub": "ulla",
        "role": "USER",
        "name": "Old",
        "permissions": ["chat.access"],
    }
    claims["exp"] = fakes.clock.now // 1000 + 60
    chat.send("tab", "authenticate", jwt.encode(claims, JWT_SECRET))
    if status == "SUSPENDED":
        assert fakes.tasks.expelled == [("tab", CHAT.path, "ulla")]
        assert not fakes.events("tab")
    else:
        assert ("authenticated", "New") in [
            (n, one["displayName"]) for n, one in fakes.events("tab")
        ]
        assert session_at("tab", CHAT.path).permissions == frozenset()


def test_a_session_that_changes_while_it_is_ended_ends_all_the_same(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = Chat(fakes)
    chat.tab("ulla", "both")
    session_store.add_session("both", stage.session_of(USER.path, "ulla"))
    change = partial(upsert, fakes, replaced(name="New"), 1)
    monkeypatch.setattr(session_store, "mark_ended", Overtaken(session_store.mark_ended, change))
    departure.expel(REGISTRY, fakes.ports, "both", CHAT.path, "ulla")
    row = connections.get("both")
    assert row
    assert not row.session(CHAT.path)
    assert row.session(USER.path)
