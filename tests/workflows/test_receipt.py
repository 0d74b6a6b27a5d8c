"""Money that nobody was credited with: operators give it away or send it back, once, and nothing happens by itself."""

import pytest
from sqlmodel import Session

from activities.payers import LinkInput, put_link
from activities.sweep import Upkeep
from bankfiles.sample import Payment
from tests.office import Office
from tests.workflows.deposits import change, eventually, open_deposit
from tests.workflows.receipts import APPLY, PAYER, SECOND, deliver, open_receipt


class TestApply:
    async def test_to_a_deposit_credits_it_and_rings_it(self, office: Office) -> None:
        deposit, receipt = await open_deposit(office), await open_receipt(office)
        await receipt.signal("apply", APPLY, to=[{"deposit": deposit.view.number}])
        await receipt.ends("applied")
        await office.ring()
        await deposit.handle.result()
        assert (deposit.row()["stage"], receipt.available()) == ("credited", 100_000)
        assert deposit.notices() == ["issued", "credited"]
        assert "applied by First Operator at 2" in await receipt.details()

    async def test_to_a_customer_tells_them(self, office: Office) -> None:
        receipt = await open_receipt(office)
        await receipt.signal("apply", APPLY, to=[{"customer": "C-1002"}])
        await receipt.ends("applied")
        assert receipt.available("C-1002") == 100_000
        [notice] = office.rows("SELECT subject FROM notice WHERE kind = 'applied'")
        assert notice["subject"] == "Payment received: 1,000.00 EUR"

    async def test_to_several_that_sum_to_it(self, office: Office) -> None:
        deposit, receipt = await open_deposit(office), await open_receipt(office)
        number = deposit.view.number
        to = [{"deposit": number, "amount": "600.00"}, {"customer": "C-1002", "amount": "399.99"}]
        await receipt.signal("apply", APPLY, to=to)
        await receipt.until("the amounts sum to 999.99 EUR, and the receipt is 1,000.00 EUR")
        to[1]["amount"] = "400.00"
        await receipt.signal("apply", APPLY, to=to)
        await receipt.ends("applied")
        assert (receipt.available(), receipt.available("C-1002")) == (60_000, 40_000)

    @pytest.mark.parametrize(
        ("to", "why"),
        [
            ({"customer": "C-9999"}, "there is no customer C-9999"),
            ({"deposit": "D-2026-999999"}, "there is no deposit D-2026-999999"),
            ({"customer": "C-2001"}, "customer C-2001 takes no EUR of nimbus-eu, where this money is"),
            ({"customer": "C-1001", "amount": "1,5"}, "The amount '1,5' in EUR is refused"),
            ({"customer": "C-1001", "amount": "1.00"}, "the amounts sum to 1.00 EUR, and the receipt is"),
        ],
    )
    async def test_to_what_cannot_have_it_is_refused(
        self, office: Office, to: dict[str, str], why: str
    ) -> None:
        receipt = await open_receipt(office)
        await receipt.signal("apply", APPLY, to=[to])
        await receipt.until(why)
        assert receipt.row()["stage"] == "unapplied"

    async def test_twice_credits_once(self, office: Office) -> None:
        receipt = await open_receipt(office)
        for customer in ("C-1001", "C-1002", "C-1001"):
            await receipt.signal("apply", APPLY, to=[{"customer": customer}])
        await receipt.ends("applied")
        assert (receipt.available(), receipt.available("C-1002")) == (100_000, 0)

    async def test_by_somebody_without_the_role_is_refused(self, office: Office) -> None:
        receipt = await open_receipt(office)
        await receipt.signal("apply", {**APPLY, "operator": "Third Operator"}, to=[{"customer": "C-1001"}])
        await receipt.until("this takes a clerk or an approver")


