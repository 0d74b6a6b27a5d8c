"""Ten thousand deliveries of the same money: `python -m tests.activities.deliveries --deliveries 10000 --seed 1`.

Some days of money are told in hundreds of guises (`tests.activities.guises`). Eight processes at once each store,
read and post a shuffled list of those files, some of them in two threads at the same moment. Now and then one is
killed with -9 and started again, or PostgreSQL ends a connection. When all is worked off, the book must be that of a
database that got each day once, in one statement; and in both, what the money adds up to.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Engine

from activities.bank_files import store
from activities.database import make_engine
from activities.deposits import Cancel, Deposits, Expire, Issue
from activities.setup_file import apply
from ledger.checks import run_checks
from prepay.deposits import CancelDeposit, DepositRequest
from prepay.money import to_decimal
from settings import Settings
from tests.activities.guises import LUMP, Day, File, credited, days_of_money, guises, one_delivery
from tests.activities.senders import Sender, Senders, work_off

if TYPE_CHECKING:
    from tests.conftest import Database

SETUP = Path(__file__).resolve().parents[2] / "examples" / "setup.toml"
CUSTOMERS = {"EUR": ("C-1001", "C-1002"), "USD": ("C-2001",), "JPY": ("C-2002",)}
FORMS = 8
"""Of each currency; the first has expired, the second was cancelled."""
SENDERS = 8
_ISSUED_AT = datetime(2026, 11, 1, tzinfo=UTC)
_CANCELLED_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of it: deliveries, of so many different files, that tell of so much money."""

    deliveries: int
    files: int
    days: int
    payments_a_day: int
    seed: int = 1
    deliveries_a_kill: int = 10


@dataclass(slots=True)
class Proof:
    """What was done, and what did not come out as it must."""

    deliveries: int
    files: int
    kills: int
    cuts: int
    retries: int
    deadlocks: int
    seconds: float
    transfers: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.deliveries:,} deliveries of {self.files:,} files by {SENDERS} senders in {self.seconds:.0f} s: "
            f"{self.kills:,} killed, {self.cuts:,} connections cut, {self.retries:,} retries, "
            f"{self.deadlocks:,} deadlocks, {self.transfers:,} transfers, {len(self.faults):,} faults"
        )


def prove(wanted: Wanted, once: "Database", many: "Database") -> Proof:
    """Deliver the money once to one fresh database and in all its guises to the other, and compare."""
    forms = _issue_forms(once.app_url)
    assert forms == _issue_forms(many.app_url)
    days = days_of_money(wanted.seed, forms, wanted.days, wanted.payments_a_day)
    with _engine(once.app_url) as engine:
        for file in one_delivery(days):
            work_off(engine, store(engine, file.content, file.name, "the bank")[0])
    proof = _deliver(wanted, guises(days, wanted.seed, wanted.files), many)
    _end_alarms(many)
    proof.transfers = _book(many)["transfers"].total()
    proof.faults += _differences(_book(once), _book(many))
    for database in (once, many):
        proof.faults += [f"{database.name}: {fault}" for fault in _untrue(database, days, forms)]
    return proof


def _issue_forms(url: str) -> dict[str, list[str]]:
    """The references of each currency: in each fresh database the same."""
    apply(SETUP, url)
    with _engine(url) as engine:
        deposits, chance = Deposits(engine, Settings(forms="off")), Random(1)
        return {
            currency: [_issue(deposits, currency, number, chance) for number in range(FORMS)]
            for currency in CUSTOMERS
        }


def _issue(deposits: Deposits, currency: str, number: int, chance: Random) -> str:
    request = DepositRequest(
        customer=CUSTOMERS[currency][number % len(CUSTOMERS[currency])],
        request_id=f"{currency}-{number}",
        amount=to_decimal(chance.randint(100_000, 4_000_000), currency),
        currency=currency,
        product="Compute",
    )
    issue = Issue(request=request, workflow_id=f"deposit-{request.request_id}", at=_ISSUED_AT)
    form = deposits.issue(issue)
    if number == 0:
        deposits.expire(Expire(deposit=form.deposit, at=form.expires_at))
    elif number == 1:
        decision = CancelDeposit(operator="op", reason="ordered twice")
        deposits.cancel(Cancel(deposit=form.deposit, decision=decision, at=_CANCELLED_AT))
    return form.reference


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = make_engine(url, 4)
    try:
        yield engine
    finally:
        engine.dispose()


def _deliver(wanted: Wanted, files: Sequence[File], many: "Database") -> Proof:
    """Each file at least once."""
    chance, began = Random(f"{wanted.seed} senders"), time.monotonic()
    left = max(wanted.deliveries - len(files), 0)
    order = [*range(len(files)), *chance.choices(range(len(files)), k=left)]
    chance.shuffle(order)
    with tempfile.TemporaryDirectory(prefix="prepay-deliveries-") as name:
        folder = Path(name)
        for number, file in enumerate(files):
            (folder / str(number)).write_bytes(file.content)
        senders = Senders(
            [Sender(many.app_url, folder, order[n::SENDERS], n) for n in range(SENDERS)], many.superuser_url
        )
        senders.run(chance, wanted.deliveries_a_kill)
    return Proof(
        senders.done,
        len(files),
        senders.kills,
        senders.cuts,
        senders.retries,
        senders.deadlocks,
        time.monotonic() - began,
    )


