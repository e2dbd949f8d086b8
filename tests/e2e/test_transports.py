"""Clients with their default options, which begin with long polling, and clients that only poll."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser

from local.settings import ROOT
from tests.e2e import backstage, every_event
from tests.e2e.calls import answer, ring
from tests.e2e.chat import Tab, chat_token, make_channel, tab, unique
from tests.e2e.client_js import JavaScript
from tests.e2e.clients import Client, Refused
from tests.e2e.people import token
from tests.e2e.waiting import until
from tests.e2e.world import World

DEFAULT = None
POLLING = ("polling",)
TRANSPORTS = [
    pytest.param(DEFAULT, id="default"),
    pytest.param(POLLING, id="polling"),
    pytest.param(("websocket", "polling"), id="websocket-first"),
]
KINDS = [("js", "4"), ("js", "3"), ("js", "2"), ("python", None), ("asyncio", None)]
LARGE = "x" * 31_000

CONNECT = """([url, token, name]) => new Promise((resolve, reject) => {
  const socket = (window[name] = io(url, { auth: { token } }));
  socket.on("connect", () => resolve());
  socket.on("connect_error", reject);
})"""
CALL = """async (telecallerId) => {
  const [user, telecaller] = [window["/user"], window["/telecaller"]];
  const heard = (socket, event) => new Promise((resolve, reject) => {
    socket.once(event, resolve);
    setTimeout(() => reject(new Error(`no ${event}`)), 20000);
  });
  const [incoming, accepted] = [heard(telecaller, "call:incoming"), heard(user, "call:accepted")];
  const { callId } = await user.emitWithAck("call:initiate", { telecallerId, callType: "AUDIO" });
  const { callType } = await incoming;
  telecaller.emit("call:accept", { callId });
  const { callType: answered = callType } = await accepted;
  const ended = heard(telecaller, "call:ended").then(() => "ended");
  user.emit("call:end", { callId });
  return [callType, answered, await ended];
}"""
UPGRADED = """() => ["/user", "/telecaller"].every(
  (name) => window[name].io.engine.transport.name === "websocket")"""

SNIPPETS = {
    "USER": """
const socket = io('http://localhost:8000/user', {
  auth: {
    token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...'
  }
});""",
    "TELECALLER": """
const socket = io('http://localhost:8000/telecaller', {
  auth: {
    token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...'
  }
});""",
    "CUSTOMER": """
const socket = io('http://localhost:3000/customer', {
  auth: {
    token: 'your_jwt_access_token'
  }
});""",
    "PARTNER": """
const socket = io('http://localhost:3000/partner', {
  auth: { token: accessToken }
});""",
    "CHAT": "const socket = io('http://localhost:3001');",
}
"""How the events' documents say that an app connects."""


@pytest.fixture
def static_site() -> Iterator[str]:
    """The URL of a server on another port, with the file of socket.io-client."""
    folder = ROOT / "local/node_modules/socket.io-client/dist"
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def settled(client: Client, transport: str) -> None:
    """Wait until a client uses a transport."""
    until(lambda: client.transport() == transport, f"{client.kind} by {transport}")


@pytest.mark.parametrize("transports", TRANSPORTS)
@pytest.mark.parametrize(("kind", "version"), KINDS)
def test_every_client_makes_a_whole_call(
    world: World, kind: str, version: str | None, transports: tuple[str, ...] | None
) -> None:
    world.transports = transports
    options = {"version": version} if version else {}
    user = world.join(kind, world.people.take("USER"), **options)
    callee = world.people.take("TELECALLER")
    telecaller = world.join(kind, callee, **options)
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    assert user.ask("call:end", {"callId": call_id}) is None
    telecaller.wait("call:ended", callId=call_id)
    for client in (user, telecaller):
        settled(client, "polling" if transports == POLLING else "websocket")


@pytest.mark.parametrize("transports", TRANSPORTS[:2])
@pytest.mark.parametrize("play", [every_event.calls, every_event.chat, every_event.bookings])
def test_every_event_goes_by_every_transport(
    world: World, play: Callable[[World], None], transports: tuple[str, ...] | None
) -> None:
    world.transports = transports
    play(world)


