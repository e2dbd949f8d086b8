"""The functions' own code against two real DynamoDB engines: no test relies on one engine's bug.

Every test has its own tables. The tests of an engine run in one worker of pytest-xdist
(``--dist loadgroup``), so that each engine is started once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

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

T = TypeVar("T")
_numbers = itertools.count(1)


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("emulator", "dynoxide")
    ],
)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
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
    monkeypatch.setattr(aws, "session", lambda: engine.session._session)  # of botocore
    values = use_settings(tables=mine.names)
    forget_clients()
    yield values
    forget_clients()
    mine.delete()


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


class Race:
    """Runs functions at the same moment, each in its own thread."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def __call__(self, *contenders: Callable[[], T]) -> list[T]:
        """Return the results in order. There may be at most ``THREADS`` contenders."""
        barrier = Barrier(len(contenders), timeout=30)

        def run(contender: Callable[[], T]) -> T:
            barrier.wait()
            return contender()

        return list(self._pool.map(run, contenders))


@pytest.fixture(scope="session")
def race() -> Iterator[Race]:
    with ThreadPoolExecutor(THREADS) as pool:
        yield Race(pool)


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
