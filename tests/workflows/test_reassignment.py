"""A proposal waits for a second person: whatever is typed does no harm, Cancel, Terminate and Reset lose nothing."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle

from activities.sweep import Upkeep
from prepay.ids import TASK_QUEUE
from tests.office import Office, request_id
from tests.workflows.deposits import OpenDeposit, change, details, eventually, open_deposit
from tests.workflows.stories import propose

APPROVE = {"operator": "Second Operator", "reason": "the customer confirms it"}
REFUSE = {"operator": "Second Operator", "reason": "it is theirs after all"}
SIGNALS = ("approve", "refuse")


@dataclass
class Proposal:
    """A payment that went to `wrong`, which somebody wants to move to `right`, and the workflow of that."""

    office: Office
    wrong: OpenDeposit
    right: OpenDeposit
    handle: WorkflowHandle[Any, Any]

    async def until(self, text: str) -> str:
        """The details, once they say so."""
        return str(await eventually(lambda: details(self.handle), lambda shown: text in shown))

    async def newest_refusal(self) -> str:
        shown = await details(self.handle)
        return shown.partition("**Refused attempts**")[2].strip().splitlines()[0]

    async def attributes(self) -> dict[str, Any]:
        described = await self.handle.describe()
        return {pair.key.name: pair.value for pair in described.typed_search_attributes}

    async def ends(self, stage: str) -> None:
        assert (await self.handle.result())["stage"] == stage

    def credited(self) -> tuple[int, int]:
        return self.wrong.row()["credited_minor"], self.right.row()["credited_minor"]


async def proposed(office: Office) -> Proposal:
    wrong, right = await open_deposit(office), await open_deposit(office)
    await wrong.pay(100_000)
    workflow_id = await propose(office, wrong, right.view.number)
    proposal = Proposal(office, wrong, right, office.temporal.get_workflow_handle(workflow_id))
    await proposal.until("| **Stage** | proposed")
    return proposal


class TestApprove:
    async def test_by_a_second_person_moves_the_money(self, office: Office) -> None:
        proposal = await proposed(office)
        await proposal.handle.signal("approve", APPROVE)
        await proposal.ends("applied")
        await office.ring()
        assert proposal.credited() == (0, 100_000)
        await proposal.right.handle.result()
        await eventually(proposal.wrong.notices, lambda kinds: kinds == ["issued", "credited", "moved_away"])
        assert proposal.right.notices() == ["issued", "credited"]
        shown = await details(proposal.handle)
        assert "applied by Second Operator at 2" in shown
        assert "Nothing is left for an operator to do here" in shown

    @pytest.mark.parametrize("again", ["First Operator", " FIRST  operator", "Ｆirst Operator"])
    async def test_by_the_proposer_is_refused(self, office: Office, again: str) -> None:
        proposal = await proposed(office)
        await proposal.handle.signal("approve", {**APPROVE, "operator": again})
        await proposal.until("you proposed it already; somebody else must approve it")
        assert proposal.credited() == (100_000, 0)
        await proposal.handle.signal("approve", APPROVE)
        await proposal.ends("applied")

    async def test_by_several_at_once_moves_it_once(self, office: Office) -> None:
        proposal = await proposed(office)
        people = [{**APPROVE, "operator": name} for name in ("Second Operator", "Fifth Operator")] * 2
        await asyncio.gather(*(proposal.handle.signal("approve", person) for person in people))
        await proposal.ends("applied")
        assert proposal.credited() == (0, 100_000)
        assert len(office.rows("SELECT FROM credit_move WHERE stage = 'applied'")) == 1

    async def test_after_the_bank_took_it_back_says_so_and_waits_to_be_refused(self, office: Office) -> None:
        proposal = await proposed(office)
        change(office, "UPDATE bank_entry_part SET state = 'unapplied'")
        await proposal.handle.signal("approve", APPROVE)
        await proposal.until("the bank has taken the money back meanwhile")
        change(office, "UPDATE bank_entry_part SET state = 'credited'")
        await proposal.handle.signal("refuse", REFUSE)
        await proposal.ends("refused")


class TestRefuse:
    @pytest.mark.parametrize("operator", ["Second Operator", "First Operator"])
    async def test_by_anybody_moves_nothing(self, office: Office, operator: str) -> None:
        proposal = await proposed(office)
        await proposal.handle.signal("refuse", {**REFUSE, "operator": operator})
        await proposal.ends("refused")
        assert proposal.credited() == (100_000, 0)
        assert f"refused by {operator} at 2" in await details(proposal.handle)


class TestShown:
    async def test_the_details_tell_what_is_wanted_and_by_whom(self, office: Office) -> None:
        proposal = await proposed(office)
        shown = await details(proposal.handle)
        for said in (
            "| **Stage** | proposed: a second person must approve it |",
            "| **Amount** | 1,000.00 EUR |",
            f"| **From** | deposit {proposal.wrong.view.number} of customer C-1001 |",
            f"| **To** | deposit {proposal.right.view.number} of customer C-1001 |",
            "| **Proposed** | by First Operator at 2",
            "(they wrote to us) |",
            "First Operator proposed it: somebody else must approve it.",
        ):
            assert said in shown

    async def test_the_attributes_find_it(self, office: Office) -> None:
        proposal = await proposed(office)
        found = await proposal.attributes()
        assert found == {
            "Stage": "proposed", "Customer": "C-1001", "Currency": "EUR", "Entity": "nimbus-eu",
            "AmountMinor": 100_000, "NeedsHuman": True, "WaitsForRole": "approver",
        } | {name: value for name, value in found.items() if name == "BuildIds"}  # fmt: skip
        await proposal.handle.signal("approve", APPROVE)
        await proposal.ends("applied")
        found = await proposal.attributes()
        assert [found.get(n) for n in ("NeedsHuman", "WaitsForRole", "DecidedBy")] == [
            False,
            None,
            ["Second Operator"],
        ]


class TestButtons:
    async def test_cancel_is_answered_and_not_obeyed(self, office: Office) -> None:
        proposal = await proposed(office)
        for _ in range(2):
            await proposal.handle.cancel()
            await proposal.until("Cancel: it does not end a proposal; it is put away by the signal 'refuse'")
        await proposal.handle.signal("approve", APPROVE)
        await proposal.ends("applied")

    async def test_after_terminate_the_sweep_brings_it_back(self, office: Office) -> None:
        proposal = await proposed(office)
        await proposal.handle.terminate()

        async def running() -> bool:
            change(office, "UPDATE credit_move SET swept_at = swept_at - interval '1 minute'")
            await Upkeep(office.engine, office.temporal, office.options).restart_lost()
            return (await proposal.handle.describe()).status is WorkflowExecutionStatus.RUNNING

        await eventually(running, bool)
        await proposal.until("| **Stage** | proposed")
        await proposal.handle.signal("approve", APPROVE)
        await proposal.ends("applied")
        assert proposal.credited() == (0, 100_000)

    async def test_reset_of_one_that_has_ended_ends_again(self, office: Office) -> None:
        proposal = await proposed(office)
        await proposal.handle.signal("approve", APPROVE)
        await proposal.ends("applied")
        await _reset(proposal)
        await proposal.ends("applied")
        assert proposal.credited() == (0, 100_000)
        assert len(office.rows("SELECT FROM payer_pause")) == 1

    async def test_one_that_nobody_proposed_fails(self, office: Office) -> None:
        handle = await office.temporal.start_workflow(
            "Reassignment", {}, id=f"reassignment-{request_id()}", task_queue=TASK_QUEUE
        )
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
        assert "There is no reassignment" in str(failure.value.cause)


async def _reset(proposal: Proposal) -> None:
    history = await proposal.handle.fetch_history()
    first = next(e.event_id for e in history.events if e.HasField("workflow_task_completed_event_attributes"))
    request = ResetWorkflowExecutionRequest(
        namespace=proposal.office.temporal.namespace,
        workflow_execution=WorkflowExecution(workflow_id=proposal.handle.id, run_id=history.run_id),
        reason="a test",
        workflow_task_finish_event_id=first,
        request_id=request_id(),
    )
    await proposal.office.temporal.workflow_service.reset_workflow_execution(request)


class TestWhateverIsTyped:
    @pytest.mark.parametrize("name", ["Approve", "aprove", "x" * 900, "`|<b>"])
    async def test_a_misspelt_name_is_answered(self, office: Office, name: str) -> None:
        proposal = await proposed(office)
        await proposal.handle.signal(name, APPROVE)
        assert "there is no such signal here; there is approve, refuse" in await details(proposal.handle)
        await proposal.handle.signal("refuse", REFUSE)
        await proposal.ends("refused")