def _end_alarms(many: "Database") -> None:
    """What was missing has come: the doorbells of the files that waited for it ring, until no more of them do."""
    with psycopg.connect(many.app_url, autocommit=True) as connection, _engine(many.app_url) as engine:
        while rung := connection.execute(_RUNG).fetchall():
            for (sha256,) in rung:
                work_off(engine, sha256)


_RUNG = """
    WITH heard AS (DELETE FROM outbox RETURNING workflow_id)
    SELECT DISTINCT f.sha256 FROM bank_file f JOIN heard ON heard.workflow_id = 'bank-file-' || f.sha256
    WHERE f.stage = 'alarm' ORDER BY 1
"""

# A lump sum that came first has one receipt for all of its details: those of one lump sum are added up. Where an
# account begins is moved by each earlier statement: only what is left of that is the same.
_BOOK = {
    "transfers": f"""
        SELECT coalesce(t.kind || ' of lump sum ' || lump.key, t.key) AS key, t.leg, t.kind, t.phase::text,
            d.code AS debit, c.code AS credit, sum(t.amount_minor)::bigint
        FROM ledger_transfer t JOIN ledger_account d ON d.id = t.debit_account_id
        JOIN ledger_account c ON c.id = t.credit_account_id
        LEFT JOIN LATERAL (
            SELECT e.identity_key AS key FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
            WHERE t.kind <> 'credit' AND p.identity_key = split_part(t.key, ':', 2)
                AND e.bank_reference LIKE '{LUMP}%'
        ) lump ON true
        WHERE t.key NOT LIKE 'opening:%'
        GROUP BY 1, 2, 3, 4, 5, 6
    """,
    "accounts": "SELECT code, (debits_posted - credits_posted)::bigint FROM ledger_account_balance "
    "WHERE debits_posted <> credits_posted",
    "balances": "SELECT * FROM ledger_balance",
    "deposits": "SELECT number, stage, credited_minor, late FROM deposit",
}


def _book(database: "Database") -> dict[str, Counter[Any]]:
    with psycopg.connect(database.owner_url) as connection:
        return {name: Counter(connection.execute(query.encode())) for name, query in _BOOK.items()}


def _differences(expected: dict[str, Counter[Any]], found: dict[str, Counter[Any]]) -> Iterator[str]:
    for name, rows in expected.items():
        yield from (f"{name}: missing {row}" for row in (rows - found[name]).elements())
        yield from (f"{name}: too much {row}" for row in (found[name] - rows).elements())


def _untrue(database: "Database", days: Sequence[Day], forms: dict[str, list[str]]) -> Iterator[str]:
    """Where a database is not worked off, breaks an invariant, or is not what the money adds up to."""
    references = [reference for some in forms.values() for reference in some]
    paid, closing = credited(days, references), {day.account.number: day.closing_minor for day in days}
    with psycopg.connect(database.owner_url) as connection:
        for sha256, stage, reason in connection.execute(_NOT_POSTED):
            yield f"file {sha256[:8]} is {stage}: {reason}"
        for check in run_checks(connection):
            if check.breaches:
                yield f"{check.name}: {check.breaches[:3]}"
        for iban, minor in connection.execute(_AT_BANK):
            if minor != closing[iban]:
                yield f"the bank has {closing[iban]} on {iban}, and the book {minor}"
        for reference, minor in connection.execute("SELECT reference, credited_minor FROM deposit"):
            if minor != paid[reference]:
                yield f"{paid[reference]} was paid for {reference}, and {minor} credited"


_NOT_POSTED = "SELECT sha256, stage, reason FROM bank_file WHERE stage <> 'posted'"
_AT_BANK = """
    SELECT a.iban, (b.debits_posted - b.credits_posted)::bigint FROM collection_account a
    JOIN ledger_account_balance b ON b.code = 'bank:' || a.code || ':' || a.entity || ':' || a.currency
"""


def main(arguments: list[str]) -> int:
    """The command; 1 when something did not come out as it must."""
    # Here, as each sender that is started loads this module again.
    from tests.conftest import fresh_database, own_server

    parser = argparse.ArgumentParser("make deliveries", description="The same money, delivered many times.")
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=1_500, help="how many different ones")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the money, the files, the lists and the kills"
    )
    options = parser.parse_args(arguments)
    wanted = Wanted(options.deliveries, options.files, days=5, payments_a_day=15, seed=options.seed)
    with (
        own_server() as server,
        fresh_database(server, "once") as once,
        fresh_database(server, "many") as many,
    ):
        proof = prove(wanted, once, many)
    for fault in proof.faults[:20]:
        print(fault)
    print(proof)
    return 1 if proof.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
