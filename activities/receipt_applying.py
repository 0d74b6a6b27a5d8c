"""What follows when operators give a receipt to deposits or customers: who can have it, and its credits.

The caller holds the part. Customers' accounts are locked before it is asked who is frozen.
"""

import json
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from activities.bank_posting import credit_decided
from activities.bank_receipts import SETTLE_CLAIMS
from activities.database import psycopg_of
from documents.notices import notice_text
from ledger import postings
from prepay.money import AmountRefused, Money
from prepay.receipts import ApplyReceipt, DecideApplication, ReturnReceipt, Target
from prepay.wire import positive_minor
from rules.receipt import ReceiptState, Signal, refuse_other_number, shares


class DecisionRefused(ValueError):
    """What an operator decided cannot be done."""


class NoTarget(DecisionRefused):
    """There is no such deposit or customer."""

    def __init__(self, target: Target) -> None:
        super().__init__(f"there is no {_noun(target)} {target.name}")


class OtherPlace(DecisionRefused):
    """Money stays with its contracting entity and in its currency."""

    def __init__(self, target: Target, state: ReceiptState) -> None:
        place = f"{state.currency} of {state.entity}, where this money is"
        super().__init__(f"{_noun(target)} {target.name} takes no {place}")


class Frozen(DecisionRefused):
    """Nothing is credited to a customer who is frozen."""

    def __init__(self, customer: str) -> None:
        super().__init__(f"customer {customer} is frozen until two compliance operators release them")


def _noun(target: Target) -> str:
    return "deposit" if target.deposit else "customer"


def propose_application(
    session: Session, state: ReceiptState, decision: ApplyReceipt, *, takes_two: bool
) -> str:
    """Apply it, or propose that where it takes two; what was done, in words. Raises DecisionRefused."""
    targets = _targets(session, state, decision.to)
    minor, refused = shares(
        state.amount_minor, state.currency, [target["amount_minor"] for target in targets]
    )
    if refused:
        raise DecisionRefused(refused)
    for target, share in zip(targets, minor, strict=True):
        target |= {"amount_minor": share, "amount": str(Money(amount_minor=share, currency=state.currency))}
    number = _propose(session, state, decision, targets, takes_two=takes_two)
    if takes_two:
        return f"application {number} proposed"
    _apply(session, state, number, decision)
    return "applied"


def propose_return(session: Session, state: ReceiptState, decision: ReturnReceipt) -> str:
    """An application that gives it to nobody, but back to its payer; what was done, in words."""
    return f"application {_propose(session, state, decision, [], takes_two=True)} proposed"


def _propose(
    session: Session,
    state: ReceiptState,
    decision: ApplyReceipt | ReturnReceipt,
    targets: list[dict[str, Any]],
    *,
    takes_two: bool,
) -> int:
    said = {"operator": decision.operator, "reason": decision.reason, "takes_two": takes_two}
    row = {"part": state.part, "targets": json.dumps(targets), **said}
    return int(session.execute(_PROPOSE, row).scalar_one())


def _targets(session: Session, state: ReceiptState, to: list[Target]) -> list[dict[str, Any]]:
    """Customer and deposit of each. Raises DecisionRefused."""
    found = []
    for target in to:
        given = {"deposit": target.deposit, "customer": target.customer}
        place = {"entity": state.entity, "currency": state.currency}
        row = session.execute(_TARGET, given | place).mappings().first()
        if row is None:
            raise NoTarget(target)
        if not row["fits"]:
            raise OtherPlace(target, state)
        if row["frozen"]:
            raise Frozen(row["customer"])
        found.append(
            {"customer": row["customer"], "deposit": row["deposit"], "amount_minor": _minor(target, state)}
        )
    return found


def _minor(target: Target, state: ReceiptState) -> int | None:
    try:
        return positive_minor(target.amount, state.currency) if target.amount is not None else None
    except AmountRefused as refusal:
        raise DecisionRefused(str(refusal).rstrip(".")) from None


def decide_application(
    session: Session, state: ReceiptState, signal: Signal, decision: DecideApplication
) -> str:
    """Approve or refuse it; what was done, in words. Raises DecisionRefused."""
    refused = refuse_other_number(state, decision.application)
    if refused is not None:
        raise DecisionRefused(refused)
    if signal == "approve":
        _apply(session, state, decision.application, decision)
        return "applied, as the second person,"
    end_application(session, decision, "refused")
    return f"application {decision.application} refused"


def end_application(session: Session, decision: DecideApplication, stage: str) -> None:
    """Write down who decided about it."""
    end = {"operator": decision.operator, "reason": decision.reason, "stage": stage}
    session.execute(_DECIDE, {"number": decision.application, **end})


