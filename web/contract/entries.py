"""The entries of events on the page at ``/docs``, each with an anchor and an example to copy.

What an event leads to is read in its description, which names in backquotes the events that clients
receive because of it.
"""

from __future__ import annotations

import re
from typing import Any

from web.contract import examples
from web.contract.asyncapi import BUS
from web.contract.markup import code, entry, text, type_of
from web.contract.schemas import resolve

Json = dict[str, Any]


class Entries:
    """The events of a document."""

    def __init__(self, asyncapi: Json) -> None:
        self._channels: Json = {id_: one for id_, one in asyncapi["channels"].items() if id_ != BUS}
        self._schemas: Json = asyncapi["components"]["schemas"]
        self._operations: list[Json] = list(asyncapi["operations"].values())
        self._anchors: dict[str, dict[str, str]] = {}
        """The anchors of the events that clients receive, by name and namespace."""
        for id_ in self._channels:
            for message, key in self._messages(id_, "send"):
                self._anchors.setdefault(message["name"], {})[id_] = f"{id_}-on-{_key(key)}"
        self._causes: dict[str, list[tuple[str, str]]] = {}
        """The events that lead to an event that clients receive: names with anchors."""
        for id_ in self._channels:
            for message, key in self._messages(id_, "receive"):
                for name in self._named(message):
                    cause = (message["name"], f"{id_}-{_key(key)}")
                    self._causes.setdefault(name, []).append(cause)

    def _messages(self, id_: str, action: str) -> list[tuple[Json, str]]:
        """Return the messages of a channel in one direction, each with its key."""
        found = []
        for operation in self._operations:
            if operation["action"] == action and operation["channel"]["$ref"].endswith(f"/{id_}"):
                key = operation["messages"][0]["$ref"].rpartition("/")[2]
                found.append((self._channels[id_]["messages"][key], key))
        return found

    def _named(self, message: Json) -> list[str]:
        """Return the events that clients receive and that a description names."""
        words = re.findall(r"`([^`]+)`", message.get("summary", ""))
        return [one for one in dict.fromkeys(words) if one in self._anchors]

    def _link(self, name: str, id_: str) -> str:
        anchors = self._anchors[name]
        anchor = anchors.get(id_) or next(iter(anchors.values()))
        return f'<a href="#{anchor}">{code(name)}</a>'

    def _about(self, message: Json, id_: str) -> str:
        words = text(message.get("summary", ""))
        for name in self._named(message):
            words = words.replace(code(name), self._link(name, id_))
        return f"<p>{words}</p>" if words else ""

    def received(self, id_: str) -> list[str]:
        """Return the entries of the events that clients send in a namespace."""
        return [
            self._received(id_, message, key) for message, key in self._messages(id_, "receive")
        ]

    def _received(self, id_: str, message: Json, key: str) -> str:
        channel = self._channels[id_]
        reply = channel["messages"][key.removesuffix(".in") + ".answer"]["payload"]
        parts = self._payload(message)
        parts["Answer"] = type_of(resolve(self._schemas, reply)["anyOf"][0])
        leads = [self._link(name, id_) for name in self._named(message)]
        if leads:
            parts["Leads to"] = ", ".join(leads)
        for event, texts in message["x-errors"].items():
            listed = "".join(f"<li>{code(one)}</li>" for one in texts)
            parts[f"On {self._link(event, id_)}"] = f"<ul class='texts'>{listed}</ul>"
        if "x-permission" in message:
            parts["Permission"] = code(message["x-permission"])
        if "x-limit-per-minute" in message:
            parts["Limit"] = f"{message['x-limit-per-minute']} a minute and person"
        given = examples.arguments(self._schemas, message)
        address, name = channel["address"], message["name"]
        shown = examples.sent(address, name, message["x-action"], given)
        return entry(f"{id_}-{_key(key)}", code(name), self._about(message, id_), parts, shown)

    def sent(self, id_: str) -> list[str]:
        """Return the entries of the events that clients receive in a namespace."""
        found = []
        for message, _ in self._messages(id_, "send"):
            name, address = message["name"], self._channels[id_]["address"]
            parts = self._payload(message)
            causes = dict.fromkeys(self._causes.get(name, ()))
            if causes:
                parts["After"] = ", ".join(f'<a href="#{to}">{code(one)}</a>' for one, to in causes)
            given = examples.arguments(self._schemas, message)
            shown = examples.received(address, name, given)
            anchor = self._anchors[name][id_]
            found.append(entry(anchor, code(name), self._about(message, id_), parts, shown))
        return found

    def _payload(self, message: Json) -> dict[str, str]:
        return {"Payload": type_of(message["payload"])} if "payload" in message else {}


def _key(key: str) -> str:
    """Return the name of an event in an anchor."""
    return key.rpartition(".")[0]
