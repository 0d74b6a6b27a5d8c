"""Refunds: what can be asked back, how many people must agree, who may in which stage, and what is due next."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.refundable import Lot, split
from prepay.refunds import RefundStage
from rules.authority import AUTHORITY, Act, refuse_act
from rules.operators import Authority, Role
from rules.refund import (
    SIGNALS,
    UNSENT,
    Approval,
    Hand,
    PayoutState,
    Policy,
    Refundable,
    RefundState,
    Signal,
    as_markdown,
    end_of_usage,
    needed,
    refuse_amount,
    refuse_decision,
)
from rules.reminders import reminder_times

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
POLICY = Policy(minimum_minor=100, one_up_to_minor=100_000, two_up_to_minor=2_000_000)
minor = st.integers(min_value=0, max_value=10**12)


def state(stage: str = "in_review", **values: Any) -> RefundState:
    known: dict[str, Any] = {
        "refund": 1,
        "number": "R-2026-000001",
        "workflow_id": "refund-C-1001-0",
        "customer": "C-1001",
        "entity": "nimbus-eu",
        "currency": "EUR",
        "amount_minor": 25_000,
        "everything": False,
        "reason": "we leave",
        "opened_by": "",
        "opened_at": NOON,
        "answer": "",
        "content": "0123456789ab",
        "people": 2,
        "treasurer": False,
        "approvals": (),
        "void_approvals": 0,
        "hands": (),
        "payouts": (),
        "usage_until": None,
        "details_until": None,
        "reminded": 0,
        "waits_since": NOON,
        "reminders": reminder_times(NOON, [1, 3, 5], "DE", "Europe/Berlin"),
        "ended_at": None,
        "version": 1,
        "handled_version": 1,
        "content_hash": "",
        "as_of": NOON,
    }
    return RefundState(**{**known, "stage": stage, **values})


def approval(operator: str, treasurer: bool = False) -> Approval:
    return Approval(operator=operator, treasurer=treasurer, at=NOON, standing="principal")


class TestRefundable:
    @given(available=minor, bills=minor, usage=minor, uncertain=minor)
    def test_is_what_is_there_less_what_is_owed_and_what_is_uncertain(
        self, available: int, bills: int, usage: int, uncertain: int
    ) -> None:
        found = Refundable(available, 0, bills, usage, uncertain)
        assert found.minor == max(available - bills - usage - uncertain, 0)

    def test_is_told_by_a_sum_that_is_right(self) -> None:
        assert Refundable(10_000, 0, 3_000, 0, 4_000).why("EUR") == (
            "30.00 EUR can be refunded: 100.00 EUR are available, less 30.00 EUR for open bills, 40.00 EUR that no "
            "booked statement has confirmed, or that is frozen"
        )

    @given(available=minor, owed=st.integers(min_value=1, max_value=10**12))
    def test_is_nothing_while_the_customer_owes(self, available: int, owed: int) -> None:
        found = Refundable(available, owed, 0, 0, 0)
        assert found.minor == 0
        assert "the customer owes" in str(refuse_amount(found, POLICY, found.minor, "EUR"))

    @given(found=minor, asked=st.integers(min_value=1, max_value=10**12))
    def test_decides_what_is_refused(self, found: int, asked: int) -> None:
        refused = refuse_amount(Refundable(found, 0, 0, 0, 0), POLICY, asked, "EUR")
        assert (refused is None) == (100 <= asked <= found)


class TestNeeded:
    @pytest.mark.parametrize(
        ("total", "new", "people", "treasurer"),
        [
            (100_000, False, 1, False),
            (100_001, False, 2, False),
            (2_000_000, False, 2, False),
            (2_000_001, False, 2, True),
            (100_000, True, 2, True),
            (100_001, True, 3, True),
        ],
    )
    def test_at_each_limit(self, total: int, new: bool, people: int, treasurer: bool) -> None:
        assert needed(POLICY, total, new_payee=new) == (people, treasurer)

    def test_without_a_policy_is_two_and_a_treasurer(self) -> None:
        assert needed(Policy(), 1, new_payee=False) == (2, True)

    @given(total=minor, more=minor, new=st.booleans())
    def test_never_falls_as_the_amount_grows(self, total: int, more: int, new: bool) -> None:
        assert needed(POLICY, total, new_payee=new) <= needed(POLICY, total + more, new_payee=new)


lots = st.lists(
    st.builds(
        Lot,
        credit_key=st.uuids().map(str),
        free_minor=st.integers(min_value=1, max_value=1000),
        part=st.integers(min_value=1, max_value=9),
        account_id=st.sampled_from([1, 2]),
        payer_account=st.sampled_from(["X", "Y", ""]),
        certain=st.just(True),
    ),
    min_size=1,
)


class TestSplit:
    @given(lots=lots, data=st.data())
    def test_takes_the_newest_first_and_each_payer_gets_no_more_than_theirs(
        self, lots: list[Lot], data: st.DataObject
    ) -> None:
        amount = data.draw(st.integers(min_value=1, max_value=sum(lot.free_minor for lot in lots)))
        shares = split(lots, amount)
        assert sum(share.amount_minor for share in shares) == amount
        used = [lot for lot in lots if any(lot.credit_key in share.credits for share in shares)]
        assert used == lots[: len(used)]
        for share in shares:
            assert share.amount_minor <= sum(
                lot.free_minor for lot in used if lot.credit_key in share.credits
            )
            assert (
                len({(lot.payer_account, lot.account_id) for lot in used if lot.credit_key in share.credits})
                == 1
            )


class TestMatrix:
    """Every role in every stage with every signal."""

    @pytest.mark.parametrize("role", Role)
    @pytest.mark.parametrize("stage", get_args(RefundStage))
    @pytest.mark.parametrize("signal", SIGNALS)
    def test_is_what_the_guide_prints(self, role: Role, stage: str, signal: Signal) -> None:
        operator = Authority(operator=1, name="First Operator", roles=frozenset({role}), limits={"EUR": None})
        may = refuse_act(operator, Act("Refund", signal), None) is None
        takes = refuse_decision(state(stage), signal, operator.name, "0123456789ab") is None
        [line] = [row for row in as_markdown().splitlines() if row.startswith(f"| {stage} |")]
        told = line.split("|")[2 + SIGNALS.index(signal)]
        assert (may and takes) == (role.value in told.replace(",", " ").split())

    def test_stands_in_the_guide(self) -> None:
        guide = Path(__file__).resolve().parents[2] / "docs" / "operators.md"
        assert as_markdown() in guide.read_text()

    @pytest.mark.parametrize(
        "how", ["opened it", "entered its account", "applied its money", "moved its money"]
    )
    def test_nobody_approves_what_they_had_a_hand_in(self, how: str) -> None:
        hands = (Hand(operator="First Operator", how=how),)
        refused = refuse_decision(state(hands=hands), "approve", "first  OPERATOR", "0123456789ab")
        assert refused == f"you {how}: somebody else must approve it"

    def test_nobody_approves_twice(self) -> None:
        once = state(approvals=(approval("First Operator"),))
        assert refuse_decision(once, "approve", "first operator", "0123456789ab") is not None
        assert refuse_decision(once, "approve", "Second Operator", "0123456789ab") is None

    def test_nobody_approves_what_has_changed(self) -> None:
        assert "its code is 0123456789ab now" in str(
            refuse_decision(state(), "approve", "Second", "ffffffffffff")
        )

    @pytest.mark.parametrize("stage", sorted(UNSENT))
    def test_nothing_is_rejected_while_a_part_is_on_its_way(self, stage: str) -> None:
        away = PayoutState(payout=1, amount_minor=1, stage="sent", payee=1, entry=1)
        assert refuse_decision(state(stage, payouts=(away,)), "reject", "Second Operator") is not None

    def test_every_signal_takes_a_role(self) -> None:
        assert all(AUTHORITY[Act("Refund", signal)] for signal in SIGNALS)


class TestWaiting:
    def test_for_a_treasurer_where_only_theirs_is_missing(self) -> None:
        wanted: dict[str, Any] = {"people": 2, "treasurer": True}
        assert state(**wanted).waits_for == "approver"
        assert state(**wanted, approvals=(approval("First Operator"),)).waits_for == "treasurer"
        assert state(**wanted, approvals=(approval("Second Operator", True),)).waits_for == "approver"

    def test_reminds_operators_after_one_and_three_business_days_and_escalates_after_five(self) -> None:
        # Thursday noon in Berlin; the 29th is a Sunday.
        days = [at.date().isoformat() for at in state().reminders]
        assert days == ["2026-11-27", "2026-12-01", "2026-12-03"]
        assert not state().escalated(NOON)
        assert state().escalated(state().reminders[-1])

    def test_asks_the_customer_again_and_closes_in_the_end(self) -> None:
        until = NOON + timedelta(days=45)
        due, days = state("opened", details_until=until), []
        while (at := due.next_due) is not None:
            days.append((at - NOON).days)
            due = due.model_copy(update={"as_of": at})
        assert days == [7, 21, 38, 45]

    def test_for_usage_until_the_end_of_the_third_business_day(self) -> None:
        # Friday, Monday, Tuesday; midnight in Berlin.
        assert end_of_usage(NOON, 3, "DE", "Europe/Berlin") == datetime(2026, 12, 1, 23, tzinfo=UTC)
