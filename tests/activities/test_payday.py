"""Refunds against the mock bank with all its behaviours, while the worker dies at random moments."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

import activities.inbox
from activities.payouts import Collect, DecideFile, Payouts
from embedded.bank import Bank
from settings import Settings
from tests.activities.test_bank_files import Desk, desk
from tests.payday import CUSTOMERS, Payday

__all__ = ["desk"]

SEED = 5


class Killed(BaseException):
    """No code survives it."""


class Mortal:
    """Does a step until it answers; now and then it dies before a commit, or after it and before the answer."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.random, self.deaths, self.alive = random.Random(seed), 0, False
        event.listen(desk.engine, "commit", self._before_commit)

    def _before_commit(self, _connection: Any) -> None:
        if not self.alive and self.random.random() < 0.05:
            self.deaths += 1
            raise Killed

    def do(self, step: Any, *given: Any) -> Any:
        while True:
            try:
                done = step(*given)
                if self.random.random() < 0.05:
                    self.deaths += 1
                    continue
            except Killed:
                continue
            return done


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    started = Bank(tmp_path / "bank", tmp_path / "inbox", tmp_path / "outbox")
    started.start()
    yield started
    started.stop()


@pytest.mark.parametrize("refunds", [100, pytest.param(1_000, marks=pytest.mark.chaos)])
def test_each_refund_is_paid_once_whatever_the_bank_does_and_whoever_dies(
    desk: Desk, bank: Bank, refunds: int, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    # The bank writes its files elsewhere and renames them: they are complete.
    monkeypatch.setattr(activities.inbox, "SETTLED_SECONDS", 0.0)
    payday = Payday(bank, desk.url, bank.outbox, SEED, refunds)
    payday.open()
    references = {c: desk.issue(c, "50000.00").reference for c in CUSTOMERS}
    payday.fund(references, 5_000_000)
    mortal = Mortal(desk, SEED)
    payouts = Payouts(desk.engine, Settings(outbox=bank.outbox))

    def work_off() -> None:
        mortal.do(_take_all, desk, bank.inbox)
        found = desk.rows("SELECT sha256, stage FROM bank_file WHERE stage IN ('stored', 'read', 'alarm')")
        mortal.random.shuffle(found)
        for row in found:
            mortal.do(desk.files.read, row["sha256"])
            mortal.do(desk.files.post, row["sha256"])

    def pay() -> None:
        mortal.do(payouts.collect, Collect(at_once=True))
        for row in desk.rows("SELECT id FROM payment_file WHERE stage = 'written'"):
            mortal.do(payouts.send, row["id"])
        payday.bank_takes()

    work_off()
    tickets = iter([refunds // 7] * 6 + [refunds - refunds // 7 * 6, 0, 0])
    for behaviour in payday.rounds():
        payday.approve_some(next(tickets))
        payday.approve_again()
        pay()
        if behaviour == "duplicate-file":
            _send_again(desk, payouts, mortal)
            pay()
        work_off()
        payday.end_day()
        work_off()
        if behaviour == "silent":
            _ask_the_bank(payday, payouts, mortal)
    payday.end_day()
    work_off()
    found = payday.judge()
    assert mortal.deaths > 3
    assert found["rejected"] > 5
    assert found["returned"] > 5
    record_property("summary", f"{refunds} refunds: {found}, {mortal.deaths} deaths of the worker")


def _take_all(desk: Desk, inbox: Path) -> None:
    for path in inbox.glob("camt.053*"):
        if "nimbus" not in path.name:
            path.unlink()
    while any(path.suffix == ".xml" for path in inbox.iterdir()):
        activities.inbox.take_in(desk.engine, inbox)
        time.sleep(0.05)


def _send_again(desk: Desk, payouts: Payouts, mortal: Mortal) -> None:
    """An operator thinks that the bank has not got the file, before its answer came."""
    (row,) = desk.rows("SELECT id FROM payment_file WHERE stage = 'sent' ORDER BY id DESC LIMIT 1")
    given = DecideFile(
        file=int(str(row["id"])),
        key="attestation 1",
        signal="resend",
        operator="Second Operator",
        reason="no answer",
    )
    assert not mortal.do(payouts.decide, given).refused


def _ask_the_bank(payday: Payday, payouts: Payouts, mortal: Mortal) -> None:
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
            assert not mortal.do(payouts.decide, given).refused
