"""A customer looks for a transfer: it finds its receipt whichever comes first, and is answered in the end."""

from typing import Any

import pytest

from activities.sweep import Upkeep
from bankfiles.sample import Payment
from prepay.client import NotFound, Refused
from prepay.wire import InputRefused
from tests.office import Office
from tests.workflows.claims import PDF, open_claim
from tests.workflows.deposits import change, details, eventually, open_deposit
from tests.workflows.receipts import APPLY, SECOND, OpenReceipt, deliver, open_receipt


async def _ring(office: Office) -> None:
    while await office.ring():
        pass


class TestFound:
    async def test_among_what_came_before_it(self, office: Office) -> None:
        receipt = await open_receipt(office)
        claim = await open_claim(office)
        await claim.until("found: one receipt fits, and waits for an operator")
        await office.ring()
        shown = await receipt.until("| **Claims** | claim 1 of customer C-1002 |")
        assert "- customer C-1002, the balance itself: their claim 1 fits" in shown
        assert '"customer": "C-1002"' in shown
        assert await claim.where() == "A payment that fits has come, and somebody of ours looks at it."
        assert receipt.available("C-1002") == 0

    async def test_when_it_comes_after_it(self, office: Office) -> None:
        claim = await open_claim(office)
        assert (await claim.where()).startswith("No payment that fits has come yet; we keep looking until 20")
        receipt = await open_receipt(office)
        await claim.until("found")
        await receipt.until("claim 1 of customer C-1002")
        assert claim.told() == ["claim_waiting", "claim_found"]

    @pytest.mark.parametrize(
        "given",
        [
            {"payer_account": "", "payer_name": "acme gmbh"},
            {"payer_account": "", "bank_reference": "END-1"},
            {"payer_account": "de02 1203 0000 0000 2020 51"},
        ],
    )
    async def test_by_payer_or_reference(self, office: Office, given: dict[str, str]) -> None:
        await open_receipt(office, end_to_end_id="END-1")
        claim = await open_claim(office, **given)
        await claim.until("found")

    @pytest.mark.parametrize(
        "given",
        [
            {"amount": "1000.01"},
            {"payer_account": "DE89370400440532013000"},
            {"customer": "C-2001"},
        ],
    )
    async def test_not_where_something_else_fits_not(self, office: Office, given: dict[str, str]) -> None:
        await open_receipt(office)
        claim = await open_claim(office, **given)
        assert claim.row()["stage"] == "waiting"

    async def test_not_where_several_fit(self, office: Office) -> None:
        await deliver(office, Payment(100_000, "R-1"), Payment(100_000, "R-2"))
        claim = await open_claim(office)
        await claim.until("waiting: no receipt fits, or several do")


class TestCredited:
    async def test_by_an_operators_signal(self, office: Office) -> None:
        receipt, claim = await open_receipt(office), await open_claim(office)
        await receipt.signal("apply", APPLY, to=[{"customer": "C-1002"}])
        await receipt.ends("applied")
        await _ring(office)
        assert (await claim.handle.result())["stage"] == "credited"
        assert claim.told()[-1] == "claim_credited"
        assert (await claim.where()).startswith("It was credited to you on 20")
        assert receipt.available("C-1002") == 100_000

    async def test_to_somebody_else_it_waits_for_other_money(self, office: Office) -> None:
        receipt, claim = await open_receipt(office), await open_claim(office)
        await receipt.signal("apply", APPLY, to=[{"customer": "C-1001"}])
        await receipt.ends("applied")
        await _ring(office)
        await claim.until("waiting")
        assert claim.row()["part_id"] is None

    async def test_in_part_is_not_what_they_look_for(self, office: Office) -> None:
        receipt, claim = await open_receipt(office), await open_claim(office)
        to = [{"customer": "C-1002", "amount": "999.99"}, {"customer": "C-1001", "amount": "0.01"}]
        await receipt.signal("apply", APPLY, to=to)
        await receipt.ends("applied")
        await _ring(office)
        await claim.until("waiting")
        assert claim.told()[-1] == "claim_waiting"

    async def test_all_of_it_in_several_credits_is(self, office: Office) -> None:
        receipt, claim = await open_receipt(office), await open_claim(office, "C-1001")
        deposit = await open_deposit(office, "600.00")
        to = [
            {"deposit": deposit.view.number, "amount": "600.00"},
            {"customer": "C-1001", "amount": "400.00"},
        ]
        await receipt.signal("apply", APPLY, to=to)
        await receipt.ends("applied")
        await _ring(office)
        assert (await claim.handle.result())["stage"] == "credited"


