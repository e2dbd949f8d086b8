"""The emulator's Lambda workers are forked from a parent that has imported the libraries."""

from __future__ import annotations

import signal
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ministack.core import lambda_runtime  # type: ignore[import-untyped]

from local import workers
from local.workers import (
    ForkedProcess,
    ForkingSubprocess,
    LeasedWorker,
    SharedCode,
    SharingZipfile,
    WarmParent,
)

SECONDS = 20


@pytest.fixture(scope="module")
def parent() -> Iterator[WarmParent]:
    parent = WarmParent()
    yield parent
    parent.close()


@pytest.fixture
def start(parent: WarmParent, tmp_path: Path) -> Iterator[Any]:
    """Return a function that starts a worker with a script."""
    started: list[ForkedProcess] = []

    def start(script: str, module: str = "", **environment: str) -> ForkedProcess:
        path = tmp_path / f"_worker{len(started)}.py"
        path.write_text(script)
        started.append(parent.fork(str(path), str(tmp_path), environment, module))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(SECONDS)
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


def test_a_worker_reads_and_writes_through_its_pipes(start: Any) -> None:
    worker = start("import sys\nprint(sys.stdin.readline()[::-1])\nprint('oh', file=sys.stderr)")
    worker.stdin.write("abc\n")
    assert worker.stdout.read().strip() == "cba"
    assert worker.stderr.read() == "oh\n"
    assert worker.wait(SECONDS) == 0


def test_a_worker_has_its_own_environment_and_folder(start: Any, tmp_path: Path) -> None:
    worker = start("import os\nprint(sorted(os.environ.items()), os.getcwd())", A="1")
    assert worker.stdout.read().strip() == f"[('A', '1')] {tmp_path}"


def test_the_libraries_are_imported_already_and_the_project_is_not(start: Any) -> None:
    names = "botocore.handlers", "pynamodb.models", "shared", "functions", "local"
    worker = start(f"import sys\nprint([name in sys.modules for name in {names}])")
    assert worker.stdout.read().strip() == "[True, True, False, False, False]"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("raise SystemExit(3)", 3),
        ("raise ValueError", 1),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    ],
)
def test_the_exit_code_of_a_worker_is_known(start: Any, script: str, code: int) -> None:
    worker = start(script)
    assert worker.wait(SECONDS) == code
    assert worker.poll() == worker.returncode == code


def test_a_worker_that_runs_can_be_ended(start: Any) -> None:
    worker = start("import time\ntime.sleep(60)")
    assert worker.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.01)
    worker.terminate()
    assert worker.wait(SECONDS) == -signal.SIGTERM
    worker.terminate()  # the process id may belong to another process by now


def test_workers_end_without_each_other(start: Any) -> None:
    first, second = (start("import sys\nsys.exit(len(sys.stdin.readline()))") for _ in range(2))
    second.stdin.write("\n")
    assert second.wait(SECONDS) == 1
    first.stdin.close()
    assert first.wait(SECONDS) == 0


def test_workers_of_one_configuration_share_what_they_import(start: Any, tmp_path: Path) -> None:
    (tmp_path / "imported.py").write_text("import os\nBY = os.getpid()\nTHEN = os.environ['A']")
    script = (
        "import os, imported as it\nprint(it.BY, os.getppid() == it.BY, it.THEN, dict(os.environ))"
    )
    stream = "AWS_LAMBDA_LOG_STREAM_NAME"
    settings = [{"A": "1", stream: "x"}, {"A": "1", stream: "y"}, {"A": "2", stream: "x"}]
    workers = [start(script, "imported", **one) for one in settings]
    said = [worker.stdout.read().split(maxsplit=3) for worker in workers]
    assert [worker.wait(SECONDS) for worker in workers] == [0, 0, 0]
    assert said[0][0] == said[1][0] != said[2][0]
    for one, (_, child_of_template, then, environment) in zip(settings, said, strict=True):
        assert (child_of_template, then) == ("True", one["A"])
        assert environment.strip() == str(one)


@pytest.mark.parametrize(("code", "ended"), [("raise ImportError('gone')", 1), ("exit(3)", 3)])
def test_a_worker_says_why_its_code_cannot_be_imported(
    start: Any, tmp_path: Path, code: str, ended: int
) -> None:
    (tmp_path / "broken.py").write_text(code)
    worker = start("import broken", "broken")
    assert ("ImportError: gone" in worker.stderr.read()) == (ended == 1)
    assert worker.wait(SECONDS) == ended


def test_a_parent_that_has_ended_is_named(tmp_path: Path) -> None:
    parent = WarmParent()
    parent.close()
    with pytest.raises(OSError, match=r"start the emulator again"):
        parent.fork(str(tmp_path / "_worker.py"), str(tmp_path), {})


