"""What ``publish_events`` adds to the stack: one function that follows streams."""

from __future__ import annotations

import json

import pytest

from infra.functions import FUNCTIONS
from tests.infra.conftest import Stack, synthesize
from tests.infra.test_alarms import alarms
from tests.infra.test_rights import allowed
from tests.infra.test_stack import plain, statements

(PUBLISHER,) = (row for row in FUNCTIONS if row.name == "publisher")


@pytest.fixture(scope="module")
def publishing(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("publishing")
    return synthesize(folder, local="true", publish_events="true")


def test_nothing_of_it_is_there_unless_it_is_switched_on(stack: Stack) -> None:
    made = {name.lower() for name in stack.template["Resources"]}
    assert not [one for one in made if one.startswith("publisher")]
    variables = [one["Environment"]["Variables"] for one in stack.functions().values()]
    assert not [one for one in variables if "UNPUBLISHED_QUEUE_URL" in one]


def test_it_adds_nothing_else(local: Stack, publishing: Stack) -> None:
    before, after = local.template["Resources"], publishing.template["Resources"]
    new = {id_ for id_ in after.keys() - before.keys() if not id_.startswith("Publisher")}
    kinds = ("errorslogged", "neartimeout", "streamlag", "deadletters")
    assert len(new) == len(kinds)
    assert all(any(kind in id_ for kind in kinds) and "publisher" in id_ for id_ in new)
    changed = {id_ for id_ in before if before[id_] != after[id_]}
    functions = {id_ for id_ in changed if before[id_]["Type"] == "AWS::Lambda::Function"}
    # The console shows the publisher's dead letters, too.
    others = {id_[:-8] for id_ in changed - functions}
    assert others == {"Dashboard", "HttpRoleDefaultPolicy"}


def test_it_follows_every_table_that_products_publish(publishing: Stack) -> None:
    sources = [
        one
        for one in publishing.properties("AWS::Lambda::EventSourceMapping")
        if plain(one["FunctionName"]).startswith("Publisher")
    ]
    followed = {plain(one["EventSourceArn"]).removeprefix("Tables")[:-18] for one in sources}
    assert followed == {"People", "Calls", "Messages", "Chat", "Bookings", "Bookingmessages"}
    for one in sources:
        assert one["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert one.get("MaximumRetryAttempts", -1) == -1  # until the records expire
        assert "PublisherDeadLetters" in plain(one["DestinationConfig"]["OnFailure"]["Destination"])


def test_it_is_invoked_only_for_rows_of_which_something_is_published(publishing: Stack) -> None:
    """Every call and every connection changes other rows of people, too."""
    filtered = {}
    for one in publishing.properties("AWS::Lambda::EventSourceMapping"):
        if plain(one["FunctionName"]).startswith("Publisher"):
            filters = one.get("FilterCriteria", {}).get("Filters", [])
            table = plain(one["EventSourceArn"]).removeprefix("Tables")[:-18]
            filtered[table] = [json.loads(each["Pattern"]) for each in filters]
    inserted = [{"eventName": ["INSERT"]}]
    keys = [("person", "/telecaller#"), ("person", "call#"), ("item", "status")]
    calls, rows, statuses = (
        {"dynamodb": {"Keys": {name: {"S": [{"prefix": beginning}]}}}} for name, beginning in keys
    )
    assert filtered == {
        "People": [calls, rows],
        "Chat": [statuses],
        "Calls": inserted,
        "Messages": inserted,
        "Bookingmessages": inserted,
        "Bookings": [],
    }


def test_it_may_do_what_it_does_and_nothing_else(publishing: Stack) -> None:
    variables = publishing.functions()["publisher"]["Environment"]["Variables"]
    environment = {name: plain(value) for name, value in variables.items()}
    bus = f"{environment['EVENT_BUS']}.Arn"
    assert set(allowed(publishing, PUBLISHER, environment)) == {("events:PutEvents", bus)}
    aside = {
        resource
        for id_, actions, resource in statements(publishing)
        if id_.startswith("PublisherRole") and "sqs:SendMessage" in actions
    }
    assert aside == {f"{environment['UNPUBLISHED_QUEUE_URL']}.Arn"}


def test_its_failures_raise_alarms(publishing: Stack) -> None:
    names = ("near-timeout", "stream-lag", "dead-letters")
    assert alarms(publishing).keys() >= {f"{name}-publisher" for name in names}
