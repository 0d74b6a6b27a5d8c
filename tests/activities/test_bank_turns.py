"""Money that is told in two ways at the very same moment: the second chunk sees what the first one credited."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import permutations

import psycopg
import pytest
from sqlmodel import Session

from activities.bank_files import settle_waiting, store
from activities.bank_incoming import chunks_of
from activities.bank_keeping import ToldAtOnce, keep_new
from activities.database import psycopg_of
from bankfiles.sample import Batch, Payment, Sheet
from bankfiles.sample_mt import write_mt940
from tests.activities.test_bank_chain import MONDAY
from tests.activities.test_bank_files import ACCOUNT, Desk, camt, desk, written
from tests.activities.test_bank_quarantine import LACKING, PAID, resolved

__all__ = ["desk"]

Post = Callable[[], object]
SECONDS = 10.0
# Of this database alone: other tests wait on the same server.
_WAITING = """
    SELECT count(*) AS waiting FROM pg_stat_activity
    WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
"""
_MATCHED = """
    SELECT count(*) AS waiting FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE NOT l.granted AND l.relation = 'receipt'::regclass AND d.datname = current_database()
"""


SECOND = "NL26MOCK0000009001"
_SECOND_ACCOUNT = f"""
    INSERT INTO collection_account OVERRIDING SYSTEM VALUE
    SELECT (jsonb_populate_record(a, jsonb_build_object('id', 99, 'code', 'second',
        'iban', '{SECOND}', 'bank_number', '{SECOND}'))).* FROM collection_account a WHERE iban = '{ACCOUNT}'
