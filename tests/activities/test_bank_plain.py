"""The quick way for plain payments: it decides as the long way does, and leaves to that what is not plain."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from sqlmodel import Session

from activities.bank_files import store
from activities.bank_grouping import BY_INDEX
from activities.bank_incoming import chunks_of
from activities.bank_keeping import keep
from activities.bank_matching import MATCH
from activities.bank_plain import PLAIN
from activities.bank_posting import _LOCK, _make_tables, _range
from activities.database import psycopg_of
from activities.deposits import Cancel, Expire
from activities.payers import LinkInput, PauseInput, link, pause
from bankfiles.sample import Batch, Payment, Sheet
from prepay.deposits import CancelDeposit
from rules.deposit import DepositState
from tests.activities.test_bank_files import ACCOUNT, Desk, camt, desk

__all__ = ["desk"]

PAYER, OTHER = "DE02120300000000202051", "DE02500105170137075030"
SAID = {"account": PAYER, "by": "op", "reason": "a test"}

Rows = list[tuple[object, ...]]

# What is known of some parts before they are decided about.
KNOWN = {
    "WAITED": "state = 'unapplied', awaits = 'payer'",
    "DETAIL": "receipt_of = (SELECT min(id) FROM bank_entry_part)",
    "ANSWER": "answers_id = (SELECT min(id) FROM bank_entry_part)",
}
_OTHERS_ACCOUNT = """
    INSERT INTO virtual_account (account_id, pool, bank_number, iban, account_number, stage, customer_id, valid_from)
    SELECT a.id, '', given, given, '', 'active', c.id, '2026-01-01'
    FROM collection_account a, customer c, (VALUES (%s)) AS v (given)
    WHERE c.number = 'C-1002' AND a.id = (SELECT min(account_id) FROM bank_entry)
"""
_TYPED = """
    WITH proposed AS (
        INSERT INTO bank_resolution (file_id, ordinal, amount_minor, currency, direction, proposed_by, reason, facts)
        SELECT min(id), 99, 1, 'EUR', 'credit', 'op', 'a test', '{}' FROM bank_file RETURNING id, file_id, ordinal
    )
    INSERT INTO bank_quarantine (file_id, ordinal, statement, line, path, reason, currency, direction, status, settled,
        resolution_id, entry_id, resolved_by, approved_by, resolved_reason, resolved_at)
    SELECT file_id, ordinal, 0, 1, '', '', '', '', '', false, p.id,
        (SELECT id FROM bank_entry WHERE bank_reference = 'EARLIER-2'), 'op', 'another', 'a test', now()
    FROM proposed p