@pytest.mark.parametrize("role", [role for role in SNIPPETS if role != "CHAT"])
def test_the_snippets_of_the_documents_connect_as_they_stand(world: World, role: str) -> None:
    account = world.people.take(role)
    client = JavaScript.of_snippet(
        world.driver, world.stack.url, SNIPPETS[role], token(account), f"/{role.lower()}"
    )
    world.clients.append(client)
    world.stack.wait_connections(client.namespace, account.id)
    settled(client, "websocket")


def test_the_snippet_of_chat_connects_as_it_stands(world: World) -> None:
    person = unique("snippet")
    channel = unique("channel")
    make_channel(world, channel)
    client = JavaScript.of_snippet(world.driver, world.stack.url, SNIPPETS["CHAT"], "", "/")
    world.clients.append(client)
    other = tab(world, unique("other"), joins=channel)
    client.emit("authenticate", chat_token(person))
    me = Tab(client, person)
    assert me.take("authenticated")["userId"] == person
    assert me.ask("join_channel", channel) is None
    client.emit("chat:send_message", {"channelId": channel, "message": "Hi", "messageType": "text"})
    assert other.take("chat:new_message")["message"] == "Hi"
    settled(client, "websocket")


@pytest.mark.parametrize("transports", TRANSPORTS[:2])
def test_large_events_go_both_ways(world: World, transports: tuple[str, ...] | None) -> None:
    world.transports = transports
    anna, bert = (tab(world, unique(name)) for name in ("anna", "bert"))
    asked = {"targetUserId": bert.person_id, "callType": "audio", "offer": {"sdp": LARGE}}
    call_id = anna.ask("call:invite", asked)["callId"]
    assert bert.take("call:incoming", callId=call_id)["offer"] == {"sdp": LARGE}
    bert.ask("call:accept", {"callId": call_id, "answer": {"sdp": LARGE}})
    assert anna.take("call:accepted")["answer"] == {"sdp": LARGE}


@pytest.mark.parametrize("transports", TRANSPORTS[:2])
def test_a_refusal_reaches_the_client(world: World, transports: tuple[str, ...] | None) -> None:
    world.transports = transports
    for kind in ("js", "python", "asyncio"):
        with pytest.raises(Refused, match="Access denied"):
            world.connect(kind, world.ticket("/telecaller", token(world.people.take("USER"))))


@pytest.mark.parametrize("transports", TRANSPORTS[:2])
def test_a_client_that_leaves_is_offline(world: World, transports: tuple[str, ...] | None) -> None:
    world.transports = transports
    _, user = world.user()
    for kind in ("js", "python"):
        callee, telecaller = world.telecaller(kind)
        user.wait_presence(callee.id, "ONLINE")
        telecaller.leave()
        user.wait_presence(callee.id, "OFFLINE")


def test_the_end_of_a_polling_client_by_the_backend_reaches_it(world: World) -> None:
    world.transports = POLLING
    account, user = world.user()
    (connection_id,) = backstage.connection_ids(world.stack, account)
    assert connection_id.startswith("~")
    expelled = {"connectionId": connection_id, "namespace": "/user"}
    backstage.invoke(world.stack, "disconnect", expelled)
    assert user.ended.wait(10)


def test_a_page_of_another_origin_makes_a_whole_call(
    world: World, browser: Browser, static_site: str
) -> None:
    """Chromium enforces CORS: a page elsewhere polls, upgrades, and uses no option but ``auth``."""
    user, callee = world.people.take("USER"), world.people.take("TELECALLER")
    with browser.new_page() as page:
        page.goto(f"{static_site}/socket.io.min.js")
        page.add_script_tag(url="/socket.io.min.js")
        for name, account in (("/user", user), ("/telecaller", callee)):
            page.evaluate(CONNECT, [world.stack.url + name, token(account), name])
            world.stack.wait_connections(name, account.id)
        assert page.evaluate(CALL, callee.id) == ["AUDIO", "AUDIO", "ended"]
        page.wait_for_function(UPGRADED)


def test_several_namespaces_share_one_upgraded_connection(world: World) -> None:
    world.transports = DEFAULT
    first = world.people.take("USER")
    user = world.join("js", first)
    assert isinstance(user, JavaScript)
    settled(user, "websocket")
    chat = world.connect("js", world.ticket("/"), app=user.app)
    assert chat.transport() == "websocket"
