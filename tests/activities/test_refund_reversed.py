"""The bank takes back the money of a refund, at each stage of its ticket."""

from collections.abc import Callable
from pathlib import Path

import pytest

from activities.payouts import Collect, Payouts
from bankfiles.sample import Payment
from rules.refund import RefundState
from settings import Settings
from tests.activities.refund_desk import RefundDesk
from tests.activities.test_bank_files import Desk
from tests.bankfiles.answer_files import pain002
from tests.conftest import Database, engine_of


@pytest.fixture
def desk(set_up: Database) -> Desk:
    engine = engine_of(set_up.app_url)
    return Desk(set_up, engine)


class Story:
    """A ticket of 100.00 over all that the customer has."""

    def __init__(self, desk: Desk, outbox: Path) -> None:
        self.desk, self.refunds = desk, RefundDesk(desk)
        self.payouts = Payouts(desk.engine, Settings(outbox=outbox))

    def waiting(self) -> RefundState:
        self.refunds.credit(10_000)
        return self.refunds.open(None)

    def opened(self) -> RefundState:
        self.refunds.credit(10_000, payer_account="")
        return self.refunds.open("100.00")

    def in_review(self) -> RefundState:
        self.refunds.credit(10_000)
        return self.refunds.open("100.00")

    def approved(self) -> RefundState:
        state = self.in_review()
        self.refunds.decide(state, "Second Operator")
        return state

    def sent(self) -> RefundState:
        state = self.approved()
        [file] = self.payouts.collect(Collect(at_once=True)).files
        self.payouts.send(int(file.removeprefix("payment-file-")))
        return state

    def returned(self) -> RefundState:
        state = self.sent()
        self.reject()
        return state

    def settled(self) -> RefundState:
        state = self.sent()
        self.book()
        return state

    def book(self) -> None:
        [row] = self.desk.rows("SELECT end_to_end_id FROM payout ORDER BY id DESC LIMIT 1")
        self.desk.pay(Payment(-10_000, "OUT", end_to_end_id=str(row["end_to_end_id"]), code="PMNT/ICDT/ESCT"))

    def reject(self) -> None:
        [row] = self.desk.rows("SELECT message_id FROM payment_file")
        self.desk.work_off(pain002(str(row["message_id"]), group="RJCT", reason="FF01"))

    def reverse(self) -> None:
        [part] = self.desk.rows(
            "SELECT bank_reference, end_to_end_id FROM bank_entry_part WHERE direction = 'credit'"
        )
        name, key = str(part["end_to_end_id"]), str(part["bank_reference"])
        self.desk.pay(Payment(-10_000, key, end_to_end_id=name, reversal=True))

    def balance(self) -> tuple[object, object, object]:
        """Available, held, owed."""
        query = "SELECT available_minor, held_minor, receivable_minor FROM ledger_balance WHERE customer = 'C-1001'"
        return tuple(self.desk.rows(query)[0].values())  # type: ignore[return-value]


@pytest.fixture
def story(desk: Desk, tmp_path: Path) -> Story:
    return Story(desk, tmp_path / "outbox")


@pytest.mark.parametrize("stage", [Story.opened, Story.in_review, Story.approved, Story.returned])
def test_before_it_is_sent_the_ticket_is_void(story: Story, stage: Callable[[Story], RefundState]) -> None:
    state = stage(story)
    story.reverse()
    now = story.refunds.look(state)
    assert (now.stage, now.content, [payout.stage for payout in now.payouts]) == ("void", "", ["void"])
    assert story.balance() == (0, 0, 0)
    assert story.payouts.collect(Collect(at_once=True)).files == ()


def test_before_it_is_counted_there_is_nothing_to_pay(story: Story) -> None:
    state = story.waiting()
    story.reverse()
    story.desk.change("UPDATE refund SET usage_until = now() - interval '1 s'")
    assert story.refunds.look(state).stage == "rejected"


@pytest.mark.parametrize("stage", [Story.sent, Story.settled])
def test_once_it_has_left_the_customer_owes_it(story: Story, stage: Callable[[Story], RefundState]) -> None:
    state = stage(story)
    story.reverse()
    assert story.balance() == (0, 0, 10_000)
    if stage is Story.sent:
        story.book()
    assert story.refunds.look(state).stage == "settled"


def test_what_comes_back_then_pays_what_is_owed_and_ends_the_ticket(story: Story) -> None:
    state = story.sent()
    story.reverse()
    story.reject()
    now = story.refunds.look(state)
    assert (now.stage, now.ended) == ("void", True)
    assert story.balance() == (0, 0, 0)
