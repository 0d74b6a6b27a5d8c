"""A dry run tells what delivering would do, and keeps nothing."""

from functools import partial
from pathlib import Path

import pytest

import activities.bank_dry_run
from activities.bank_dry_run import TooManyEntries, dry_run
from activities.bank_files import store
from bankfiles.sample import Batch, Payment, Sheet
from tests.activities.test_bank_chain import day
from tests.activities.test_bank_decisions import allow
from tests.activities.test_bank_files import ACCOUNT, Desk, camt, desk
from tests.activities.test_bank_quarantine import LACKING, decided, proposed
from tests.activities.test_bank_turns import ACCOUNTS, all_at_once
from tests.bankfiles.answer_files import pain002

__all__ = ["desk"]


def file(*payments: Payment) -> bytes:
    return camt(Sheet(ACCOUNT, "EUR", payments))


def kept(desk: Desk) -> list[object]:
    tables = ("bank_file", "bank_statement", "bank_entry", "credit", "ledger_transfer", "outbox")
    return [desk.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in tables]


def test_it_says_what_posting_then_does(desk: Desk) -> None:
    deposit = desk.issue()
    content = file(Payment(10_000, "B1", structured=deposit.reference), Payment(900, "B2"))
    told = dry_run(desk.engine, content, "a.xml", "a test")
    assert told.outcome == "posted"
    assert [(part["state"], part["deposit"]) for part in told.parts] == [
        ("credited", deposit.number),
        ("unapplied", None),
    ]
    desk.work_off(content)
    assert sorted((part["state"], part["reason"]) for part in told.parts) == sorted(desk.parts())


def test_nothing_is_kept(desk: Desk) -> None:
    deposit = desk.issue()
    before = kept(desk)
    dry_run(
        desk.engine,
        camt(day(1, Payment(10_000, structured=deposit.reference)), kind="camt.053"),
        "a.xml",
        "a test",
    )
    assert (kept(desk), desk.available(), desk.deposit(deposit)["stage"]) == (before, 0, "issued")


def test_what_was_delivered_before_is_known(desk: Desk) -> None:
    deposit = desk.issue()
    content = file(Payment(10_000, "B1", structured=deposit.reference))
    desk.work_off(content)
    again = dry_run(
        desk.engine,
        file(Payment(10_000, "B1", structured=deposit.reference), Payment(1, "B2")),
        "b",
        "a test",
    )
    assert [part["known"] for part in again.parts] == [True, False]
    assert desk.available() == 10_000


def test_a_gap_would_be_an_alarm(desk: Desk) -> None:
    desk.deliver(day(1), kind="camt.053")
    told = dry_run(desk.engine, camt(day(3), kind="camt.053"), "c.xml", "a test")
    assert (told.outcome, "has not come" in told.reason) == ("alarm", True)


def test_a_file_of_an_unknown_account_would_be_held(desk: Desk) -> None:
    told = dry_run(desk.engine, camt(Sheet("NL43MOCK0000009999", "EUR", [Payment(1)])), "d.xml", "a test")
    assert (told.outcome, told.parts) == ("held", [])


def test_a_file_from_elsewhere_would_be_held(desk: Desk, tmp_path: Path) -> None:
    allow(desk, tmp_path, '"inbox"')
    outcomes = [dry_run(desk.engine, file(Payment(1)), "d.xml", by).outcome for by in ("inbox", "e-mail")]
    assert outcomes == ["posted", "held"]


def test_an_answer_to_a_payment_file_would_be_applied(desk: Desk) -> None:
    before = kept(desk)
    told = dry_run(desk.engine, pain002("PP-1", group="ACCP"), "d.xml", "a test")
    assert (told.outcome, told.reason) == ("posted", "it is about no payment file of ours; nothing changes")
    assert kept(desk) == before


def test_what_is_no_bank_file_would_be_refused(desk: Desk) -> None:
    assert dry_run(desk.engine, b"hello", "e.txt", "a test").outcome == "refused"


def test_a_large_file_is_not_tried(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities.bank_dry_run, "MAX_ENTRIES", 1)
    with pytest.raises(TooManyEntries, match="has 2 entries; a dry run takes at most 1"):
        dry_run(desk.engine, file(Payment(1, "B1"), Payment(2, "B2")), "f.xml", "a test")


def test_batches_may_hold_more_than_it_takes_entries(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = desk.issue(), desk.issue()
    paid = tuple(Payment(10_000, f"B{n}", deposit.reference) for n, deposit in enumerate((first, second)))
    content = camt(Sheet(ACCOUNT, "EUR", [Batch(paid, "BATCH"), Payment(900, "B9")]))
    monkeypatch.setattr(activities.bank_dry_run, "MAX_ENTRIES", 2)
    told = dry_run(desk.engine, content, "a.xml", "a test")
    assert [part["state"] for part in told.parts] == ["credited", "credited", "unapplied"]


class TestAtTheSameMoment:
    """Neither waits for ever for what the other one has."""

    def test_the_file_is_read(self, desk: Desk) -> None:
        content = camt(day(1, Payment(10_000, structured=desk.issue().reference)), kind="camt.053")
        sha256, _ = store(desk.engine, content, "a.xml", "a test")
        trying = partial(dry_run, desk.engine, content, "a.xml", "a test")
        with all_at_once(desk, trying, partial(desk.files.read, sha256), held=ACCOUNTS):
            pass
        assert desk.files.post(sha256).stage == "posted"

    def test_an_entry_of_the_file_is_resolved(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        resolving = partial(decided, desk, proposed(desk))
        trying = partial(dry_run, desk.engine, LACKING, "a.xml", "a test")
        with all_at_once(desk, resolving, trying, held=ACCOUNTS):
            pass
        assert len(desk.parts()) == 2
