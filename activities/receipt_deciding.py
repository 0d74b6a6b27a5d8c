"""What operators decide about a receipt, in the caller's transaction; the caller holds the part."""

import json
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from activities.bank_posting import credit_decided
from activities.bank_receipts import SETTLE_CLAIMS
from activities.changes import ChangeInput, NothingChanges, ProposedAlready, propose
from activities.database import psycopg_of
from activities.payers import LinkedToAnother
from documents.notices import notice_text
from ledger import postings
from prepay.ids import receipt_workflow_id
from prepay.money import AmountRefused, Money
from prepay.receipts import ApplyReceipt, DecideApplication, LinkReceiptPayer, ReturnReceipt, Target
from prepay.wire import Wire, positive_minor
from rules.receipt import ReceiptState, Signal, refuse_decision, refuse_other_number, shares

Decision = ApplyReceipt | DecideApplication | LinkReceiptPayer | ReturnReceipt


class Decide(Wire):
    """Take an operator's decision; `key` is its own, however often the step is tried."""

    part: int
    key: str
    signal: Signal
    decision: Decision


class DecisionRefused(ValueError):
    """What an operator decided cannot be done."""


class NoTarget(DecisionRefused):
    """There is no such deposit or customer."""

    def __init__(self, target: Target) -> None:
        super().__init__(f"there is no {_noun(target)} {target.name}")


class TargetFrozen(DecisionRefused):
    """Nothing is credited to a customer whose money stands still."""

    def __init__(self, customer: str) -> None:
        super().__init__(f"customer {customer} is frozen: two compliance operators must release that first")


class OtherPlace(DecisionRefused):
    """Money stays with its contracting entity and in its currency."""

    def __init__(self, target: Target, state: ReceiptState) -> None:
        place = f"{state.currency} of {state.entity}, where this money is"
        super().__init__(f"{_noun(target)} {target.name} takes no {place}")


def _noun(target: Target) -> str:
    return "deposit" if target.deposit else "customer"


def decide(session: Session, state: ReceiptState, given: Decide) -> str | None:
    """Do it; why not, where it cannot be done."""
    if session.execute(_DONE, {"key": given.key}).first():
        return None
    refused = refuse_decision(state, given.signal, given.decision.operator)
    if refused is not None:
        return refused
    try:
        what = _do(session, state, given)
    except DecisionRefused as refusal:
        return str(refusal)
    said = {"operator": given.decision.operator, "reason": given.decision.reason, "what": what}
    session.execute(_SAY, {"key": given.key, "part": state.part, "signal": given.signal, **said})
    return None


def _do(session: Session, state: ReceiptState, given: Decide) -> str:
    """What was done, in words. Raises DecisionRefused, before anything has been changed."""
    decision = given.decision
    if isinstance(decision, ApplyReceipt):
        return _propose(session, state, decision)
    if isinstance(decision, DecideApplication):
        return _decide_application(session, state, given.signal, decision)
    if isinstance(decision, LinkReceiptPayer):
        return _link_payer(session, state, decision)
    return (
        _return(session, state, given)
        if given.signal == "return_to_payer"
        else _keep(session, state, decision)
    )


def _propose(session: Session, state: ReceiptState, decision: ApplyReceipt) -> str:
    targets = _targets(session, state, decision.to)
    minor, refused = shares(
        state.amount_minor, state.currency, [target["amount_minor"] for target in targets]
    )
    if refused:
        raise DecisionRefused(refused)
    for target, share in zip(targets, minor, strict=True):
        target |= {"amount_minor": share, "amount": str(Money(amount_minor=share, currency=state.currency))}
    said = {"operator": decision.operator, "reason": decision.reason, "takes_two": state.takes_two}
    row = {"part": state.part, "targets": json.dumps(targets), **said}
    number = session.execute(_PROPOSE, row).scalar_one()
    if state.takes_two:
        return f"application {number} proposed"
    _apply(session, state, number, decision)
    return "applied"


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
            raise TargetFrozen(row["customer"])
        found.append(
            {"customer": row["customer"], "deposit": row["deposit"], "amount_minor": _minor(target, state)}
        )
    return found


def _minor(target: Target, state: ReceiptState) -> int | None:
    try:
        return positive_minor(target.amount, state.currency) if target.amount is not None else None
    except AmountRefused as refusal:
        raise DecisionRefused(str(refusal).rstrip(".")) from None


def _decide_application(
    session: Session, state: ReceiptState, signal: Signal, decision: DecideApplication
) -> str:
    refused = refuse_other_number(state, decision.application)
    if refused is not None:
        raise DecisionRefused(refused)
    if signal == "approve":
        _apply(session, state, decision.application, decision)
        return "applied, as the second person,"
    end = {"operator": decision.operator, "reason": decision.reason, "stage": "refused"}
    session.execute(_DECIDE, {"number": decision.application, **end})
    return f"application {decision.application} refused"


