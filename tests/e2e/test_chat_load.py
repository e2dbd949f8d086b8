"""A test of a channel with many people, many of whom write at once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.chat import Tab, get, make_channel, tab, unique
from tests.e2e.waiting import until
from tests.e2e.world import World

PEOPLE = 200
SENDERS = 20
AT_ONCE = 6
PATIENCE_SECONDS = 240
"""How long one step may take before the test fails. It does not measure performance."""


def test_all_people_in_a_channel_receive_every_message_once(world: World) -> None:
    channel = unique("many")
    make_channel(world, channel)
    permissions = ["chat.access", "chat.send_messages"]

    def come(number: int) -> Tab:
        return tab(world, f"{channel}-{number}", permissions=permissions)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        tabs = list(pool.map(come, range(PEOPLE)))
    first, *others = tabs
    assert first.ask("join_channel", channel) is None
    for one in others:  # each is announced to all people who are in the channel already
        one.client.emit("join_channel", channel)
    until(
        lambda: len(first.all("user_joined")) >= len(others),
        "all people have joined",
        PATIENCE_SECONDS,
    )

    for number, one in enumerate(tabs[:SENDERS]):
        one.client.emit("chat:send_message", {"channelId": channel, "message": f"{number}"})
    until(
        lambda: all(len(one.all("chat:new_message")) >= SENDERS for one in tabs),
        "all people have received all messages",
        PATIENCE_SECONDS,
    )
    joined = Counter(one["userId"] for one in first.all("user_joined"))
    assert joined == Counter(one.person_id for one in others)
    for one in tabs:
        assert (
            max(Counter(who["userId"] for who in one.all("user_joined")).values(), default=1) == 1
        )
        texts = Counter(message["message"] for message in one.all("chat:new_message"))
        assert texts == Counter(map(str, range(SENDERS)))
        assert not one.all("chat:error")
    page = get(world, f"/channels/{channel}/messages?limit=100", first.person_id).body
    assert {one["message"] for one in page["items"]} == set(map(str, range(SENDERS)))
    ids = [one["id"] for one in page["items"]]
    assert ids == sorted(ids, reverse=True)
    world.leave()
    for one in tabs:  # until then, the next test would have to wait for the stack
        until(
            lambda person=one.person_id: not world.stack.connections_of("/", person),  # type: ignore[misc]
            "all people have left",
            PATIENCE_SECONDS,
        )
