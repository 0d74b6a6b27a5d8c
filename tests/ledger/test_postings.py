"""What may be posted and what is refused, event by event."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ledger import postings, refusals
from ledger.events import Credit, HouseMovement, Receipt
from tests.ledger.conftest import PLACE, Book


class TestReceive:
    def test_the_same_chunk_again_posts_nothing(self, book: Book) -> None:
        receipts = [Receipt(key=f"r-{n}", account="GIRO", amount_minor=5, **PLACE) for n in range(3)]
        first = postings.receive_many(book.conn, receipts)
        again = postings.receive_many(book.conn, receipts[::-1])
        assert [p.replayed for p in (*first, *again)] == [False] * 3 + [True] * 3
        assert [p.transfer_id for p in again] == [p.transfer_id for p in first][::-1]

    def test_a_chunk_that_is_partly_known_posts_the_rest(self, book: Book) -> None:
        book.receive("r-1", 5)
        answers = postings.receive_many(
            book.conn,
            [Receipt(key=key, account="GIRO", amount_minor=5, **PLACE) for key in ("r-0", "r-1", "r-2")],
        )
        assert [answer.replayed for answer in answers] == [False, True, False]

    def test_one_key_twice_in_a_chunk_is_one_receipt(self, book: Book) -> None:
        receipt = Receipt(key="r", account="GIRO", amount_minor=5, **PLACE)
        assert [p.replayed for p in postings.receive_many(book.conn, [receipt, receipt])] == [False, True]

    def test_another_amount_under_a_known_key_is_refused_with_the_whole_chunk(self, book: Book) -> None:
        book.receive("r-1", 5)
        with pytest.raises(refusals.KeyReused, match="'r-1'"):
            postings.receive_many(
                book.conn, [Receipt(key=k, account="GIRO", amount_minor=6, **PLACE) for k in ("r-0", "r-1")]
            )
        assert book.conn.execute("SELECT count(*) FROM ledger_transfer").fetchone() == (1,)

    @pytest.mark.parametrize("amount", [0, -1])
    def test_nothing_below_one_minor_unit_is_received(self, book: Book, amount: int) -> None:
        with pytest.raises(refusals.RequestRefused, match="more than zero"):
            book.receive("r", amount)

    @pytest.mark.parametrize("key", ["", "ledger:value:1", "k" * 201])
    def test_a_key_that_is_none_is_refused(self, book: Book, key: str) -> None:
        with pytest.raises(refusals.RequestRefused, match="idempotency key"):
            book.receive(key, 5)

    def test_no_chunk_is_no_posting(self, book: Book) -> None:
        assert postings.receive_many(book.conn, []) == []


class TestCredit:
    def test_a_receipt_gives_no_more_than_it_brought_over_a_whole_chunk(self, book: Book) -> None:
        book.receive("r", 100)
        chunk = [Credit(key=f"c-{n}", source="r", customer="A", amount_minor=40, **PLACE) for n in range(3)]
        with pytest.raises(refusals.MoreThanLeft, match=r"has 1\.00 EUR left, 1\.20 EUR is asked for"):
            postings.credit_many(book.conn, chunk)
        assert book.balance("A").posted_minor == 0

    def test_it_is_never_given_across_currencies_or_entities(self, book: Book) -> None:
        book.receive("r", 100)
        places: list[dict[str, Any]] = [{**PLACE, "entity": "acme-sg"}, {**PLACE, "currency": "JPY"}]
        for place in places:
            postings.open_customer(book.conn, customer="A", **place)
            with pytest.raises(refusals.RequestRefused, match="across entities or currencies"):
                postings.credit_many(
                    book.conn, [Credit(key="c", source="r", customer="A", amount_minor=1, **place)]
                )

    def test_an_unknown_customer_is_named(self, book: Book) -> None:
        book.receive("r", 100)
        with pytest.raises(refusals.UnknownAccount, match="Customer Z has no EUR account with acme-de"):
            book.credit("r", "Z", 1)

    def test_before_its_value_date_it_is_pending_and_cannot_be_spent(self, book: Book) -> None:
        book.receive("r", 100)
        book.credit("r", "A", 100, value_on=date(2999, 1, 1))
        assert (book.balance("A").pending_in_minor, book.balance("A").available_minor) == (100, 0)
        with pytest.raises(refusals.InsufficientFunds):
            book.pay("A", "p", 1)

    def test_on_its_value_date_it_is_posted_once(self, book: Book) -> None:
        book.receive("r", 100)
        book.credit("r", "A", 100, value_on=date(2999, 1, 2))
        days = [date(2999, 1, 1), date(2999, 1, 2), date(2999, 1, 3)]
        assert [len(postings.post_due_credits(book.conn, today=day)) for day in days] == [0, 1, 0]
        assert (book.balance("A").pending_in_minor, book.balance("A").available_minor) == (0, 100)


class TestReceiveAndCredit:
    def both(self, book: Book, *amounts: int, receipt: str = "r-{}", **facts: Any) -> list[bool]:
        """Whether each credit was known."""
        receipts = [
            Receipt(key=receipt.format(n), account="GIRO", amount_minor=amount, **PLACE)
            for n, amount in enumerate(amounts)
        ]
        credits = [
            Credit(
                key=f"c-{n}",
                source=item.key,
                amount_minor=item.amount_minor,
                **PLACE,
                **{"customer": "A", **facts},
            )
            for n, item in enumerate(receipts)
        ]
        return [credit.replayed for credit in postings.receive_and_credit_many(book.conn, receipts, credits)]

    def count(self, book: Book) -> object:
        return (book.conn.execute("SELECT count(*) FROM ledger_transfer").fetchone() or (None,))[0]

    def test_all_of_the_money_is_the_customers(self, book: Book) -> None:
        self.both(book, 5, 7)
        assert (book.balance("A").available_minor, self.count(book)) == (12, 4)

    def test_it_is_the_same_as_one_after_the_other(self, book: Book) -> None:
        self.both(book, 5)
        told = "SELECT key, request_hash, kind, phase, amount_minor FROM ledger_transfer ORDER BY key"
        at_once = book.conn.execute(told).fetchall()
        again = Receipt(key="r-0", account="GIRO", amount_minor=5, **PLACE)
        credit = Credit(key="c-0", source="r-0", customer="A", amount_minor=5, **PLACE)
        assert postings.receive_many(book.conn, [again])[0].replayed
        assert postings.credit_many(book.conn, [credit])[0].replayed
        assert book.conn.execute(told).fetchall() == at_once

    def test_the_same_again_posts_nothing(self, book: Book) -> None:
        assert self.both(book, 5, 7) == [False, False]
        assert self.both(book, 5, 7) == [True, True]
        assert (book.balance("A").available_minor, self.count(book)) == (12, 4)

    def test_what_is_received_already_is_credited(self, book: Book) -> None:
        book.receive("r-1", 7)
        self.both(book, 5, 7)
        assert (book.balance("A").available_minor, self.count(book)) == (12, 4)

    def test_a_receipt_that_gave_some_already_gives_no_more_than_the_rest(self, book: Book) -> None:
        book.receive("r-0", 5)
        book.credit("r-0", "A", 1)
        with pytest.raises(refusals.MoreThanLeft):
            self.both(book, 5)

    def test_one_receipt_twice_gives_once(self, book: Book) -> None:
        with pytest.raises(refusals.MoreThanLeft):
            self.both(book, 5, 5, receipt="r")

    def test_another_amount_under_a_known_key_is_refused(self, book: Book) -> None:
        self.both(book, 5)
        with pytest.raises(refusals.KeyReused, match="'r-0'"):
            self.both(book, 6)

    def test_a_known_credit_of_another_receipt_is_refused(self, book: Book) -> None:
        self.both(book, 5)
        with pytest.raises(refusals.KeyReused, match="'c-0'"):
            self.both(book, 5, receipt="s-{}")

    def test_an_unknown_customer_is_named(self, book: Book) -> None:
        with pytest.raises(refusals.UnknownAccount, match="Customer Z has no EUR account with acme-de"):
            self.both(book, 5, customer="Z")

    def test_before_its_value_date_it_is_pending(self, book: Book) -> None:
        self.both(book, 5, value_on=date(2999, 1, 1))
        assert (book.balance("A").pending_in_minor, book.balance("A").available_minor) == (5, 0)

    def test_nothing_is_no_posting(self, book: Book) -> None:
        self.both(book)
        assert self.count(book) == 0


class TestPay:
    def test_an_answer_that_was_lost_is_given_again(self, book: Book) -> None:
        book.give("A", "r", 100)
        first = book.pay("A", "p", 100)
        again = book.pay("A", "p", 100)
        assert (again.transfer_id, again.replayed) == (first.transfer_id, True)

    def test_a_key_of_another_customer_is_refused(self, book: Book) -> None:
        book.give("A", "r", 100)
        book.give("B", "s", 100)
        book.pay("A", "p", 10)
        with pytest.raises(refusals.KeyReused):
            book.pay("B", "p", 10)

    def test_the_refusal_says_both_amounts(self, book: Book) -> None:
        book.give("A", "r", 1_234_56)
        with pytest.raises(
            refusals.InsufficientFunds, match=r"has 1,234\.56 EUR available, 1,234\.57 EUR is asked"
        ):
            book.pay("A", "p", 1_234_57)

    def test_amounts_keep_the_digits_of_their_currency(self, book: Book) -> None:
        postings.open_customer(book.conn, customer="A", entity="acme-jp", currency="JPY")
        with pytest.raises(refusals.InsufficientFunds, match="has 0 JPY available, 100 JPY is asked for"):
            postings.pay(book.conn, key="p", customer="A", entity="acme-jp", currency="JPY", amount_minor=100)

    @pytest.mark.parametrize("amount", [0, -1])
    def test_nothing_below_one_minor_unit_is_paid(self, book: Book, amount: int) -> None:
        book.give("A", "r", 100)
        with pytest.raises(refusals.RequestRefused, match="more than zero"):
            book.pay("A", "p", amount)


class TestHold:
    def test_six_holds_of_1000_on_5000_are_five(self, book: Book) -> None:
        book.give("A", "r", 5_000)
        for n in range(5):
            book.hold("A", f"h-{n}", 1_000)
        with pytest.raises(refusals.InsufficientFunds):
            book.hold("A", "h-5", 1_000)

    def test_a_hold_that_was_refused_cannot_be_captured(self, book: Book) -> None:
        with pytest.raises(refusals.InsufficientFunds):
            book.hold("A", "h", 1)
        with pytest.raises(refusals.UnknownPosting, match="There is no hold 'h'"):
            postings.capture(book.conn, key="c", hold="h")

    def test_holds_made_together_are_captured_like_others(self, book: Book) -> None:
        book.give("A", "r", 100)
        rows = book.conn.execute(
            """
            SELECT transfer_id FROM ledger_hold_many(ARRAY['h-1', 'h-2'], ARRAY['A', 'A'],
                ARRAY['acme-de', 'acme-de'], ARRAY['EUR', 'EUR'], ARRAY[60, 40], ARRAY[NULL, NULL]::timestamptz[],
                ARRAY[NULL, NULL]::date[], ARRAY[NULL, NULL])
            """
        ).fetchall()
        assert len(rows) == 2
        postings.capture(book.conn, key="c-1", hold="h-1")
        postings.capture(book.conn, key="c-2", hold="h-2", amount_minor=10, final=True)
        assert (book.balance("A").posted_minor, book.balance("A").held_minor) == (30, 0)

    def test_its_parts_sum_to_no_more_than_it(self, book: Book) -> None:
        book.give("A", "r", 100)
        book.hold("A", "h", 100)
        for n in range(3):
            postings.capture(book.conn, key=f"c-{n}", hold="h", amount_minor=33)
        with pytest.raises(refusals.MoreThanLeft, match=r"has 0\.01 EUR left, 0\.33 EUR is asked for"):
            postings.capture(book.conn, key="c-3", hold="h", amount_minor=33)
        postings.capture(book.conn, key="c-4", hold="h")
        with pytest.raises(refusals.Closed):
            postings.void(book.conn, key="v", hold="h")

    def test_after_its_time_it_takes_no_capture_swept_or_not(self, book: Book) -> None:
        book.give("A", "r", 100)
        soon = datetime.now(UTC) + timedelta(milliseconds=40)
        postings.hold(book.conn, key="h", customer="A", amount_minor=100, expires_at=soon, **PLACE)
        book.conn.execute("SELECT pg_sleep(0.06)")
        with pytest.raises(refusals.Closed, match="ended at"):
            postings.capture(book.conn, key="early", hold="h")
        assert [expired.key for expired in postings.expire_holds(book.conn)] == ["h"]
        with pytest.raises(refusals.Closed):
            postings.capture(book.conn, key="late", hold="h")

    def test_one_that_ends_in_the_past_is_refused(self, book: Book) -> None:
        book.give("A", "r", 100)
        with pytest.raises(refusals.RequestRefused, match="which is past"):
            postings.hold(
                book.conn,
                key="h",
                customer="A",
                amount_minor=1,
                expires_at=datetime(2020, 1, 1, tzinfo=UTC),
                **PLACE,
            )


class TestRefundOrder:
    def test_never_more_than_was_captured(self, book: Book) -> None:
        book.give("A", "r", 100)
        book.hold("A", "h", 100)
        postings.capture(book.conn, key="c", hold="h", amount_minor=60)
        postings.refund_order(book.conn, key="f-1", payment="c", amount_minor=50)
        with pytest.raises(refusals.MoreThanLeft, match=r"has 0\.10 EUR left"):
            postings.refund_order(book.conn, key="f-2", payment="c", amount_minor=11)


class TestRefund:
    def test_named_lots_must_have_enough_left(self, book: Book) -> None:
        book.give("A", "r", 100)
        book.give("A", "s", 10)
        with pytest.raises(refusals.MoreThanLeft):
            book.refund("A", "f", 11, lots=["s+"])
        assert [lot.source for lot in book.refund("A", "f", 50, lots=["r+"]).lots] == ["r"]

    def test_reserved_money_is_neither_spent_nor_reserved_again(self, book: Book) -> None:
        book.give("A", "r", 100)
        book.refund("A", "f", 70)
        with pytest.raises(refusals.InsufficientFunds):
            book.refund("A", "g", 31)
        with pytest.raises(refusals.InsufficientFunds):
            book.pay("A", "p", 31)

    def test_payments_leave_reserved_lots_alone(self, book: Book) -> None:
        book.give("A", "r", 100)
        book.give("A", "s", 100)
        book.refund("A", "f", 100, lots=["r+"])
        book.pay("A", "p", 30)
        assert book.lots("A") == {"r": 100, "s": 70}

    def test_a_payout_is_sent_settled_and_returned_once(self, book: Book) -> None:
        book.give("A", "r", 100)
        book.refund("A", "f", 100)
        postings.payout_sent(book.conn, key="s", hold="f")
        with pytest.raises(refusals.RequestRefused, match="was not booked by the bank yet"):
            postings.payout_returned(book.conn, key="b", sent="s", account="GIRO")
        postings.payout_settled(book.conn, key="t", sent="s", account="GIRO")
        with pytest.raises(refusals.Closed):
            postings.payout_settled(book.conn, key="t2", sent="s", account="GIRO")
        with pytest.raises(refusals.RequestRefused, match="name the bank account"):
            postings.payout_returned(book.conn, key="b", sent="s")
        with pytest.raises(refusals.RequestRefused, match="fee"):
            postings.payout_returned(book.conn, key="b", sent="s", account="GIRO", fee_minor=101)
        postings.payout_returned(book.conn, key="b", sent="s", account="GIRO", fee_minor=100)
        with pytest.raises(refusals.Closed):
            postings.payout_returned(book.conn, key="b2", sent="s", account="GIRO")
        assert book.balance("A").available_minor == 100


class TestReverse:
    def test_only_a_whole_receipt_and_only_once(self, book: Book) -> None:
        book.receive("r", 100)
        with pytest.raises(refusals.MoreThanLeft, match="takes a whole receipt"):
            book.reverse("r", 99)
        book.reverse("r", 100)
        with pytest.raises(refusals.Closed):
            postings.reverse_receipt(book.conn, key="again", source="r", amount_minor=100)

    def test_the_same_reversal_again_answers_the_same(self, book: Book) -> None:
        book.give("A", "r", 100)
        book.refund("A", "f", 10)
        first, again = book.reverse("r", 100), book.reverse("r", 100)
        assert first.lines == again.lines
        assert (first.voided_keys, again.replayed) == (["f"], True)

    def test_what_a_return_has_sent_out_is_for_a_person(self, book: Book) -> None:
        book.receive("r", 100)
        postings.return_unapplied(book.conn, key="back", source="r", amount_minor=60)
        postings.payout_sent(book.conn, key="sent", hold="back")
        lines = book.reverse("r", 100).lines
        assert [(line.debit, line.amount_minor) for line in lines] == [
            ("unapplied:acme-de:EUR", 40),
            ("unexplained:acme-de:EUR", 60),
        ]

    def test_a_credit_before_its_value_date_goes_with_it(self, book: Book) -> None:
        book.receive("r", 100)
        book.credit("r", "A", 100, value_on=date(2999, 1, 1))
        assert book.reverse("r", 100).voided_keys == ["r+"]
        assert book.balance("A").pending_in_minor == 0


class TestMoveCredit:
    def test_a_moved_credit_cannot_be_moved_again_from_the_first_customer(self, book: Book) -> None:
        book.give("A", "r", 100)
        postings.move_credit(book.conn, key="m", credit="r+", customer="B")
        with pytest.raises(refusals.Closed):
            postings.move_credit(book.conn, key="m2", credit="r+", customer="B")
        postings.move_credit(book.conn, key="m3", credit="m", customer="A")
        assert book.balance("A").available_minor == 100

    def test_the_bank_can_still_reverse_what_was_moved(self, book: Book) -> None:
        book.give("A", "r", 100)
        postings.move_credit(book.conn, key="m", credit="r+", customer="B")
        book.pay("B", "p", 30)
        book.reverse("r", 100)
        assert (book.balance("B").receivable_minor, book.balance("A").receivable_minor) == (30, 0)

    def test_it_needs_another_customer_of_the_same_place(self, book: Book) -> None:
        book.give("A", "r", 100)
        for customer in ("A", "Z"):
            with pytest.raises(refusals.UnknownAccount):
                postings.move_credit(book.conn, key="m", credit="r+", customer=customer)


class TestAbsorbedFee:
    def test_it_lets_a_whole_deposit_be_credited_from_a_short_receipt(self, book: Book) -> None:
        book.receive("r", 990)
        absorbed = [postings.absorb_fee(book.conn, key="a", source="r", amount_minor=10) for _ in range(2)]
        assert [posting.replayed for posting in absorbed] == [False, True]
        book.credit("r", "A", 1000)
        assert book.balance("A").available_minor == 1000

    def test_the_bank_can_only_reverse_what_it_brought(self, book: Book) -> None:
        book.receive("r", 990)
        postings.absorb_fee(book.conn, key="a", source="r", amount_minor=10)
        book.credit("r", "A", 1000)
        book.reverse("r", 990)
        assert (book.balance("A").available_minor, book.balance("A").receivable_minor) == (0, 0)
        query = "SELECT debits_posted - credits_posted FROM ledger_account_balance WHERE kind = 'bank-fees'"
        assert book.conn.execute(query).fetchone() == (0,)


class TestHouse:
    def test_debits_of_the_bank_are_posted_against_a_house_account(self, book: Book) -> None:
        fee = HouseMovement(key="d", debit="bank-fees", credit="bank:GIRO", amount_minor=5, **PLACE)
        assert [p.replayed for p in postings.book_house_many(book.conn, [fee, fee])] == [False, True]

    def test_a_movement_needs_two_accounts(self, book: Book) -> None:
        same = HouseMovement(key="d", debit="bank:GIRO", credit="bank:GIRO", amount_minor=5, **PLACE)
        with pytest.raises(refusals.RequestRefused, match="needs two accounts"):
            postings.book_house_many(book.conn, [same])

    @pytest.mark.parametrize("name", ["unapplied", "in-transit", "customer:A", "nonsense"])
    def test_money_of_customers_receipts_and_payouts_is_not_moved_freely(self, book: Book, name: str) -> None:
        with pytest.raises(refusals.RequestRefused, match="not for house transfers"):
            postings.house_transfer(book.conn, key="h", debit=name, credit="sales", amount_minor=1, **PLACE)

    def test_a_total_beyond_64_bits_is_refused(self, book: Book) -> None:
        most = 2**63 - 1
        book.give("A", "r", most)
        book.receive("s", most)
        with pytest.raises(refusals.TooLarge):
            book.credit("s", "A", most)


class TestTransaction:
    def test_what_the_caller_rolls_back_was_never_posted(self, database: Any, book: Book) -> None:
        book.give("A", "r", 100)
        with psycopg.connect(database.app_url) as conn:
            postings.pay(conn, key="p", customer="A", amount_minor=100, **PLACE)
            conn.rollback()
        assert not book.pay("A", "p", 60).replayed
