"""The same call in three ways: Switchboard, a server in memory, and DynamoDB as in tutorials."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import Any

import socketio  # type: ignore[import-untyped]

from bench import rows, warm
from bench.aws import canned, serving
from bench.table import Table

CALLS = 300
CONNECTED = 1_000

TUTORIAL = """
import json, os, sys, time, uuid
import boto3
rounds = int(sys.argv[1])
dynamodb = boto3.resource("dynamodb")
gateway = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CONNECTIONS_URL_FORMAT"])
connections, calls = dynamodb.Table("connections"), dynamodb.Table("calls")
def send(person, event, data):
    for row in connections.scan()["Items"]:
        if row["connectionId"] == person:
            gateway.post_to_connection(ConnectionId=person, Data=json.dumps([event, data]).encode())
def call():
    id_ = uuid.uuid4().hex
    calls.put_item(Item={"id": id_, "status": "RINGING", "user": "u", "telecaller": "t"})
    send("2:conn=", "call:incoming", {"callId": id_})
    send("1:conn=", "call:ringing", {"callId": id_})
    calls.get_item(Key={"id": id_})
    calls.put_item(Item={"id": id_, "status": "ACCEPTED", "user": "u", "telecaller": "t"})
    send("1:conn=", "call:accepted", {"callId": id_, "token": "t" * 300})
    send("2:conn=", "call:accepted", {"callId": id_, "token": "t" * 300})
    calls.get_item(Key={"id": id_})
    calls.put_item(Item={"id": id_, "status": "ENDED", "user": "u", "telecaller": "t"})
    send("2:conn=", "call:ended", {"callId": id_})
call()
begin = time.process_time()
for _ in range(rounds): call()
print(json.dumps((time.process_time() - begin) / rounds * 1000))
"""


async def converse(url: str) -> None:
    """Make ``CALLS`` calls, one after the other."""
    user, telecaller, ended = socketio.AsyncClient(), socketio.AsyncClient(), asyncio.Event()

    async def incoming(data: dict[str, Any]) -> None:
        await telecaller.emit("call:accept", {"callId": data["callId"]}, namespace="/telecaller")

    async def accepted(data: dict[str, Any]) -> None:
        await user.emit("call:end", {"callId": data["callId"]}, namespace="/user")

    async def over(_: object) -> None:
        ended.set()

    telecaller.on("call:incoming", incoming, namespace="/telecaller")
    telecaller.on("call:ended", over, namespace="/telecaller")
    user.on("call:accepted", accepted, namespace="/user")
    for client, namespace, id_ in ((user, "/user", "u1"), (telecaller, "/telecaller", "t1")):
        await client.connect(
            url, namespaces=[namespace], auth={"id": id_}, transports=["websocket"]
        )
    for _ in range(CALLS):
        ended.clear()
        call = {"telecallerId": "t1", "callType": "AUDIO"}
        await user.emit("call:initiate", call, namespace="/user")
        await ended.wait()
    await user.disconnect()
    await telecaller.disconnect()


def in_memory() -> float:
    """Return the milliseconds of the server's processor time per call."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with serving("bench.memory_server") as url:
        before = json.load(opener.open(f"{url}/cpu"))
        asyncio.run(converse(url))
        used: float = json.load(opener.open(f"{url}/cpu")) - before
    return used / CALLS * 1000


def ours() -> tuple[float, int]:
    """Return milliseconds and requests of a call: its three events, without acknowledgements."""
    total, requests = 0.0, 0
    for name in ("call:initiate", "call:accept", "call:end"):
        status, connection, body = rows.EVENTS[name]
        event = rows.frame(connection, body.replace(",1[", ",["))
        with canned(rows.of_a_call(status)) as aws:
            aws.run(warm.OURS, json.dumps(event), "1")
            aws.counters()
            total += aws.run(warm.OURS, json.dumps(event), "200")
            counted = aws.counters()
            requests += sum(
                round(count / 220) for what, count in counted.items() if what != "delivered"
            )
    return total, requests


def run() -> Table:
    table = Table(
        f"Side by side: one whole call, {CONNECTED:,} connected",
        ["", "CPU ms", "requests to AWS", "of them scans", "rows read", "ratio of CPU to memory"],
    )
    memory = in_memory()
    table.add("python-socketio, in memory", memory, 0, 0, 0, 1.0)
    mine, requests = ours()
    table.add("Switchboard", mine, requests, 0, 10, mine / memory)
    with canned({"members": CONNECTED}) as aws:
        tutorial = aws.run(TUTORIAL, "20")
        seen = {what: count // 21 for what, count in aws.counters().items() if what != "delivered"}
    scans = seen["Scan"]
    read = scans * CONNECTED + 2
    table.add("boto3 as in tutorials", tutorial, sum(seen.values()), scans, read, tutorial / memory)
    return table


if __name__ == "__main__":
    print(run())
