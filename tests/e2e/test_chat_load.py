"""A channel of many people, of whom many write at once."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.chat import Tab, get, make_channel, tab, unique
from tests.e2e.world import World

PEOPLE = 200
SENDERS = 20
AT_ONCE = 6


@pytest.mark.slow
@pytest.mark.skipif("LOAD" not in os.environ, reason="it fills a machine for minutes: make load")
def test_everybody_gets_every_message_once(world: World) -> None:
    channel = unique("many")
    make_channel(world, channel)
    permissions = ["chat.access", "chat.send_messages"]

    def come(number: int) -> Tab:
        return tab(world, f"{channel}-{number}", permissions=permissions)

    come_at = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tabs = list(pool.map(come, range(PEOPLE)))
        # Each is announced to all who are there already.
        list(pool.map(lambda one: one.ask("join_channel", channel), tabs))
    begin = time.monotonic()
    print(f"{PEOPLE} people have joined in {begin - come_at:.1f} s")
    for number, one in enumerate(tabs[:SENDERS]):
        one.client.emit("chat:send_message", {"channelId": channel, "message": f"{number}"})
    while any(len(one.all("chat:new_message")) < SENDERS for one in tabs):
        assert time.monotonic() - begin < 60, "not everybody got everything"
        time.sleep(0.2)
    print(f"{SENDERS} messages to {PEOPLE} people in {time.monotonic() - begin:.1f} s")
    for one in tabs:
        texts = Counter(message["message"] for message in one.all("chat:new_message"))
        assert texts == Counter(map(str, range(SENDERS)))
    page = get(world, f"/channels/{channel}/messages?limit=100", tabs[0].person_id).body
    assert {one["message"] for one in page["items"]} == set(map(str, range(SENDERS)))
    ids = [one["id"] for one in page["items"]]
    assert ids == sorted(ids, reverse=True)
