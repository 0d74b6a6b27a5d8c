"""Who sent a signal: its own event in Temporal's history, copied once, and what that operator may do.

Workflow code sees what a signal says, never who sent it. The history does: the server's `principal` proves it, a bare
`identity` is what any client calls itself, and counts only where the set-up says that the UI's login is the sole way
to signal.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.operators import authority_of, unknown
from prepay.money import Money
from prepay.wire import Wire
from rules.authority import Act, refuse_act
from rules.operators import Authority
from settings import Settings

MAX_PAYLOAD = 4000
_PRINCIPAL = "nobody knows who sent it: the server tells no principal, and here it must (PREPAY_ATTESTATION)"
_IDENTITY = "nobody knows who sent it: the UI tells no login, and here it must (PREPAY_ATTESTATION)"


class Attest(Wire):
    """Find the signal of that name and number in the run, and say whether its operator may do all of the acts."""

    workflow_id: str
    run_id: str
    signal: str
    ordinal: int
    """The first signal of that name in the run is 1."""
    operator: str
    acts: tuple[tuple[str, str], ...]
    money: Money | None = None


class Attested(BaseModel):
    """Who it was, and why they may not, if so; the row that proves it."""

    attestation: int
    operator: str
    standing: str
    refused: str = ""


class SignalNotFound(ApplicationError):
    """The run's history has no such signal: it is not the run that was signalled."""

    def __init__(self, given: Attest) -> None:
        super().__init__(f"Run {given.run_id} has no signal {given.signal!r} number {given.ordinal}.")


class Attestations:
    """The activity that attests."""

    def __init__(self, engine: Engine, client: Client, settings: Settings) -> None:
        self._engine = engine
        self._client = client
        self._required = settings.attestation

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.attest]

    @activity.defn(name="attest")
    async def attest(self, given: Attest) -> Attested:
        """Copy the signal's event into the attestations; the same event again gives the same answer."""
        event = await self._event(given)
        return await asyncio.to_thread(self._write, given, event)

    async def _event(self, given: Attest) -> HistoryEvent:
        handle = self._client.get_workflow_handle(given.workflow_id, run_id=given.run_id)
        found = 0
        async for event in handle.fetch_history_events():
            signalled = event.workflow_execution_signaled_event_attributes
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED and (
                signalled.signal_name == given.signal
            ):
                found += 1
                if found == given.ordinal:
                    return event
        raise SignalNotFound(given)

    def _write(self, given: Attest, event: HistoryEvent) -> Attested:
        sent_at = event.event_time.ToDatetime(tzinfo=UTC)
        identity = event.workflow_execution_signaled_event_attributes.identity
        with Session(self._engine) as session, session.begin():
            authority = authority_of(session, given.operator, sent_at)
            standing, refused = self._judge(given, authority, event.principal.name, identity)
            row = {
                **given.model_dump(include={"workflow_id", "run_id", "signal"}),
                "event_id": event.event_id,
                "payload": _payload(event),
                "sent_at": sent_at,
                "identity": identity[:200],
                "principal": event.principal.name[:200],
                "operator_id": authority.operator if authority else None,
                "standing": standing,
                "refused": refused[:600],
            }
            session.execute(_WRITE, row)
            written = session.execute(_WRITTEN, row).mappings().one()
            return Attested(**{**written, "operator": written["operator"] or given.operator})

    def _judge(
        self, given: Attest, authority: Authority | None, principal: str, identity: str
    ) -> tuple[str, str]:
        """What says that it was they, and why they may not."""
        if authority is None:
            return "claim", unknown(given.operator)
        standing = _standing(authority, principal, identity, self._required)
        return standing, (
            self._unproven(authority, standing, principal, identity)
            or next(filter(None, (refuse_act(authority, Act(*act), given.money) for act in given.acts)), "")
        )

    def _unproven(self, authority: Authority, standing: str, principal: str, identity: str) -> str:
        told = principal if self._required == "principal" else principal or identity
        if self._required != "claim" and not told:
            return _PRINCIPAL if self._required == "principal" else _IDENTITY
        if standing == "claim" and (self._required != "claim" or principal):
            return f"you are logged in as somebody else than {authority.name}"
        return ""


def _standing(authority: Authority, principal: str, identity: str, required: str) -> str:
    if authority.login and principal == authority.login:
        return "principal"
    if authority.login and not principal and required == "identity" and identity == authority.login:
        return "identity"
    return "claim"


def _payload(event: HistoryEvent) -> str:
    payloads = event.workflow_execution_signaled_event_attributes.input.payloads
    sent = b"\n".join(payload.data for payload in payloads)[:MAX_PAYLOAD]
    return sent.decode("utf-8", "replace").replace("\0", "�")


_WRITE = text("""
    INSERT INTO attestation (workflow_id, run_id, event_id, signal, payload, sent_at, identity, principal, operator_id,
        standing, refused)
    VALUES (:workflow_id, :run_id, :event_id, :signal, :payload, :sent_at, :identity, :principal, :operator_id,
        :standing, :refused)
    ON CONFLICT (run_id, event_id) DO NOTHING
""")

_WRITTEN = text("""
    SELECT a.id AS attestation, o.name AS operator, a.standing, a.refused
    FROM attestation a LEFT JOIN operator o ON o.id = a.operator_id
    WHERE a.run_id = :run_id AND a.event_id = :event_id
""")
