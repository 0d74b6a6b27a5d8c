"""Freezing and crediting at the same time: each waits for the other, and the second sees what the first did."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial

import psycopg
from sqlmodel import Session

from activities.bank_posting import FREEZES
from activities.screening import FreezeInput, Freezes, Release, freeze_customer
from bankfiles.sample import Payment
from prepay.screening import ReleaseFreeze
from tests.activities.test_bank_files import Desk, desk

__all__ = ["desk"]

GIVEN = FreezeInput(customer="C-1001", by="Third Operator", reason="a letter of the authority")
_WAITING = "SELECT pid FROM pg_locks WHERE NOT granted"
SECONDS = 10.0


def freeze(desk: Desk) -> None:
    with Session(desk.engine) as session, session.begin():
        freeze_customer(session, GIVEN)


def release(desk: Desk) -> None:
    for operator in ("Fourth Operator", "Fifth Operator"):
        decision = ReleaseFreeze(operator=operator, reason="the authority lifted it")
        assert Freezes(desk.engine).release(Release(freeze=1, decision=decision)).refused == ""


def until_somebody_waits(desk: Desk) -> None:
    until = time.monotonic() + SECONDS
    while not desk.rows(_WAITING):
        assert time.monotonic() < until, "nobody waits for the lock"
        time.sleep(0.02)


def started(pool: ThreadPoolExecutor, desk: Desk, work: Callable[[], object]) -> Future[object]:
    """The work, once it waits for the lock."""
    future = pool.submit(work)
    until_somebody_waits(desk)
    assert not future.done()
    return future


class TestRace:
    def test_money_that_comes_while_its_customer_is_being_frozen_is_not_credited(self, desk: Desk) -> None:
        deposit = desk.issue()
        with ThreadPoolExecutor(1) as pool:
            with Session(desk.engine) as session, session.begin():
                freeze_customer(session, GIVEN)
                paid = started(pool, desk, lambda: desk.pay(Payment(10_000, structured=deposit.reference)))
            paid.result(SECONDS)
        assert desk.available() == 0
        assert desk.rows("SELECT awaits FROM bank_entry_part") == [{"awaits": "screening"}]

    def test_a_freeze_waits_for_the_credits_that_are_under_way(self, desk: Desk) -> None:
        with (
            ThreadPoolExecutor(1) as pool,
            psycopg.connect(desk.url) as crediting,
        ):
            crediting.execute(f"SELECT pg_advisory_xact_lock_shared({FREEZES})".encode())
            frozen = started(pool, desk, lambda: freeze(desk))
            assert desk.rows("SELECT id FROM money_freeze") == []
            crediting.commit()
            frozen.result(SECONDS)
        assert len(desk.rows("SELECT id FROM money_freeze")) == 1

    def test_money_that_is_matched_while_its_customer_is_released_is_credited(self, desk: Desk) -> None:
        deposit = desk.issue()
        freeze(desk)
        with ThreadPoolExecutor(2) as pool, psycopg.connect(desk.url) as holding_up:
            holding_up.execute("LOCK TABLE receipt IN EXCLUSIVE MODE")
            paid = started(pool, desk, lambda: desk.pay(Payment(10_000, structured=deposit.reference)))
            released = pool.submit(release, desk)
            wait([released], timeout=1)
            holding_up.commit()
            paid.result(SECONDS)
            released.result(SECONDS)
        assert desk.rows("SELECT state, awaits FROM bank_entry_part") == [{"state": "credited", "awaits": ""}]
        assert desk.available() == 10_000

    def test_of_many_at_once_each_is_credited_or_waits(self, desk: Desk) -> None:
        deposits = [desk.issue() for _ in range(6)]
        works: list[Callable[[], object]] = [
            partial(desk.pay, Payment(10_000, structured=deposit.reference)) for deposit in deposits
        ]
        works.insert(3, partial(freeze, desk))
        with ThreadPoolExecutor(7) as pool:
            for future in [pool.submit(work) for work in works]:
                future.result(3 * SECONDS)
        parts = desk.rows("SELECT state, awaits FROM bank_entry_part")
        credited = [part for part in parts if part["state"] == "credited"]
        assert desk.available() == 10_000 * len(credited)
        assert [part["awaits"] for part in parts if part not in credited] == ["screening"] * (
            len(parts) - len(credited)
        )
        desk.pay(Payment(10_000, structured=desk.issue().reference))
        assert desk.available() == 10_000 * len(credited)
