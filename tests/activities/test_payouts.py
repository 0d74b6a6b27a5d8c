"""From a ready payout to the bank and back, on a real database: sent once, in one file, settled once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from activities.payouts import Collect, Payouts
from bankfiles.sample import Batch, Payment, Sheet
from rules.payment_file import PaymentFileState
from settings import Settings
from tests.activities.test_bank_files import ACCOUNT, Desk, desk
from tests.payouts import Ready, ready_payout

__all__ = ["desk"]

NOW = datetime.now(UTC)
Desk_ = Desk


class Cashier:
    """The desk, with what it pays."""

    def __init__(self, desk: Desk, outbox: Path) -> None:
        self.desk, self.outbox = desk, outbox
        self.payouts = Payouts(desk.engine, Settings(outbox=outbox))
        self.fund("C-1001", 100_000)

    def fund(self, customer: str, amount_minor: int) -> None:
        deposit = self.desk.issue(customer, f"{amount_minor / 100:.2f}")
        self.desk.pay(Payment(amount_minor, f"IN-{deposit.number}", structured=deposit.reference))

    def ready(self, amount_minor: int = 1_000, customer: str = "C-1001", **given: Any) -> Ready:
        with psycopg.connect(self.desk.url) as connection:
            return ready_payout(connection, customer, amount_minor, **given)

    def run(self) -> list[PaymentFileState]:
        """All that is ready goes to the bank."""
        made = self.payouts.collect(Collect(at_once=True)).files
        return [self.payouts.send(int(name.removeprefix("payment-file-"))) for name in made]

    def payout(self, ready: Ready) -> dict[str, Any]:
        return dict(self.desk.rows("SELECT * FROM payout WHERE id = %s", ready.payout)[0])

    def stage(self, ready: Ready) -> tuple[object, object]:
        """Of the payout and of its ticket."""
        refund = self.desk.rows("SELECT stage FROM refund WHERE id = %s", ready.refund)[0]
        return self.payout(ready)["stage"], refund["stage"]

    def next_of(self, ready: Ready) -> dict[str, Any]:
        return dict(self.desk.rows("SELECT * FROM payout WHERE previous_id = %s", ready.payout)[0])

    def file(self, state: PaymentFileState) -> dict[str, Any]:
        return dict(self.desk.rows("SELECT * FROM payment_file WHERE id = %s", state.file)[0])


@pytest.fixture
def cashier(desk: Desk, tmp_path: Path) -> Iterator[Cashier]:
    yield Cashier(desk, tmp_path / "outbox")


def debit(ready: Ready, reference: str = "", **given: Any) -> Payment:
    """The bank books it."""
    facts = {"code": "PMNT/ICDT/ESCT", "end_to_end_id": ready.end_to_end_id} | given
    return Payment(-ready.amount_minor, reference or f"OUT-{ready.payout}", **facts)


def credit(ready: Ready, fee_minor: int = 0, **given: Any) -> Payment:
    """It comes back."""
    facts = {"code": "PMNT/ICDT/RRTN", "end_to_end_id": ready.end_to_end_id, "return_reason": "AC04"} | given
    return Payment(ready.amount_minor - fee_minor, f"BACK-{ready.payout}", **facts)


class TestTheWayOfAPayout:
    def test_to_the_bank_and_settled(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        assert (file.stage, file.payouts, file.sum_minor, file.open) == ("sent", 1, 1_000, 1)
        assert cashier.stage(ready) == ("sent", "sent")
        written = (cashier.outbox / f"{file.message_id}.xml").read_bytes()
        assert written == bytes(cashier.file(file)["content"])
        cashier.desk.pay(debit(ready))
        assert cashier.stage(ready) == ("settled", "settled")
        assert cashier.desk.parts()[-1] == ("payout", f"it books payout {ready.payout}")
        row = cashier.file(file)
        assert (row["stage"], row["ended_at"] is not None) == ("accepted", True)
