"""Scenarios of the branches that touch AWS and that no event's scenario reaches.

``branches`` finds such branches. To reach one, write what a client, a backend or a fault has to do.
"""

from __future__ import annotations

from typing import Any

from tests.simulation.bookings import (
    BOOKING,
    CREATED,
    OF_BOOKING,
    accepted,
    assigned,
    booked,
    booking_people,
    tracking,
)
from tests.simulation.calls import INITIATE, answered, answered_last, call_people, ringing
from tests.simulation.chat import CHANNEL, chat_answered, chat_ringing, message_sent, tabs
from tests.simulation.clients import App, Who, token
from tests.simulation.faults import Fault, Kind
from tests.simulation.gateway import TORN
from tests.simulation.stage import SHIM, Stage, nothing, scenario
from tests.simulation.world import ADA, ANNA, BERT, COINS, CORA, PAUL, PETRA, TINA, ULLA, UWE

EIO3 = {"EIO": "3", "transport": "websocket"}
EIO4 = {"EIO": "4", "transport": "websocket"}
MUCH_LATER_MS = 700_000
WRITTEN = 6
"""At this request, the end of a call has been written and not been announced."""


class Wire:
    """A client that sends frames as they are, and ignores what it receives."""

    def __init__(self, stage: Stage, query: dict[str, str]) -> None:
        self._world = stage.world
        self.id = stage.world.gateway.connect(self, query, {})
        stage.world.run()

    def send(self, *frames: str) -> None:
        """Send frames, and let each be handled before the next."""
        for frame in frames:
            self._world.gateway.send(self.id, frame)
            self._world.run()

    def opened(self) -> None:
        """Nothing follows."""

    def receive(self, frame: str) -> None:
        """Ignore it."""

    def closed(self) -> None:
        """Nothing follows."""


def leave(app: App) -> None:
    """Leave the namespace; the connection stays."""
    app.send("41" if app.chat else f"41{app.who.namespace},")
    app.joined = False


def native(who: Who) -> dict[str, str]:
    """The query of a native client."""
    return {"namespace": who.namespace, "token": token(who)}


@scenario("HTTP routes", message_sent)
def _routes(stage: Stage) -> None:
    stage.tell("booking.created", **CREATED)
    for who, method, path, query in (
        (ULLA, "GET", "/calls", ""),
        (ANNA, "GET", f"/channels/{CHANNEL}/messages", ""),
        (ANNA, "GET", f"/channels/{CHANNEL}/messages", f"replyToId={stage.kept['message']}"),
        (CORA, "GET", f"/bookings/{BOOKING}", ""),
        (ULLA, "GET", "/accounts/me", ""),
        (ULLA, "GET", "/telecallers", "presence=ONLINE"),
        (ULLA, "GET", "/telecallers", ""),
        (ANNA, "GET", "/channels", ""),
        (CORA, "GET", "/bookings", ""),
        (PAUL, "GET", "/bookings", "status=PENDING"),
        (ADA, "GET", "/admin/stats", ""),
        (ADA, "GET", "/health", ""),
        (ADA, "POST", "/session", ""),
    ):
        body = f'{{"token":"{token(who)}"}}' if method == "POST" else ""
        stage.world.gateway.ask(method, path, token(who), body, lambda _: None, query=query)
        stage.world.run()


@scenario("the running call", ringing)
def _running_call(stage: Stage) -> None:
    for who in (UWE, TINA):
        stage.world.gateway.ask("GET", "/calls", token(who), "", lambda _: None)
        stage.world.run()
    stage.emit(TINA, "call:reject", {"callId": stage.kept["call"]})


@scenario("a tab that comes while it rings", chat_ringing)
def _late_tab(stage: Stage) -> None:
    stage.come(ANNA)
    stage.emit(ANNA, "call:accept", {"callId": stage.kept["call"], "answer": {}}, number=2)


@scenario("a call to a user who is offline", tabs)
def _offline(stage: Stage) -> None:
    invite = {"targetUserId": "nobody", "callType": "audio", "offer": {}}
    stage.emit(BERT, "call:invite", invite)


@scenario("a client that guesses tokens", nothing)
def _guesses(stage: Stage) -> None:
    Wire(stage, EIO4).send("40", *['42["authenticate","nonsense"]'] * 6)


@scenario("statuses and typing within a second", tabs)
def _paced(stage: Stage) -> None:
    for status in ("away", "busy", "online"):
        stage.emit(BERT, "presence:set_status", status)
    for typing in (True, False, True):
        stage.emit(BERT, "chat:typing", {"channelId": CHANNEL, "isTyping": typing})


@scenario("an end whose function dies, and that is asked for again", answered)
def _dies_ending(stage: Stage) -> None:
    _die_after_write(stage)
    for _ in range(2):
        stage.emit(ULLA, "call:end", {"callId": stage.kept["call"]})
        stage.world.run()


