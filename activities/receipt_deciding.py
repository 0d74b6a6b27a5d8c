"""What operators decide about a receipt, in the caller's transaction; the caller holds the part."""

from sqlalchemy import text
from sqlmodel import Session

from activities.bank_matching import COMPARED_NAME
from activities.changes import ChangeInput, NothingChanges, ProposedAlready, propose
from activities.database import psycopg_of
from activities.payers import LinkedToAnother
from activities.receipt_applying import (
    DecisionRefused,
    decide_application,
    end_application,
    propose_application,
    propose_return,
)
from ledger import postings
from prepay.ids import receipt_workflow_id
from prepay.receipts import ApplyReceipt, DecideApplication, LinkReceiptPayer, ReturnReceipt
from prepay.wire import Wire
from rules.payee import PayeeFields, is_iban, refuse_payee
from rules.receipt import Application, ReceiptState, Signal, refuse_decision, refuse_other_number

Decision = ApplyReceipt | DecideApplication | LinkReceiptPayer | ReturnReceipt


class Decide(Wire):
    """Take an operator's decision; `key` is its own, however often the step is tried."""

    part: int
    key: str
    signal: Signal
    decision: Decision
    takes_two: bool = False
    """Whether two people must agree, as it was when the operator's limit was looked at, or not."""


def decide(session: Session, state: ReceiptState, given: Decide) -> str | None:
    """Do it; why not, where it cannot be done."""
    if session.execute(_DONE, {"key": given.key}).first():
        return None
    refused = refuse_decision(state, given.signal, given.decision.operator)
    if refused is not None:
        if state.listed and state.stage == "unapplied":
            # The list has changed since it came.
            session.execute(_FREEZE, {"part": state.part})
        return refused
    try:
        with session.begin_nested():
            what = _do(session, state, given)
    except DecisionRefused as refusal:
        return str(refusal)
    said = {"operator": given.decision.operator, "reason": given.decision.reason, "what": what}
    session.execute(_SAY, {"key": given.key, "part": state.part, "signal": given.signal, **said})
    return None


def _do(session: Session, state: ReceiptState, given: Decide) -> str:
    """What was done, in words. Raises DecisionRefused."""
    decision, takes_two = given.decision, given.takes_two or state.takes_two
    if isinstance(decision, ApplyReceipt):
        return propose_application(session, state, decision, takes_two=takes_two)
    if isinstance(decision, DecideApplication):
        if given.signal == "approve" and state.application and state.application.returns:
            return _return_for_two(session, state, state.application, given.key, decision)
        return decide_application(session, state, given.signal, decision)
    if isinstance(decision, LinkReceiptPayer):
        return _link_payer(session, state, decision)
    if given.signal == "keep":
        return _keep(session, state, decision)
    payee = _payee_of(session, state)
    if takes_two:
        return propose_return(session, state, decision)
    return _return(session, state, payee, given.key, decision.operator, decision.reason)


def _return_for_two(
    session: Session, state: ReceiptState, waiting: Application, key: str, decision: DecideApplication
) -> str:
    """The second person agrees; who wanted it to go back has prepared it. Raises DecisionRefused."""
    if refused := refuse_other_number(state, decision.application):
        raise DecisionRefused(refused)
    end_application(session, decision, "applied")
    payee = _payee_of(session, state)
    return (
        f"{_return(session, state, payee, key, waiting.proposed_by, waiting.reason)}, as the second person,"
    )


def _return(
    session: Session, state: ReceiptState, payee: dict[str, str], decided: str, operator: str, reason: str
) -> str:
    """Held in the book, and what would credit it by itself passes it by; the next payment file pays it."""
    key = f"return:{decided}"
    source = session.execute(_SOURCE, {"part": state.part}).scalar_one()
    postings.return_unapplied(
        psycopg_of(session),
        key=key,
        source=source,
        amount_minor=state.amount_minor,
        cause=receipt_workflow_id(state.part),
    )
    said = {"part": state.part, "operator": operator, "reason": reason}
    returned = {**said, "key": key, "amount_minor": state.amount_minor}
    return_id = session.execute(_RETURN, returned).scalar_one()
    session.execute(_PAY, {**payee, **returned, "return": return_id, "end_to_end_id": f"RTN-{return_id}"})
    session.execute(_RETURNING, said)
    return "prepared to go back"