class TestAboveTheLimit:
    """The example set-up lets one operator apply up to 10,000.00 EUR alone."""

    async def test_a_second_person_approves(self, office: Office) -> None:
        receipt = await open_receipt(office, 1_000_001)
        await receipt.signal("apply", APPLY, to=[{"customer": "C-1001"}])
        shown = await receipt.until("application 1: 10,000.01 EUR to C-1001; proposed by First Operator at 2")
        assert '"application": 1' in shown
        assert receipt.available() == 0
        await receipt.signal("approve", APPLY, application=1)
        await receipt.until("you proposed it already; somebody else must approve it")
        await receipt.signal("approve", SECOND, application=2)
        await receipt.until("the application that waits is 1, not 2: read it first")
        await receipt.signal("approve", SECOND, application=1)
        await receipt.ends("applied")
        assert receipt.available() == 1_000_001

    async def test_or_refuses_and_another_may_be_proposed(self, office: Office) -> None:
        receipt = await open_receipt(office, 1_000_001)
        await receipt.signal("apply", APPLY, to=[{"customer": "C-1001"}])
        await receipt.until("application 1: ")
        await receipt.signal("apply", APPLY, to=[{"customer": "C-1002"}])
        await receipt.until("application 1 of First Operator waits: 'approve' or 'refuse' it first")
        await receipt.signal("refuse", SECOND, application=1)
        await receipt.until("application 1 refused by Second Operator at 2")
        await receipt.signal("apply", APPLY, to=[{"customer": "C-1002"}])
        await receipt.until("application 2: ")
        assert (receipt.available(), receipt.available("C-1002")) == (0, 0)

    async def test_of_a_return_too(self, office: Office) -> None:
        receipt = await open_receipt(office, 1_000_001)
        await receipt.signal("return_to_payer", SECOND)
        shown = await receipt.until("application 1: back to its payer; proposed by Second Operator at 2")
        assert "`approve` holds it, to go back to its payer" in shown
        assert not office.rows("SELECT FROM ledger_pending WHERE kind = 'return'")
        await receipt.signal("approve", SECOND, application=1)
        await receipt.until("you proposed it already; somebody else must approve it")
        await receipt.signal("approve", {**SECOND, "operator": "Fifth Operator"}, application=2)
        await receipt.until("the application that waits is 1, not 2: read it first")
        await receipt.signal("approve", {**SECOND, "operator": "Fifth Operator"}, application=1)
        await receipt.until("| **Stage** | returning")
        assert office.rows("SELECT amount_minor, prepared_by FROM receipt_return") == [
            {"amount_minor": 1_000_001, "prepared_by": "Second Operator"}
        ]
        assert len(office.rows("SELECT FROM payout WHERE stage = 'ready'")) == 1
        assert len(office.rows("SELECT FROM ledger_pending WHERE kind = 'return'")) == 1


class TestReturnToPayer:
    async def test_is_held_in_the_book_and_kept_again(self, office: Office) -> None:
        receipt = await open_receipt(office)
        await receipt.signal("return_to_payer", SECOND)
        await receipt.until("| **Stage** | returning")
        [row] = office.rows("SELECT key, amount_minor, stage, prepared_by FROM receipt_return")
        assert (row["amount_minor"], row["stage"], row["prepared_by"]) == (
            100_000,
            "prepared",
            "Second Operator",
        )
        assert len(office.rows("SELECT FROM ledger_pending WHERE kind = 'return'")) == 1
        await receipt.signal("apply", APPLY, to=[{"customer": "C-1001"}])
        await receipt.until("Second Operator wants it to go back to its payer; send 'keep' first")
        await receipt.signal("keep", SECOND)
        await receipt.until("| **Stage** | unapplied")
        assert not office.rows("SELECT FROM ledger_pending WHERE kind = 'return'")
        await receipt.signal("apply", APPLY, to=[{"customer": "C-1001"}])
        await receipt.ends("applied")

    async def test_takes_an_approver(self, office: Office) -> None:
        receipt = await open_receipt(office)
        await receipt.signal("return_to_payer", {**APPLY, "operator": "Third Operator"})
        await receipt.until("this takes an approver or a treasurer")