@scenario("an end whose function dies", answered)
def _dies_ending_once(stage: Stage) -> None:
    _die_after_write(stage)
    stage.emit(ULLA, "call:end", {"callId": stage.kept["call"]})


@scenario("an end in chat whose function dies, and that is asked for again", chat_answered)
def _dies_ending_chat(stage: Stage) -> None:
    _die_after_write(stage)
    for _ in range(2):
        stage.emit(BERT, "call:end", {"callId": stage.kept["call"]})
        stage.world.run()


@scenario("an end in chat whose function dies", chat_answered)
def _dies_ending_chat_once(stage: Stage) -> None:
    _die_after_write(stage)
    stage.emit(BERT, "call:end", {"callId": stage.kept["call"]})


@scenario("a telecaller who leaves after an end whose function dies", answered_last)
def _dies_and_telecaller_leaves(stage: Stage) -> None:
    _die_after_write(stage)
    stage.emit(ULLA, "call:end", {"callId": stage.kept["call"]})
    stage.world.run(100)
    stage.app(TINA).close()


@scenario("a customer whose app receives nothing any more", accepted)
def _deaf_customer(stage: Stage) -> None:
    stage.world.gateway.deaf[stage.app(CORA).id] = 429
    stage.emit(PAUL, "booking:status_update", OF_BOOKING | {"status": "ON_THE_WAY"})
    stage.world.run(MUCH_LATER_MS)


def _die_after_write(stage: Stage) -> None:
    """Let the function of the next event die when it has written."""
    stage.world.inject(Fault(Kind.DIES, SHIM, at=WRITTEN))


@scenario("leaving and coming back on the same connection", tabs)
def _rejoin(stage: Stage) -> None:
    for who in (BERT, ANNA):
        leave(stage.app(who))
    stage.world.run()
    stage.app(BERT).send("40")
    stage.world.run()
    stage.app(ANNA).close()


@scenario("torn connections", ringing)
def _torn(stage: Stage) -> None:
    torn = [stage.app(ULLA).id, stage.app(TINA).id, stage.app(UWE).id, Wire(stage, EIO4).id]
    for connection_id in torn:
        stage.world.gateway.close(connection_id, TORN)
    stage.world.run(500)
    stage.app(UWE).send("41/user,")
    suspended = {"name": "Ulla", "coins": COINS, "accountStatus": "SUSPENDED"}
    stage.tell("account.upserted", _id=ULLA.id, role="USER", **suspended)


@scenario("a torn connection whose function dies", call_people)
def _torn_and_dies(stage: Stage) -> None:
    stage.world.inject(Fault(Kind.DIES, "disconnect", at=2))
    stage.world.gateway.close(stage.app(UWE).id, TORN)
    stage.world.run(MUCH_LATER_MS)


@scenario("a torn telecaller who misses the end, and comes back", answered_last)
def _torn_misses(stage: Stage) -> None:
    stage.world.gateway.close(stage.app(TINA).id, TORN)
    stage.world.run(500)
    stage.emit(ULLA, "call:end", {"callId": stage.kept["call"]})
    stage.world.run(500)
    stage.come(TINA)


@scenario("a telecaller who accepts, is torn, and accepts again", ringing)
def _accepts_again(stage: Stage) -> None:
    call = {"callId": stage.kept["call"]}
    stage.emit(TINA, "call:accept", call)
    stage.world.run(500)
    stage.world.gateway.close(stage.app(TINA).id, TORN)
    stage.world.run(500)
    stage.emit(TINA, "call:accept", call, 1)


@scenario("a torn tab that misses the end, and another that comes while it rings", chat_ringing)
def _torn_tabs(stage: Stage) -> None:
    stage.come(ANNA)
    stage.world.gateway.close(stage.app(ANNA).id, TORN)
    stage.world.run(500)
    stage.emit(BERT, "call:end", {"callId": stage.kept["call"]})
    stage.world.run(500)
    stage.come(ANNA)


@scenario("a torn tab, and another that comes before call:accepted is missed", chat_ringing)
def _torn_caller(stage: Stage) -> None:
    stage.world.gateway.close(stage.app(BERT).id, TORN)
    stage.world.run(500)
    stage.world.lambdas.late_ms["disconnect"] = 2_000
    call_id = stage.kept["call"]
    stage.emit(ANNA, "call:accept", {"callId": call_id, "answer": {}})
    stage.world.run(500)
    stage.come(BERT)
    stage.world.run()
    assert stage.world.apps[-1].screen.count("call:accepted", callId=call_id) == 1


