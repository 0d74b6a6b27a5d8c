"""What people decide about a ticket, each in one transaction that holds the account and the ticket."""

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlmodel import Session

from activities.payees import LISTED_PAYEE
from activities.refund_opening import settle_details
from activities.refund_planning import give_back, policy_of
from activities.refund_rows import approvable, event_key, lock, move, note, state
from prepay.refunds import ApproveRefund, PayeeInput, RejectRefund, UsePayee, WithdrawRefund
from prepay.wire import Wire
from rules.payee import refuse_payee
from rules.refund import ENDED, UNSENT, Policy, Signal, refuse_decision


class Decide(Wire):
    """Take an operator's decision about a ticket."""

    refund: int
    signal: Signal
    decision: ApproveRefund | RejectRefund
    attestation: int
    at: datetime


class Attach(Wire):
    """Pay a ticket, or one payout of it, to bank details that were entered."""

    refund: int
    given: UsePayee
    at: datetime


class Withdraw(Wire):
    """The customer takes a ticket back."""

    refund: int
    given: WithdrawRefund
    at: datetime


def decide(session: Session, given: Decide) -> str:
    """Carry it out; why not, where it cannot be. The same decision again changes nothing."""
    ticket = lock(session, given.refund)
    if session.execute(_DONE, {"attestation": given.attestation}).scalar_one():
        return ""
    decision = given.decision
    content = decision.content if isinstance(decision, ApproveRefund) else ""
    now = state(session, given.refund, given.at)
    if refused := refuse_decision(now, given.signal, decision.operator, content):
        return refused
    if given.signal == "approve":
        _approve(session, ticket, given)
    else:
        _end(session, ticket, "rejected", decision.reason)
    said = {"by": decision.operator, "reason": decision.reason, "attestation": given.attestation}
    done = {"approve": f"approved {now.content}", "reject": "rejected"}[given.signal]
    hashed = approvable(session, given.refund) if given.signal == "approve" else ""
    note(session, given.refund, f"attestation {given.attestation}", done, content=hashed, **said)
    return ""


def _approve(session: Session, ticket: RowMapping, given: Decide) -> None:
    hashed = approvable(session, ticket["id"])
    row = {"refund": ticket["id"], "content": hashed, "attestation": given.attestation}
    session.execute(_APPROVE, given.decision.model_dump() | row)
    people, treasurer = session.execute(_APPROVED_BY, row).one()
    if people < ticket["people"] or (ticket["treasurer"] and not treasurer):
        session.execute(_HEARD, row)
        return
    _, policy = _policy(session, ticket, given.at)
    move(session, ticket["id"], "approved", content=hashed)
    new = [payout.payout for payout in state(session, ticket["id"], given.at).payouts if payout.new]
    given_line = event_key(ticket["id"], "payee ")
    session.execute(_READY, {**row, "new": new, "hours": policy.cooling_hours, "payee_line": given_line})


def attach(session: Session, given: Attach) -> str:
    """Pay what has no account yet to those details; why not, where it cannot be."""
    ticket = lock(session, given.refund)
    try:
        with session.begin_nested():
            _attach(session, ticket, given)
    except CannotAttach as refusal:
        return str(refusal)
    return ""


class CannotAttach(ValueError):
    """The bank details cannot be used for it."""


def _attach(session: Session, ticket: RowMapping, given: Attach) -> None:
    use = given.given
    row = {"refund": given.refund, "payee": use.payee, "payout": use.payout}
    if session.execute(_ATTACHED, row).scalar_one():
        return
    if ticket["stage"] not in ("opened", "in_review", "returned"):
        raise CannotAttach(f"the ticket is {ticket['stage']}; where it goes cannot be changed now")
    found = session.execute(_PAYEE, row).mappings().one_or_none()
    if found is None:
        raise CannotAttach(f"there are no bank details {use.payee} of this ticket's")
    if (refused := refuse_payee(PayeeInput(**_entered(found)), ticket["currency"])) is not None:
        raise CannotAttach(refused)
    if session.execute(_CAME_BACK, row).scalar_one():
        # Reset in the UI sends what was entered before once more.
        raise CannotAttach(
            "a payment to these bank details came back: enter other ones, or the same ones anew"
        )
    if found["listed"]:
        raise CannotAttach("these bank details cannot be used; our compliance staff look at them")
    payouts = list(session.execute(_TO_PAY, row).scalars())
    if not payouts:
        raise CannotAttach(
            "no payout of it waits for bank details; name one with its number to change where it goes"
        )
    session.execute(_ATTACH, {"payouts": payouts, "payee": use.payee})
    _, policy = _policy(session, ticket, given.at)
    settle_details(session, ticket, policy, given.at)
    after = state(session, given.refund, given.at)
    new = any(payout.new for payout in after.payouts if payout.payout in payouts)
    if new and found["proof_sha256"] is None:
        raise CannotAttach("the money did not come from that account: send a proof that it is the customer's")
    who = found["entered_by"]
    said = "bank details entered" + ("" if who else " by the customer") + (", another account" if new else "")
    note(session, given.refund, f"payee {use.payee}:{payouts}", said, by=who)


