"""Sessions that have another connection by now than the one by which something refers to them."""

from __future__ import annotations

from typing import Any

import pytest

from functions.bookings import location
from functions.bookings.rows import Tracker
from functions.calls import handlers, rows
from functions.calls.namespaces import TELECALLER
from functions.chat import call_rows, channel_rows, channel_store
from local.accounts import save as save_account
from shared.identity.accounts import Account
from shared.pipeline import returning
from shared.realtime.address import Address, Wire
from shared.settings import Settings
from tests.fakes import Fakes
from tests.integration import recovering
from tests.integration.chat import Chat
from tests.integration.recovering import Phone, chatter, come_back, deliver, lose, texts


@pytest.fixture(autouse=True)
def ports(tables: Settings, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    recovering.install(fakes, monkeypatch)


def address(phone: Phone) -> Address:
    """Return the address of a client's session as it is now."""
    return Address(phone.namespace, Wire.RECOVERY, phone.connection_id, phone.sid)


def in_channel(fakes: Fakes) -> tuple[Phone, Phone]:
    """Return the clients of Anna and Ben, who have joined a channel."""
    Chat(fakes).channel("1")
    return chatter(fakes, "anna", "1"), chatter(fakes, "ben", "1")


def say(fakes: Fakes, phone: Phone, text: str) -> None:
    phone.emit("chat:send_message", {"channelId": "1", "message": text, "messageType": "text"})
    deliver(fakes)


def test_the_device_with_a_call_is_not_gone_when_it_is_back(fakes: Fakes) -> None:
    save_account(Account("tina", "TELECALLER", "Tina", approval_status="APPROVED"))
    tina = Phone(fakes, TELECALLER.path, "tina", "TELECALLER")
    tina.connect()
    device = address(tina)
    row = rows.get(TELECALLER.path, "tina")
    assert not handlers._is_gone(row, device)
    lose(tina, after_the_grace=False)
    assert handlers._is_gone(rows.get(TELECALLER.path, "tina"), device)
    come_back(tina)
    assert tina.recovered
    row = rows.get(TELECALLER.path, "tina")
    assert address(tina) != device
    assert not handlers._is_gone(row, device)
    assert row.others(device) == []


def test_the_tab_with_a_chat_call_is_found_when_it_is_back(fakes: Fakes) -> None:
    anna, other = chatter(fakes, "anna"), chatter(fakes, "anna")
    former = address(anna)
    lose(anna)
    assert former.among(call_rows.party("anna").connected) is None
    come_back(anna)
    party = call_rows.party("anna")
    assert former.among(party.connected) == address(anna)
    everybody = {address(anna), address(other)}
    assert set(party.addresses(former.member)) == everybody, "others may have stood in for it"
    assert party.addresses(address(other).member) == [address(other)]


def test_a_tracker_is_of_its_session_whichever_connection_it_has() -> None:
    former = Tracker("b1", "r:c1:s1", "s1", 1)
    texts = {former.text, Tracker("b1", "r:c2:s2", "s2", 1).text}
    assert location.of_session(texts, Tracker("b1", "r:c3:s1", "s1", 2)) == {former}


def test_a_channel_that_is_joined_once_more_is_not_joined_anew(fakes: Fakes) -> None:
    anna, ben = in_channel(fakes)
    say(fakes, ben, "1")
    received = anna.offset
    say(fakes, ben, "2")
    anna.emit("join_channel", "1")
    anna.received.clear()
    anna.offset = received
    lose(anna)
    come_back(anna)
    assert texts(anna) == ["1", "2"]


def test_a_leave_does_not_undo_a_newer_join_of_a_channel_that_is_joined_already(
    fakes: Fakes,
) -> None:
    chat = Chat(fakes)
    chat.channel("1")
    chat.tab("anna", "a1")
    for event, frame in (("join_channel", 1), ("join_channel", 3), ("leave_channel", 2)):
        chat.send("a1", event, "1", frame=frame)
    assert channel_rows.participant(channel_rows.room_of("1"), "anna").tabs
    chat.send("a1", "leave_channel", "1", frame=4)
    assert not channel_rows.participant(channel_rows.room_of("1"), "anna").tabs


def test_its_place_in_a_channel_waits_if_it_is_gone_again(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = in_channel(fakes)
    lose(anna)
    take = returning._take_seats

    def lose_and_take(*args: Any) -> None:
        lose(anna, after_the_grace=False)
        take(*args)

    with monkeypatch.context() as patch:
        patch.setattr(returning, "_take_seats", lose_and_take)
        come_back(anna)
    come_back(anna)
    assert anna.recovered
    say(fakes, ben, "1")
    assert texts(anna) == ["1"]


def test_an_event_is_received_once_while_both_places_in_a_channel_are_there(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = in_channel(fakes)
    lose(anna)
    join = channel_store.join

    def join_and_hear(*args: Any, **options: Any) -> None:
        join(*args, **options)
        say(fakes, ben, "1")

    monkeypatch.setattr(channel_store, "join", join_and_hear)
    come_back(anna)
    assert texts(anna) == ["1"]


def test_an_event_is_not_lost_because_a_later_one_has_overtaken_it(fakes: Fakes) -> None:
    anna, ben = in_channel(fakes)
    fakes.connections.gone.add(anna.connection_id)
    say(fakes, ben, "1")
    fakes.connections.gone.remove(anna.connection_id)
    say(fakes, ben, "2")
    assert texts(anna) == ["2"]
    lose(anna)
    come_back(anna)
    assert texts(anna) == ["2", "1"]
    lose(anna)
    come_back(anna)
    assert texts(anna) == ["2", "1"]
