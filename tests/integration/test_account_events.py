"""``account.upserted`` on real engines."""

from __future__ import annotations

import msgspec
import pytest

from functions.calls.namespaces import USER
from functions.chat.namespaces import CHAT
from functions.products import REGISTRY
from local.accounts import save as save_account
from shared.identity import accounts
from shared.identity.accounts import Account
from shared.identity.wallet import Wallet
from shared.pipeline import departure
from shared.realtime import connections, people, rooms
from shared.realtime.address import Address, Wire
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage
from tests.integration.booking_stage import report
from tests.integration.chat import Chat, announcing
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
    assert connections.add_session("both", stage.session_of(USER.path, "ulla"))
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
