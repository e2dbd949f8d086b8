"""AWS as far as a benchmark needs it: canned answers over loopback, in a process of its own.

``python -m bench.server FILE`` prints its port. FILE holds ``{"rows": {key: item}, "members": n,
"due": [key], "secret": text}``. A key of two attributes has a space between them. ``due`` lists the
keys of the connections that are due. A namespace and every room in it have ``members`` members,
except the room ``warm``, which has 100. ``GET /counters`` answers with the requests since the last
time, by operation; ``GET /sent`` answers with the messages that have been queued.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

PAGE = 1_000
SHARDS = 4
SHARD = re.compile(r"(\d+)#(.*)")
GONE, BUSY = 57, 63
"""Of a hundred members: the number of the one that is gone, and of the one that is throttled."""

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
TARGET = re.compile(rb"x-amz-target: *[\w]+\.(\w+)", re.IGNORECASE)
REASONS = {200: b"OK", 202: b"Accepted", 410: b"Gone", 429: b"Too Many Requests"}


class Canned:
    """The canned answers, and the numbers of requests.

    A post to a connection whose id contains ``gone`` is answered with 410. Every second post to a
    connection whose id contains ``busy`` is answered with 429.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.rows: dict[str, Any] = data.get("rows", {})
        self.members: int = data.get("members", 0)
        self.due: list[str] = data.get("due", [])
        self.secret: str = data.get("secret", "{}")
        self.counters: Counter[str] = Counter()
        self.busy: set[bytes] = set()
        self.reached: set[bytes] = set()
        self.sent: list[str] = []
        self.started: dict[str, list[Any]] = {}

    def answer(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        line = head[: head.index(b"\r\n")].split(b" ")
        path = line[1]
        if b"@connections" in path:
            return self.connection(line[0], path.rpartition(b"/")[2])
        if path == b"/counters":
            text = json.dumps({**self.counters, "reached": len(self.reached)}).encode()
            self.counters.clear()
            self.reached.clear()
            return 200, text
        if path == b"/sent":
            text = json.dumps(self.sent).encode()
            self.sent.clear()
            return 200, text
        if b"/twirp/" in path:
            self.counters["LiveKit"] += 1
            return 200, b""
        if path.endswith(b"invocations"):
            self.counters["Invoke"] += 1
            return 202, b""
        found = TARGET.search(head)
        operation = found[1].decode() if found else "?"
        self.counters[operation] += 1
        return 200, self.service(operation, body)

    def connection(self, method: bytes, connection: bytes) -> tuple[int, bytes]:
        self.counters[f"@connections {method.decode()}"] += 1
        if b"gone" in connection:
            return 410, b""
        if b"busy" in connection and connection not in self.busy:
            self.busy.add(connection)
            self.counters["throttled"] += 1
            return 429, b""
        self.busy.discard(connection)
        self.reached.add(connection)
        self.counters["delivered"] += 1
        return 200, b""

    def service(self, operation: str, body: bytes) -> bytes:  # noqa: PLR0911 - one for each
        match operation:
            case "GetItem" | "UpdateItem":
                item = self.row(json.loads(body)["Key"])
                if operation == "UpdateItem":
                    return json.dumps({"Attributes": item or {}}).encode()
                return json.dumps({"Item": item} if item else {}).encode()
            case "BatchGetItem":
                asked = json.loads(body)["RequestItems"]
                found = {
                    table: [row for key in keys["Keys"] if (row := self.row(key))]
                    for table, keys in asked.items()
                }
                return json.dumps({"Responses": found, "UnprocessedKeys": {}}).encode()
            case "Scan":
                items = [self.member("r#0", number) for number in range(self.members)]
                return json.dumps({"Items": items, "Count": len(items)}).encode()
            case "Query":
                return self.page(json.loads(body))
            case "TransactWriteItems":
                self.start(json.loads(body)["TransactItems"])
            case "SendMessage" | "SendMessageBatch":
                return self.queue(json.loads(body))
            case "PutEvents":
                entries = [{"EventId": "1"} for _ in json.loads(body)["Entries"]]
                return json.dumps({"Entries": entries, "FailedEntryCount": 0}).encode()
            case "GetSecretValue":
                return json.dumps({"SecretString": self.secret}).encode()
        return b'{"MessageId": "1", "MD5OfMessageBody": "", "executionArn": "a", "startDate": 1}'

    def queue(self, asked: dict[str, Any]) -> bytes:
        messages = asked.get("Entries", [asked | {"Id": "1"}])
        self.sent += [one["MessageBody"] for one in messages]
        done = [{"Id": one["Id"], "MessageId": "1", "MD5OfMessageBody": ""} for one in messages]
        return json.dumps({"Successful": done, "Failed": [], **done[0]}).encode()

    def row(self, key: dict[str, Any]) -> Any:
        name = " ".join(value["S"] for value in key.values())
        calls = self.started.get(name)
        return self.rows[name] | {"call": calls.pop()} if calls else self.rows.get(name)

    def start(self, items: list[dict[str, Any]]) -> None:
        """Put a call that begins on its caller's row for the two times that its event reads it.

        It is stored nowhere else, so that every event finds the same rows.
        """
        for update in (item["Update"] for item in items if "Update" in item):
            person = update["Key"].get("person", {}).get("S", "")
            for value in update["ExpressionAttributeValues"].values():
                if person.startswith("/user#") and "id" in value.get("M", {}):
                    self.started[person] = [value, value]

    def page(self, query: dict[str, Any]) -> bytes:
        room = next(value["S"] for value in query["ExpressionAttributeValues"].values())
        found = SHARD.fullmatch(room)
        if "IndexName" in query or not found:
            first_shard = query.get("IndexName") == "due" and room == "0"
            items = [self.rows[key] for key in self.due if first_shard]
            return json.dumps({"Items": items, "Count": len(items), "ScannedCount": 0}).encode()
        shard, name = found.groups()
        _, in_namespace, inner = name.partition("#")
        shards = 1 if in_namespace else SHARDS
        last = query.get("ExclusiveStartKey", {}).get("connectionId", {}).get("S")
        first = int(last.partition(":")[0]) + shards if last else int(shard)
        numbers = range(first, 100 if inner == "warm" else self.members, shards)
        items = [self.member(room, number) for number in numbers[: int(query.get("Limit", PAGE))]]
        answer: dict[str, Any] = {"Count": len(items), "ScannedCount": len(items)}
        if len(items) < len(numbers):
            answer["LastEvaluatedKey"] = {
                name: items[-1][name] for name in ("room", "connectionId")
            }
        if "ProjectionExpression" in query:
            names = query.get("ExpressionAttributeNames", {})
            wanted = [names.get(one, one) for one in query["ProjectionExpression"].split(", ")]
            items = [{name: item[name] for name in wanted if name in item} for item in items]
        return json.dumps(answer | {"Items": items}).encode()

    def member(self, room: str, number: int) -> dict[str, Any]:
        kind = {GONE: "gone", BUSY: "busy"}.get(number % 100, "conn")
        return {
            "room": {"S": room},
            "connectionId": {"S": f"{number}:{kind}="},
            "wire": {"S": "s"},
            "personId": {"S": f"{number:024}"},
            "expiresAt": {"N": "9999999999"},
        }


class Http(asyncio.Protocol):
    def __init__(self, canned: Canned) -> None:
        self.canned = canned
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(HEAD_END)) >= 0:
            head = self.buffer[:end]
            length = LENGTH.search(head)
            total = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < total:
                return
            body, self.buffer = self.buffer[end + 4 : total], self.buffer[total:]
            status, text = self.canned.answer(head, body)
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: application/x-amz-json-1.0\r\n"
                b"content-length: %d\r\n\r\n%s" % (status, REASONS[status], len(text), text)
            )


async def main(path: str) -> None:
    canned = Canned(json.loads(Path(path).read_bytes()))  # noqa: ASYNC240 - no client is connected yet
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Http(canned), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until the parent is gone


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
