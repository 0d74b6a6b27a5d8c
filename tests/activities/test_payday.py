"""Refunds against the mock bank with all its behaviours, while the worker is killed at random moments."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activities.payouts import Collect, DecideFile
from embedded.bank import Bank
from tests.activities.payday_worker import serve
from tests.activities.test_bank_files import Desk, desk
from tests.forks import FORKS
from tests.payday import CUSTOMERS, Payday

__all__ = ["desk"]

SEED = 5


class Mortal:
    """A worker of its own process that does a step until it answers; now and then somebody kills it with -9."""

    def __init__(self, url: str, bank: Bank, seed: int, often: float) -> None:
        self.often = often
        self.random, self.deaths, self._given = random.Random(seed), 0, (url, bank.inbox, bank.outbox)
        self._child: Any = None
        self._line: Any = None

    def do(self, step: str, *given: Any) -> Any:
        while True:
            self._live()
            self._line.send((step, given))
            # Steps take some hundredths of a second: it dies before, in and after what they write.
            if self.random.random() < self.often and not self._line.poll(self.random.uniform(0, 0.05)):
                self.end()
                self.deaths += 1
            else:
                return self._line.recv()

    def _live(self) -> None:
        if self._child is None:
            self._line, its = FORKS.Pipe()
            self._child = FORKS.Process(target=serve, args=(its, *self._given), daemon=True)
            self._child.start()

    def end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.join()
            self._child = None


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    started = Bank(tmp_path / "bank", tmp_path / "inbox", tmp_path / "outbox")
    started.start()
    yield started
    started.stop()


@pytest.mark.parametrize(
    ("refunds", "often"), [(100, 0.05), pytest.param(1_000, 0.3, marks=pytest.mark.chaos)]
)
def test_each_refund_is_paid_once_whatever_the_bank_does_and_whoever_dies(
    desk: Desk, bank: Bank, refunds: int, often: float, record_property: Any
) -> None:
    payday = Payday(bank, desk.url, bank.outbox, SEED, refunds)
    payday.open()
    references = {c: desk.issue(c, "50000.00").reference for c in CUSTOMERS}
    payday.fund(references, 5_000_000)
    mortal = Mortal(desk.url, bank, SEED, often)

    def work_off() -> None:
        mortal.do("take_in")
        found = desk.rows("SELECT sha256, stage FROM bank_file WHERE stage IN ('stored', 'read', 'alarm')")
        mortal.random.shuffle(found)
        for row in found:
            mortal.do("read", row["sha256"])
            mortal.do("post", row["sha256"])

    def pay() -> None:
        mortal.do("collect", Collect(at_once=True))
        for row in desk.rows("SELECT id FROM payment_file WHERE stage = 'written'"):
            mortal.do("send", row["id"])
        payday.bank_takes()

    work_off()
    tickets = iter([refunds // 7] * 6 + [refunds - refunds // 7 * 6, 0, 0])
    for behaviour in payday.rounds():
        payday.approve_some(next(tickets))
        payday.approve_again()
        pay()
        if behaviour == "duplicate-file":
            _send_again(desk, mortal)
            pay()
        work_off()
        payday.end_day()
        work_off()
        if behaviour == "silent":
            _ask_the_bank(payday, mortal)
    payday.end_day()
    work_off()
    mortal.end()
    found = payday.judge()
    assert mortal.deaths > 3
    assert found["rejected"] > 5
    assert found["returned"] > 5
    record_property("summary", f"{refunds} refunds: {found}, {mortal.deaths} times killed")


def _send_again(desk: Desk, mortal: Mortal) -> None:
    """An operator thinks that the bank has not got the file, before its answer came."""
    (row,) = desk.rows("SELECT id FROM payment_file WHERE stage = 'sent' ORDER BY id DESC LIMIT 1")
    given = DecideFile(
        file=int(str(row["id"])),
        key="attestation 1",
        signal="resend",
        operator="Second Operator",
        reason="no answer",
    )
    assert not mortal.do("decide", given).refused


def _ask_the_bank(payday: Payday, mortal: Mortal) -> None:
    """Two people hear on the phone which payouts it never paid."""
    for row in payday.never_paid():
        for operator in ("Second Operator", "Fifth Operator"):
            given = DecideFile(
                file=row["file_id"],
                key=f"{operator} {row['id']}",
                signal="not_paid",
                operator=operator,
                reason="by phone",
                payout=row["end_to_end_id"],
            )
            assert not mortal.do("decide", given).refused
