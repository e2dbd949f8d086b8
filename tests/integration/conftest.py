"""The functions' own code against two real DynamoDB engines: no test relies on one engine's bug.

Every test has its own tables. The tests of an engine run in one worker of pytest-xdist
(``--dist loadgroup``), so that each engine is started once.

The tests of what an engine decides run on both engines. All others run on one, which is always the
same for a test; each module meets both. ``ENGINES=both`` runs every test on both.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar
from zlib import crc32

import pytest

from functions.calls.namespaces import TELECALLER, USER
from local.accounts import save as save_account
from local.emulator import aws_environment
from shared.aws import clients as aws
from shared.aws.tables import TableName, forget_clients
from shared.identity.accounts import Account
from shared.settings import Settings
from tests.conftest import UseSettings
from tests.fakes import Fakes
from tests.integration import engines, stage
from tests.integration.clients import Clients
from tests.integration.engines import Engine, Tables
from tests.table_definition import table_definition

THREADS = 16

DECIDED_BY_THE_ENGINE = {
    f"test_{name}.py"
    for name in (
        *("accounts", "asking_again", "booking_statuses", "bookings", "call_machine", "call_races"),
        *("call_starts", "call_store", "chat_calls", "chat_channels", "chat_counts", "connections"),
        *("counts", "limits", "lost_answers", "memberships", "repair", "transactions", "untold"),
    )
}
"""The modules about conditional writes, races and transactions: their tests run on both engines."""

T = TypeVar("T")
_numbers = itertools.count(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses an engine on those that it needs, unless it says itself on which."""
    own = {mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")}
    if "engine" not in metafunc.fixturenames or "engine" in own:
        return
    names = engines_of(metafunc.definition.path.name, metafunc.function.__name__)
    values = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]
    metafunc.parametrize("engine", values, indirect=True, scope="session")


def engines_of(module: str, test: str) -> tuple[str, ...]:
    """Return the names of the engines on which a test runs."""
    if module in DECIDED_BY_THE_ENGINE or os.environ.get("ENGINES") == "both":
        return engines.NAMES
    available = engines.NAMES[:1] if engines.missing() else engines.NAMES
    return (available[crc32(f"{test} {module}".encode()) % len(available)],)


@pytest.fixture(scope="session")
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """Start the engine on which a test runs."""
    reason = engines.missing()
    if request.param == "dynoxide" and reason:
        pytest.skip(reason)
    with engines.running(request.param, tmp_path_factory.mktemp(request.param)) as engine:
        yield engine


@pytest.fixture(scope="session")
def definitions() -> list[dict[str, Any]]:
    """Return the tables that the stack deploys, as arguments of ``CreateTable``."""
    from infra.tables import ALL_TABLES as TABLES

    return [table_definition(row) for row in TABLES]


@pytest.fixture
def tables(
    engine: Engine,
    definitions: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    use_settings: UseSettings,
) -> Iterator[Settings]:
    """Yield the settings in which the functions find empty tables, which exist as soon as a
    model uses them."""
    mine = Tables(engine, f"test{next(_numbers)}", definitions)
    monkeypatch.setattr(TableName, "__get__", lambda self, *_: mine.open(self.name))
    for name, value in aws_environment({}, engine.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(aws, "_made", engine.client)
    values = use_settings(tables=mine.names)
    forget_clients()
    yield values
    forget_clients()


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


class Race:
    """Runs functions at the same moment, each in its own thread, with the SDK's own timing."""

    def __init__(self, pool: ThreadPoolExecutor, engine: Engine) -> None:
        self._pool, self._engine = pool, engine

    def __call__(self, *contenders: Callable[[], T]) -> list[T]:
        """Return the results in order. There may be at most ``THREADS`` contenders."""
        barrier = Barrier(len(contenders), timeout=30)

        def run(contender: Callable[[], T]) -> T:
            barrier.wait()
            return contender()

        with self._engine.by_sdk(lambda **_: None):
            return list(self._pool.map(run, contenders))


@pytest.fixture(scope="session")
def race(engine: Engine) -> Iterator[Race]:
    with ThreadPoolExecutor(THREADS) as pool:
        yield Race(pool, engine)


@pytest.fixture
def clients(tables: Settings, fakes: Fakes) -> Clients:
    """Return the clients of Ulla with two devices and of Tina with two."""
    save_account(
        Account(
            id="tina",
            role="TELECALLER",
            name="Tina",
            profile="avatar-3",
            approval_status="APPROVED",
        )
    )
    for connection_id in ("u1", "u2"):
        stage.connect(USER.path, "ulla", connection_id)
    for connection_id in ("t1", "t2"):
        stage.connect(TELECALLER.path, "tina", connection_id)
    return Clients(fakes)
