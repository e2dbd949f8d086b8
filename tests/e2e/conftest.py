"""The fixtures of the end-to-end tests: three running stacks, and real clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import boto3
import pytest
from playwright.sync_api import Browser

from bench.verify import calls
from tests.e2e import backstage
from tests.e2e.browser import launched
from tests.e2e.client_js import NodeDriver
from tests.e2e.client_python import Loop
from tests.e2e.pages import Visitors, visiting
from tests.e2e.people import People
from tests.e2e.products import deploy_all
from tests.e2e.stack import Stack, running
from tests.e2e.world import KINDS, World
from tests.livekit_server import LiveKitServer

LEFT_TO_THE_COLLECTOR = (
    "ignore:unclosed <socket:ResourceWarning",
    r"ignore:Exception ignored in. <socket\.socket:pytest.PytestUnraisableExceptionWarning",
)
"""Client libraries do not close a socket that the server has closed. The warning would fail
whichever test runs when the garbage is collected."""

LAST = "test_zz_afterwards.py"
"""The module whose tests check the whole run of the main stack and of the third one."""

APPLICATIONS = {
    f"PUSH_{platform}_ARN": f"arn:aws:sns:us-east-1:000000000000:app/{name}/phones"
    for platform, name in (
        ("APNS", "APNS_SANDBOX"),
        ("APNS_VOIP", "APNS_VOIP_SANDBOX"),
        ("FCM", "GCM"),
    )
}
"""The platform applications of the second stack."""

LIVEKIT_KEY, LIVEKIT_SECRET = "e2e-key", "e2e-livekit-secret-e2e-livekit-secret"


SECOND_STACK = {
    "test_attendance.py",
    "test_docs.py",
    "test_pages.py",
    "test_ports.py",
    "test_prepaid.py",
    "test_protocol.py",
    "test_publishing.py",
    "test_published_keys.py",
    "test_push.py",
    "test_reload.py",
    "test_silence.py",
    "test_tutorial.py",
    "test_webhooks.py",
    "test_verify_options.py",
}
"""The modules that use the second stack: they need its products or its settings, let functions
fail, or open pages.
All others use the main stack or the third one, whose functions must not fail."""

THIRD_STACK = {
    "test_chat_load.py",
    "test_coming_back.py",
    "test_cost.py",
    "test_recovery.py",
    "test_storm.py",
    "test_transports.py",
    "test_transports_wire.py",
    "test_verify.py",
}
"""The modules that use a stack like the main one, so that these tests run beside the others."""


STACKS = ("main", "third", "second")
"""The names of the stacks. The first takes longest."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all tests that share a stack in one worker, so that each stack is started once.

    They take longest, so they come before all others, and the check of types comes next. The tests
    that check the whole run of a stack are its last ones.
    """
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in mine:
        item.add_marker(pytest.mark.xdist_group(_stack_of(item)))
        for warning in LEFT_TO_THE_COLLECTOR:
            item.add_marker(pytest.mark.filterwarnings(warning))
    mine.sort(key=lambda item: (STACKS.index(_stack_of(item)), item.path.name == LAST))
    others = [item for item in items if item not in set(mine)]
    others.sort(key=lambda item: item.path.name != "test_types.py")
    items[:] = mine + others


def _stack_of(item: pytest.Item) -> str:
    """Return the name of the stack that a test uses."""
    if item.path.name == LAST and isinstance(item, pytest.Function):
        return str(item.callspec.params["stack"])
    return _stack_of_module(item.path.name)


def _stack_of_module(name: str) -> str:
    if name in SECOND_STACK:
        return "second"
    return "third" if name in THIRD_STACK else "main"


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """Reach the loopback interface directly, even if this machine uses a proxy."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1,localhost")
        yield


@pytest.fixture(scope="session")
def people() -> People:
    return People()


@pytest.fixture(scope="session")
def livekit() -> Iterator[LiveKitServer]:
    """The LiveKit server of the stacks. A stack asks it to delete the rooms of calls."""
    with LiveKitServer(LIVEKIT_KEY, LIVEKIT_SECRET).serving() as server:
        yield server
    assert not server.refused


@pytest.fixture(scope="session")
def settings_of_livekit(livekit: LiveKitServer) -> dict[str, str]:
    return {
        "LIVEKIT_URL": livekit.url,
        "LIVEKIT_API_KEY": LIVEKIT_KEY,
        "LIVEKIT_API_SECRET": LIVEKIT_SECRET,
        "LIVEKIT_RETRY_SECONDS": "1",
    }


def _ordinary(name: str) -> Any:
    """Return a fixture: a stack of the project's own products, with the default settings."""

    def stack(
        people: People,
        settings_of_livekit: dict[str, str],
        no_proxy: None,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> Iterator[Stack]:
        folder = tmp_path_factory.mktemp(name)
        file, logs = folder / "accounts.json", folder / "logs"
        logs.mkdir()
        people.write(file)
        with running(file, logs, **settings_of_livekit) as stack:
            yield stack

    return pytest.fixture(scope="session", name=f"{name}_stack")(stack)


main_stack, third_stack = _ordinary("main"), _ordinary("third")


@pytest.fixture(scope="session")
def second_stack(
    people: People,
    settings_of_livekit: dict[str, str],
    no_proxy: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A stack that has the products of ``tests/products``, too, and what is off by default."""
    work = tmp_path_factory.mktemp("second")
    accounts = work / "people.json"
    people.write(accounts)
    switched_on = {
        "PREPAID_CALLS": "true",
        "BILLED_SECONDS": "6",
        "LOW_BALANCE_SECONDS": "4",
        "LIVEKIT_WEBHOOKS": "true",
        "PUBLISH_EVENTS": "true",
        "RING_BY_PUSH": "true",
        **APPLICATIONS,
    }
    with deploy_all(work, ACCOUNTS=str(accounts), **settings_of_livekit, **switched_on) as stack:
        yield stack


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Stack:
    """The stack that the module uses."""
    used: Stack = request.getfixturevalue(f"{_stack_of_module(request.path.name)}_stack")
    return used


@pytest.fixture(scope="session")
def driver() -> Iterator[NodeDriver]:
    driver = NodeDriver()
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def world(stack: Stack, people: People, driver: NodeDriver, loop: Loop) -> Iterator[World]:
    world = World(stack, people, driver, loop)
    yield world
    world.close()


@pytest.fixture(params=KINDS)
def every_kind(request: pytest.FixtureRequest) -> str:
    """Run the test once with each kind of client: it is about what clients send and read."""
    found: str = request.param
    return found


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """Return a kind of client, always the same for a test: it is about what the server does.

    The tests share all kinds among them.
    """
    return KINDS[crc32(request.node.name.encode()) % len(KINDS)]


@pytest.fixture
def account(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use the emulator as the AWS account whose credentials are in the environment."""
    for name, value in stack.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(calls, "TIMER_SLACK_SECONDS", 60.0)  # this machine has other work
    yield
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture
def long_rings(stack: Stack) -> Iterator[None]:
    """Let calls of the second stack ring for as long as a loaded machine may need."""
    functions = ("socketio", "calls", "chat", "disconnect", "presence-stream", "push")
    with backstage.settings_of(stack, *functions, ring_timeout_seconds=60):
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def visitors(browser: Browser, stack: Stack) -> Iterator[Visitors]:
    with visiting(browser, stack) as visitors:
        yield visitors
