"""Seals: what was booked stays as it was, and what is still being written is in no block."""

from typing import Any

import psycopg
import pytest

from ledger import refusals, seals
from tests.ledger.conftest import Book


def tamper(database: Any, statement: str) -> None:
    """What somebody with all rights could do: triggers off, one row changed, triggers on."""
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute(statement.encode())


def sealed_totals(book: Book) -> list[Any]:
    return book.conn.execute("SELECT * FROM ledger_account_balance ORDER BY id").fetchall()


class TestSeal:
    def test_nothing_new_needs_no_seal(self, book: Book) -> None:
        assert seals.seal_now(book.conn) is None
        book.receive("r", 100)
        assert [(seal.id, seal.transfers) for seal in book.seal()] == [(1, 1)]
        assert seals.seal_now(book.conn) is None

    def test_a_transfer_in_flight_waits_for_the_next_block(self, database: Any, book: Book) -> None:
        book.give("A", "r", 100)
        before = sum(seal.transfers for seal in book.seal())
        with psycopg.connect(database.app_url) as slow:
            # It has its number already, and commits only after later ones.
            Book(slow).pay("A", "slow", 10)
            book.give("B", "s", 100)
            assert seals.seal_now(book.conn) is None
            slow.commit()
        after = sum(seal.transfers for seal in book.seal())
        assert (before, after) == (2, 3)
        assert seals.verify(book.conn) == []

    def test_balances_do_not_depend_on_what_is_sealed(self, book: Book) -> None:
        book.give("A", "r", 100)
        before = sealed_totals(book)
        book.seal()
        assert sealed_totals(book) == before
        book.pay("A", "p", 30)
        before = sealed_totals(book)
        book.seal()
        assert sealed_totals(book) == before


@pytest.mark.breaks_the_book
class TestVerify:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ledger_transfer SET amount_minor = amount_minor + 1 WHERE kind = 'pay'",
            "UPDATE ledger_transfer SET cause = 'another one' WHERE kind = 'pay'",
            "UPDATE ledger_transfer SET effective_on = effective_on - 1 WHERE kind = 'pay'",
            "UPDATE ledger_transfer SET lot_id = NULL WHERE kind = 'pay'",
            "UPDATE ledger_lot_change SET amount_minor = amount_minor - 1",
        ],
    )
    def test_a_changed_row_breaks_its_seal(self, database: Any, book: Book, statement: str) -> None:
        book.give("A", "r", 100)
        book.give("A", "s", 100)
        book.pay("A", "from-one-lot", 10)
        book.pay("A", "from-two-lots", 100)
        book.seal()
        assert seals.verify(book.conn) == []
        tamper(database, statement)
        # Transactions of other tests may have cut the transfers into two blocks.
        assert {broken.problem for broken in seals.verify(book.conn)} == {
            "its transfers are not those that were sealed"
        }

    def test_a_removed_row_breaks_its_seal(self, database: Any, book: Book) -> None:
        book.give("A", "r", 100)
        book.seal()
        tamper(database, "DELETE FROM ledger_transfer WHERE kind = 'credit'")
        # Of one block, or of the second one where transactions of other tests have cut them.
        assert [broken.problem for broken in seals.verify(book.conn)] in (
            ["1 transfers instead of 2"],
            ["0 transfers instead of 1"],
        )

    def test_a_block_that_is_made_anew_does_not_fit_the_next_one(self, database: Any, book: Book) -> None:
        book.receive("r", 100)
        book.seal()
        book.receive("s", 100)
        book.seal()
        tamper(database, "UPDATE ledger_seal SET hash = sha256('forged') WHERE id = 1")
        assert [broken.seal_id for broken in seals.verify(book.conn)] == [1, 2]

    def test_a_seal_kept_outside_shows_a_book_made_anew(self, database: Any, book: Book) -> None:
        book.receive("r", 100)
        kept = book.seal()[-1]
        assert seals.proves(book.conn, kept)
        tamper(database, "UPDATE ledger_seal SET hash = sha256('forged')")
        assert not seals.proves(book.conn, kept)


class TestRebase:
    def test_after_a_restore_an_epoch_starts(self, database: Any, book: Book) -> None:
        book.give("A", "r", 100)
        book.seal()
        # A restored database counts transactions from the beginning: as if the last seal were far ahead.
        tamper(database, "UPDATE ledger_transfer SET xid = xid + 1000000000")
        tamper(database, "DELETE FROM ledger_seal_total")
        tamper(database, "DELETE FROM ledger_seal")
        with psycopg.connect(database.superuser_url) as conn:
            newest = "(SELECT max(xid) + 1 FROM ledger_transfer), (SELECT max(id) FROM ledger_transfer)"
            conn.execute(f"SELECT _ledger_write_seal({newest})".encode())
        book.pay("A", "after-the-restore", 10)
        with pytest.raises(refusals.DatabaseRestored, match="prepay ledger rebase"):
            seals.seal_now(book.conn)
        with psycopg.connect(database.owner_url) as conn:
            last = seals.rebase(conn)
        book.pay("A", "in-the-new-epoch", 10)
        [new] = book.seal()
        assert last
        assert [(s.epoch, s.transfers) for s in (last, new)] == [(1, 1), (2, 1)]
        assert seals.verify(book.conn) == []
        assert book.balance("A").available_minor == 80

    def test_the_application_may_not_start_one(self, book: Book) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            seals.rebase(book.conn)
