"""Many refunds against the mock bank, with everything that it does to payments, and people who answer to that.

A payday has rounds: in each one the bank has one behaviour, what is ready goes to it, its answers come in, its day
ends. What came back is ready again for a right account in the next round. Who works the files off is the caller's
choice.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from lxml import etree
from psycopg.rows import dict_row
from schwifty import IBAN

from bankfiles.bank_text import bank_text
from bankfiles.pain001 import PayingAccount, PaymentOrder, Transfer, write_pain001
from embedded.bank import Bank
from tests.payouts import approve, ready_payout

ACCOUNT, OWN = "nimbus-eu-eur", "NL07MOCK0000001001"
CUSTOMERS = ("C-1001", "C-1002")
GOOD = "DE02120300000000202051"
CLOSED, NO_BANK = (str(IBAN.generate("NL", "MOCK", number)) for number in ("0000009001", "0000009002"))
ROUNDS = (
    "accept",
    "insufficient-funds",
    "return-later",
    "reject-file",
    "duplicate-file",
    "silent",
    "statement-gap",
    "accept",
    "accept",
)
"""The behaviours, and at the end two quiet days for what came back."""
NAMES = ("ACME GmbH", "Bäckerei Öztürk & Söhne", "Société Générale d'Été", "Κρήτη ΑΕ", "Łódź Sp. z o.o.")


@dataclass
class Payday:
    """The bank, our database and the two folders between them."""

    bank: Bank
    url: str
    outbox: Path
    seed: int
    refunds: int
    lost_files: list[str] = field(default_factory=list)
    sent_again: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def open(self) -> None:
        """The accounts that the bank holds: ours, one that is closed, one whose bank nobody knows."""
        client = self.bank.client
        client.open_account(ACCOUNT, "Nimbus Cloud Europe GmbH", OWN, "EUR", "MOCKNL2A")
        client.open_account("GONE", "Closed GmbH", CLOSED, "EUR")
        client.open_account("NOBANK", "Nobody GmbH", NO_BANK, "EUR")
        client.behave("GONE", "closed-account")
        client.behave("NOBANK", "bad-bank-id")

    def fund(self, references: dict[str, str], amount_minor: int) -> None:
        """So much arrives for each customer."""
        for customer, reference in references.items():
            self.bank.client.send_credit(
                OWN, amount_minor, payer_name=customer, payer_iban=GOOD, reference=reference
            )

    def approve_some(self, count: int) -> None:
        """Tickets that have just been approved; some name accounts that do not exist any more."""
        with psycopg.connect(self.url) as connection:
            for number in range(count):
                iban = self.random.choices([GOOD, CLOSED, NO_BANK], [8, 1, 1])[0]
                name = self.random.choice(NAMES)
                customer = CUSTOMERS[number % len(CUSTOMERS)]
                ready_payout(connection, customer, self.random.randint(100, 5_000), (name, iban))

    def approve_again(self) -> int:
        """People have found a right account for what came back."""
        with psycopg.connect(self.url) as connection:
            waiting = connection.execute(_CAME_BACK).fetchall()
            for (refund,) in waiting:
                approve(connection, refund)
                connection.execute(_AGAIN, {"iban": GOOD, "refund": refund})
                connection.execute("UPDATE refund SET stage = 'sent' WHERE id = %s", (refund,))
            return len(waiting)

    def drain(self) -> None:
        """Another program of ours pays almost all of the account to somebody: the bank has too little for refunds."""
        amount = self.bank.client.balance(ACCOUNT) - 3_000
        transfer = Transfer(f"OTHER-{self.seed}", amount, "EUR", "Holding GmbH", "sweep", iban=GOOD)
        order = PaymentOrder(
            f"OTHER-{self.seed}", datetime.now(UTC), self.bank.client.today(),
            PayingAccount(bank_text("Nimbus Cloud Europe GmbH"), "EUR", OWN), [transfer], sepa=True,
        )  # fmt: skip
        (self.outbox / "other.xml").write_bytes(write_pain001(order))
        self._take()
        self.drained = amount

    def refill(self) -> None:
        """It comes again."""
        self.bank.client.send_credit(
            OWN, self.drained, payer_name="Holding GmbH", payer_iban=GOOD, note="back"
        )

    def rounds(self) -> Iterator[str]:
        """Each behaviour, while the bank has it."""
        for behaviour in ROUNDS:
            more = {"days": 2, "reason": "MD07"} if behaviour == "return-later" else {}
            if behaviour == "insufficient-funds":
                self.drain()
            self.bank.client.behave(ACCOUNT, behaviour, **more)
            yield behaviour
            self.bank.client.behave(ACCOUNT, "accept")
            if behaviour == "insufficient-funds":
                self.refill()

    def end_day(self) -> date:
        """The bank closes until its next business day."""
        day = self.bank.client.today() + timedelta(days=1)
        while day.weekday() > 4:
            day += timedelta(days=1)
        self.bank.client.advance(day)
        return day

    def _take(self) -> None:
        # What was written less than a moment ago may be unfinished, for the bank.
        deadline = datetime.now(UTC) + timedelta(seconds=30)
        while any(self.outbox.glob("*.xml")):
            assert datetime.now(UTC) < deadline, "the bank did not take our files"
            self.bank.client.take_files()

    def never_paid(self) -> list[dict[str, Any]]:
        """What the bank rejected and told nobody."""
        rejected = [p["end_to_end_id"] for p in self.bank.client.payments() if p["status"] == "rejected"]
        return self.rows("SELECT * FROM payout WHERE stage = 'sent' AND end_to_end_id = ANY (%s)", rejected)

    def bank_takes(self) -> None:
        """The bank reads our files; where they were sent twice, it says so."""
        self._take()

    # ── How it must have ended ──

    def rows(self, query: str, *given: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), given).fetchall()

    def judge(self) -> dict[str, int]:
        """Each refund is paid once; what the bank has done is what we know; its balance is the book's."""
        ours = {row["end_to_end_id"]: row for row in self.rows("SELECT * FROM payout")}
        theirs = [p for p in self.bank.client.payments() if not p["end_to_end_id"].startswith("OTHER")]
        assert len({p["end_to_end_id"] for p in theirs if p["status"] != "rejected"}) == sum(
            p["status"] != "rejected" for p in theirs
        ), "a payout was taken twice"
        paid: dict[int, int] = {}
        for payment in theirs:
            row = ours[payment["end_to_end_id"]]
            assert payment["amount"] == row["amount_minor"]
            if payment["status"] not in ("rejected", "returned"):
                assert row["stage"] == "settled", row
                paid[row["refund_id"]] = paid.get(row["refund_id"], 0) + 1
        refunds = self.rows("SELECT id, stage, amount_minor FROM refund")
        assert len(refunds) == self.refunds
        assert {row["stage"] for row in refunds} == {"settled"}, self.rows(_STUCK)
        assert paid == {row["id"]: 1 for row in refunds}, "a refund was not paid exactly once"
        booked = self.rows(_BOOKED)[0]["minor"]
        assert booked == self.bank.client.balance(ACCOUNT), "the bank and the book differ"
        stages: dict[str, int] = {}
        for row in ours.values():
            stages[row["stage"]] = stages.get(row["stage"], 0) + 1
        return stages | {"files": self._judge_files()}

    def _judge_files(self) -> int:
        schema = schema_of("pain.001.001.09")
        files = self.rows("SELECT content FROM payment_file")
        for file in files:
            schema.assertValid(etree.fromstring(bytes(file["content"])))
        return len(files)


