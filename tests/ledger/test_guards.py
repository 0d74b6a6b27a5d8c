"""Who may do what to the book: nobody changes it but the posting functions."""

from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.ledger.conftest import Book

WRITTEN_ONCE = ["ledger_transfer", "ledger_lot_change", "ledger_seal", "ledger_seal_total", "ledger_epoch"]
KEPT = [*WRITTEN_ONCE, "ledger_account", "ledger_lot", "ledger_pending"]


def run(url: str, statement: str, table: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(sql.SQL(statement).format(sql.Identifier(table)))


class TestApplication:
    @pytest.mark.parametrize("table", KEPT)
    @pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "INSERT INTO {} DEFAULT VALUES"])
    def test_it_writes_no_table_of_the_book(self, database: Any, table: str, statement: str) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(database.app_url, statement, table)

    def test_it_cannot_raise_a_balance(self, database: Any) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(database.app_url, "UPDATE {} SET available_minor = available_minor + 1", "ledger_account")

    def test_it_calls_no_inner_function(self, database: Any) -> None:
        with psycopg.connect(database.app_url) as conn:
            inner = conn.execute(
                "SELECT proname FROM pg_proc WHERE starts_with(proname, '_ledger_')"
                " AND has_function_privilege(oid, 'EXECUTE')"
            ).fetchall()
            assert inner == []
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("SELECT _ledger_open_lot(1, 1, 1)")

    def test_every_function_it_calls_runs_as_the_owner_with_a_fixed_search_path(self, database: Any) -> None:
        with psycopg.connect(database.app_url) as conn:
            loose = conn.execute(
                "SELECT proname FROM pg_proc WHERE starts_with(proname, 'ledger_')"
                " AND has_function_privilege(oid, 'EXECUTE')"
                " AND NOT (prosecdef AND 'search_path=public, pg_temp' = ANY (coalesce(proconfig, '{}')))"
            ).fetchall()
        assert loose == []

    def test_a_table_of_its_own_cannot_stand_in_for_one_of_the_book(self, database: Any, book: Book) -> None:
        book.give("A", "r", 100)
        book.conn.execute("CREATE TEMP TABLE ledger_account (LIKE public.ledger_account INCLUDING DEFAULTS)")
        assert not book.pay("A", "p", 60).replayed
        book.conn.execute("DROP TABLE pg_temp.ledger_account")
        assert book.balance("A").available_minor == 40


class TestReports:
    @pytest.mark.parametrize("table", KEPT)
    def test_they_read_and_do_not_write(self, database: Any, table: str) -> None:
        run(database.report_url, "SELECT FROM {}", table)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(database.report_url, "DELETE FROM {}", table)

    def test_they_post_nothing(self, database: Any, book: Book) -> None:
        book.give("A", "r", 100)
        with (
            psycopg.connect(database.report_url) as conn,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            conn.execute("SELECT ledger_pay('p', 'A', 'acme-de', 'EUR', 1)")


class TestOwner:
    @pytest.mark.parametrize("table", WRITTEN_ONCE)
    @pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
    def test_even_the_owner_removes_nothing(self, database: Any, table: str, statement: str) -> None:
        with pytest.raises(psycopg.Error, match="corrected by new transfers"):
            run(database.owner_url, statement, table)

    @pytest.mark.parametrize(
        ("table", "column"),
        [
            ("ledger_transfer", "amount_minor"),
            ("ledger_lot_change", "amount_minor"),
            ("ledger_seal", "hash"),
            ("ledger_seal_total", "debits_posted"),
            ("ledger_account", "code"),
            ("ledger_account", "currency"),
            ("ledger_lot", "account_id"),
        ],
    )
    def test_even_the_owner_rewrites_nothing(self, database: Any, table: str, column: str) -> None:
        with pytest.raises(psycopg.Error, match="corrected by new transfers"):
            run(database.owner_url, f"UPDATE {{}} SET {column} = {column}", table)

    @pytest.mark.parametrize("table", ["ledger_account", "ledger_lot"])
    def test_accounts_and_lots_stay(self, database: Any, table: str) -> None:
        with pytest.raises(psycopg.Error, match="corrected by new transfers"):
            run(database.owner_url, "DELETE FROM {}", table)

    def test_no_balance_goes_below_zero_whoever_writes(self, database: Any, book: Book) -> None:
        book.give("A", "r", 100)
        with pytest.raises(psycopg.errors.CheckViolation):
            run(
                database.owner_url,
                "UPDATE {} SET available_minor = available_minor - 101 WHERE kind = 'customer'",
                "ledger_account",
            )
