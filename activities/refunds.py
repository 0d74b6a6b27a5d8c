"""The steps of a refund ticket in the database: each one transaction, each harmless when it runs twice."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Engine, RowMapping, text
from sqlmodel import Session
from temporalio import activity

import activities.refund_deciding as deciding
from activities.refund_deciding import Attach, Decide, Withdraw
from activities.refund_notices import tell
from activities.refund_opening import count_all, open_ticket
from activities.refund_planning import policy_of
from activities.refund_rows import by_workflow, lock, state
from prepay.refunds import RefundRequest
from prepay.wire import Wire
from rules.refund import ASKED_AGAIN_AFTER, RefundState

ASKING = ("opened", "returned")


class Open(Wire):
    """Open the ticket of a request."""

    request: RefundRequest
    workflow_id: str
    at: datetime


class Look(Wire):
    """Look at the ticket, and do what time has brought about."""

    workflow_id: str
    at: datetime


class Answered(BaseModel):
    """The ticket after an attempt, and why that was refused, if it was."""

    state: RefundState
    refused: str = ""


class Refunds:
    """The activities of the Refund workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.open, self.look, self.decide, self.attach, self.withdraw]

    @activity.defn(name="open_refund")
    def open(self, given: Open) -> RefundState:
        """Hold the money and open the ticket, once for ever by customer and request id. Raises RefundRefused."""
        with Session(self._engine) as session, session.begin():
            opened = open_ticket(session, given.request, given.workflow_id, given.at)
            return _told(session, opened.refund, given.at)

    @activity.defn(name="look_at_refund")
    def look(self, given: Look) -> RefundState:
        """The ticket as it is now: what was due is done, and the customer told of each stage once."""
        with Session(self._engine) as session, session.begin():
            refund = by_workflow(session, given.workflow_id)
            _in_time(session, lock(session, refund), given.at)
            return _told(session, refund, given.at)

    @activity.defn(name="decide_refund")
    def decide(self, given: Decide) -> Answered:
        """Take an operator's decision; the same one again changes nothing."""
        return self._answer(given, deciding.decide)

    @activity.defn(name="attach_payee")
    def attach(self, given: Attach) -> Answered:
        """Use bank details that were entered."""
        return self._answer(given, deciding.attach)

    @activity.defn(name="withdraw_refund")
    def withdraw(self, given: Withdraw) -> Answered:
        """The customer takes the ticket back."""
        return self._answer(given, deciding.withdraw)

    def _answer(self, given: Any, act: Callable[[Session, Any], str]) -> Answered:
        with Session(self._engine) as session, session.begin():
            refused = act(session, given)
            return Answered(state=_told(session, given.refund, given.at), refused=refused)


def _in_time(session: Session, ticket: RowMapping, at: datetime) -> None:
    _, policy = policy_of(session, ticket["entity"], ticket["currency"], at.date())
    if ticket["stage"] == "waiting" and at >= ticket["usage_until"]:
        count_all(session, ticket, policy, at)
    elif ticket["stage"] in ASKING and ticket["details_until"] is not None:
        if (
            at >= ticket["details_until"]
            and not session.execute(_SENT, {"refund": ticket["id"]}).scalar_one()
        ):
            deciding.close_in_time(session, ticket)
            return
        asked = sum(at >= ticket["waits_since"] + timedelta(days=days) for days in ASKED_AGAIN_AFTER)
        if asked > ticket["reminded"]:
            session.execute(_REMINDED, {"refund": ticket["id"], "reminded": asked})
            tell(session, ticket, "refund_reminder", ticket["version"] * 10 + asked)


def _told(session: Session, refund: int, at: datetime) -> RefundState:
    """The ticket, after its customer has been told of its stage."""
    ticket = lock(session, refund)
    if ticket["handled_version"] < ticket["version"]:
        tell(session, ticket, f"refund_{ticket['stage']}", ticket["version"])
        session.execute(_HANDLED, {"refund": refund, "version": ticket["version"]})
    return state(session, refund, at)


_SENT = text("SELECT EXISTS (SELECT FROM payout WHERE refund_id = :refund AND stage = 'sent')")

_REMINDED = text("UPDATE refund SET reminded = :reminded WHERE id = :refund")

_HANDLED = text("UPDATE refund SET handled_version = :version WHERE id = :refund")