"""

# What chunks write last.
RECEIPTS = "LOCK TABLE receipt IN EXCLUSIVE MODE"
ACCOUNTS = "SELECT FROM collection_account FOR NO KEY UPDATE"


@contextmanager
def all_at_once(desk: Desk, *posts: Post, held: str = RECEIPTS) -> Iterator[None]:
    """Inside, each has gone as far as it can without what is held and the end of another one, in their order."""
    with ThreadPoolExecutor(len(posts)) as pool:
        with psycopg.connect(desk.url) as holding:
            holding.execute(held.encode())
            begun = []
            for number, post in enumerate(posts, 1):
                begun.append(pool.submit(post))
                _until(desk, number)
            yield
        for future in begun:
            future.result(SECONDS)


def _until(desk: Desk, waiting: int) -> None:
    until = time.monotonic() + SECONDS
    while desk.rows(_WAITING)[0]["waiting"] != waiting:
        assert time.monotonic() < until, "not all of them wait"
        time.sleep(0.02)


def told(desk: Desk, kind: str, payment: Payment, account: str = ACCOUNT, currency: str = "EUR") -> Post:
    """The posting of a file that has been read."""
    sheet = Sheet(account, currency, [payment], closing_minor=payment.amount_minor)
    content = written(write_mt940, payment) if kind == "mt940" else camt(sheet, kind=kind)
    sha256, _ = store(desk.engine, content, "told.txt", "a test")
    assert desk.files.read(sha256).stage == "read"
    return partial(desk.files.post, sha256)


class TestAtTheSameMoment:
    @pytest.mark.parametrize("kinds", [*permutations(("camt.052", "camt.053", "camt.054"), 2)])
    def test_without_its_reference_in_another_format_it_is_credited_once(
        self, desk: Desk, kinds: tuple[str, str]
    ) -> None:
        deposit = desk.issue(amount="500.00")
        desk.pay(Payment(500, "B-1", deposit.reference))
        posts = [
            told(desk, kind, Payment(10_000, reference, deposit.reference, booked_on=MONDAY))
            for kind, reference in zip(kinds, ("R-1", ""), strict=True)
        ]
        with all_at_once(desk, *posts):
            pass
        assert desk.available() == 10_500
        assert [state for state, _ in desk.parts()] == ["credited", "credited", "unapplied"]

    def test_with_its_reference_cut_off_it_is_credited_once(self, desk: Desk) -> None:
        deposit = desk.issue(amount="500.00")
        paid = Payment(10_000, "20261123-4711-000815", free=(deposit.reference,), booked_on=MONDAY)
        cut_off = replace(paid, bank_reference="20261123-4711-00")
        with all_at_once(desk, told(desk, "camt.054", paid), told(desk, "mt940", cut_off)):
            pass
        assert desk.available() == 10_000

    @pytest.mark.parametrize("changed", ["value_on", "booked_on"])
    def test_with_another_value_date_in_another_format_it_is_credited_once(
        self, desk: Desk, changed: str
    ) -> None:
        paid = Payment(10_000, "R-1", desk.issue(amount="500.00").reference, booked_on=MONDAY)
        later = replace(paid, **{changed: MONDAY + timedelta(days=1)})  # type: ignore[arg-type]
        with all_at_once(desk, told(desk, "camt.054", paid), told(desk, "camt.053", later)):
            pass
        assert desk.available() == 10_000
        reason = "the same bank reference and amount was posted before, with another value date"
        assert desk.parts()[-1] == ("unapplied", reason)

    def test_what_waited_and_is_credited_now_is_seen(self, desk: Desk) -> None:
        deposit = desk.issue(amount="500.00")
        desk.pay(Payment(500, "B-1", deposit.reference))
        (statement,) = desk.rows("SELECT id, account_id FROM bank_statement")
        gap = "UPDATE collection_account SET gap_statement_id = %s WHERE id = %s"
        desk.change(gap, statement["id"], statement["account_id"])
        desk.pay(Payment(10_000, "R-1", deposit.reference, booked_on=MONDAY))
        desk.change(gap, None, statement["account_id"])

        def settle() -> None:
            with Session(desk.engine) as session, session.begin():
                settle_waiting(session, [int(str(statement["account_id"]))])

        also = told(desk, "camt.052", Payment(10_000, "", deposit.reference, booked_on=MONDAY))
        with all_at_once(desk, settle, also):
            pass
        assert desk.available() == 10_500


@contextmanager
def kept_ahead(desk: Desk, payment: Payment, *, awaited: bool = True) -> Iterator[Post]:
    """Inside, a file's payment is kept ahead by a transaction that ends as soon as it is `awaited`, or after that.

    Gives the posting of the file.
    """
    content = camt(Sheet(ACCOUNT, "EUR", [payment], "AHEAD"))
    sha256, _ = store(desk.engine, content, "ahead.xml", "a test")
    file = desk.files.read(sha256).file
    with ThreadPoolExecutor(1) as pool, Session(desk.engine) as session:
        (chunk,) = chunks_of(psycopg_of(session), file)
        assert keep_new(psycopg_of(session), file, chunk)

        def end() -> None:
            _until(desk, 1)
            session.commit()

        ended = pool.submit(end) if awaited else None
        yield partial(desk.files.post, sha256)
        if ended is None:
            session.commit()
        else:
            ended.result(SECONDS)


class TestKeptAhead:
    """Money that one file keeps ahead at the very moment when another one tells of it in another grouping."""

    BATCH = Batch((Payment(7_000, "T-1"), Payment(3_000, "T-2")), "B-1")

    def test_what_is_shown_singly_is_posted_by_the_batch_that_books_it(self, desk: Desk) -> None:
        known = Payment(500, "K-1")
        desk.pay(known)
        with kept_ahead(desk, replace(self.BATCH.payments[0], status="PDNG")):
            desk.pay(self.BATCH, known)
        assert [state for state, _ in desk.parts()] == ["unapplied"] * 3

    @pytest.mark.parametrize("status", ["BOOK", "PDNG"])
    def test_the_details_of_a_lump_sum_wait_for_a_person_where_one_is_kept_singly(
        self, desk: Desk, status: str
    ) -> None:
        desk.pay(replace(self.BATCH, details=False))
        with kept_ahead(desk, replace(self.BATCH.payments[0], status=status)), pytest.raises(ToldAtOnce):
            desk.pay(self.BATCH)
        desk.pay(self.BATCH)
        assert desk.parts()[0] == (
            "unapplied",
            "some of its details were posted before, as payments of their own",
        )

    def test_what_people_type_meanwhile_is_credited_once(self, desk: Desk) -> None:
        deposit = desk.issue(amount="40.00")
        desk.work_off(LACKING)
        paid = replace(PAID, structured=deposit.reference)
        with kept_ahead(desk, paid, awaited=False) as post:
            number = resolved(desk, reference="R-4O", remittance=deposit.reference)
        post()
        assert desk.available() == 4_000
        reason = f"it may be the money of entry {number}, which people told for a line that could not be read"
        assert ("unapplied", reason) in desk.parts()


class TestSideBySide:
    def test_files_of_two_accounts_are_posted(self, desk: Desk) -> None:
        euros, dollars = desk.issue(amount="500.00"), desk.issue("C-2001", "500.00", "USD")
        ours = told(desk, "camt.054", Payment(10_000, "R-1", euros.reference))
        theirs = told(
            desk, "camt.052", Payment(10_000, "R-1", dollars.reference), "NL70MOCK0000002001", "USD"
        )
        with all_at_once(desk, ours, theirs):
            assert desk.rows(_MATCHED) == [{"waiting": 2}]
        assert (desk.available(), desk.available("C-2001")) == (10_000, 10_000)

    def test_the_fee_of_a_deposit_is_taken_over_once(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.change(_SECOND_ACCOUNT)
        desk.change("""UPDATE contracting_entity SET short_tolerance = '{"EUR": 600}'""")
        posts = [
            told(desk, "camt.054", Payment(9_500, "R-1", deposit.reference), account)
            for account in (ACCOUNT, SECOND)
        ]
        with all_at_once(desk, *posts, held="SELECT FROM deposit FOR NO KEY UPDATE"):
            pass
        assert (desk.available(), desk.deposit(deposit)["credited_minor"]) == (19_500, 19_500)
        reason = f"its structured reference is that of {deposit.number}"
        assert desk.parts() == [
            ("credited", f"{reason}; what was missing is taken as a fee of banks"),
            ("credited", reason),
        ]