@scenario("torn parties of a call, who are back before their events", call_people)
def _torn_in_call(stage: Stage) -> None:
    world = stage.world
    world.lambdas.late_ms["disconnect"] = 1_000
    world.gateway.close(stage.app(ULLA).id, TORN)
    asked = stage.emit(ULLA, "call:initiate", INITIATE, 1)
    world.run(200)
    call, user = {"callId": asked.answer["callId"]}, world.come(ULLA)
    world.run(1_000)
    stage.emit(TINA, "call:accept", call)
    world.gateway.close(stage.app(TINA).id, TORN)
    telecaller = world.come(TINA)
    world.run(2_000)
    assert user.screen.count("call:ringing", **call) == 1
    for app in (user, telecaller):
        assert app.screen.count("call:accepted", **call) == 1


@scenario("torn parties of a booking, who are back before their events", booked)
def _torn_parties(stage: Stage) -> None:
    for who in (CORA, PAUL):
        stage.world.gateway.close(stage.app(who).id, TORN)
    stage.world.run(500)
    stage.world.lambdas.late_ms["disconnect"] = 2_000
    for who in (PAUL, PETRA):
        stage.world.tell("booking.assigned", **OF_BOOKING, partnerId=who.id)
        stage.world.run(500)
    for who in (CORA, PAUL):
        stage.world.come(who)
    stage.world.run()


@scenario("a connection that grows old", call_people)
def _old(stage: Stage) -> None:
    stage.world.run(6_900_000)


@scenario("leaving while the function dies", call_people)
def _leaving_dies(stage: Stage) -> None:
    stage.world.inject(Fault(Kind.DIES, SHIM, at=4))
    leave(stage.app(UWE))
    stage.world.run(MUCH_LATER_MS)
    stage.app(UWE).close()


@scenario("rejoining after the function has died", call_people)
def _rejoin_after_death(stage: Stage) -> None:
    stage.world.inject(Fault(Kind.DIES, SHIM, at=4))
    leave(stage.app(UWE))
    stage.world.run()
    auth = f'{{"token":"{token(UWE)}"}}'
    stage.app(UWE).send(f"40{UWE.namespace},{auth}")
    stage.world.run()


@scenario("frames that are none", call_people)
def _frames(stage: Stage) -> None:
    Wire(stage, EIO4).send("2", "nonsense")
    Wire(stage, EIO4).send("40/nowhere,", "40/user,{}", "42/user,1[]", "43/user,1[]", "1")
    Wire(stage, EIO4).send('42/user,1["call:end",{}]', "41/user,")
    wire = Wire(stage, native(UWE))
    wire.send("2", "3", "1", "x", "41", "40", '{"action":"nothing","id":1}', '{"action":1}')
    wire.send('{"action":"call:initiate","data":{"telecallerId":"nobody","callType":"AUDIO"}}')


@scenario("a 2.x client", nothing)
def _legacy(stage: Stage) -> None:
    wire = Wire(stage, EIO3 | {"token": token(UWE)})
    wire.send("40/user,")
    stage.world.run(MUCH_LATER_MS)
    stage.world.gateway.close(wire.id)


@scenario("native clients that say nothing", call_people)
def _silent_natives(stage: Stage) -> None:
    stays, breaks = (Wire(stage, native(UWE)) for _ in range(2))
    stage.world.gateway.vanish(breaks.id)
    stage.world.run(MUCH_LATER_MS)
    stage.world.gateway.close(stays.id)


@scenario("clients that break off before they are opened", nothing)
def _breaks_off(stage: Stage) -> None:
    stage.world.lambdas.late_ms["opener"] = 1_000
    for query in (EIO4, native(UWE)):
        wire = stage.world.gateway.connect(Wire.__new__(Wire), query, {})
        stage.world.run(300)
        stage.world.gateway.vanish(wire)
    stage.world.run(60_000)


@scenario("an opener that dies", nothing)
def _opener_dies(stage: Stage) -> None:
    stage.world.inject(Fault(Kind.DIES, "opener", at=2))
    stage.world.come(UWE)
    stage.world.run(90_000)


@scenario("a client that breaks off while it joins", call_people)
def _breaks_off_joining(stage: Stage) -> None:
    stage.world.inject(Fault(Kind.GONE, SHIM, at=4))
    stage.world.come(UWE)
    stage.world.run()


@scenario("a caller who leaves while the call starts", call_people)
def _leaves_early(stage: Stage) -> None:
    app = stage.app(UWE)
    stage.world.rival = app.close
    stage.world.inject(Fault(Kind.RACE, SHIM, at=4))
    app.emit("call:initiate", INITIATE)


@scenario("a ring timer that cannot be started", call_people)
def _no_timer(stage: Stage) -> None:
    stage.world.ring.broken = True
    stage.emit(UWE, "call:initiate", INITIATE)


@scenario("a chat call whose timer cannot be started", tabs)
def _no_chat_timer(stage: Stage) -> None:
    invite = {"targetUserId": ANNA.id, "callType": "audio", "offer": {}}
    stage.world.ring.broken = True
    stage.emit(BERT, "call:invite", invite)


