"""An operator looks after a deposit in the Temporal UI."""

import json
import time
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from activities.sweep import Upkeep
from bankfiles.sample import Payment
from prepay.records import DepositView
from tests.office import Office, request_id
from tests.ui.console import Console

SWEEP_SECONDS = 10.0


@pytest_asyncio.fixture(loop_scope="session")
async def deposit(office: Office) -> DepositView:
    return await office.client.request_deposit(
        "C-1001", "1000.00", "EUR", product="Compute", request_id=request_id()
    )


@pytest.fixture
def workflow(office: Office, deposit: DepositView) -> WorkflowHandle[Any, Any]:
    found = office.rows("SELECT workflow_id FROM deposit WHERE number = %s", deposit.number)
    return office.temporal.get_workflow_handle(found[0]["workflow_id"])


async def sweep(office: Office) -> None:
    """What happens each minute, at once: until a lost workflow has been started again."""
    upkeep = Upkeep(office.engine, office.temporal, office.options)
    until = time.monotonic() + SWEEP_SECONDS
    while True:
        with office.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE deposit SET swept_at = now() - interval '2 min'")
        if await upkeep.restart_lost():
            return
        assert time.monotonic() < until, "the sweep found no lost workflow"


class TestDetails:
    async def test_they_say_where_it_stands_and_what_to_press(
        self, office: Office, console: Console, deposit: DepositView, workflow: WorkflowHandle[Any, Any]
    ) -> None:
        await office.pay(Payment(30_000, structured=deposit.reference))
        await console.open(workflow)
        said = await console.read("part paid")
        assert f"Deposit {deposit.number}" in said
        for fact in ("1,000.00 EUR", "300.00 EUR", "700.00 EUR", deposit.reference_grouped, "C-1001"):
            assert fact in said
        assert "More Actions → Send a Signal" in said
        assert said.count('"operator": ""') == 2
        assert "C-1001 deposits 1,000.00 EUR" in await console.summary()

    async def test_the_dialog_explains_each_signal(
        self, console: Console, workflow: WorkflowHandle[Any, Any]
    ) -> None:
        await console.open(workflow)
        offered = dict(text.partition("\n")[::2] for text in await console.signals())
        assert {"extend", "cancel", "ring"} <= offered.keys()
        for name in ("extend", "cancel"):
            example = json.loads(offered[name][offered[name].index("{") :])
            assert {"operator", "reason"} <= example.keys()


class TestExtend:
    async def test_the_offered_json_with_its_blanks_filled_moves_the_expiry(
        self, office: Office, console: Console, deposit: DepositView, workflow: WorkflowHandle[Any, Any]
    ) -> None:
        await console.open(workflow)
        said = await console.read("extend moves the expiry")
        offered = json.loads(said[said.index("{") : said.index("}") + 1])
        filled = {**offered, "operator": "First Operator", "reason": "the customer asked"}
        await console.signal("extend", json.dumps(filled, indent=2))
        said = await console.read("extended by First Operator")
        assert f"at the end of {offered['until']}" in said
        moved = (await office.client.deposit(deposit.number)).expires_at
        assert moved > deposit.expires_at

    async def test_whatever_is_typed_is_answered_and_leaves_it_healthy(
        self, office: Office, console: Console, deposit: DepositView, workflow: WorkflowHandle[Any, Any]
    ) -> None:
        await console.open(workflow)
        await console.signal("extend")
        await console.read("extend: The input is refused: it is empty")
        await console.signal("extend", '{"operater": "First Operator"}')
        await console.read("'operater' is not known")
        await console.signal("extnd", "{}", custom=True)
        said = await console.read("extnd: there is no such signal here; there is extend, cancel")
        assert "issued" in said
        now = await office.client.deposit(deposit.number)
        assert (now.stage, now.expires_at) == ("issued", deposit.expires_at)
        await office.pay(Payment(100_000, structured=deposit.reference))
        assert (await workflow.result())["stage"] == "credited"


class TestCancel:
    async def test_the_signal_closes_the_form_and_says_who(
        self, office: Office, console: Console, deposit: DepositView, workflow: WorkflowHandle[Any, Any]
    ) -> None:
        await console.open(workflow)
        await console.signal("cancel", '{"operator": "First Operator", "reason": "ordered twice"}')
        said = await console.read("cancelled by First Operator, because ordered twice")
        assert "Nothing is left for an operator to do here" in said
        assert (await office.client.deposit(deposit.number)).stage == "cancelled"


class TestButtons:
    async def test_request_cancellation_is_answered_and_withdraws_nothing(
        self, office: Office, console: Console, deposit: DepositView, workflow: WorkflowHandle[Any, Any]
    ) -> None:
        await console.open(workflow)
        await console.cancel()
        await console.read("Cancel: it does not withdraw a deposit; send the signal 'cancel' instead")
        await office.pay(Payment(100_000, structured=deposit.reference))
        assert (await workflow.result())["stage"] == "credited"

    async def test_after_terminate_the_sweep_starts_it_again(
        self, office: Office, console: Console, deposit: DepositView, workflow: WorkflowHandle[Any, Any]
    ) -> None:
        await console.open(workflow)
        await console.terminate("pressed by mistake")
        assert (await workflow.describe()).status == WorkflowExecutionStatus.TERMINATED
        await sweep(office)
        await console.open(workflow)
        assert f"Deposit {deposit.number}" in await console.read("issued")
        await office.pay(Payment(100_000, structured=deposit.reference))
        assert (await workflow.result())["stage"] == "credited"

    async def test_after_reset_it_is_the_same_deposit(
        self, office: Office, console: Console, deposit: DepositView, workflow: WorkflowHandle[Any, Any]
    ) -> None:
        await console.open(workflow)
        await console.reset("try again")
        await console.open(workflow)
        assert f"Deposit {deposit.number}" in await console.read("issued")
        await office.pay(Payment(100_000, structured=deposit.reference))
        assert (await workflow.result())["stage"] == "credited"
        assert len(office.rows("SELECT 1 FROM deposit")) == 1
