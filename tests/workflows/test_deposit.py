"""The lifecycle of a deposit on a real Temporal and a real database."""

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from bankfiles.sample import Payment
from prepay.client import Refused
from prepay.ids import deposit_workflow_id
from tests.conftest import Database
from tests.office import Office, open_office, request_id


@pytest.fixture
async def office(database: Database, temporal: WorkflowEnvironment) -> AsyncIterator[Office]:
    async with open_office(database.app_url, temporal.client) as office:
        yield office


class TestRequest:
    async def test_answers_with_number_reference_and_account(self, office: Office) -> None:
        view = await office.client.request_deposit(
            "C-1001", "1000.00", "EUR", product="Compute", request_id=request_id()
        )
        assert view.stage == "issued"
        assert view.reference.startswith("RF")
        assert view.pay_to.iban == "NL07MOCK0000001001"
        assert view.amount_minor == 100_000

    async def test_the_same_request_gets_the_same_answer(self, office: Office) -> None:
        rid = request_id()
        first = await office.client.request_deposit(
            "C-1001", "1000.00", "EUR", product="Compute", request_id=rid
        )
        again = await office.client.request_deposit(
            "C-1001", "1000", "EUR", product="Compute", request_id=rid
        )
        assert again == first

    async def test_other_content_under_the_same_request_id_is_refused(self, office: Office) -> None:
        rid = request_id()
        await office.client.request_deposit("C-1001", "1000.00", "EUR", product="Compute", request_id=rid)
        with pytest.raises(Refused, match="used with other content"):
            await office.client.request_deposit("C-1001", "2000.00", "EUR", product="Compute", request_id=rid)

    async def test_an_unknown_customer_is_refused(self, office: Office) -> None:
        with pytest.raises(Refused, match="there is no customer C-9999"):
            await office.client.request_deposit(
                "C-9999", "1.00", "EUR", product="Compute", request_id=request_id()
            )


class TestCredit:
    async def test_paid_exactly_it_is_credited_and_ends(self, office: Office) -> None:
        rid = request_id()
        view = await office.client.request_deposit(
            "C-1001", "1000.00", "EUR", product="Compute", request_id=rid
        )
        await office.pay(Payment(100_000, structured=view.reference))
        outcome = await office.temporal.get_workflow_handle(deposit_workflow_id("C-1001", rid)).result()
        assert outcome["stage"] == "credited"
        assert [b.available_minor for b in await office.client.balance("C-1001")] == [100_000]

    async def test_paid_in_two_parts(self, office: Office) -> None:
        rid = request_id()
        view = await office.client.request_deposit(
            "C-1001", "1000.00", "EUR", product="Compute", request_id=rid
        )
        await office.pay(Payment(30_000, structured=view.reference))
        assert (await office.client.deposit(view.number)).stage == "part_paid"
        await office.pay(Payment(70_000, structured=view.reference, end_to_end_id="second"))
        assert (await office.client.deposit(view.number)).stage == "credited"

    async def test_the_same_request_after_the_end_gets_the_same_form(self, office: Office) -> None:
        rid = request_id()
        view = await office.client.request_deposit(
            "C-1001", "1000.00", "EUR", product="Compute", request_id=rid
        )
        await office.pay(Payment(100_000, structured=view.reference))
        await office.temporal.get_workflow_handle(deposit_workflow_id("C-1001", rid)).result()
        again = await office.client.request_deposit(
            "C-1001", "1000.00", "EUR", product="Compute", request_id=rid
        )
        assert (again.number, again.stage) == (view.number, "credited")
        with pytest.raises(Refused, match="used with other content"):
            await office.client.request_deposit("C-1001", "9.00", "EUR", product="Compute", request_id=rid)