@scenario("accepting a call that is over", chat_ringing)
def _too_late(stage: Stage) -> None:
    call = {"callId": stage.kept["call"]}
    for event in ("call:reject", "call:accept"):
        stage.emit(ANNA, event, call | ({"answer": {}} if event == "call:accept" else {}))
        stage.world.run()


@scenario("statuses before their booking", booking_people)
def _early_statuses(stage: Stage) -> None:
    at_ms = int(stage.world.now_ms)
    of_booking: dict[str, Any] = OF_BOOKING
    stage.tell("booking.updated", **of_booking, status="PARTNER_ACCEPTED", happenedAt=at_ms - 20)
    stage.tell("booking.updated", **of_booking, status="ON_THE_WAY", happenedAt=at_ms - 10)
    stage.tell("booking.created", **CREATED, happenedAt=at_ms - 40)
    stage.tell("booking.assigned", **of_booking, partnerId=PAUL.id, happenedAt=at_ms - 30)
    stage.tell("booking.updated", **of_booking, amount=20, address="There")
    stage.tell("booking.created", **CREATED, happenedAt=at_ms - 40)


@scenario("a status that the partner makes possible", assigned)
def _waits_for_partner(stage: Stage) -> None:
    stage.tell("booking.updated", **OF_BOOKING, status="ON_THE_WAY")
    stage.emit(PAUL, "booking:accept", BOOKING)


@scenario("an accept that statuses wait for, and whose function dies", assigned)
def _dies_with_waiting(stage: Stage) -> None:
    for status in ("IN_PROGRESS", "COMPLETED"):
        stage.tell("booking.updated", **OF_BOOKING, status=status)
    stage.world.inject(Fault(Kind.DIES, SHIM, at=4))
    stage.emit(PAUL, "booking:accept", BOOKING)
    stage.world.run(MUCH_LATER_MS)


@scenario("a tracker that has left, and a booking that changes its partner", tracking)
def _tracker_leaves(stage: Stage) -> None:
    stage.app(CORA).close()
    stage.world.run()
    stage.emit(PAUL, "location:update", {"latitude": 1, "longitude": 2})


@scenario("a broadcast that is refused", tabs)
def _refused_broadcast(stage: Stage) -> None:
    for kind, at in ((Kind.BUSY_ALWAYS, 2), (Kind.FORBIDDEN, 2)):
        stage.world.inject(Fault(kind, "broadcast", at=at))
        stage.emit(ANNA, "chat:send_message", {"channelId": CHANNEL, "message": "Hello"})
        stage.world.run(MUCH_LATER_MS)


@scenario("a balance that a backend changes", call_people)
def _topped_up(stage: Stage) -> None:
    for coins in (COINS + 100, COINS):
        stage.tell("account.upserted", _id=ULLA.id, role="USER", name="Ulla", coins=coins)


@scenario("a busy telecaller and a caller without an account", ringing)
def _busy(stage: Stage) -> None:
    stage.emit(UWE, "call:initiate", INITIATE)
    stage.emit(UWE, "call:initiate", INITIATE | {"telecallerId": "nobody"})
    stage.emit(TINA, "call:reject", {"callId": stage.kept["call"]})


@scenario("native clients that send before they are opened", assigned)
def _eager_natives(stage: Stage) -> None:
    stage.come(TINA)
    stage.world.lambdas.late_ms["opener"] = 3_000
    for who, event, payload in (
        (UWE, "call:initiate", INITIATE),
        (CORA, "booking:track", BOOKING),
    ):
        app = stage.world.come(who, wire="n")
        stage.world.run(100)
        app.emit(event, payload)
    stage.world.run()


@scenario("native clients whose recipients have broken off", accepted)
def _gone_recipients(stage: Stage) -> None:
    stage.come(TINA, ANNA)
    callers = [stage.world.come(who, wire="n") for who in (UWE, BERT, PAUL)]
    stage.world.run()
    for who in (TINA, ANNA, CORA):
        stage.world.gateway.vanish(stage.app(who).id)
    invite = {"targetUserId": ANNA.id, "callType": "audio", "offer": {}}
    message = {"recipientId": CORA.id, "message": "When?", "bookingId": BOOKING}
    for app, event, payload in zip(
        callers,
        ("call:initiate", "call:invite", "message:send"),
        (INITIATE, invite, message),
        strict=True,
    ):
        app.emit(event, payload)
    stage.world.run()
    callers[-1].emit("booking:status_update", OF_BOOKING | {"status": "ON_THE_WAY"})
    stage.world.run()


@scenario("a telecaller who breaks off while it rings", ringing)
def _breaks_off_ringing(stage: Stage) -> None:
    stage.world.gateway.vanish(stage.app(TINA, 1).id)
    stage.world.run(31_000)
