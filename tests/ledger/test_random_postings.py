"""Random postings against the plain Python book: every answer, balance and lot is the same, and every check holds."""

import itertools
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger import postings, refusals, seals
from ledger.checks import run_checks
from ledger.events import Credit, Receipt
from tests.ledger.plain_book import Hold, Money, Purse

runs = itertools.count(1)
amounts = st.integers(1, 100)
spent = st.integers(1, 60)
TODAY = date(2026, 3, 2)
Refusal = type[refusals.Refused]


class RandomPostings(RuleBasedStateMachine):
    """Two customers, two entities, two currencies; each run has entities of its own in one database."""

    connection: psycopg.Connection[Any]

    @initialize()
    def open(self) -> None:
        self.run = next(runs)
        self.numbers = itertools.count(1)
        self.today = TODAY
        self.receipts: dict[str, Money] = {}
        self.payments: dict[str, tuple[Purse, int]] = {}
        self.sent: dict[str, tuple[Purse, int, bool]] = {}
        self.calls: list[tuple[Callable[[], Any], Any]] = []
        self.holders: list[dict[str, Any]] = [
            {
                "customer": f"C-{self.run}-{customer}",
                "entity": f"acme-{self.run}-{entity}",
                "currency": currency,
            }
            for customer, entity, currency in (
                (1, "de", "EUR"),
                (2, "de", "EUR"),
                (1, "de", "KWD"),
                (1, "jp", "KWD"),
            )
        ]
        # Most events meet on one customer: what they do to each other is what can go wrong.
        self.often = st.sampled_from([*self.holders, *self.holders[:1] * 5])
        self.purses: dict[tuple[str, ...], Purse] = {}
        for holder in self.holders:
            postings.open_customer(self.connection, **holder)
            self.purses[tuple(holder.values())] = Purse()

    def key(self) -> str:
        return f"key-{self.run}-{next(self.numbers)}"

    def purse(self, holder: dict[str, Any]) -> Purse:
        return self.purses[tuple(holder.values())]

    def post(self, expected: Refusal | None, event: Callable[..., Any], *items: Any, **facts: Any) -> bool:
        """Whether it was posted, which the plain book has foretold."""
        call = partial(event, self.connection, *items, **facts)
        outcome: Refusal | None = None
        try:
            self.calls.append((call, call()))
        except refusals.Refused as refused:
            outcome = type(refused)
        assert outcome is expected, (event.__name__, outcome, expected)
        return outcome is None

    def may_spend(self, purse: Purse, amount: int) -> Refusal | None:
        if purse.owed:
            return refusals.ReceivableOpen
        return refusals.InsufficientFunds if purse.available < amount else None

    def receive(self, holder: dict[str, Any], amount: int) -> str:
        key, place = self.key(), {"entity": holder["entity"], "currency": holder["currency"]}
        receipt = Receipt(key=key, account="GIRO", amount_minor=amount, **place)
        assert self.post(None, postings.receive_many, [receipt])
        self.receipts[key] = Money(**place, amount=amount, unapplied=amount)
        return key

    @rule(data=st.data(), amount=amounts, days=st.sampled_from([None, None, -1, 0, 1, 3]))
    def deposit(self, data: st.DataObject, amount: int, days: int | None) -> None:
        holder = data.draw(self.often)
        self.give(
            self.receive(holder, amount),
            holder,
            data.draw(st.sampled_from([amount, amount, 1 + amount // 2])),
            days,
        )

    @rule(data=st.data(), amount=amounts)
    def deposit_at_once(self, data: st.DataObject, amount: int) -> None:
        holder, keys = data.draw(self.often), (self.key(), self.key())
        place = {"entity": holder["entity"], "currency": holder["currency"]}
        receipt = Receipt(key=keys[0], account="GIRO", amount_minor=amount, **place)
        credit = Credit(key=keys[1], source=keys[0], amount_minor=amount, deposit=f"D-{keys[1]}", **holder)
        assert self.post(None, postings.receive_and_credit_many, [receipt], [credit], today=self.today)
        self.receipts[keys[0]] = Money(**place, amount=amount, unapplied=0)
        purse = self.purse(holder)
        purse.credit(keys[0], amount)
        purse.repay()

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), amount=amounts, days=st.sampled_from([None, 0, 2]))
    def credit(self, data: st.DataObject, amount: int, days: int | None) -> None:
        self.give(data.draw(st.sampled_from(sorted(self.receipts))), data.draw(self.often), amount, days)

    def give(self, source: str, holder: dict[str, Any], amount: int, days: int | None) -> None:
        money, key, today = self.receipts[source], self.key(), self.today
        value_on = self.today + timedelta(days) if days is not None else None
        credit = Credit(
            key=key, source=source, amount_minor=amount, value_on=value_on, deposit=f"D-{key}", **holder
        )
        expected: Refusal | None = refusals.MoreThanLeft if amount > money.unapplied else None
        if (money.entity, money.currency) != (holder["entity"], holder["currency"]):
            expected = refusals.RequestRefused
        if not self.post(expected, postings.credit_many, [credit], today=today):
            return
        money.unapplied -= amount
        purse = self.purse(holder)
        if days and days > 0:
            money.pending[key] = (str(value_on), amount)
            purse.pending_in += amount
            self.pending_of(purse)[key] = source
        else:
            purse.credit(source, amount)
            purse.repay()

    def pending_of(self, purse: Purse) -> dict[str, str]:
        found: dict[str, str] = purse.__dict__.setdefault("pending_keys", {})
        return found

    @rule(days=st.integers(1, 2))
    def days_pass(self, days: int) -> None:
        self.today += timedelta(days)
        postings.post_due_credits(self.connection, today=self.today)
        due = [
            (day, int(key.split("-")[-1]), key, source, amount)
            for source, money in self.receipts.items()
            for key, (day, amount) in money.pending.items()
            if day <= str(self.today)
        ]
        # One sweep posts in the order in which the credits were booked.
        for _, _, key, source, amount in sorted(due, key=lambda item: item[1]):
            purse = next(p for p in self.purses.values() if key in self.pending_of(p))
            del self.receipts[source].pending[key], self.pending_of(purse)[key]
            purse.pending_in -= amount
            purse.credit(source, amount)
            purse.repay()

    @rule(data=st.data(), amount=spent)
    def pay(self, data: st.DataObject, amount: int) -> None:
        holder, key = data.draw(self.often), self.key()
        purse = self.purse(holder)
        expected = self.may_spend(purse, amount)
        if self.post(expected, postings.pay, key=key, amount_minor=amount, **holder):
            purse.spend(key, amount)
            self.payments[key] = (purse, amount)

    @rule(data=st.data(), amount=spent, expires=st.booleans())
    def hold(self, data: st.DataObject, amount: int, expires: bool) -> None:
        holder, key = data.draw(self.often), self.key()
        purse = self.purse(holder)
        until = datetime.now(UTC) + timedelta(milliseconds=30) if expires else None
        facts = {"key": key, "amount_minor": amount, "expires_at": until}
        expected = self.may_spend(purse, amount)
        try:
            posted = self.post(expected, postings.hold, **facts, **holder)
        except AssertionError:
            # On a machine that stood still meanwhile, the hold would have ended before it began.
            assert until
            assert datetime.now(UTC) > until
            return
        if posted:
            purse.holds[key] = Hold(amount)
            if expires:
                self.expire(purse, key)

    def expire(self, purse: Purse, key: str) -> None:
        time.sleep(0.035)
        assert not self.post(refusals.Closed, postings.capture, key=self.key(), hold=key)
        postings.expire_holds(self.connection)
        del purse.holds[key]
        purse.repay()

    @precondition(lambda self: any(purse.holds for purse in self.purses.values()))
    @rule(data=st.data(), amount=st.none() | spent, final=st.booleans())
    def capture(self, data: st.DataObject, amount: int | None, final: bool) -> None:
        purse = data.draw(st.sampled_from([p for p in self.purses.values() if p.holds]))
        hold, key = data.draw(st.sampled_from(sorted(purse.holds))), self.key()
        left = purse.holds[hold].left
        part = left if amount is None else amount
        expected = refusals.MoreThanLeft if part > left else None
        if self.post(expected, postings.capture, key=key, hold=hold, amount_minor=amount, final=final):
            purse.holds[hold].left -= part
            purse.spend(key, part)
            self.payments[key] = (purse, part)
            if final or part == left:
                del purse.holds[hold]
                purse.repay()

    @precondition(lambda self: any(p.holds or p.refunds or self.pending_of(p) for p in self.purses.values()))
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        keys = [(k, p) for p in self.purses.values() for k in (*p.holds, *p.refunds, *self.pending_of(p))]
        hold, purse = data.draw(st.sampled_from(keys))
        key = self.key()
        assert self.post(None, postings.void, key=key, hold=hold)
        if hold in purse.holds:
            del purse.holds[hold]
        elif hold in purse.refunds:
            purse.unreserve(hold)
        else:
            money = self.receipts[self.pending_of(purse).pop(hold)]
            _, amount = money.pending.pop(hold)
            purse.pending_in -= amount
            money.unapplied += amount
        purse.repay()

    @precondition(lambda self: self.payments)
    @rule(data=st.data(), amount=st.none() | spent)
    def refund_order(self, data: st.DataObject, amount: int | None) -> None:
        payment, key = data.draw(st.sampled_from(sorted(self.payments))), self.key()
        purse, left = self.payments[payment]
        part = left if amount is None else amount
        expected = refusals.MoreThanLeft if part > left or left == 0 else None
        if self.post(expected, postings.refund_order, key=key, payment=payment, amount_minor=amount):
            purse.give_back(payment, part)
            self.payments[payment] = (purse, left - part)

    @rule(data=st.data(), amount=spent)
    def reserve_refund(self, data: st.DataObject, amount: int) -> None:
        holder, key = data.draw(self.often), self.key()
        purse = self.purse(holder)
        expected = self.may_spend(purse, amount)
        if self.post(expected, postings.reserve_refund, key=key, amount_minor=amount, **holder):
            purse.reserve(key, amount, purse.lots[::-1])

    @precondition(lambda self: any(purse.refunds for purse in self.purses.values()))
    @rule(data=st.data())
    def payout_sent(self, data: st.DataObject) -> None:
        purse = data.draw(st.sampled_from([p for p in self.purses.values() if p.refunds]))
        hold, key = data.draw(st.sampled_from(sorted(purse.refunds))), self.key()
        amount = purse.refunds[hold].left
        expected = refusals.ReceivableOpen if purse.owed else None
        if self.post(expected, postings.payout_sent, key=key, hold=hold):
            purse.send(hold, key)
            self.sent[key] = (purse, amount, False)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def payout_settled(self, data: st.DataObject) -> None:
        sent, key = data.draw(st.sampled_from(sorted(self.sent))), self.key()
        purse, amount, settled = self.sent[sent]
        if self.post(
            refusals.Closed if settled else None, postings.payout_settled, key=key, sent=sent, account="GIRO"
        ):
            self.sent[sent] = (purse, amount, True)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), fee=st.integers(0, 3), again=st.booleans())
    def payout_returned(self, data: st.DataObject, fee: int, again: bool) -> None:
        sent, key = data.draw(st.sampled_from(sorted(self.sent))), self.key()
        purse, amount, settled = self.sent[sent]
        assume(fee <= amount)
        account, hold = ("GIRO" if settled else None), (self.key() if again else None)
        facts = {"sent": sent, "account": account, "fee_minor": fee if settled else 0, "hold": hold}
        assert self.post(None, postings.payout_returned, key=key, **facts)
        del self.sent[sent]
        repaid, given = purse.give_back(sent, amount)
        if hold and amount > repaid:
            newest = purse.lots[::-1]
            purse.reserve(hold, amount - repaid, sorted(newest, key=lambda lot: lot not in given))

    @precondition(lambda self: self.receipts)
    @rule(data=st.data())
    def reverse_receipt(self, data: st.DataObject) -> None:
        source, key = data.draw(st.sampled_from(sorted(self.receipts))), self.key()
        money = self.receipts[source]
        expected = refusals.Closed if money.reversed else None
        facts = {"key": key, "source": source, "amount_minor": money.amount}
        if self.post(expected, postings.reverse_receipt, **facts):
            for purse in self.purses.values():
                for pending in [k for k, s in self.pending_of(purse).items() if s == source]:
                    purse.pending_in -= money.pending.pop(pending)[1]
                    del self.pending_of(purse)[pending]
                for lot in [lot for lot in purse.lots if lot.source == source and lot.live]:
                    purse.withdraw(lot)
                    purse.repay()
            money.unapplied, money.reversed = 0, True

    @precondition(lambda self: any(p.lots for p in self.purses.values()))
    @rule(data=st.data())
    def move_credit(self, data: st.DataObject) -> None:
        lots = [lot for lot in self.live_credits() if lot[2][2] == "EUR"]
        assume(lots)
        credit, index, giver_key = data.draw(st.sampled_from(lots))
        giver = self.purses[giver_key]
        taker_key = next(k for k in self.purses if k[1:] == giver_key[1:] and k[0] != giver_key[0])
        taker, key, lot = self.purses[taker_key], self.key(), giver.lots[index]
        assert self.post(None, postings.move_credit, key=key, credit=credit, customer=taker_key[0])
        for part in giver.withdraw(lot):
            if part:
                taker.credit(lot.source, part)
        giver.repay()
        taker.repay()

    def live_credits(self) -> list[tuple[str, int, tuple[str, ...]]]:
        """Credits that are one live lot each, with their place among the customer's lots."""
        query = """SELECT credit_key, live, customer, entity, currency FROM ledger_lot_detail
            WHERE entity LIKE %s ORDER BY id"""
        places: dict[tuple[str, ...], int] = {}
        found = []
        for credit, live, *holder in self.connection.execute(query, [f"acme-{self.run}-%"]):
            place = places[tuple(holder)] = places.get(tuple(holder), -1) + 1
            if live:
                found.append((credit, place, tuple(holder)))
        keys = [credit for credit, _, _ in found]
        return [item for item in found if keys.count(item[0]) == 1]

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        call, answer = data.draw(st.sampled_from(self.calls))
        again = call()
        first, second = (a[0] if isinstance(a, list) else a for a in (answer, again))
        assert second.replayed
        assert getattr(first, "transfer_id", None) == getattr(second, "transfer_id", None)

    @precondition(lambda self: self.payments)
    @rule(data=st.data())
    def reuse_a_key(self, data: st.DataObject) -> None:
        key, holder = data.draw(st.sampled_from(sorted(self.payments))), data.draw(self.often)
        assert not self.post(refusals.KeyReused, postings.pay, key=key, amount_minor=10**6, **holder)

    @rule()
    def seal(self) -> None:
        seals.seal_now(self.connection)

    @invariant()
    def same_balances(self) -> None:
        for holder in getattr(self, "holders", []):
            book, purse = postings.balance(self.connection, **holder), self.purse(holder)
            assert book
            real = (book.posted_minor, book.pending_in_minor, book.held_minor, book.receivable_minor)
            assert real == (purse.posted, purse.pending_in, purse.held, purse.owed)
            assert book.available_minor == purse.available >= 0

    @invariant()
    def same_lots_left(self) -> None:
        query = """SELECT customer, entity, currency, remaining_minor, reserved_minor, live FROM ledger_lot_detail
            WHERE customer = ANY(%s) ORDER BY id"""
        holders = getattr(self, "holders", [])
        rows = self.connection.execute(query, [[holder["customer"] for holder in holders]]).fetchall()
        for holder in holders:
            left = [row[3:] for row in rows if row[:3] == tuple(holder.values())]
            assert left == [(lot.left, lot.reserved, lot.live) for lot in self.purse(holder).lots]

    def teardown(self) -> None:
        assert [check for check in run_checks(self.connection) if check.breaches] == []


@pytest.mark.parametrize("runs", [5, pytest.param(100, marks=pytest.mark.chaos)])
def test_the_book_does_what_the_plain_book_says(database: Any, runs: int) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        machine = type("Machine", (RandomPostings,), {"connection": connection})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=runs,
                stateful_step_count=100,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
