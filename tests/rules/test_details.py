"""What operators read: facts, what they can do, what was refused; and nothing that formats itself."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepay.deposits import ExtendDeposit
from prepay.wire import InputRefused, parse
from rules.deposit import next_due
from rules.details import deposit_details, escape
from tests.rules.test_deposit import ISSUED, state


def _shown(refusals: tuple[str, ...] = (), **changes: object) -> str:
    deposit = state(**changes)
    return deposit_details(deposit, next_due(deposit, 0, ISSUED), refusals)


class TestDepositDetails:
    def test_of_an_issued_one(self) -> None:
        shown = _shown()
        assert "### Deposit D-2026-000001" in shown
        assert "| **Asked for** | 1,000.00 EUR |" in shown
        assert "| **As of** | 2026-11-23 10:00 UTC |" in shown
        assert "`extend`" in shown
        assert "`cancel`" in shown

    def test_of_a_part_paid_one_says_what_is_missing(self) -> None:
        assert "| **Still to come** | 700.00 EUR |" in _shown(stage="part_paid", credited_minor=30_000)

    def test_of_too_much_says_how_much(self) -> None:
        assert "| **Too much** | 5.00 EUR |" in _shown(stage="credited", credited_minor=100_500)

    @pytest.mark.parametrize("stage", ["credited", "expired", "cancelled"])
    def test_of_a_closed_one_offers_nothing(self, stage: str) -> None:
        shown = _shown(stage=stage)
        assert "Nothing is left for an operator to do here." in shown
        assert "```json" not in shown

    def test_what_to_paste_is_refused_until_it_is_filled_in(self) -> None:
        [example, *_] = [json.loads(found) for found in re.findall(r"```json\n(.*?)```", _shown(), re.DOTALL)]
        with pytest.raises(InputRefused, match="`operator` is empty"):
            parse(ExtendDeposit, example, "The input")
        assert parse(ExtendDeposit, {**example, "operator": "First Operator", "reason": "asked"}, "The input")

    def test_refused_attempts_come_newest_first(self) -> None:
        shown = _shown(("first", "second"))
        assert shown.index("- second") < shown.index("- first")

    def test_a_decision_cannot_break_the_table(self) -> None:
        shown = _shown(decided={"extended by": "a|b\n# c", "until": "2027-01-31", "because": "<img> [x](y)"})
        [line] = [line for line in shown.splitlines() if "Last decision" in line]
        assert line.replace("\\|", "").count("|") == 3
        assert "<img>" not in line


class TestEscape:
    @given(st.text(max_size=60))
    def test_leaves_no_line_break_and_no_markup(self, typed: str) -> None:
        shown = escape(typed)
        assert len(shown.splitlines()) <= 1
        assert "<" not in shown
        assert not re.search(r"(?<!\\)(?:\\\\)*[|\[*_]", shown)
