"""Which money is spent, given back and taken: the rules of lots where they meet each other."""

from ledger import postings
from tests.ledger.conftest import Book


class TestSpending:
    def test_the_oldest_lot_is_spent_first(self, book: Book) -> None:
        for source in ("x", "y", "z"):
            book.give("A", source, 100)
        book.pay("A", "p", 150)
        assert book.lots("A") == {"x": 0, "y": 50, "z": 100}

    def test_a_payment_that_is_known_leaves_its_lots_as_they_are(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.give("A", "y", 300)
        for key, amount_minor in (("p", 50), ("p", 50), ("q", 100), ("q", 100)):
            book.pay("A", key, amount_minor)
        assert book.lots("A") == {"x": 0, "y": 250}

    def test_what_one_lot_or_several_paid_is_told_alike(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.give("A", "y", 100)
        book.pay("A", "p", 70)
        book.pay("A", "q", 70)
        used = book.conn.execute("SELECT use_key, amount_minor FROM ledger_lot_use ORDER BY use_id, lot_id")
        assert used.fetchall() == [("p", 70), ("q", 30), ("q", 40)]

    def test_an_order_refund_gives_back_in_reverse_order_of_use(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.give("A", "y", 100)
        book.pay("A", "p", 150)
        postings.refund_order(book.conn, key="f", payment="p", amount_minor=80)
        assert book.lots("A") == {"x": 30, "y": 100}


class TestReversal:
    def test_the_spent_part_moves_to_the_oldest_lots(self, book: Book) -> None:
        for source in ("x", "y", "z"):
            book.give("A", source, 100)
        book.pay("A", "p", 80)
        book.reverse("x", 100)
        assert book.lots("A") == {"x": 0, "y": 20, "z": 100}
        postings.refund_order(book.conn, key="f", payment="p", amount_minor=80)
        assert book.lots("A") == {"x": 0, "y": 100, "z": 100}

    def test_what_nobody_covers_is_owed_and_comes_back_as_repayment(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.pay("A", "p", 70)
        book.reverse("x", 100)
        assert book.balance("A").receivable_minor == 70
        postings.refund_order(book.conn, key="f", payment="p", amount_minor=50)
        assert (book.balance("A").receivable_minor, book.balance("A").posted_minor) == (20, 0)

    def test_the_lot_that_repaid_gets_the_order_refund(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.pay("A", "p", 70)
        book.reverse("x", 100)
        book.give("A", "y", 100)
        assert book.lots("A") == {"x": 0, "y": 30}
        postings.refund_order(book.conn, key="f", payment="p")
        assert book.lots("A") == {"x": 0, "y": 100}

    def test_a_partly_owed_order_refund_repays_before_it_restores(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.pay("A", "p", 100)
        book.reverse("x", 100)
        book.give("A", "y", 60)
        postings.refund_order(book.conn, key="f", payment="p", amount_minor=100)
        assert (book.balance("A").receivable_minor, book.balance("A").posted_minor) == (0, 60)
        assert book.lots("A") == {"x": 0, "y": 60}

    def test_another_order_refund_repays_with_its_own_lots(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.give("A", "y", 100)
        book.pay("A", "p", 200)
        book.reverse("x", 100)
        postings.refund_order(book.conn, key="f", payment="p", amount_minor=100)
        # y had carried 100 of the order: what it gets back repays at once.
        assert (book.balance("A").receivable_minor, book.lots("A")) == (0, {"x": 0, "y": 0})
        postings.refund_order(book.conn, key="g", payment="p", amount_minor=100)
        assert book.lots("A") == {"x": 0, "y": 100}

    def test_held_money_of_a_reversed_lot_is_used_before_any_other(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.hold("A", "h", 40)
        book.reverse("x", 100)
        assert (book.balance("A").receivable_minor, book.lots("A")) == (40, {"x": 40})
        book.give("A", "y", 100)
        # The repayment has taken what was left of x: nothing of it can go to x's payer.
        assert (book.balance("A").receivable_minor, book.lots("A")) == (0, {"x": 0, "y": 100})
        postings.void(book.conn, key="v", hold="h")
        assert [lot.source for lot in book.refund("A", "f", 100).lots] == ["y"]

    def test_a_void_repays_at_once(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.hold("A", "h", 40)
        book.reverse("x", 100)
        postings.void(book.conn, key="v", hold="h")
        assert (book.balance("A").receivable_minor, book.balance("A").posted_minor) == (0, 0)

    def test_a_hold_given_before_can_be_captured_while_money_is_owed(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.hold("A", "h", 40)
        book.reverse("x", 100)
        postings.capture(book.conn, key="c", hold="h", amount_minor=30, final=True)
        assert (book.balance("A").receivable_minor, book.balance("A").posted_minor) == (30, 0)
        book.give("A", "y", 50)
        postings.refund_order(book.conn, key="f", payment="c")
        assert book.lots("A") == {"x": 0, "y": 50}

    def test_the_reversal_of_a_lot_that_repaid_opens_the_debt_again(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.pay("A", "p", 70)
        book.reverse("x", 100)
        book.give("A", "y", 100)
        book.reverse("y", 100)
        assert (book.balance("A").receivable_minor, book.balance("A").posted_minor) == (70, 0)

    def test_only_refunds_of_that_money_are_voided(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.give("A", "y", 100)
        book.refund("A", "of-x", 50, lots=["x+"])
        book.refund("A", "of-y", 50, lots=["y+"])
        assert book.reverse("x", 100).voided_keys == ["of-x"]
        assert book.balance("A").held_minor == 50


class TestPayoutReturn:
    def test_it_is_held_again_in_the_lots_that_it_came_from(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.give("A", "y", 100)
        book.refund("A", "f", 60, lots=["x+"])
        postings.payout_sent(book.conn, key="s", hold="f")
        postings.payout_returned(book.conn, key="b", sent="s", hold="f2")
        assert [lot.source for lot in book.refund("A", "g", 140).lots] == ["y", "x"]
        assert book.balance("A").held_minor == 200

    def test_what_repaid_a_debt_is_not_held_again(self, book: Book) -> None:
        book.give("A", "x", 100)
        book.refund("A", "f", 60)
        postings.payout_sent(book.conn, key="s", hold="f")
        book.pay("A", "p", 40)
        book.reverse("x", 100)
        assert book.balance("A").receivable_minor == 100
        answer = postings.payout_returned(book.conn, key="b", sent="s", hold="f2")
        assert (answer.hold_id, book.balance("A").receivable_minor) == (None, 40)
