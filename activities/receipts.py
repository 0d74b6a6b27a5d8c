"""The steps of a receipt without an owner: looked at, decided about by operators, chased.

Locks in this order: the part, its receipt, customers' accounts by id, deposits by id, claims by id. Whoever else
settles the part locks it first as well, so what is read after that lock is settled.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.database import reading
from activities.receipt_candidates import candidates
from activities.receipt_deciding import LISTED, Decide, decide
from prepay.wire import Wire
from rules.details import when
from rules.receipt import CHASE_DAYS, Application, ReceiptState

MAX_DIGITS = 18


class ChaseReceipt(Wire):
    """Operators are asked about it for that time."""

    part: int
    number: int


class Decided(BaseModel):
    """The receipt after a decision, and why that was refused, if it was."""

    state: ReceiptState
    refused: str = ""


class UnknownReceipt(ApplicationError):
    """The rows know no such receipt."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no receipt {what[:60]!r}.", type="UnknownReceipt", non_retryable=True)


class Receipts:
    """The activities of the Receipt workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.look, self.decide, self.chase]

    @activity.defn(name="look_at_receipt")
    def look(self, workflow_id: str) -> ReceiptState:
        """The receipt as it is now; its workflow has heard of it then."""
        number = workflow_id.removeprefix("receipt-")
        if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
            raise UnknownReceipt(workflow_id)
        with Session(self._engine) as session, session.begin():
            session.execute(_HEAR, {"part": int(number)})
            return state_of(session, int(number))

    @activity.defn(name="decide_receipt")
    def decide(self, given: Decide) -> Decided:
        """Do what an operator decided; the same decision again changes nothing."""
        with Session(self._engine) as session, session.begin():
            if given.signal != "link_payer":
                # That one locks other parts, in the order of their keys.
                session.execute(_LOCK, {"part": given.part})
            refused = decide(session, state_of(session, given.part), given)
        with reading(self._engine) as session:
            return Decided(state=state_of(session, given.part), refused=refused or "")

    @activity.defn(name="chase_receipt")
    def chase(self, given: ChaseReceipt) -> ReceiptState:
        """Operators are asked again, once for each time; never for what is settled."""
        with Session(self._engine) as session, session.begin():
            session.execute(_CHASE, {"part": given.part, "number": min(given.number, len(CHASE_DAYS))})
            return state_of(session, given.part)


def state_of(session: Session, part: int) -> ReceiptState:
    """What the workflow learns. Raises UnknownReceipt."""
    row = session.execute(_STATE, {"part": part}).mappings().one_or_none()
    if row is None:
        raise UnknownReceipt(f"receipt-{part}")
    values = dict(row)
    application, last = values.pop("application"), values.pop("last")
    open_ = values["stage"] in ("unapplied", "returning")
    return ReceiptState(
        **values,
        application=_application(application) if application else None,
        decided=_decision(last) if last else "",
        candidates=candidates(session, part) if open_ else (),
        as_of=datetime.now(UTC),
    )


def _application(row: dict[str, Any]) -> Application:
    to = tuple(
        f"{target['amount']} to {target['deposit'] or target['customer']}" for target in row["targets"]
    )
    known = {name: row[name] for name in ("number", "proposed_by", "reason", "proposed_at")}
    return Application(to=to, **known)


def _decision(row: dict[str, Any]) -> str:
    return f"{row['what']} by {row['by']} at {when(datetime.fromisoformat(row['at']))} ({row['reason']})"


# SQLAlchemy takes a colon for a parameter.
_LISTED = LISTED.replace(":", r"\:")

_LOCK = text("SELECT FROM bank_entry_part WHERE id = :part FOR NO KEY UPDATE")

# Whoever ends it while this looks waits, and is heard of next time.
_HEAR = text("UPDATE receipt SET heard = true WHERE part_id = :part AND NOT heard")

_CHASE = text("""
    UPDATE receipt SET chased = :number WHERE part_id = :part AND stage = 'unapplied' AND chased < :number
""")

_STATE = text(f"""
    SELECT r.part_id AS part, p.entry_id AS entry, r.entity, a.code AS account, r.amount_minor, r.currency, e.booked_on,
        r.stage, p.reason, p.awaits, p.payer_account <> '' AS has_payer, r.chased, r.opened_at,
        {_LISTED} AS listed,
        coalesce((n.apply_alone ->> r.currency)::bigint, 0) AS alone_minor,
        coalesce((
            SELECT prepared_by FROM receipt_return b WHERE b.part_id = r.part_id AND b.stage IN ('prepared', 'sent')
        ), '') AS returned_by,
        (
            SELECT jsonb_build_object('number', w.id, 'targets', w.targets, 'proposed_by', w.proposed_by,
                'reason', w.reason, 'proposed_at', w.proposed_at)
            FROM receipt_application w WHERE w.part_id = r.part_id AND w.stage = 'proposed'
        ) AS application,
        (
            SELECT jsonb_build_object('what', d.what, 'by', d.operator, 'at', d.created_at, 'reason', d.reason)
            FROM receipt_decision d WHERE d.part_id = r.part_id ORDER BY d.id DESC LIMIT 1
        ) AS last,
        ARRAY(
            SELECT DISTINCT operator FROM receipt_decision d WHERE d.part_id = r.part_id ORDER BY 1 LIMIT 20
        ) AS deciders,
        ARRAY(
            SELECT jsonb_build_array(c.id, u.number) FROM claim c JOIN customer u ON u.id = c.customer_id
            WHERE c.part_id = r.part_id AND c.stage = 'found' ORDER BY c.id LIMIT 10
        ) AS claims
    FROM receipt r JOIN bank_entry_part p ON p.id = r.part_id JOIN bank_entry e ON e.id = p.entry_id
    JOIN collection_account a ON a.id = e.account_id JOIN contracting_entity n ON n.code = r.entity
    WHERE r.part_id = :part
""")
