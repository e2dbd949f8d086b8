"""Scenarios of the console: what admins look at and do over HTTP."""

from __future__ import annotations

from tests.simulation.calls import answered, call_people, ringing
from tests.simulation.chat import chat_answered
from tests.simulation.stage import BACKEND, Stage, scenario
from tests.simulation.world import ADA, THEO, TINA, ULLA

PAGES = (
    "/admin/stats", "/admin/calls", "/admin/calls/running", "/admin/calls/stats", "/admin/audit",
    "/admin/queues", f"/admin/calls?userId={ULLA.id}", f"/admin/audit?subjectId={TINA.id}",
    "/accounts?name=t", f"/accounts/{TINA.id}/sessions",
)  # fmt: skip


def reported(stage: Stage) -> None:
    """A telecaller who is online and whose account the team's system has reported."""
    call_people(stage)
    _report(stage)


def reported_pending(stage: Stage) -> None:
    """A telecaller who has not been approved."""
    _report(stage, id_=THEO.id, approval="PENDING")


def _report(stage: Stage, id_: str = TINA.id, approval: str = "APPROVED") -> None:
    stage.tell(
        "account.upserted",
        _id=id_,
        role="TELECALLER",
        name="Tina",
        accountStatus="ACTIVE",
        approvalStatus=approval,
    )


@scenario("POST /calls/{id}/end", answered, "http", "presence-stream")
def _end(stage: Stage) -> None:
    stage.world.asks(ADA, f"POST /calls/{stage.kept['call']}/end")


@scenario("POST /calls/{id}/end while it rings", ringing, "http")
def _end_ringing(stage: Stage) -> None:
    stage.world.asks(ADA, f"POST /calls/{stage.kept['call']}/end")


@scenario("POST /calls/{id}/end when it is over", answered, "http")
def _end_again(stage: Stage) -> None:
    stage.ask(stage.app(ULLA), "call:end", {"callId": stage.kept["call"]})
    stage.world.asks(ADA, "GET /admin/calls")
    stage.world.asks(ADA, f"POST /calls/{stage.kept['call']}/end")


@scenario("POST /calls/{id}/end of a chat call", chat_answered, "http")
def _end_chat(stage: Stage) -> None:
    stage.world.asks(ADA, "GET /admin/calls/running?product=chat")
    stage.world.asks(ADA, f"POST /calls/{stage.kept['call']}/end")


@scenario("POST /accounts/{id}/suspend", reported, "http", BACKEND)
def _suspend(stage: Stage) -> None:
    stage.world.asks(ADA, f"POST /accounts/{TINA.id}/suspend")


@scenario("POST /accounts/{id}/approve", reported_pending, "http", BACKEND)
def _approve(stage: Stage) -> None:
    for verb in ("approve", "approve", "reject", "activate"):
        stage.world.asks(ADA, f"POST /accounts/{THEO.id}/{verb}")


@scenario("the pages of the console", answered, "http")
def _look(stage: Stage) -> None:
    for page in (*PAGES, f"/calls/{stage.kept['call']}", "/calls/unknown"):
        stage.world.asks(ADA, f"GET {page}")
    for who in (ADA, ULLA, TINA):
        stage.world.asks(who, f"POST /calls/{stage.kept['call']}/credentials")
