"""Ids: the same for the same thing, another for another, and references that a bank accepts."""

from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso11649 import is_valid

from prepay.ids import content_hash, deposit_number, deposit_workflow_id, grouped, payment_reference


class TestPaymentReference:
    @given(sequence=st.integers(1, 10**11 - 1))
    def test_is_a_valid_creditor_reference(self, sequence: int) -> None:
        reference = payment_reference(sequence)
        assert is_valid(reference)
        assert len(reference) == 16

    @given(first=st.integers(1, 10**11 - 1), second=st.integers(1, 10**11 - 1))
    def test_is_unique(self, first: int, second: int) -> None:
        assert (payment_reference(first) == payment_reference(second)) == (first == second)

    def test_is_printed_in_groups_of_four(self) -> None:
        assert grouped(payment_reference(1)) == f"RF{payment_reference(1)[2:4]} P000 0000 0001"


class TestDepositWorkflowId:
    def test_is_one_for_each_request_of_a_customer(self) -> None:
        ids = {deposit_workflow_id(*of) for of in (("C-1", "2"), ("C-1", "3"), ("C-2", "2"), ("C-12", ""))}
        assert len(ids) == 4
        assert deposit_workflow_id("C-1", "2") == deposit_workflow_id("C-1", "2")

    def test_names_the_customer_for_people(self) -> None:
        assert deposit_workflow_id("C-1001", "r").startswith("deposit-C-1001-")


class TestDepositNumber:
    def test_is_what_people_read(self) -> None:
        assert deposit_number(123, 2026) == "D-2026-000123"
        assert deposit_number(1_234_567, 2026) == "D-2026-1234567"


class TestContentHash:
    def test_does_not_depend_on_the_order_of_keys(self) -> None:
        assert content_hash({"a": 1, "b": "é"}) == content_hash({"b": "é", "a": 1})
        assert content_hash({"a": 1}) != content_hash({"a": "1"})
