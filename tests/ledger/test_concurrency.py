"""Many clients at once, on real connections: money neither appears nor disappears, and nobody waits for ever."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from ledger import postings, refusals
from ledger.events import Credit, Posting, Receipt

PLACE: dict[str, Any] = {"entity": "acme-de", "currency": "EUR"}
HOT = [f"C-{n}" for n in range(10)]
TOTAL = "SELECT sum(credits_posted - debits_posted) FROM ledger_account_balance"
LOWEST = "SELECT min(least(available_minor, posted_minor, held_minor, receivable_minor)) FROM ledger_balance"


WAITS = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ledger_pay%'"


def fund(conn: psycopg.Connection[Any], customers: list[str], amount: int) -> None:
    """Give each of them so much, in one chunk."""
    for customer in customers:
        postings.open_customer(conn, customer=customer, **PLACE)
    money = [Receipt(key=f"r-{c}", account="GIRO", amount_minor=amount, **PLACE) for c in customers]
    postings.receive_many(conn, money)
    postings.credit_many(
        conn,
        [Credit(key=f"c-{c}", source=f"r-{c}", customer=c, amount_minor=amount, **PLACE) for c in customers],
    )


def together(url: str, clients: int, work: Callable[[psycopg.Connection[Any], int], Any]) -> list[Any]:
    """Run `work` once for each client, all starting at the same moment; errors come up."""
    start = threading.Barrier(clients)

    def client(number: int) -> Any:
        with psycopg.connect(url, autocommit=True) as conn:
            start.wait()
            return work(conn, number)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(client, range(clients)))


@contextmanager
def reading(url: str, query: str, seen: set[Any]) -> Iterator[None]:
    """Repeat a query on a connection of its own while the block runs."""
    done = threading.Event()

    def read() -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            while not done.is_set():
                seen.add(conn.execute(query).fetchall()[0][0])
                time.sleep(0.002)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.fixture
def funded(database: Any) -> str:
    with psycopg.connect(database.app_url) as conn:
        fund(conn, HOT, 1_000)
    url: str = database.app_url
    return url


def _pay_all(conn: psycopg.Connection[Any], client: int) -> Posting:
    return postings.pay(conn, key="all", customer=HOT[0], amount_minor=1_500, **PLACE)


def _pay_some(conn: psycopg.Connection[Any], client: int) -> Posting:
    return postings.pay(conn, key="some", customer=HOT[0], amount_minor=10, **PLACE)


class TestHotAccounts:
    def test_32_clients_keep_the_total_in_every_read(self, funded: str) -> None:
        def work(conn: psycopg.Connection[Any], client: int) -> None:
            chance = random.Random(client)
            for n in range(12):
                payer, key = chance.choice(HOT), f"{client}-{n}"
                try:
                    if chance.random() < 0.6:
                        postings.pay(
                            conn, key=key, customer=payer, amount_minor=chance.randint(1, 90), **PLACE
                        )
                    else:
                        amount = chance.randint(10, 90)
                        postings.hold(conn, key=key, customer=payer, amount_minor=amount, **PLACE)
                        postings.capture(conn, key=f"{key}-part", hold=key, amount_minor=9)
                        postings.void(conn, key=f"{key}-void", hold=key)
                except refusals.InsufficientFunds:
                    pass

        totals: set[Any] = set()
        lowest: set[Any] = set()
        with reading(funded, TOTAL, totals), reading(funded, LOWEST, lowest):
            together(funded, 32, work)
        assert totals == {0}
        assert min(lowest) >= 0

    def test_nobody_spends_the_same_money_twice(self, funded: str) -> None:
        def work(conn: psycopg.Connection[Any], client: int) -> int:
            try:
                postings.pay(conn, key=f"pay-{client}", customer=HOT[0], amount_minor=300, **PLACE)
            except refusals.InsufficientFunds:
                return 0
            return 300

        assert sum(together(funded, 16, work)) == 900

    def test_a_payment_sees_the_money_that_it_waited_for(self, funded: str) -> None:
        """It looks at the account after it has locked it, not before."""
        late = Credit(key="late", source="r-late", customer=HOT[0], amount_minor=500, **PLACE)
        with psycopg.connect(funded) as crediting, ThreadPoolExecutor(1) as pool:
            money = Receipt(key="r-late", account="GIRO", amount_minor=500, **PLACE)
            postings.receive_many(crediting, [money])
            postings.credit_many(crediting, [late])
            waiting = pool.submit(together, funded, 1, _pay_all)
            with psycopg.connect(funded, autocommit=True) as watching:
                while not watching.execute(WAITS).fetchall():
                    time.sleep(0.01)
            crediting.commit()
            assert [posting.replayed for posting in waiting.result()] == [False]

    def test_a_payment_after_another_posting_of_its_transaction_meets_one_that_waits(
        self, funded: str
    ) -> None:
        """Both pay one customer; the first holds the account's lock already. Neither waits for the other for ever."""
        with psycopg.connect(funded) as first, ThreadPoolExecutor(1) as pool:
            postings.hold(first, key="hold", customer=HOT[0], amount_minor=100, **PLACE)
            waiting = pool.submit(together, funded, 1, _pay_some)
            with psycopg.connect(funded, autocommit=True) as watching:
                while not watching.execute(WAITS).fetchall():
                    time.sleep(0.01)
            postings.pay(first, key="mine", customer=HOT[0], amount_minor=100, **PLACE)
            first.commit()
            assert [posting.replayed for posting in waiting.result()] == [False]

    def test_one_key_at_the_same_moment_pays_once(self, funded: str) -> None:
        def work(conn: psycopg.Connection[Any], client: int) -> Posting:
            return postings.pay(conn, key="once", customer=HOT[0], amount_minor=10, **PLACE)

        answers = together(funded, 16, work)
        assert len({answer.transfer_id for answer in answers}) == 1
        assert [answer.replayed for answer in answers].count(False) == 1

    def test_one_key_for_two_customers_at_the_same_moment_pays_one_of_them(self, funded: str) -> None:
        def work(conn: psycopg.Connection[Any], client: int) -> bool:
            try:
                postings.pay(conn, key="once", customer=HOT[client], amount_minor=10, **PLACE)
            except refusals.KeyReused:
                return False
            return True

        assert together(funded, 10, work).count(True) == 1


