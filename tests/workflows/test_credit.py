"""The way of the money: a form, a bank's file through its own workflow, a balance."""

from datetime import UTC, datetime, timedelta

from bankfiles.sample import Payment
from prepay.ids import deposit_workflow_id
from tests.office import EUR_ACCOUNT, Office, request_id
from tests.workflows.deposits import eventually


class TestRequest:
    async def test_answers_with_all_that_the_customer_needs(self, office: Office) -> None:
        view = await office.client.request_deposit("C-1001", "1000.00", "EUR", product="Compute")
        assert view.stage == "issued"
        assert view.reference.startswith("RF")
        assert view.reference_grouped.replace(" ", "") == view.reference
        assert view.pay_to.iban == EUR_ACCOUNT
        assert view.amount_minor == 100_000
        assert (view.expires_at - view.issued_at).days in (30, 31)
        assert view.document_id > 0
        assert len(view.document_digest) == 64


class TestCredit:
    async def test_of_exactly_the_amount_ends_it(self, office: Office) -> None:
        rid = request_id()
        view = await office.client.request_deposit(
            "C-1001", "1000.00", "EUR", product="Compute", request_id=rid
        )
        await office.pay(Payment(100_000, structured=view.reference))
        outcome = await office.temporal.get_workflow_handle(deposit_workflow_id("C-1001", rid)).result()
        assert outcome["stage"] == "credited"
        assert [balance.available_minor for balance in await office.client.balance("C-1001")] == [100_000]

    async def test_of_two_parts(self, office: Office) -> None:
        view = await office.client.request_deposit("C-1001", "1000.00", "EUR", product="Compute")
        await office.pay(Payment(30_000, structured=view.reference))
        assert (await office.client.deposit(view.number)).stage == "part_paid"
        await office.pay(Payment(70_000, structured=view.reference, end_to_end_id="second"))
        assert (await office.client.deposit(view.number)).stage == "credited"


class TestValueDateAhead:
    async def test_the_notice_does_not_say_that_the_money_is_on_the_balance(self, office: Office) -> None:
        view = await office.client.request_deposit("C-1001", "1000.00", "EUR", product="Compute")
        ahead = datetime.now(UTC).date() + timedelta(days=5)
        await office.pay(Payment(30_000, structured=view.reference))
        await eventually(lambda: _told(office, "part_paid"), bool)
        await office.pay(Payment(70_000, structured=view.reference, end_to_end_id="second", value_on=ahead))
        [notice] = await eventually(lambda: _told(office, "credited"), bool)
        assert notice["body"] == (
            f"We have received 1,000.00 EUR for payment request {view.number};"
            " 700.00 EUR of it will be on your balance on its value date."
        )
        assert [balance.available_minor for balance in await office.client.balance("C-1001")] == [30_000]


def _told(office: Office, kind: str) -> list[dict[str, str]]:
    return office.rows("SELECT body FROM notice WHERE kind = %s", kind)