def schema_of(version: str) -> etree.XMLSchema:
    """The schema as ISO publishes it, which the package sepaxml brings along."""
    from importlib.resources import files

    return etree.XMLSchema(etree.fromstring((files("sepaxml") / "schemas" / f"{version}.xsd").read_bytes()))


Work = Callable[[], None]

_CAME_BACK = "SELECT DISTINCT refund_id FROM payout WHERE stage = 'planned' ORDER BY 1"
_AGAIN = """
    WITH payee AS (INSERT INTO payee (name, iban, origin) VALUES ('Right GmbH', %(iban)s, 'entered') RETURNING id)
    UPDATE payout p SET stage = 'ready', ready_at = now() - interval '5 days', payee_id = payee.id
    FROM payee WHERE p.refund_id = %(refund)s AND p.stage = 'planned'
"""
_STUCK = """
    SELECT r.stage AS ticket, p.*, f.stage AS file_stage, f.reason AS file_reason FROM refund r
    JOIN payout p ON p.refund_id = r.id LEFT JOIN payment_file f ON f.id = p.file_id WHERE r.stage <> 'settled' LIMIT 5
"""
_BOOKED = """
    SELECT debits_posted - credits_posted AS minor FROM ledger_account_balance
    WHERE code = 'bank:nimbus-eu-eur:nimbus-eu:EUR'
"""
