"""What an app shows: the state that follows from the events and answers that it received.

An app believes what it receives, in the order in which it comes. It hides a call as soon as its
person ends, cancels or rejects it, and shows it again if that fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.errors import INTERNAL

IDLE, DIALING, CALLING, RINGING = "idle", "dialing", "calling", "ringing"
ANSWERING, IN_CALL, LEAVING = "answering", "in call", "leaving"

_SHOWS = {
    "call:ringing": CALLING,
    "call:incoming": RINGING,
    "call:accepted": IN_CALL,
}
HIDES = {"call:rejected", "call:cancelled", "call:missed", "call:ended"}
_ASKS = {"call:initiate": DIALING, "call:invite": DIALING, "call:accept": ANSWERING}
LEAVES = {"call:cancel", "call:end", "call:reject"}
BOOKING_MOVES = {
    "booking:accept": "PARTNER_ACCEPTED",
    "booking:reject": "PENDING",
    "booking:cancel": "CANCELLED",
}


@dataclass
class Asked:
    """An event that the app has sent.

    own_id: the id that the backend gives to what the event creates.
    shown: what the app showed of the call before.
    answer: what the acknowledgement carried; None until it comes.
    """

    event: str
    payload: Any
    own_id: str
    at_ms: int
    shown: str | None = None
    answered_ms: float = 0
    answered: bool = False
    answer: Any = None

    @property
    def done(self) -> bool:
        """Whether the backend has confirmed the event."""
        return self.answered and self.failure is None

    @property
    def failure(self) -> str | None:
        """The text of the refusal, or None."""
        if isinstance(self.answer, dict) and "error" in self.answer:
            return str(self.answer["error"]["message"])
        return None


@dataclass
class Screen:
    """One app of one person.

    calls: by id, what the app shows of each call.
    told: by event and what it is about, the last payload.
    events: how often each event came with which payload.
    loaded: what the app fetched when it started, in place of what it had received before.
    """

    calls: dict[str, str] = field(default_factory=dict)
    told: dict[tuple[str, str], Any] = field(default_factory=dict)
    events: list[tuple[float, str, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    loaded: dict[str, Any] | None = None

    def hear(self, event: str, payload: Any, now_ms: float) -> None:
        """Take an event."""
        self.events.append((now_ms, event, payload))
        about = _about(payload)
        self.told[event, about] = payload
        if event in _SHOWS:
            self._forget_dialing(about)
            self.calls[about] = _SHOWS[event]
        elif event in HIDES:
            self.calls.pop(about, None)

    def ask(self, asked: Asked) -> None:
        """Note an event that the app sends."""
        self.asked.append(asked)
        event, call_id = asked.event, _about(asked.payload)
        asked.shown = self.calls.get(call_id)
        if event in ("call:initiate", "call:invite"):
            self.calls[asked.own_id] = DIALING
        elif event in _ASKS:
            self.calls[call_id] = ANSWERING
        elif event in LEAVES and call_id in self.calls:
            self.calls[call_id] = LEAVING

    def answer(self, asked: Asked, answer: Any, now_ms: float, *, chat: bool) -> None:
        """Take the acknowledgement of an event that the app has sent."""
        asked.answered, asked.answer, asked.answered_ms = True, answer, now_ms
        event, failure = asked.event, asked.failure
        call_id = asked.own_id if event in ("call:initiate", "call:invite") else None
        call_id = call_id or _about(asked.payload)
        if event not in _ASKS and event not in LEAVES:
            return
        shown = self.calls.get(call_id)
        if failure is None:
            if event in LEAVES:
                self.calls.pop(call_id, None)
            elif shown == DIALING:
                self.calls[call_id] = CALLING
            elif shown == ANSWERING and chat:
                self.calls[call_id] = IN_CALL
        elif shown in (ANSWERING, LEAVING) and failure == INTERNAL and asked.shown:
            self.calls[call_id] = asked.shown
        elif shown in (DIALING, ANSWERING) or (shown == LEAVING and "not found" in failure):
            self.calls.pop(call_id, None)

    def stop_dialing(self) -> None:
        """Hide the calls of which only this app knows. They are shown again when they ring."""
        self.calls = {id_: shown for id_, shown in self.calls.items() if shown != DIALING}

    def count(self, event: str, **fields: Any) -> int:
        """Return how often an event came with these fields."""
        return sum(
            name == event
            and isinstance(payload, dict)
            and all(payload.get(key) == value for key, value in fields.items())
            for _, name, payload in self.events
        )

    def last(self, event: str, about: str) -> Any:
        """Return the last payload of an event about something, or None."""
        return self.told.get((event, about))

    def done(self, event: str, payload: Any) -> bool:
        """Return whether the backend has confirmed such an event of the app."""
        return any(one.done and one.event == event and one.payload == payload for one in self.asked)

    def _forget_dialing(self, call_id: str) -> None:
        if self.calls.get(call_id) == DIALING:
            del self.calls[call_id]


def _about(payload: Any) -> str:
    """Return the id of what an event is about."""
    if not isinstance(payload, dict):
        return str(payload)
    for name in ("callId", "bookingId", "telecallerId", "messageId", "userId", "id"):
        if payload.get(name) is not None:
            return str(payload[name])
    return ""