class TestCreditedBefore:
    """Money that was matched by itself has no receipt: the claim is answered with its day, and closed."""

    async def test_is_the_answer(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deliver(office, Payment(100_000, structured=deposit.view.reference))
        claim = await open_claim(office, "C-1001")
        assert (await claim.handle.result())["stage"] == "closed"
        assert (await claim.where()).startswith("It was credited to you on 20")
        assert claim.told() == ["claim_known"]
        assert "closed: the customer has the money already" in await details(claim.handle)

    async def test_or_while_it_waits(self, office: Office) -> None:
        claim, deposit = await open_claim(office, "C-1001"), await open_deposit(office)
        await deliver(office, Payment(100_000, structured=deposit.view.reference))
        Upkeep(office.engine, office.temporal, office.options).settle_time()
        await _ring(office)
        assert (await claim.handle.result())["stage"] == "closed"
        assert claim.told() == ["claim_waiting", "claim_known"]

    async def test_answers_one_claim(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deliver(office, Payment(100_000, structured=deposit.view.reference))
        first, second = [await open_claim(office, "C-1001") for _ in range(2)]
        assert (await first.handle.result())["stage"] == "closed"
        await second.until("waiting")

    async def test_to_somebody_else_or_of_another_payer_is_none(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deliver(office, Payment(100_000, structured=deposit.view.reference))
        for claim in (
            await open_claim(office, "C-1002"),
            await open_claim(office, "C-1001", payer_account="DE89370400440532013000"),
        ):
            await claim.until("waiting")

    async def test_is_not_it_where_a_receipt_of_that_amount_waits(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deliver(office, Payment(100_000, "R-1", deposit.view.reference), Payment(100_000, "R-2"))
        claim = await open_claim(office, "C-1001")
        await claim.until("found")


class TestClose:
    async def test_by_an_operator_with_an_answer(self, office: Office) -> None:
        claim = await open_claim(office)
        await claim.handle.signal("close", {**SECOND, "operator": "Third Operator"})
        await claim.until("waiting")
        await claim.handle.signal("close", {**APPLY, "reason": "your bank did not carry it out"})
        assert (await claim.handle.result())["stage"] == "closed"
        assert await claim.where() == "It was not found: your bank did not carry it out."

    async def test_closed_ones_are_suggested_when_the_money_comes_after_all(self, office: Office) -> None:
        claim = await open_claim(office)
        await claim.handle.signal("close", APPLY)
        await claim.handle.result()
        receipt = await open_receipt(office)
        assert "they look for this amount (claim 1, closed)" in await receipt.details()


class TestRequest:
    async def test_again_is_the_same_claim_and_one_proof(self, office: Office) -> None:
        first = await open_claim(office, request_id="R-1")
        again = await open_claim(office, request_id="R-1")
        await open_claim(office, request_id="R-2")
        assert first.view.claim == again.view.claim
        assert len(office.rows("SELECT FROM claim_proof")) == 1

    async def test_with_other_content_is_refused(self, office: Office) -> None:
        await open_claim(office, request_id="R-1")
        with pytest.raises(Refused, match=r"was used with other content before \(claim 1\)"):
            await open_claim(office, request_id="R-1", proof=None)

    async def test_of_nobody_is_refused(self, office: Office) -> None:
        with pytest.raises(NotFound, match="There is no customer C-9999"):
            await open_claim(office, "C-9999")
        assert not office.rows("SELECT FROM claim_proof")

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ({"proof": b"MZ\x90"}, "The proof is refused: it is no PDF, PNG or JPEG; send one of these."),
            ({"proof": b""}, "The proof is refused: it is empty."),
            ({"proof": PDF[:-8]}, "The proof is refused: the PDF is cut off; send all of it."),
            ({"proof": b"%PDF-" + bytes(10 * 1024 * 1024)}, "at most 10 MB are kept"),
            ({"payer_account": ""}, "give one of `payer_name`, `payer_account` and `bank_reference`"),
            ({"amount": "0"}, "it is zero"),
        ],
    )
    async def test_that_cannot_be_used_is_refused(
        self, office: Office, given: dict[str, Any], why: str
    ) -> None:
        with pytest.raises(InputRefused) as refusal:
            await open_claim(office, **given)
        assert why in str(refusal.value)
        assert not office.rows("SELECT FROM claim")

    async def test_only_its_customer_sees_it(self, office: Office) -> None:
        claim = await open_claim(office)
        with pytest.raises(NotFound, match="There is no claim 1 of customer C-1001"):
            await office.client.claim("C-1001", claim.view.claim)


async def test_a_claim_that_missed_its_receipt_is_found_by_the_sweep(office: Office) -> None:
    receipt: OpenReceipt = await open_receipt(office)
    claim = await open_claim(office)
    change(office, "UPDATE claim SET stage = 'waiting', part_id = NULL, found_at = NULL")
    Upkeep(office.engine, office.temporal, office.options).settle_time()
    await eventually(claim.row, lambda row: row["part_id"] == receipt.part)