class TestHolds:
    def test_captures_racing_on_one_hold_take_no_more_than_it(self, funded: str) -> None:
        with psycopg.connect(funded) as conn:
            postings.hold(conn, key="hold", customer=HOT[0], amount_minor=100, **PLACE)

        def work(conn: psycopg.Connection[Any], client: int) -> int:
            try:
                postings.capture(conn, key=f"part-{client}", hold="hold", amount_minor=30)
            except (refusals.MoreThanLeft, refusals.Closed):
                return 0
            return 30

        assert sum(together(funded, 24, work)) == 90

    def test_a_void_and_a_capture_racing_leave_one_of_them(self, funded: str) -> None:
        with psycopg.connect(funded) as conn:
            postings.hold(conn, key="hold", customer=HOT[0], amount_minor=100, **PLACE)

        def work(conn: psycopg.Connection[Any], client: int) -> str:
            try:
                if client % 2:
                    postings.void(conn, key=f"void-{client}", hold="hold")
                    return "voided"
                postings.capture(conn, key=f"all-{client}", hold="hold")
            except refusals.Closed:
                return "closed"
            return "captured"

        outcomes = together(funded, 12, work)
        assert outcomes.count("closed") == 11

    def test_an_order_is_refunded_once_by_many(self, funded: str) -> None:
        with psycopg.connect(funded) as conn:
            postings.pay(conn, key="order", customer=HOT[0], amount_minor=100, **PLACE)

        def work(conn: psycopg.Connection[Any], client: int) -> bool:
            try:
                postings.refund_order(conn, key=f"refund-{client}", payment="order", amount_minor=60)
            except refusals.MoreThanLeft:
                return False
            return True

        assert together(funded, 12, work).count(True) == 1


