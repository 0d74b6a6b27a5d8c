"""Who may decide about a proposal to move a credit, and what operators read of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rules.details import reassignment_details
from rules.reassignment import ReassignmentState, refuse_decision

AT = datetime(2026, 5, 3, 9, 30, tzinfo=UTC)


def state(**values: Any) -> ReassignmentState:
    given = {
        "move": 7, "entry": 12, "part": 15, "entity": "nimbus-eu", "amount_minor": 10_000, "currency": "EUR",
        "from_customer": "C-1001", "from_deposit": "D-2026-000001", "to_customer": "C-1002", "to_deposit": None,
        "proposed_by": "First Operator", "reason": "their | letter", "proposed_at": AT, "stage": "proposed",
        "decided_by": None, "decided_reason": None, "decided_at": None, "as_of": AT,
    }  # fmt: skip
    return ReassignmentState(**{**given, **values})


def applied() -> ReassignmentState:
    return state(stage="applied", decided_by="Second Operator", decided_reason="they confirm", decided_at=AT)


class TestDecision:
    def test_somebody_else_approves(self) -> None:
        assert refuse_decision(state(), "approve", "Second Operator") is None

    @pytest.mark.parametrize("operator", ["First Operator", "FIRST  operator", "Ｆirst Operator"])
    def test_the_proposer_does_not(self, operator: str) -> None:
        why = "you proposed it already; somebody else must approve it"
        assert refuse_decision(state(), "approve", operator) == why

    def test_anybody_refuses(self) -> None:
        assert refuse_decision(state(), "refuse", "First Operator") is None

    @pytest.mark.parametrize("signal", ["approve", "refuse"])
    def test_what_is_decided_stays(self, signal: Any) -> None:
        assert refuse_decision(applied(), signal, "First") == (
            "the move is applied already, by Second Operator; propose another one"
        )


class TestDetails:
    def test_say_from_where_to_where_and_who_must_approve(self) -> None:
        shown = reassignment_details(state(), [])
        assert "| **From** | deposit D-2026-000001 of customer C-1001 |" in shown
        assert "| **To** | the balance of customer C-1002 |" in shown
        assert "| **Proposed** | by First Operator at 2026-05-03 09:30 UTC (their \\| letter) |" in shown
        assert "What customer C-1001 has spent of it is owed from then on" in shown

    def test_of_one_customer_speak_of_no_debt(self) -> None:
        assert "is owed" not in reassignment_details(state(to_customer="C-1001"), [])

    def test_of_a_decided_one_say_who_and_ask_for_nothing(self) -> None:
        shown = reassignment_details(applied(), [])
        assert "| **Decision** | applied by Second Operator at 2026-05-03 09:30 UTC (they confirm) |" in shown
        assert "`approve`" not in shown
