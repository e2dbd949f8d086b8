"""Which failures of a log are shown, and how."""

from __future__ import annotations

import json

import pytest

from local.failures import Failure, Failures, hint

SOURCE = "switchboard-dev-calls[12]"
TRACE = 'Traceback (most recent call last):\n  File "shared/ids.py", line 3\nKeyError: 1'


def line(source: str = SOURCE, /, **record: object) -> str:
    return f"{source} {json.dumps(record)}\n"


def error(**fields: object) -> str:
    usual: dict[str, object] = {
        "level": "ERROR",
        "message": "event failed",
        "correlation_id": "c-1",
    }
    source = str(fields.pop("source", SOURCE))
    return line(source, **(usual | {"event_name": "call:end", "exception": TRACE} | fields))


def read(*lines: str, settled: bool = False) -> list[Failure]:
    failures = Failures("switchboard-dev-")
    found = [failure for one in lines for failure in failures.read(one)]
    return found + (list(failures.settle()) if settled else [])


def text(content: str, source: str = SOURCE) -> list[str]:
    return [f"{source} {one}\n" for one in content.splitlines()]


def test_a_failure_is_shown_as_a_heading_with_message_and_traceback() -> None:
    (failure,) = read(error())
    assert str(failure).splitlines() == [
        "!! calls  call:end  c-1",
        "   event failed",
        "   Traceback (most recent call last):",
        '     File "shared/ids.py", line 3',
        "   KeyError: 1",
    ]


def test_unknown_parts_of_a_failure_are_left_out() -> None:
    failure = Failure("sweep", None, None, "", "one\n\ntwo")
    assert str(failure) == "!! sweep\n   one\n\n   two"


@pytest.mark.parametrize(
    "harmless",
    [
        line(level="INFO", message="done"),
        line(level="WARNING", message="again"),
        line(_aws={}, PostsGone=[1]),
        "switchboard-dev-calls[12] {not json\n",
        "switchboard-dev-calls[12] printed\n",
        "switchboard-dev-calls[12] \n",
        "\n",
        "",
    ],
)
def test_a_line_that_is_not_a_failure_is_not_shown(harmless: str) -> None:
    assert read(harmless, line(level="INFO", message="done"), settled=True) == []


def test_a_critical_line_is_a_failure() -> None:
    (failure,) = read(error(level="CRITICAL"))
    assert failure.message == "event failed"


def test_the_same_failure_is_shown_once() -> None:
    once, again, other = error(), error(), error(correlation_id="c-2")
    assert [failure.correlation_id for failure in read(once, again, other, again)] == ["c-1", "c-2"]


def test_a_second_try_in_another_folder_is_the_same_failure() -> None:
    def tried(folder: str) -> str:
        path = f"/w/.local/1/tmp/ministack-lambda-switchboard-dev-calls-{folder}/code/shared/a.py"
        return error(exception=f'Traceback\n  File "{path}", line 3\nKeyError: 1')

    (failure,) = read(tried("abc"), tried("xyz"))
    assert '  File "shared/a.py", line 3' in failure.trace


def test_a_failure_that_follows_from_another_does_not_repeat_its_traceback() -> None:
    second = f"{TRACE}\n\nDuring handling of the above exception, another:\n\nTraceback 2"
    following = error(message="route failed", exception=second)
    found = read(error(), following, following)
    assert [failure.message for failure in found] == ["event failed", "route failed"]
    assert found[1].trace == "During handling of the above exception, another:\n\nTraceback 2"


def test_text_before_a_failure_without_a_traceback_becomes_its_traceback() -> None:
    (failure,) = read(*text(TRACE), error(message="Worker process died", exception=None))
    assert (failure.message, failure.trace) == ("Worker process died", TRACE)


def test_a_traceback_alone_is_a_failure() -> None:
    (failure,) = read(*text(TRACE), line(level="INFO", message="done"))
    assert failure == Failure("calls", None, None, "", TRACE)


def test_a_traceback_at_the_end_of_the_log_is_shown_when_the_log_settles() -> None:
    assert read(*text(TRACE)) == []
    (failure,) = read(*text(TRACE), settled=True)
    assert failure.trace == TRACE


def test_a_traceback_before_a_failure_with_a_traceback_is_a_second_failure() -> None:
    found = read(*text("Fatal Python error: x"), error())
    assert [failure.trace for failure in found] == ["Fatal Python error: x", TRACE]


def test_lines_of_processes_that_print_at_once_are_kept_apart() -> None:
    one, other = "switchboard-dev-calls[1]", "switchboard-dev-calls[2]"
    pairs = zip(text("a\nb\nc", other), text(TRACE, one), strict=True)
    mixed = [each for pair in pairs for each in pair]
    ended = error(source=one, message="died", exception=None)
    (failure,) = read(*mixed, ended, settled=True)
    assert failure.trace == TRACE


@pytest.mark.parametrize(
    ("resource", "right"),
    [
        ("TablesAccounts2D520C9A-3436FD4831E6F", '"accounts"'),
        ("TablesBookingmessages9C8B1F0A-2B", '"booking_messages"'),
        ("TablesConnectionsF6D675B1-1/index/due", '"connections/due"'),
    ],
)
def test_a_missing_right_is_followed_by_what_to_write(resource: str, right: str) -> None:
    trace = (
        "botocore.exceptions.ClientError: An error occurred (AccessDeniedException): User: "
        "arn:aws:sts::000000000000:assumed-role/x/y is not authorized to perform: "
        "dynamodb:DeleteItem on resource: arn:aws:dynamodb:us-east-1:0:table/"
        f"switchboard-dev-{resource}"
        " because no identity-based policy allows the dynamodb:DeleteItem action"
    )
    assert hint(trace) == (
        f'Add Access({{{right}: "DeleteItem"}}) to access= where the handler or hook above is '
        "registered."
    )


def test_other_failures_have_no_hint() -> None:
    assert hint("ZeroDivisionError: division by zero") == ""
