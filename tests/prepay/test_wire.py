"""Whatever is sent: a value, or one clear sentence."""

import json
import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepay.deposits import CancelDeposit, DepositRequest, ExtendDeposit
from prepay.wire import InputRefused, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
REQUEST = {
    "customer": "C-1001",
    "request_id": "r-1",
    "amount": "1000.00",
    "currency": "EUR",
    "product": "Compute",
}


def _refusal(kind: Any, raw: Any) -> str:
    """Why it is refused; nothing where it is taken."""
    try:
        assert isinstance(parse(kind, raw, "The input"), kind)
    except InputRefused as refusal:
        return str(refusal)
    return ""


class TestParse:
    @given(raw=JSON)
    @pytest.mark.parametrize("kind", [DepositRequest, ExtendDeposit, CancelDeposit])
    def test_anything_is_a_value_or_a_sentence(self, kind: Any, raw: Any) -> None:
        why = _refusal(kind, raw)
        assert why == "" or re.fullmatch("The input is refused: .+", why)

    @given(value=JSON, key=st.sampled_from(["operator", "until", "reason"]))
    def test_any_value_under_a_right_key(self, key: str, value: Any) -> None:
        typed = {"operator": "First Operator", "until": "2027-01-31", "reason": "asked", key: value}
        why = _refusal(ExtendDeposit, typed)
        assert why == "" or f"`{key}`" in why

    def test_what_is_parsed_already_stays(self) -> None:
        decision = ExtendDeposit(operator="First Operator", until=date(2027, 1, 31), reason="asked")
        assert parse(ExtendDeposit, decision, "The input") is decision

    def test_blanks_around_text_do_not_count(self) -> None:
        with pytest.raises(InputRefused, match="`reason` has fewer than 3 characters"):
            parse(CancelDeposit, {"operator": "First Operator", "reason": "  x   "}, "The input")

    def test_at_most_five_problems_are_named(self) -> None:
        with pytest.raises(InputRefused) as refusal:
            parse(CancelDeposit, {f"key-{n}": n for n in range(20)}, "The input")
        assert str(refusal.value).count("`") == 10


class TestContentHash:
    def test_is_the_same_for_the_same_amount_in_other_digits(self) -> None:
        hashes = {
            DepositRequest(**{**REQUEST, "amount": amount}).content_hash
            for amount in ("1000", "1000.0", "01000.00", " 1000.000 ")
        }
        assert len(hashes) == 1

    @pytest.mark.parametrize(
        "change", [{"amount": "1000.01"}, {"product": "compute"}, {"note": "x"}, {"customer": "C-1002"}]
    )
    def test_is_another_for_any_other_content(self, change: dict[str, str]) -> None:
        assert DepositRequest(**{**REQUEST, **change}).content_hash != DepositRequest(**REQUEST).content_hash

    def test_survives_the_way_through_json(self) -> None:
        request = DepositRequest(**REQUEST, note="首次充值")
        again = parse(DepositRequest, json.loads(request.model_dump_json()), "The deposit request")
        assert again.content_hash == request.content_hash