def _payee_of(session: Session, state: ReceiptState) -> dict[str, str]:
    """The account that it came from. Raises DecisionRefused where no bank would pay there."""
    row = session.execute(_WHO_PAID, {"part": state.part}).mappings().one()
    if not row["payer_account"] or not row["payer_name"]:
        raise DecisionRefused(
            "the bank does not say which account it came from; ask the bank to send it back, or apply it"
        )
    account = {"iban": row["payer_account"]} if is_iban(row["payer_account"]) else {}
    given = PayeeFields(row["payer_name"], **account or {"account_number": row["payer_account"]})
    if why := refuse_payee(given, state.currency):
        raise DecisionRefused(f"it cannot go back to where it came from: {why.rstrip('.')}")
    return {"name": given.name, "iban": given.iban, "account_number": given.account_number}


def _keep(session: Session, state: ReceiptState, decision: Decision) -> str:
    said = {"part": state.part, "operator": decision.operator, "reason": decision.reason}
    # The payout first, as whoever collects payouts does.
    key = session.execute(_KEEP, said).scalar_one_or_none() if session.execute(_UNPAY, said).first() else None
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


LISTED = f"""EXISTS (
    SELECT FROM screening_subject s
    WHERE s.ended_at IS NULL
        AND (s.kind, s.value) IN (('account', p.payer_account), ('name', {COMPARED_NAME.format(name="p.payer_name")}))
        AND NOT EXISTS (SELECT FROM money_freeze f WHERE f.part_id = p.id AND f.ended_at IS NOT NULL)
)"""
"""Whether the payer of the part `p` is on the screening list, and nobody has released it."""

_FREEZE = text("""
    WITH waits AS (
        UPDATE bank_entry_part SET awaits = 'screening',
            reason = left(reason || '; its payer is on the screening list, and it is frozen', 1000)
        WHERE id = :part AND awaits <> 'screening'
    ), frozen AS (
        INSERT INTO money_freeze (part_id, reason) VALUES (:part, 'its payer is on the screening list')
        ON CONFLICT DO NOTHING RETURNING workflow_id
    )
    INSERT INTO outbox (workflow_id, version) SELECT workflow_id, 1 FROM frozen
""")

_DONE = text("SELECT id FROM receipt_decision WHERE key = :key")

_SAY = text("""
    INSERT INTO receipt_decision (key, part_id, signal, what, operator, reason)
    VALUES (:key, :part, :signal, :what, :operator, :reason)
""")

# The details of a lump sum are credited, and go back, from its receipt.
_SOURCE = text("""
    SELECT 'receipt:' || coalesce(lump.identity_key, p.identity_key)
    FROM bank_entry_part p LEFT JOIN bank_entry_part lump ON lump.id = p.receipt_of WHERE p.id = :part
""")

_RETURN = text("""
    INSERT INTO receipt_return (key, part_id, amount_minor, prepared_by, reason)
    VALUES (:key, :part, :amount_minor, :operator, :reason) RETURNING id
""")

_WHO_PAID = text("SELECT payer_name, payer_account FROM bank_entry_part WHERE id = :part")

_PAY = text("""
    WITH payee AS (
        INSERT INTO payee (name, iban, account_number, origin, source_part_id)
        VALUES (:name, :iban, :account_number, 'payer', :part) RETURNING id
    )
    INSERT INTO payout (end_to_end_id, return_id, entity, currency, amount_minor, hold_key, account_id, payee_id, stage,
        ready_at)
    SELECT :end_to_end_id, :return, e.entity, p.currency, :amount_minor, :key, e.account_id, payee.id, 'ready', now()
    FROM payee, bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id WHERE p.id = :part
""")

_UNPAY = text("""
    UPDATE payout SET stage = 'void', ended_at = now()
    WHERE stage = 'ready' AND return_id IN (SELECT id FROM receipt_return WHERE part_id = :part AND stage = 'prepared')
    RETURNING id
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
