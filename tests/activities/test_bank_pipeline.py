"""A file's chunks on their way into the book: some are kept before they are posted, and each money is still once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from activities.bank_files import store
from activities.bank_keeping import keep_new
from activities.bank_posting import KeptWasLost, post_kept
from bankfiles.sample import Batch, Payment, Sheet
from ledger.checks import run_checks
from rules.deposit import DepositState
from tests.activities.test_bank_files import ACCOUNT, Desk, camt, desk
from tests.conftest import Database

__all__ = ["desk"]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.bank_incoming.CHUNK", 3)


@pytest.fixture
def deposits(desk: Desk) -> list[DepositState]:
    return [desk.issue() for _ in range(12)]


def paying(deposits: Sequence[DepositState]) -> Sheet:
    payments = [Payment(10_000, structured=d.reference, bank_reference=f"B{d.deposit}") for d in deposits]
    return Sheet(ACCOUNT, "EUR", payments)


def states(desk: Desk) -> Iterator[str]:
    """Of the parts, in the order of their file."""
    ordered = "SELECT state FROM bank_entry_part JOIN bank_sighting USING (entry_id) ORDER BY ordinal"
    return (str(row["state"]) for row in desk.rows(ordered))


def failing(at: int, error: type[Exception], step: Callable[..., Any]) -> Callable[..., Any]:
    """The step, which fails when it is taken for the `at`th time, from 1."""
    taken = iter(range(1, 100))

    def fail(*given: Any) -> Any:
        if next(taken) == at:
            raise error
        return step(*given)

    return fail


class TestKept:
    def left_half_way(self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch) -> str:
        """The worker dies while the second chunk is posted; the third has been kept."""
        sha256, _ = store(desk.engine, camt(paying(deposits)), "test.xml", "a test")
        desk.files.read(sha256)
        with monkeypatch.context() as dying:
            dying.setattr("activities.bank_pipeline.post_kept", failing(1, ConnectionAbortedError, post_kept))
            with pytest.raises(ConnectionAbortedError):
                desk.files.post(sha256)
        assert [*states(desk)] == ["credited"] * 3 + ["shown"] * 6
        return sha256

    def test_is_posted_by_the_next_attempt(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sha256 = self.left_half_way(desk, deposits, monkeypatch)
        assert desk.files.post(sha256).credited == 12
        assert desk.available() == 120_000

    def test_is_posted_by_another_file_that_tells_of_it(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sha256 = self.left_half_way(desk, deposits, monkeypatch)
        assert desk.deliver(paying(deposits[3:6])).stage == "posted"
        assert desk.available() == 60_000
        assert desk.files.post(sha256).stage == "posted"
        assert desk.available() == 120_000

    def test_is_not_posted_when_what_stands_before_is_refused(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = camt(paying(deposits))
        with monkeypatch.context() as refusing:
            refusing.setattr(
                "activities.bank_pipeline.post_kept",
                failing(1, psycopg.errors.NumericValueOutOfRange, post_kept),
            )
            file = desk.work_off(content)
        assert (file.stage, file.held_for) == ("held", "posting")
        assert "3 entries to be posted" in file.reason
        assert desk.available() == 30_000
        assert desk.release(content).stage == "posted"
        assert desk.available() == 120_000

    def test_tells_where_it_is_refused(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refuse = failing(2, psycopg.errors.NumericValueOutOfRange, keep_new)
        monkeypatch.setattr("activities.bank_pipeline.keep_new", refuse)
        file = desk.deliver(paying(deposits))
        assert (file.stage, file.held_for) == ("held", "posting")
        assert desk.available() == 60_000

    def test_and_lost_by_postgresql_is_posted_by_the_next_attempt(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def lose(connection: "psycopg.Connection[Any]", *given: Any) -> bool:
            new = keep_new(connection, *given)
            connection.rollback()
            return new

        sha256, _ = store(desk.engine, camt(paying(deposits)), "test.xml", "a test")
        desk.files.read(sha256)
        with monkeypatch.context() as losing:
            losing.setattr("activities.bank_pipeline.keep_new", lose)
            with pytest.raises(KeptWasLost):
                desk.files.post(sha256)
        assert desk.files.post(sha256).credited == 12
        assert desk.available() == 120_000

    def test_is_refused_only_when_what_stands_before_is_posted(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sha256, _ = store(desk.engine, camt(paying(deposits)), "test.xml", "a test")
        desk.files.read(sha256)
        with monkeypatch.context() as failing_twice:
            refuse = failing(2, psycopg.errors.NumericValueOutOfRange, keep_new)
            failing_twice.setattr("activities.bank_pipeline.keep_new", refuse)
            die = failing(1, ConnectionAbortedError, post_kept)
            failing_twice.setattr("activities.bank_pipeline.post_kept", die)
            with pytest.raises(ConnectionAbortedError):
                desk.files.post(sha256)
        assert desk.files.post(sha256).stage == "posted"
        assert desk.available() == 120_000

    def test_of_a_held_file_is_posted_by_one_that_tells_of_it_as_a_batch(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        singles = paying(deposits)
        with monkeypatch.context() as refusing:
            refuse = failing(1, psycopg.errors.NumericValueOutOfRange, post_kept)
            refusing.setattr("activities.bank_pipeline.post_kept", refuse)
            assert desk.deliver(singles).stage == "held"
        assert desk.available() == 30_000
        batch = Batch(tuple(p for p in singles.entries if isinstance(p, Payment)), "BATCH")
        booked = Sheet(ACCOUNT, "EUR", [batch], closing_minor=120_000)
        assert desk.deliver(booked, kind="camt.053").stage == "posted"
        assert desk.available() == 120_000


class TestKnown:
    def test_from_there_on_each_chunk_is_kept_and_posted_at_once(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.deliver(paying(deposits[4:5]))
        kept: list[bool] = []

        def keep(*given: Any) -> bool:
            kept.append(keep_new(*given))
            return kept[-1]

        monkeypatch.setattr("activities.bank_pipeline.keep_new", keep)
        file = desk.deliver(paying(deposits))
        assert (file.stage, file.credited, file.known_before) == ("posted", 11, 1)
        assert desk.available() == 120_000
        assert kept == [False]

    def test_to_another_file_at_the_same_moment_is_posted_by_the_entry_that_books_it(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch = Batch(tuple(p for p in paying(deposits[:3]).entries if isinstance(p, Payment)), "BATCH")
        desk.pay(replace(batch.payments[0], status="PDNG"))
        # As seen a moment before that.
        monkeypatch.setattr("activities.bank_keeping.ANY_KNOWN", "SELECT false")
        desk.pay(batch)
        assert desk.available() == 30_000

    def test_a_file_of_one_chunk_wastes_no_number(self, desk: Desk, deposits: list[DepositState]) -> None:
        for deposit in deposits[:3]:
            desk.deliver(paying([deposit]))
        ids = [row["id"] for row in desk.rows("SELECT id FROM bank_entry ORDER BY id")]
        assert ids == [1, 2, 3]


def test_a_credit_of_all_that_is_missing_writes_the_deposit_in_place(
    desk: Desk, deposits: list[DepositState]
) -> None:
    with psycopg.connect(desk.url) as connection:
        pay = "UPDATE deposit SET stage = 'credited', credited_minor = amount_minor, version = version + 1"
        connection.execute(pay)
        found = connection.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'deposit'"
        ).fetchone()
        connection.rollback()
    assert found == (12, 12)


@pytest.mark.breaks_the_book
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM bank_entry",
        "DELETE FROM bank_entry_part",
        "UPDATE bank_entry SET account_id = 0",
        "UPDATE bank_sighting SET entry_id = 0",
        "UPDATE bank_sighting SET file_id = 0",
        "UPDATE credit SET customer_id = 0",
        "UPDATE credit SET deposit_id = 0",
    ],
)
def test_a_row_that_names_none_is_a_breach(
    desk: Desk, deposits: list[DepositState], database: Database, change: str
) -> None:
    desk.deliver(paying(deposits[:1]))
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(change.encode())
        broken = [check.name for check in run_checks(connection) if check.breaches]
        connection.rollback()
    assert "bank-rows" in broken
