"""Reassignments: a credit that went to the wrong deposit or customer is moved, by two people and in one transaction.

Locks in this order: the move and its credit, customers' accounts by id, deposits by id. Whoever takes money back holds
the account of the credit's customer, so what is read after that lock is settled.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.bank_booking import MOVE_BETWEEN_DEPOSITS
from activities.database import psycopg_of, reading
from activities.payers import PauseInput, pause
from activities.refund_voiding import lock_refunds, void_lost
from ledger import postings
from prepay.ids import reassignment_workflow_id
from prepay.reassignments import DecideReassignment
from prepay.wire import Wire
from rules.reassignment import ENDS, ReassignmentState, Signal, refuse_decision

MAX_DIGITS = 18


class Decide(Wire):
    """Take an operator's decision about a proposal."""

    move: int
    signal: Signal
    decision: DecideReassignment


class Decided(BaseModel):
    """The move after a decision, and why that was refused, if it was."""

    state: ReassignmentState
    refused: str = ""


class UnknownMove(ApplicationError):
    """The rows know no such proposal."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no reassignment {what[:60]!r}.", type="UnknownMove", non_retryable=True)


class Reassignments:
    """The activities of the Reassignment workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.look, self.decide]

    @activity.defn(name="look_at_reassignment")
    def look(self, workflow_id: str) -> ReassignmentState:
        """The move as it is now."""
        number = workflow_id.removeprefix("reassignment-")
        if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
            raise UnknownMove(workflow_id)
        with reading(self._engine) as session:
            return _state(session, int(number))

    @activity.defn(name="decide_reassignment")
    def decide(self, given: Decide) -> Decided:
        """Apply the move, or put it away; the same decision again changes nothing."""
        with Session(self._engine) as session, session.begin():
            refused = _decide(session, given)
        with reading(self._engine) as session:
            return Decided(state=_state(session, given.move), refused=refused)


def _state(session: Session, move: int) -> ReassignmentState:
    row = session.execute(_STATE, {"move": move}).mappings().one_or_none()
    if row is None:
        raise UnknownMove(reassignment_workflow_id(move))
    return ReassignmentState(**row, as_of=datetime.now(UTC))


def _decide(session: Session, given: Decide) -> str:
    """Carry a decision out; why not, where it cannot be."""
    session.execute(_LOCK, {"move": given.move})
    state = _state(session, given.move)
    if (state.stage, state.decided_by) == (ENDS[given.signal], given.decision.operator):
        return ""
    refused = refuse_decision(state, given.signal, given.decision.operator)
    if refused is None and given.signal == "approve":
        refused = _apply(session, state, given)
    if refused is None:
        row = {"move": given.move, "stage": ENDS[given.signal], **given.decision.model_dump()}
        session.execute(_DECIDE, row)
    return refused or ""


def _apply(session: Session, state: ReassignmentState, given: Decide) -> str | None:
    """Move the money and what is said of it, all in the caller's transaction; why not, where it is gone."""
    connection = psycopg_of(session)
    customers = {state.from_customer, state.to_customer}
    connection.execute(_LOCK_REFUNDS.encode(), {"move": given.move})
    postings.lock(connection, entity=state.entity, currency=state.currency, customers=customers)
    credit = session.execute(_CREDIT_OF, {"move": given.move}).mappings().one()
    if credit["state"] != "credited" or not credit["unmoved"]:
        return "the bank has taken the money back meanwhile, or it was moved: send `refuse` to put this proposal away"
    if frozen := session.execute(_FROZEN, {"numbers": sorted(customers)}).scalars().first():
        return f"customer {frozen} is frozen: two compliance operators must release that first"
    if len(customers) > 1:
        postings.move_credit(
            connection,
            key=credit["key"],
            credit=credit["last_key"],
            customer=state.to_customer,
            deposit=state.to_deposit,
            cause=reassignment_workflow_id(given.move),
        )
        for statement in _VOID_REFUNDS:
            connection.execute(statement.encode(), {"move": given.move})
    session.execute(_MOVE_CREDIT, {"move": given.move})
    connection.execute(MOVE_BETWEEN_DEPOSITS, {"move": given.move})
    if credit["payer_account"]:
        _pause_payer(session, state, credit["payer_account"], given.decision.operator)
    return None


def _pause_payer(session: Session, state: ReassignmentState, account: str, operator: str) -> None:
    """Whoever was matched wrongly once is not matched by itself again before somebody has looked."""
    moved = f"{reassignment_workflow_id(state.move)} moved money of entry {state.entry}"
    reason = f"{moved}, which had gone to {state.giver}"
    # As the bank told the account: it need not be one that a person could type.
    pause(
        session, PauseInput.model_construct(entity=state.entity, account=account, by=operator, reason=reason)
    )


_GIVER = "SELECT from_customer_id FROM credit_move WHERE id = %(move)s"
_LOCK_REFUNDS, _VOID_REFUNDS = lock_refunds(_GIVER), void_lost(_GIVER)

_LOCK = text("""
    SELECT m.id FROM credit_move m JOIN credit ON credit.id = m.credit_id WHERE m.id = :move FOR NO KEY UPDATE
""")

_STATE = text("""
    SELECT m.id AS move, p.entry_id AS entry, p.id AS part, e.entity, m.amount_minor, p.currency,
        giver.number AS from_customer, given.number AS from_deposit, taker.number AS to_customer,
        taken.number AS to_deposit, m.proposed_by, m.reason, m.proposed_at, m.stage, m.decided_by, m.decided_reason,
        m.decided_at
    FROM credit_move m JOIN credit ON credit.id = m.credit_id
    JOIN bank_entry_part p ON p.id = credit.part_id JOIN bank_entry e ON e.id = p.entry_id
    JOIN customer giver ON giver.id = m.from_customer_id LEFT JOIN deposit given ON given.id = m.from_deposit_id
    JOIN customer taker ON taker.id = m.to_customer_id LEFT JOIN deposit taken ON taken.id = m.to_deposit_id
    WHERE m.id = :move
""")

# The book knows a credit that was moved to another customer by the key of its last such move.
_CREDIT_OF = text("""
    SELECT m.key, p.state, p.payer_account,
        (credit.customer_id, credit.deposit_id) IS NOT DISTINCT FROM (m.from_customer_id, m.from_deposit_id) AS unmoved,
        coalesce((
            SELECT before.key FROM credit_move before WHERE before.credit_id = m.credit_id AND before.stage = 'applied'
                AND before.from_customer_id <> before.to_customer_id ORDER BY before.id DESC LIMIT 1
        ), credit.key) AS last_key
    FROM credit_move m JOIN credit ON credit.id = m.credit_id JOIN bank_entry_part p ON p.id = credit.part_id
    WHERE m.id = :move
""")

_FROZEN = text("""
    SELECT c.number FROM money_freeze f JOIN customer c ON c.id = f.customer_id
    WHERE c.number = ANY(:numbers) AND f.ended_at IS NULL
""")

_MOVE_CREDIT = text("""
    UPDATE credit SET customer_id = m.to_customer_id, deposit_id = m.to_deposit_id
    FROM credit_move m WHERE m.id = :move AND credit.id = m.credit_id
""")

_DECIDE = text("""
    UPDATE credit_move SET stage = :stage, decided_by = :operator, decided_reason = :reason, decided_at = now()
    WHERE id = :move AND stage = 'proposed'
""")
