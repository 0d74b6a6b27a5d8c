"""What banks answer to payment files, applied to their payouts: one transaction a bank file, again changes nothing.

A rejection moves the money at once: the bank never took it. A pacs.004 only announces: the money moves with the booked
entry, which comes for certain, and once (`bank_payouts`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from sqlmodel import Session

from activities.bank_booking import LOCK_ACCOUNTS_OF_PAYOUTS
from activities.bank_decisions import released_by_two
from activities.bank_statements import MustWait, sources_of
from activities.database import psycopg_of, rows_of
from activities.payout_owners import Told, lock_payouts, owners_moved, tell
from activities.payout_returning import Back, come_back
from bankfiles import Answer, Format, Status
from bankfiles.answers import REJECTED, TAKEN
from rules.bank_reasons import DUPLICATES, REASONS, reason_words

Connection = psycopg.Connection[Any]

CLEAR = frozenset(REASONS) - DUPLICATES - {"NARR", "MS03"}
"""Reasons that cannot mean a duplicate: what a bank says in its own words may, where it got a file twice."""


class AnswerFromElsewhere(MustWait):
    """Whoever brought it may not speak for the bank."""

    held_for = "source"

    def __init__(self, account: str, allowed: Sequence[str], sources: Sequence[str]) -> None:
        super().__init__(
            "Status report",
            f"expected answers about payments of account {account} to come from {' or '.join(allowed)}, found one from "
            f"{' and '.join(sources)}. Ask who brought it; two people may release it.",
        )


def require_source(session: Session, bank_file: int, answers: Sequence[Answer]) -> None:
    """An answer comes from where its account's statements come from. Raises AnswerFromElsewhere."""
    given = {
        "messages": _names(answers),
        "ids": [payment.end_to_end_id for answer in answers for payment in answer.payments],
    }
    sources = sources_of(session, bank_file)
    for account in rows_of(psycopg_of(session), _ACCOUNTS, given):
        if account.sources and not set(account.sources) & set(sources):
            if released_by_two(session, bank_file, AnswerFromElsewhere.held_for):
                return
            raise AnswerFromElsewhere(account.code, account.sources, sources)


def apply_answers(connection: Connection, answers: Sequence[Answer]) -> str:
    """Do what the bank says; what came of it, in words."""
    said: list[str] = []
    for answer in answers:
        announces = answer.format is Format.PACS_004
        said.append(_announce(connection, answer) if announces else _report(connection, answer))
    return "; ".join(dict.fromkeys(said))


def _names(answers: Sequence[Answer]) -> list[str]:
    return [
        name
        for answer in answers
        for name in (answer.message_id, *(b.batch_id for b in answer.batches))
        if name
    ]


def _report(connection: Connection, answer: Answer) -> str:
    found = rows_of(connection, _FILE, {"messages": _names([answer])})
    if not found:
        return "it is about no payment file of ours; nothing changes"
    file = found[0]
    ids = [row[0] for row in connection.execute(_OF_FILE, {"file": file.id}).fetchall()]
    lock_payouts(connection, ids)
    connection.execute(LOCK_ACCOUNTS_OF_PAYOUTS, {"payouts": ids})
    if answer.group is not None and _rejects(answer.group) and answer.group.reason in DUPLICATES:
        return f"the bank has had file {file.message_id} before; what it said of the first one counts"
    payouts = rows_of(connection, _STAGES, {"payouts": ids})
    whole = _of_all(answer)
    unclear = bool(file.resent) and _rejects(whole) and whole.reason not in CLEAR
    verdicts = dict(
        _verdicts(answer, Status(0) if unclear else whole, [(row.id, row.end_to_end_id) for row in payouts])
    )
    taken = [row.id for row in payouts if verdicts[row.id].code in TAKEN and row.stage == "sent"]
    if taken or any(status.code in TAKEN for status in (answer.group, *answer.batches) if status):
        connection.execute(_TAKEN, {"file": file.id})
    tell(connection, [Told(p, f"payout {p} accepted", f"The bank has taken payout {p}.") for p in taken])
    refused = [
        row for row in payouts if _rejects(verdicts[row.id]) and verdicts[row.id].reason not in DUPLICATES
    ]
    # What has come back already, before the entry with which it leaves, moves with that entry.
    backs = [
        Back(row.id, "rejected", verdicts[row.id].reason)
        for row in refused
        if row.stage == "sent" and row.came_back_part_id is None
    ]
    if backs and len(backs) == len(ids):
        connection.execute(_WHY, {"file": file.id, "reason": reason_words(backs[0].reason_code)})
    come_back(connection, backs)
    late = [row for row in refused if row.stage == "settled"]
    tell(connection, [Told(row.id, f"payout {row.id} rejected late", _late(row.id)) for row in late])
    connection.execute(_RING, {"file": file.id})
    return (
        f"of file {file.message_id}: {len(taken)} payouts taken, {len(backs)} rejected"
        + (f", {len(late)} rejected that are booked, which a person must ask about" if late else "")
        + (
            "; the bank refuses one of the copies that were sent, perhaps as a duplicate: a person must ask"
            if unclear
            else ""
        )
    )