class TestLinkPayer:
    async def test_proposes_a_change_and_does_not_apply(self, office: Office) -> None:
        receipt = await open_receipt(office)
        await receipt.signal("link_payer", APPLY, customer="C-1002")
        await receipt.until("change-1 proposed, which links its payer to C-1002, by First Operator")
        await receipt.signal("link_payer", APPLY, customer="C-1002")
        await receipt.until("First Operator proposed the same already: decide change-1")
        await receipt.signal("link_payer", APPLY, customer="C-9999")
        await receipt.until("there is no customer C-9999")
        await receipt.signal("link_payer", APPLY, customer="C-2001")
        await receipt.until("customer C-2001 is one of nimbus-sg, and the money of nimbus-eu")
        assert receipt.row()["stage"] == "unapplied"

    async def test_of_a_payer_of_another_customer_is_refused_without_the_account(
        self, office: Office
    ) -> None:
        receipt = await open_receipt(office)
        _link(office, "C-1001")
        await receipt.handle.signal("ring")
        await receipt.until("its payer is linked to them")
        await receipt.signal("link_payer", APPLY, customer="C-1002")
        await receipt.until("its payer is linked to another customer already")
        history = await receipt.handle.fetch_history()
        assert not any(PAYER.encode() in event.SerializeToString() for event in history.events)


def _link(office: Office, customer: str) -> None:
    given = LinkInput(customer=customer, account=PAYER, by="First Operator", reason="their letter")
    with Session(office.engine) as session, session.begin():
        put_link(session, given)


class TestLinkedElsewhere:
    async def test_its_candidates_say_so_at_once(self, office: Office) -> None:
        receipt = await open_receipt(office)
        _link(office, "C-1002")
        await office.ring()
        await receipt.until("customer C-1002, the balance itself: its payer is linked to them")


class TestSettledOtherwise:
    async def test_a_linked_payer_whose_money_waited_ends_it(self, office: Office) -> None:
        change(office, "UPDATE contracting_entity SET payer_policy = 'hold'")
        deposit = await open_deposit(office)
        receipt = await open_receipt(office, structured=deposit.view.reference)
        assert "the payer is not known to be the customer's, and a person decides" in await receipt.details()
        _link(office, "C-1001")
        await office.ring()
        await receipt.ends("settled")
        assert deposit.row()["stage"] == "credited"

    async def test_held_money_is_applied_by_hand_too(self, office: Office) -> None:
        change(office, "UPDATE contracting_entity SET payer_policy = 'hold'")
        deposit = await open_deposit(office)
        receipt = await open_receipt(office, structured=deposit.view.reference)
        assert f"- deposit {deposit.view.number} of customer C-1001: its text has" in await receipt.details()
        await receipt.signal("apply", APPLY, to=[{"deposit": deposit.view.number}])
        await receipt.ends("applied")
        _link(office, "C-1001")
        assert receipt.available() == 100_000

    async def test_a_reversal_of_the_bank_ends_it_and_its_return(self, office: Office) -> None:
        receipt = await open_receipt(office, end_to_end_id="E-1")
        await receipt.signal("return_to_payer", SECOND)
        await receipt.until("| **Stage** | returning")
        await deliver(office, Payment(-100_000, "BACK", end_to_end_id="E-1", reversal=True))
        await office.ring()
        await receipt.ends("settled")
        assert office.rows("SELECT stage FROM receipt_return") == [{"stage": "void"}]


class TestButtons:
    async def test_cancel_is_answered_and_terminate_loses_nothing(self, office: Office) -> None:
        receipt = await open_receipt(office)
        await receipt.handle.cancel()
        await receipt.until("Cancel: it does not settle a receipt")
        await receipt.handle.terminate()

        async def back() -> bool:
            change(office, "UPDATE receipt SET swept_at = swept_at - interval '1 minute'")
            await Upkeep(office.engine, office.temporal, office.options).restart_lost()
            return (await receipt.handle.describe()).status == 1

        await eventually(back, bool)
        await receipt.signal("apply", APPLY, to=[{"customer": "C-1001"}])
        await receipt.ends("applied")
