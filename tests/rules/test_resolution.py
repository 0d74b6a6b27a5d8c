"""Who may decide what an unreadable entry is, and what operators read of it."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from rules.details import resolution_details
from rules.resolution import ResolutionState, refuse_decision

AT = datetime(2026, 5, 3, 9, 30, tzinfo=UTC)


def state(**values: Any) -> ResolutionState:
    given = {
        "resolution": 7, "file": 3, "ordinal": 1, "line": 12, "path": "Stmt[1]/Ntry[2]", "account": "nimbus-eu-eur",
        "entity": "nimbus-eu", "amount_minor": 4_000, "currency": "EUR", "direction": "credit", "known": None,
        "booked_on": date(2026, 5, 2), "proposed_by": "First Operator", "reason": "as it | stands there",
        "proposed_at": AT, "stage": "proposed", "decided_by": None, "decided_reason": None, "decided_at": None,
        "entry": None, "as_of": AT,
    }  # fmt: skip
    return ResolutionState(**{**given, **values})


def applied() -> ResolutionState:
    decided = {"decided_by": "Second Operator", "decided_reason": "so it is", "decided_at": AT}
    return state(stage="applied", entry=45, **decided)


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
        why = "the proposal is applied already, by Second Operator"
        assert refuse_decision(applied(), signal, "First Operator") == why


class TestDetails:
    def test_of_an_entry_that_another_file_brought_name_it(self) -> None:
        shown = resolution_details(state(known=345, booked_on=None), [])
        assert "| **It is** | entry 345, which another file brought; `prepay bank explain 345` |" in shown

    def test_of_what_was_read_in_the_line_say_where_to_look(self) -> None:
        shown = resolution_details(state(), [])
        assert "| **It is** | what its line says, booked on 2026-05-02; `prepay bank files 3` tells" in shown
        assert "| **Could not be read** | line 12 of bank file 3 (Stmt\\[1]/Ntry\\[2]) |" in shown
        assert (
            "| **Proposed** | by First Operator at 2026-05-03 09:30 UTC (as it \\| stands there) |" in shown
        )

    def test_of_a_decided_one_say_who_and_ask_for_nothing(self) -> None:
        shown = resolution_details(applied(), [])
        assert "| **Decision** | applied by Second Operator at 2026-05-03 09:30 UTC (so it is) |" in shown
        assert "| **Bank entry** | 45; `prepay bank explain 45` tells its story |" in shown
        assert "approve" not in shown.replace("approver", "")