def _apply(session: Session, state: ReceiptState, number: int, decision: Decision) -> None:
    """The credits of the application, posted with all that follows from them."""
    said = {"part": state.part, "operator": decision.operator, "reason": decision.reason, "number": number}
    session.execute(_DECIDE, {**said, "stage": "applied"})
    session.execute(_CREDIT, said)
    session.execute(_CREDITED, said)
    connection = psycopg_of(session)
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


def _return(session: Session, state: ReceiptState, given: Decide) -> str:
    """Held in the book, and what would credit it by itself passes it by; the refunds pay it."""
    key, by = f"return:{given.key}", given.decision
    source = session.execute(_SOURCE, {"part": state.part}).scalar_one()
    postings.return_unapplied(
        psycopg_of(session),
        key=key,
        source=source,
        amount_minor=state.amount_minor,
        cause=receipt_workflow_id(state.part),
    )
    said = {"part": state.part, "operator": by.operator, "reason": by.reason}
    session.execute(_RETURN, {**said, "key": key, "amount_minor": state.amount_minor})
    session.execute(_RETURNING, said)
    return "prepared to go back"


def _keep(session: Session, state: ReceiptState, decision: Decision) -> str:
    said = {"part": state.part, "operator": decision.operator, "reason": decision.reason}
    key = session.execute(_KEEP, said).scalar_one_or_none()
    if key is None:
        raise DecisionRefused("its payout is on its way to the bank already")
    postings.void(psycopg_of(session), key=f"keep:{key}", hold=key, cause=receipt_workflow_id(state.part))
    session.execute(_KEPT, said)
    return "kept"


def _link_payer(session: Session, state: ReceiptState, decision: LinkReceiptPayer) -> str:
    # As the bank told the account: it need not be one that a person could type. Refusals do not name it.
    given = {"part": state.part, "customer": decision.customer}
    row = session.execute(_PAYER, given).mappings().one()
    if row["entity"] is None:
        raise DecisionRefused(f"there is no customer {decision.customer}")
    if row["entity"] != state.entity:
        raise DecisionRefused(
            f"customer {decision.customer} is one of {row['entity']}, and the money of {state.entity}"
        )
    link = {"customer": decision.customer, "account": row["payer_account"]}
    said = {"by": decision.operator, "reason": decision.reason}
    try:
        proposed = propose(session, ChangeInput(tables={"payer_link": [link | said]}, **said))
    except (NothingChanges, ProposedAlready) as refusal:
        raise DecisionRefused(str(refusal).rstrip(".")) from None
    except LinkedToAnother:
        raise DecisionRefused(
            "its payer is linked to another customer already; `prepay receipt show` says to whom"
        ) from None
    except ValueError:
        raise DecisionRefused("the account that the bank tells is none that can be linked") from None
    return f"{proposed.workflow_id} proposed, which links its payer to {decision.customer},"


_DONE = text("SELECT FROM receipt_decision WHERE key = :key")

_SAY = text("""
    INSERT INTO receipt_decision (key, part_id, signal, what, operator, reason)
    VALUES (:key, :part, :signal, :what, :operator, :reason)
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

# The details of a lump sum are credited, and go back, from its receipt.
_SOURCE = text("""
    SELECT 'receipt:' || coalesce(lump.identity_key, p.identity_key)
    FROM bank_entry_part p LEFT JOIN bank_entry_part lump ON lump.id = p.receipt_of WHERE p.id = :part
""")

_RETURN = text("""
    INSERT INTO receipt_return (key, part_id, amount_minor, prepared_by, reason)
    VALUES (:key, :part, :amount_minor, :operator, :reason)
""")

_RETURNING = text("""
    WITH waits AS (
        UPDATE bank_entry_part SET awaits = '',
            reason = left(reason || '; to go back to its payer, by ' || :operator, 1000)
        WHERE id = :part
    )
    UPDATE receipt SET stage = 'returning' WHERE part_id = :part AND stage = 'unapplied'
""")

_KEEP = text("""
    UPDATE receipt_return SET stage = 'kept', ended_by = :operator, ended_reason = :reason, ended_at = now()
    WHERE part_id = :part AND stage = 'prepared' RETURNING key
""")

_KEPT = text("""
    WITH said AS (
        UPDATE bank_entry_part SET reason = left(reason || '; kept by ' || :operator, 1000) WHERE id = :part
    )
    UPDATE receipt SET stage = 'unapplied' WHERE part_id = :part AND stage = 'returning'
""")

_PAYER = text("""
    SELECT p.payer_account, c.entity FROM bank_entry_part p LEFT JOIN customer c ON c.number = :customer
    WHERE p.id = :part
""")