class TestBulk:
    def test_chunks_and_single_postings_do_not_deadlock(self, funded: str) -> None:
        def credit_chunk(conn: psycopg.Connection[Any], client: int) -> None:
            chance = random.Random(client)
            for n in range(4):
                keys = [f"{client}-{n}-{i}" for i in range(60)]
                money = [Receipt(key=f"r-{key}", account="GIRO", amount_minor=5, **PLACE) for key in keys]
                credits = [
                    Credit(
                        key=f"c-{key}",
                        source=f"r-{key}",
                        customer=chance.choice(HOT),
                        amount_minor=5,
                        **PLACE,
                    )
                    for key in keys
                ]
                with conn.transaction():
                    postings.receive_many(conn, money)
                    postings.credit_many(conn, credits)

        def spend(conn: psycopg.Connection[Any], client: int) -> None:
            for n in range(30):
                postings.pay(
                    conn, key=f"{client}-{n}", customer=HOT[(client + n) % 10], amount_minor=1, **PLACE
                )

        totals: set[Any] = set()
        with reading(funded, TOTAL, totals):
            together(funded, 12, lambda conn, n: credit_chunk(conn, n) if n % 3 == 0 else spend(conn, n))
        assert totals == {0}
        with psycopg.connect(funded) as conn:
            posted = conn.execute("SELECT sum(posted_minor) FROM ledger_balance").fetchone()
        assert posted == (10 * 1_000 + 4 * 4 * 60 * 5 - 8 * 30,)

    def test_the_same_chunk_twice_at_the_same_moment_posts_once(self, funded: str) -> None:
        money = [Receipt(key=f"twice-{n}", account="GIRO", amount_minor=7, **PLACE) for n in range(200)]
        credits = [
            Credit(key=f"credit-{n}", source=f"twice-{n}", customer=HOT[n % 10], amount_minor=7, **PLACE)
            for n in range(200)
        ]

        def work(conn: psycopg.Connection[Any], client: int) -> int:
            # Each in another order, as two files with the same entries would bring them.
            shuffled = random.Random(client).sample(range(200), 200)
            with conn.transaction():
                postings.receive_many(conn, [money[n] for n in shuffled])
                answers = postings.credit_many(conn, [credits[n] for n in shuffled])
            return sum(not answer.replayed for answer in answers)

        assert sorted(together(funded, 6, work)) == [0, 0, 0, 0, 0, 200]

    def test_one_receipt_is_not_credited_to_two_customers(self, funded: str) -> None:
        with psycopg.connect(funded) as conn:
            postings.receive_many(conn, [Receipt(key="contested", account="GIRO", amount_minor=50, **PLACE)])

        def work(conn: psycopg.Connection[Any], client: int) -> bool:
            mine = Credit(
                key=f"take-{client}", source="contested", customer=HOT[client], amount_minor=50, **PLACE
            )
            try:
                postings.credit_many(conn, [mine])
            except refusals.MoreThanLeft:
                return False
            return True

        assert together(funded, 10, work).count(True) == 1

    def test_a_reversal_meets_credits_and_payments(self, funded: str) -> None:
        def work(conn: psycopg.Connection[Any], client: int) -> None:
            if client < len(HOT):
                postings.reverse_receipt(
                    conn, key=f"v-{client}", source=f"r-{HOT[client]}", amount_minor=1_000
                )
                return
            for n in range(20):
                try:
                    postings.pay(conn, key=f"{client}-{n}", customer=HOT[n % 10], amount_minor=40, **PLACE)
                except (refusals.InsufficientFunds, refusals.ReceivableOpen):
                    continue

        together(funded, 20, work)
        with psycopg.connect(funded) as conn:
            assert all(b.posted_minor == 0 for c in HOT for b in postings.balances(conn, c))