def _entered(row: RowMapping) -> dict[str, Any]:
    return {name: row[name] for name in PayeeInput.model_fields}


def withdraw(session: Session, given: Withdraw) -> str:
    """Give all back that is held; why not, where it cannot be."""
    ticket = lock(session, given.refund)
    if ticket["customer"] != given.given.customer:
        return f"it is no ticket of customer {given.given.customer}"
    if ticket["stage"] == "withdrawn":
        return ""
    if ticket["stage"] in ENDED:
        return f"the ticket is {ticket['stage']} already"
    if ticket["stage"] not in UNSENT or session.execute(_ON_ITS_WAY, {"refund": given.refund}).scalar_one():
        return "money of it is on its way to the bank already; wait for the bank's answer"
    _end(session, ticket, "withdrawn", given.given.reason)
    note(session, given.refund, "withdrawn", "withdrawn by the customer", reason=given.given.reason)
    return ""


def close_in_time(session: Session, ticket: RowMapping) -> None:
    """The customer has not said where to in time: the money is theirs to spend again."""
    _end(session, ticket, "closed", "no bank details came in time")
    note(session, ticket["id"], "closed", "closed: no bank details came in time")


def _end(session: Session, ticket: RowMapping, stage: str, answer: str) -> None:
    give_back(session, ticket["id"], ticket["workflow_id"])
    move(session, ticket["id"], stage, answer)


def _policy(session: Session, ticket: RowMapping, at: datetime) -> tuple[int | None, Policy]:
    return policy_of(session, ticket["entity"], ticket["currency"], at.date())


_DONE = text("SELECT EXISTS (SELECT FROM refund_event WHERE attestation_id = :attestation)")

# The role is the one that they had when they sent the signal.
_APPROVE = text("""
    INSERT INTO refund_approval (refund_id, content_hash, operator, treasurer, reason, attestation_id)
    SELECT :refund, :content, :operator, EXISTS (
        SELECT FROM operator_role r WHERE r.operator_id = a.operator_id AND r.role = 'treasurer'
            AND r.granted_at <= a.sent_at AND (r.ended_at IS NULL OR r.ended_at > a.sent_at)
            AND daterange(r.valid_from, r.valid_to, '[]') @> (a.sent_at AT TIME ZONE 'UTC')::date
    ), :reason, a.id FROM attestation a WHERE a.id = :attestation
""")

_APPROVED_BY = text("""
    SELECT count(*) AS people, coalesce(bool_or(treasurer), false) AS treasurer
    FROM refund_approval WHERE refund_id = :refund AND content_hash = :content
""")

_HEARD = text("UPDATE refund SET waits_since = now() WHERE id = :refund")

# An account cools from when everybody could see that the ticket pays it, not from when somebody wrote it down.
_READY = text("""
    UPDATE payout SET stage = 'ready', ready_at = now(), not_before = CASE WHEN payout.id = ANY (:new) THEN coalesce((
        SELECT max(v.created_at) FROM refund_event v
        WHERE v.refund_id = payout.refund_id AND starts_with(v.key, :payee_line || payout.payee_id || ':')
    ), now()) + make_interval(hours => CAST(:hours AS integer)) END
    WHERE payout.refund_id = :refund AND payout.stage = 'planned'
""")

# SQLAlchemy takes a colon for a parameter.
_LISTED = LISTED_PAYEE.replace(":", r"\:")
_PAYEE = text(f"""
    SELECT y.*, {_LISTED} AS listed FROM payee y WHERE id = :payee AND refund_id = :refund AND origin = 'entered'
""")

_CAME_BACK = text("""
    SELECT EXISTS (
        SELECT FROM payout WHERE refund_id = :refund AND payee_id = :payee AND stage IN ('rejected', 'returned')
    )
""")

_TO_PAY = text("""
    SELECT id FROM payout WHERE refund_id = :refund AND stage = 'planned'
        AND CASE WHEN CAST(:payout AS bigint) IS NULL THEN payee_id IS NULL ELSE id = :payout END
    ORDER BY id
""")

# A step that is tried again has done it.
_ATTACHED = text("""
    SELECT coalesce(bool_or(payee_id = :payee), false)
        AND NOT coalesce(bool_or(stage = 'planned' AND payee_id IS NULL), false)
    FROM payout WHERE refund_id = :refund AND stage IN ('planned', 'ready', 'sent', 'settled')
        AND (CAST(:payout AS bigint) IS NULL OR id = :payout)
""")

_ATTACH = text("UPDATE payout SET payee_id = :payee WHERE id = ANY (:payouts)")

_ON_ITS_WAY = text("SELECT EXISTS (SELECT FROM payout WHERE refund_id = :refund AND stage = 'sent')")