def _apply(
    session: Session, state: ReceiptState, number: int, decision: ApplyReceipt | DecideApplication
) -> None:
    """The credits of the application, posted with all that follows from them."""
    connection = psycopg_of(session)
    customers = list(session.execute(_CUSTOMERS, {"number": number}).scalars())
    # Whoever freezes a customer locks these accounts too.
    postings.lock(connection, entity=state.entity, currency=state.currency, customers=customers)
    frozen = session.execute(_FROZEN, {"customers": customers}).scalar()
    if frozen is not None:
        raise Frozen(frozen)
    said = {"part": state.part, "operator": decision.operator, "reason": decision.reason, "number": number}
    session.execute(_DECIDE, {**said, "stage": "applied"})
    session.execute(_CREDIT, said)
    session.execute(_CREDITED, said)
    credit_decided(connection, state.part)
    session.execute(_END, {**said, "stage": "applied"})
    connection.execute(SETTLE_CLAIMS.format(parts="ARRAY[%(part)s]").encode(), {"part": state.part})
    _tell(session, state)


def _tell(session: Session, state: ReceiptState) -> None:
    """A deposit's workflow tells its customer; of money on the balance itself, nobody else does."""
    for row in session.execute(_WITHOUT_DEPOSIT, {"part": state.part}).mappings().all():
        amount = str(Money(amount_minor=row["amount_minor"], currency=state.currency))
        subject, body = notice_text("applied", row["locale"], {"amount": amount, "customer": row["customer"]})
        session.execute(
            _NOTICE, {**row, "key": f"credit:{row['credit']}:applied", "subject": subject, "body": body}
        )


_CUSTOMERS = text("""
    SELECT DISTINCT target ->> 'customer' FROM receipt_application a, jsonb_array_elements(a.targets) AS target
    WHERE a.id = :number ORDER BY 1
""")

_FROZEN = text("""
    SELECT c.number FROM money_freeze f JOIN customer c ON c.id = f.customer_id
    WHERE f.ended_at IS NULL AND c.number = ANY (:customers) ORDER BY 1 LIMIT 1
""")

_TARGET = text("""
    SELECT c.number AS customer, d.number AS deposit, (d.entity, d.currency) = (:entity, :currency) AS fits,
        EXISTS (SELECT FROM money_freeze f WHERE f.customer_id = c.id AND f.ended_at IS NULL) AS frozen
    FROM deposit d JOIN customer c ON c.id = d.customer_id WHERE d.number = CAST(:deposit AS text)
    UNION ALL
    SELECT c.number, NULL, EXISTS (
        SELECT FROM ledger_account WHERE code = 'customer:' || c.number || ':' || :entity || ':' || :currency
    ), EXISTS (SELECT FROM money_freeze f WHERE f.customer_id = c.id AND f.ended_at IS NULL)
    FROM customer c WHERE c.number = CAST(:customer AS text)
""")

_PROPOSE = text("""
    INSERT INTO receipt_application (part_id, targets, takes_two, proposed_by, reason)
    VALUES (:part, CAST(:targets AS jsonb), :takes_two, :operator, :reason) RETURNING id
""")

_DECIDE = text("""
    UPDATE receipt_application SET stage = :stage, decided_by = :operator, decided_reason = :reason, decided_at = now()
    WHERE id = :number AND stage = 'proposed'
""")

# The keys of matching: whoever credits the part, by hand or by itself, does so once.
_CREDIT = text("""
    INSERT INTO credit (key, part_id, position, customer_id, deposit_id, amount_minor)
    SELECT 'credit:' || p.identity_key || CASE t.n WHEN 1 THEN '' ELSE ':' || (t.n - 1) END, p.id, t.n - 1, c.id, d.id,
        (t.target ->> 'amount_minor')::bigint
    FROM receipt_application a JOIN bank_entry_part p ON p.id = a.part_id
    CROSS JOIN LATERAL jsonb_array_elements(a.targets) WITH ORDINALITY AS t (target, n)
    JOIN customer c ON c.number = t.target ->> 'customer' LEFT JOIN deposit d ON d.number = t.target ->> 'deposit'
    WHERE a.id = :number
""")

_CREDITED = text("""
    UPDATE bank_entry_part SET state = 'credited', awaits = '',
        reason = left(reason || '; applied by ' || :operator || ' (' || :reason || ')', 1000)
    WHERE id = :part AND state = 'unapplied'
""")

_END = text(
    "UPDATE receipt SET stage = :stage, ended_at = now() WHERE part_id = :part AND stage = 'unapplied'"
)

_WITHOUT_DEPOSIT = text("""
    SELECT credit.id AS credit, credit.amount_minor, c.id AS customer_id, c.number AS customer, c.locale
    FROM credit JOIN customer c ON c.id = credit.customer_id
    WHERE credit.part_id = :part AND credit.deposit_id IS NULL ORDER BY credit.position
""")

_NOTICE = text("""
    INSERT INTO notice (key, customer_id, kind, locale, subject, body)
    VALUES (:key, :customer_id, 'applied', :locale, :subject, :body)
    ON CONFLICT (key) DO NOTHING
""")