def test_other_programs_are_started_as_ever(parent: WarmParent, tmp_path: Path) -> None:
    forking = ForkingSubprocess(parent)
    with forking.Popen(["echo", "hi"], stdout=forking.PIPE, text=True) as process:
        assert process.communicate()[0] == "hi\n"


class _Worker:
    """A worker that waits for as many others as there are at the same time."""

    def __init__(self, meeting: threading.Barrier) -> None:
        self._meeting = meeting

    def invoke(self, event: Any, _request_id: str) -> Any:
        self._meeting.wait(SECONDS)
        return event


def test_frames_are_served_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = threading.Barrier(workers.AT_ONCE)
    released: list[_Worker] = []
    monkeypatch.setattr(lambda_runtime, "acquire_worker", lambda *_: (_Worker(meeting), "spawn"))
    monkeypatch.setattr(lambda_runtime, "release_worker", released.append)
    results: list[Any] = []

    def frame(number: int) -> None:
        results.append(LeasedWorker("name", {}, b"", "1").invoke(number, "id"))

    frames = [threading.Thread(target=frame, args=[number]) for number in range(workers.AT_ONCE)]
    for thread in frames:
        thread.start()
    for thread in frames:
        thread.join(SECONDS)
    assert sorted(results) == list(range(workers.AT_ONCE))
    assert len(released) == workers.AT_ONCE


def test_a_worker_ends_after_its_invocation() -> None:
    idle, busy = (SimpleNamespace(_lock=threading.Lock()) for _ in range(2))
    ended: list[Any] = []
    both = threading.Event()

    def kill(some: list[Any]) -> None:
        ended.extend(some)
        if busy in ended:
            both.set()

    with busy._lock:
        workers.ending_idle(kill)([busy, idle])
        assert ended == [idle]
    assert both.wait(SECONDS)
    assert ended == [idle, busy]


def test_another_version_of_the_emulator_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_runtime, "get_or_create_worker", lambda name: name)
    with pytest.raises(RuntimeError, match="another ministack"):
        workers.install()


def unpacked(sharing: SharingZipfile, folder: Path, text: str) -> Path:
    """Unpack an archive as ministack does, and return the folder with its content."""
    code = folder / "code"
    code.mkdir(parents=True)
    archive = folder / "code.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("module.py"), text)
    with sharing.ZipFile(str(archive)) as opened:
        opened.extractall(str(code))
    return code


def test_workers_with_the_same_code_share_what_is_compiled(tmp_path: Path) -> None:
    sharing = SharingZipfile(SharedCode(tmp_path / "shared"))
    first, second, other = (
        unpacked(sharing, tmp_path / name, text)
        for name, text in (("1", "a = 1"), ("2", "a = 1"), ("3", ""))
    )
    assert first.resolve() == second.resolve() != other.resolve()
    assert (second / "module.py").read_text() == "a = 1"
    assert list((second / "__pycache__").glob("module.*.pyc"))


def test_the_rest_of_zipfile_is_as_ever(tmp_path: Path) -> None:
    assert SharingZipfile(SharedCode(tmp_path)).BadZipFile is zipfile.BadZipFile


class _Crowd:
    """Invocations that stay until they are let go, and how many there are at the same time."""

    def __init__(self) -> None:
        self.inside = threading.Semaphore(0)
        self.leave = threading.Event()

    def execute(self, _func: Any, event: Any, _request_id: str) -> Any:
        self.inside.release()
        self.leave.wait(SECONDS)
        return event

    def have_come(self, count: int) -> bool:
        return all(self.inside.acquire(timeout=1) for _ in range(count))


@pytest.mark.parametrize("asynchronous", [True, False])
def test_only_asynchronous_invocations_wait_for_one_another(asynchronous: bool) -> None:
    crowd, function = _Crowd(), {"config": {"FunctionName": "disconnect"}}
    execute = workers.in_turn(crowd.execute)
    threads = []

    def invoke(func: Any, event: Any) -> None:
        context = copy_context()
        threads.append(threading.Thread(target=context.run, args=(execute, func, event, "id")))
        threads[-1].start()

    start = workers.marked(invoke) if asynchronous else invoke
    for number in range(workers.ASYNCHRONOUS_AT_ONCE + 1):
        start(function, number)
    assert crowd.have_come(workers.ASYNCHRONOUS_AT_ONCE)
    assert crowd.have_come(1) is not asynchronous
    crowd.leave.set()
    for thread in threads:
        thread.join(SECONDS)
    assert not any(thread.is_alive() for thread in threads)
