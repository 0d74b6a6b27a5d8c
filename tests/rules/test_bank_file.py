"""What operators read of a held file, and what nobody may decide about it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rules.bank_file import (
    NEVER_RELEASED,
    BankFileState,
    FileDecision,
    enough,
    refuse_decision,
    refuse_to_discard,
)
from rules.details import bank_file_details
from rules.operators import SamePerson

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
FIRST = FileDecision(hold=2, signal="release", operator="First Operator", reason="I | asked", at=AT)


def state(**changes: Any) -> BankFileState:
    facts: dict[str, Any] = {
        "file": 7, "delivered_by": "inbox", "format": "camt.053", "stage": "held", "held_for": "account", "hold": 2,
        "reason": "Stmt[1], line 5: expected this, found that.", "entries": 1, "posted": 0, "known_before": 0,
        "credited": 0, "unapplied": 0, "received_at": AT, "as_of": AT,
    }  # fmt: skip
    return BankFileState(**(facts | changes))


class TestRefuseDecision:
    def test_about_a_held_file_none(self) -> None:
        assert refuse_decision(state(), "release", 2) is None

    @pytest.mark.parametrize("signal", ["release", "discard"])
    def test_about_another_stage_or_hold(self, signal: str) -> None:
        assert "the file is posted; only a file that is held or in alarm" in str(
            refuse_decision(state(stage="posted"), signal, 2)
        )
        assert "was looked at again" in str(refuse_decision(state(), signal, 1))

    @pytest.mark.parametrize("held_for", sorted(NEVER_RELEASED))
    def test_what_cannot_be_believed_is_never_released_and_may_be_discarded(self, held_for: str) -> None:
        held = state(held_for=held_for)
        refused = str(refuse_decision(held, "release", 2))
        assert "ask the bank to send it again, and send `discard`" in refused
        assert refused.endswith(held.reason)
        assert refuse_decision(held, "discard", 2) is None
        assert refuse_to_discard(held, "discard") is None

    def test_what_is_posted_in_part_is_never_discarded(self) -> None:
        stopped = state(held_for="posting")
        assert "two people `release` it when the cause has been mended" in str(
            refuse_to_discard(stopped, "discard")
        )
        assert refuse_to_discard(stopped, "release") is None


class TestEnough:
    def test_one_discards_and_two_release(self) -> None:
        assert enough(state(), "discard", "First Operator")
        assert not enough(state(), "release", "First Operator")
        assert enough(state(decisions=(FIRST,)), "release", "Second Operator")

    def test_two_put_away_what_says_that_money_is_missing(self) -> None:
        held, discard = state(held_for="overlap"), FIRST.model_copy(update={"signal": "discard"})
        assert not enough(held, "discard", "First Operator")
        assert not enough(state(held_for="overlap", decisions=(FIRST,)), "discard", "Second Operator")
        assert enough(state(held_for="overlap", decisions=(discard,)), "discard", "Second Operator")

    def test_a_release_of_an_earlier_hold_does_not_count(self) -> None:
        assert not enough(state(decisions=(FIRST,), hold=3), "release", "Second Operator")

    def test_nobody_is_two(self) -> None:
        with pytest.raises(SamePerson):
            enough(state(decisions=(FIRST,)), "release", "FIRST OPERATOR")


class TestDetails:
    def test_of_a_held_file_ask_for_two_people(self) -> None:
        shown = bank_file_details(state(), ())
        assert "set right; else it is held again. Two different people must send it:" in shown
        assert "Decisions" not in shown

    def test_after_the_first_say_who_it_was_and_that_another_must(self) -> None:
        shown = bank_file_details(state(decisions=(FIRST,)), ())
        said = "released by First Operator at 2026-11-23 10:00 UTC (I \\| asked); a second person must release it too"
        assert f"| **Decisions** | {said} |" in shown

    def test_of_another_hold_ask_for_two_again(self) -> None:
        shown = bank_file_details(state(decisions=(FIRST,), hold=3), ())
        assert "released by First Operator" in shown
        assert "a second person" not in shown

    @pytest.mark.parametrize("held_for", sorted(NEVER_RELEASED))
    def test_of_what_is_never_released_do_not_offer_it(self, held_for: str) -> None:
        shown = bank_file_details(state(held_for=held_for), ())
        assert "The file can never be released, as " in shown
        assert "`release`" not in shown
        assert shown.count("```json") == 1

    def test_of_what_is_posted_in_part_do_not_offer_to_discard_it(self) -> None:
        shown = bank_file_details(state(held_for="posting"), ())
        assert "`release` reads the file again" in shown
        assert "`discard`" not in shown

    def test_of_what_is_posted_say_that_it_stays_and_ask_for_two_people(self) -> None:
        shown = bank_file_details(state(held_for="overlap"), ())
        assert (
            "`discard` puts the file away; what of it is posted stays, and `prepay ledger check` names"
            in shown
        )
        assert shown.count("Two different people must send it:") == 2
        discard = FIRST.model_copy(update={"signal": "discard"})
        shown = bank_file_details(state(held_for="overlap", decisions=(discard,)), ())
        assert "a second person must discard it too" in shown
        assert "statements end. A second person must send it too:" in shown

    def test_of_a_file_from_elsewhere_say_that_it_is_posted(self) -> None:
        shown = bank_file_details(state(held_for="source"), ())
        assert "`release` posts the file although it came from elsewhere. Two different people" in shown
