"""A poll: one client asks, all others answer, and everybody sees the count."""

from __future__ import annotations

from typing import Annotated

import msgspec
from pynamodb.attributes import UnicodeAttribute

from shared.aws.tables import Table, TableName
from shared.pipeline.context import Context
from shared.pipeline.deployment import BROADCASTS, Access, TableSpec
from shared.pipeline.payloads import Inbound, Outbound
from shared.pipeline.product import Product
from shared.realtime.namespaces import Login, Namespace

PATH = "/poll"
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Vote(Table):
    """The answer of a session to a question."""

    class Meta:
        table_name = TableName("poll")

    question_id = UnicodeAttribute(hash_key=True, attr_name="questionId")
    sid = UnicodeAttribute(range_key=True)
    answer = UnicodeAttribute()


class Ask(Inbound, frozen=True, array_like=True):
    """A question, and what may be answered."""

    text: Text
    choices: Annotated[list[Text], msgspec.Meta(min_length=2, max_length=10)]


class Answer(Inbound, frozen=True, array_like=True):
    """The id of a question, and an answer to it."""

    question_id: Text
    answer: Text


class Question(Outbound, frozen=True, array_like=True):
    """A question to answer with `answer`."""

    event = "question"
    question_id: str
    text: str
    choices: list[str]


class Tally(Outbound, frozen=True):
    """How often each answer to a question has been given so far."""

    event = "tally"
    question_id: str
    counts: dict[str, int]


poll = Product(
    "poll",
    namespaces=[Namespace(PATH, login=Login.NONE, everybody=True)],
    tables=[TableSpec("poll", "questionId", "sid")],
    access=BROADCASTS | Access({"poll": "PutItem Query"}),
)
poll.sends(PATH, Question, Tally)


@poll.on("ask", namespaces=[PATH], payload=Ask)
def ask(context: Context, request: Ask) -> str:
    """Ask all others. They receive `question`. The acknowledgement carries the question's id."""
    question_id = context.arrival.id
    context.broadcast(Question(question_id, request.text, request.choices), skip_me=True)
    return question_id


@poll.on("answer", namespaces=[PATH], payload=Answer)
def answer(context: Context, request: Answer) -> None:
    """Answer a question, or change one's answer. Everybody receives `tally`."""
    Vote(request.question_id, context.session.sid, answer=request.answer).save()
    votes = Vote.query(request.question_id, consistent_read=True)
    counts: dict[str, int] = {}
    for vote in votes:
        counts[vote.answer] = counts.get(vote.answer, 0) + 1
    context.broadcast(Tally(request.question_id, counts))
