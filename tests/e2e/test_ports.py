"""Two Socket.IO apps that docs/migrate.md ports: a chat room with names, and a poll."""

from __future__ import annotations

from local.settings import ROOT
from tests.e2e.clients import Client, Ticket
from tests.e2e.products import PRODUCTS
from tests.e2e.world import World

CHATROOM, POLL = "/chatroom", "/poll"


def come(world: World, namespace: str, kind: str = "js") -> Client:
    return world.connect(kind, Ticket(world.stack.url, namespace, given=None))


def test_a_guest_without_a_name_comes_and_goes_unseen(world: World) -> None:
    anna = come(world, CHATROOM)
    anna.wait("welcome")
    come(world, CHATROOM).leave()
    anna.stays_quiet()


def test_guests_of_the_chat_room_see_who_comes_speaks_types_and_goes(world: World) -> None:
    watcher, anna = come(world, CHATROOM), come(world, CHATROOM)
    assert anna.wait("welcome") == {"names": []}
    anna.emit("add user", "Anna")
    assert anna.wait("login") == {"numUsers": 1}
    watcher.wait_past("welcome", "user joined")  # from now on it reaches no newcomer
    bert = come(world, CHATROOM, "python")
    assert bert.wait("welcome") == {"names": ["Anna"]}
    bert.emit("add user", "Bert")
    assert bert.wait("login") == {"numUsers": 2}
    assert anna.wait("user joined") == {"username": "Bert", "numUsers": 2}
    bert.ask("typing")
    assert anna.wait("typing") == {"username": "Bert"}
    bert.ask("stop typing")
    assert anna.wait("stop typing") == {"username": "Bert"}
    bert.ask("new message", "Hello")
    assert anna.wait("new message") == {"username": "Bert", "message": "Hello"}
    bert.stays_quiet()
    bert.leave()
    assert anna.wait("user left") == {"username": "Bert", "numUsers": 1}


def test_all_others_answer_a_question_and_everybody_sees_the_tally(world: World) -> None:
    teacher, anna, bert = (come(world, POLL, kind) for kind in ("js", "js", "python"))
    question_id = teacher.ask("ask", "Tea?", ["yes", "no"])
    for pupil in (anna, bert):
        assert pupil.wait_arguments("question") == (question_id, "Tea?", ["yes", "no"])
    assert anna.ask("answer", question_id, "yes") is None
    for client in (teacher, anna, bert):
        assert client.wait("tally") == {"questionId": question_id, "counts": {"yes": 1}}
    assert bert.ask("answer", question_id, "no") is None
    for client in (teacher, anna, bert):
        tally = {"questionId": question_id, "counts": {"yes": 1, "no": 1}}
        assert client.wait("tally") == tally


def test_the_guide_quotes_the_products_as_they_are() -> None:
    """Every line of the ports' code in the guide is in the products' folders."""
    source = "".join((PRODUCTS / name / "handlers.py").read_text() for name in ("chatroom", "poll"))
    guide = (ROOT / "docs" / "migrate.md").read_text().partition("## Two apps, ported")[2]
    blocks = [part.partition("```")[0] for part in guide.split("```python\n")[1:]]
    assert len(blocks) >= 5
    for block in blocks:
        for line in filter(None, map(str.rstrip, block.splitlines())):
            assert line in source, line