"""


def decisions(connection: "psycopg.Connection[object]") -> Rows:
    return connection.execute("SELECT * FROM decision ORDER BY id").fetchall()  # type: ignore[return-value]


def both_ways(desk: Desk, *payments: Payment | Batch) -> tuple[list[str], Rows, Rows]:
    """What is decided about a file: the reasons of the quick way, all with it, and all without it."""
    sheet = Sheet(ACCOUNT, "EUR", payments)
    sha256, _ = store(desk.engine, camt(sheet), "test.xml", "a test")
    file = desk.files.read(sha256).file
    with Session(desk.engine) as session:
        connection = psycopg_of(session)
        (chunk,) = chunks_of(connection, file)
        keep(connection, file, chunk)
        _make_tables(connection)
        for reference, change in KNOWN.items():
            of_it = "entry_id = (SELECT id FROM bank_entry WHERE bank_reference = %s)"
            connection.execute(f"UPDATE bank_entry_part SET {change} WHERE {of_it}".encode(), (reference,))
        connection.execute(BY_INDEX)
        connection.execute(_LOCK, _range(file, chunk) | {"slice": 1000})
        connection.execute("INSERT INTO posting SELECT id, 0 FROM bank_entry_part WHERE awaits = 'payer'")
        found = []
        for quick in (True, False):
            connection.execute("DELETE FROM decision")
            if quick:
                connection.execute(PLAIN)
                reasons = [str(row[-1]) for row in decisions(connection)]
            connection.execute(MATCH[-1])
            found.append(decisions(connection))
        session.rollback()
    return reasons, found[0], found[1]


@pytest.fixture
def deposits(desk: Desk) -> dict[str, DepositState]:
    """Deposits of all kinds."""
    named = {name: desk.issue() for name in ("open", "other", "paid in part", "paid", "expired", "cancelled")}
    named["of another"] = desk.issue("C-1002")
    named["in dollars"] = desk.issue("C-2001", "100.00", "USD")
    earlier = [
        Payment(4_000, "EARLIER-1", structured=named["paid in part"].reference),
        Payment(10_000, "EARLIER-2", structured=named["paid"].reference),
    ]
    desk.deliver(Sheet(ACCOUNT, "EUR", earlier), kind="camt.052")
    desk.change(_OTHERS_ACCOUNT, OTHER)
    expired, cancelled = named["expired"], named["cancelled"]
    desk.deposits.expire(Expire(deposit=expired.deposit, at=expired.expires_at))
    decision = CancelDeposit(operator="op", reason="ordered twice")
    desk.deposits.cancel(Cancel(deposit=cancelled.deposit, decision=decision, at=datetime.now(UTC)))
    return named


def payments(deposits: dict[str, DepositState]) -> list[Payment | Batch]:
    """For each deposit what may come for it, plain and odd."""
    found: list[Payment | Batch] = []
    for name, deposit in deposits.items():
        reference, of = deposit.reference, name.upper().replace(" ", "-")
        found += [
            Payment(10_000, f"{of}-1", structured=reference),
            Payment(10_000, f"{of}-2", free=(f"for {reference.lower()}",)),
            Payment(12_000, f"{of}-3", structured=reference),
            Payment(9_000, f"{of}-4", structured=reference),
            Payment(9_500, f"{of}-5", structured=reference, charges_minor=500),
            Payment(10_000, f"{of}-6", structured=reference, free=(deposits["other"].reference,)),
            Payment(10_000, f"{of}-7", structured=reference, free=(reference,)),
            Payment(10_000, f"{of}-8", structured=reference, reversal=True),
            Payment(10_000, f"{of}-9", structured=reference, return_reason="AC04"),
            Payment(10_000, f"{of}-10", structured=reference, payer_account=""),
            Payment(10_000, f"{of}-11", structured=reference, payee_account=OTHER),
            Payment(10_000, f"{of}-12", structured=reference, code="PMNT/RDDT/ESDD"),
            Payment(10_000, "EARLIER-2", structured=reference, value_on=date(2026, 11, 24)),
            Batch((Payment(10_000, structured=reference), Payment(10_000, free=(reference,))), f"{of}-13"),
            Payment(10_000, structured=reference),
            Payment(10_000, structured=reference),
        ]
    reference = deposits["open"].reference
    found += [Payment(10_000, known, structured=reference) for known in KNOWN]
    found.append(Payment(-10_000, "DEBIT", structured=reference))
    return [
        *found,
        Payment(10_000, "NOBODYS", free=("thank you",)),
        Payment(-500, "FEE", code="PMNT/ICDT/CHRG"),
    ]


CHANGES: dict[str, Callable[[Desk], None]] = {
    "nothing": lambda desk: None,
    "unknown payers are flagged": lambda desk: desk.change(
        "UPDATE contracting_entity SET payer_policy = 'flag'"
    ),
    "money without a payer is held": lambda desk: desk.change(
        "UPDATE contracting_entity SET missing_payer_policy = 'hold'"
    ),
    "a fee is taken over": lambda desk: desk.change(
        """UPDATE contracting_entity SET short_tolerance = '{"EUR": 600}'"""
    ),
    "a statement is missing": lambda desk: desk.change(
        "UPDATE collection_account SET gap_statement_id = (SELECT max(id) FROM bank_statement)"
    ),
    "it is a virtual account": lambda desk: desk.change("UPDATE collection_account SET virtual = true"),
    "people have typed a line that could not be read": lambda desk: desk.change(_TYPED),
    "the payer is linked": lambda desk: _with(desk, link, LinkInput(customer="C-1001", **SAID)),
    "the payer is paused": lambda desk: _with(desk, pause, PauseInput(entity="nimbus-eu", **SAID)),
    "the customer is frozen": lambda desk: desk.change(
        "INSERT INTO money_freeze (customer_id, reason) SELECT id, 'a test' FROM customer WHERE number = 'C-1001'"
    ),
    "the payer is on the screening list": lambda desk: desk.change(
        "INSERT INTO screening_subject (kind, value, verdict, listed_by) VALUES ('account', %s, 'hit', 'op')",
        PAYER,
    ),
}
NONE_IS_PLAIN = {
    "a statement is missing",
    "it is a virtual account",
    "the payer is paused",
    "the customer is frozen",
    "the payer is on the screening list",
}


def _with(desk: Desk, act: Callable[..., object], given: object) -> None:
    with Session(desk.engine) as session, session.begin():
        act(session, given)


@pytest.mark.breaks_the_book
@pytest.mark.parametrize("change", CHANGES)
def test_is_decided_as_the_long_way_would(desk: Desk, deposits: dict[str, DepositState], change: str) -> None:
    CHANGES[change](desk)
    quick, with_it, without_it = both_ways(desk, *payments(deposits))
    assert with_it == without_it
    assert len(without_it) > len(deposits) * 10
    assert bool(quick) is (change not in NONE_IS_PLAIN)


@pytest.mark.parametrize(("days", "quick"), [(9, False), (40, True)])
@pytest.mark.parametrize("links", [True, False])
def test_only_who_was_credited_lately_without_a_reference_is_asked(
    desk: Desk, days: int, quick: bool, links: bool
) -> None:
    deposit = desk.issue()
    if links:
        _with(desk, link, LinkInput(customer="C-1001", account=PAYER, by="op", reason="their account"))
    desk.pay(Payment(10_000, "EARLIER", structured=desk.issue().reference))
    booked = date(2026, 11, 23)
    desk.change("UPDATE credit SET created_at = %s", booked - timedelta(days=days))
    reasons, with_it, without_it = both_ways(desk, Payment(10_000, "NOW", structured=deposit.reference))
    assert with_it == without_it
    assert bool(reasons) is (quick or not links)