def _late(payout: int) -> str:
    return (
        f"The bank rejects payout {payout}, which it has booked: its money moves when the bank books it back."
    )


def _of_all(answer: Answer) -> Status:
    """What is said of the batch or the file."""
    return next((s for s in answer.batches if s.code == REJECTED), None) or answer.group or Status(0)


def _verdicts(
    answer: Answer, whole: Status, payouts: Sequence[tuple[int, str]]
) -> Iterator[tuple[int, Status]]:
    """What is said of each payout: of itself, else of its batch or file where that says it of all."""
    own = {status.end_to_end_id: status for status in answer.payments if status.end_to_end_id}
    nothing = Status(0)
    # PART says that some were refused, and which.
    for payout, name in payouts:
        yield payout, own.get(name, whole if whole.code == REJECTED or not own else nothing)


def _rejects(status: Status) -> bool:
    return status.code == REJECTED


def _announce(connection: Connection, answer: Answer) -> str:
    codes = {payment.end_to_end_id: payment.reason for payment in answer.payments if payment.end_to_end_id}
    ids = [row[0] for row in connection.execute(_NAMED, {"ids": list(codes)}).fetchall()]
    if not ids:
        return "it is about no payout of ours; nothing changes"
    lock_payouts(connection, ids)
    rows = [r for r in rows_of(connection, _STAGES, {"payouts": ids}) if r.stage in ("sent", "settled")]
    told = []
    for row in rows:
        code = codes[row.end_to_end_id]
        connection.execute(_ANNOUNCED, {"payout": row.id, "code": code, "reason": reason_words(code)})
        words = (
            f"The bank announces that payout {row.id} comes back ({code or 'no code'}: {reason_words(code)})."
        )
        told.append(Told(row.id, f"payout {row.id} announced", words))
    tell(connection, told)
    owners_moved(connection, [row.id for row in rows])
    return f"{len(rows)} payouts come back; their money moves when the bank books it"


_ACCOUNTS = """
    SELECT DISTINCT a.code, a.sources FROM collection_account a
    WHERE a.id IN (
        SELECT account_id FROM payment_file WHERE message_id = ANY (%(messages)s)
        UNION SELECT account_id FROM payout WHERE end_to_end_id = ANY (%(ids)s) AND file_id IS NOT NULL
    ) ORDER BY a.code
"""
_FILE = "SELECT id, message_id, resent FROM payment_file WHERE message_id = ANY (%(messages)s) ORDER BY id LIMIT 1"
_OF_FILE = "SELECT id FROM payout WHERE file_id = %(file)s ORDER BY id"
_NAMED = "SELECT id FROM payout WHERE end_to_end_id = ANY (%(ids)s) AND file_id IS NOT NULL ORDER BY id"
_STAGES = (
    "SELECT id, end_to_end_id, stage, came_back_part_id FROM payout WHERE id = ANY (%(payouts)s) ORDER BY id"
)
_TAKEN = """
    UPDATE payment_file SET stage = 'accepted', answered_at = coalesce(answered_at, now()), asked = 0,
        sent_at = coalesce(sent_at, now())
    WHERE id = %(file)s AND stage IN ('written', 'sent')
"""
_WHY = "UPDATE payment_file SET reason = %(reason)s WHERE id = %(file)s"
_RING = "INSERT INTO outbox (workflow_id, version) VALUES ('payment-file-' || %(file)s, 1)"
_ANNOUNCED = """
    UPDATE payout SET announced_at = coalesce(announced_at, now()), reason_code = %(code)s, reason = %(reason)s
    WHERE id = %(payout)s
"""
