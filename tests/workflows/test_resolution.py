"""What an unreadable entry is waits for a second person: whatever is typed does no harm, nothing posts it twice."""

import asyncio
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle

from activities.sweep import Upkeep
from prepay.ids import TASK_QUEUE
from tests.conftest import Database
from tests.office import Office, request_id
from tests.workflows.deposits import change, details, eventually
from tests.workflows.unread import propose

APPROVE = {"operator": "Second Operator", "reason": "it stands so in the file"}
REFUSE = {"operator": "Second Operator", "reason": "the line says otherwise"}


@dataclass
class Proposal:
    """What somebody says about 40.00 in line 3 of a statement, and the workflow of that."""

    office: Office
    handle: WorkflowHandle[Any, Any]
    file: WorkflowHandle[Any, Any]

    async def until(self, text: str) -> str:
        """The details, once they say so."""
        return str(await eventually(lambda: details(self.handle), lambda shown: text in shown))

    async def attributes(self) -> dict[str, Any]:
        described = await self.handle.describe()
        return {pair.key.name: pair.value for pair in described.typed_search_attributes}

    async def ends(self, stage: str) -> None:
        assert (await self.handle.result())["stage"] == stage

    def posted(self) -> int:
        [row] = self.office.rows("SELECT count(*) AS posted FROM bank_entry WHERE amount_minor = 4000")
        return int(row["posted"])


async def proposed(office: Office) -> Proposal:
    workflow_id, file_id = await propose(office)
    proposal = Proposal(
        office, office.temporal.get_workflow_handle(workflow_id), office.temporal.get_workflow_handle(file_id)
    )
    await proposal.until("| **Stage** | proposed")
    return proposal


class TestApprove:
    async def test_by_a_second_person_posts_it_and_ends_the_alarm(self, office: Office) -> None:
        proposal = await proposed(office)
        await proposal.handle.signal("approve", APPROVE)
        assert (await proposal.handle.result()) == {
            "resolution": 1, "stage": "applied", "amount_minor": 4_000, "currency": "EUR", "entry": 2,
        }  # fmt: skip
        await office.ring()
        assert (await proposal.file.result())["stage"] == "posted"
        shown = await details(proposal.handle)
        assert "applied by Second Operator at 2" in shown
        assert "| **Bank entry** | 2; `prepay bank explain 2` tells its story |" in shown
        assert "Nothing is left for an operator to do here" in shown
        (attested,) = office.rows("SELECT workflow_id, signal FROM attestation")
        assert attested == {"workflow_id": proposal.handle.id, "signal": "approve"}

    @pytest.mark.parametrize("again", ["First Operator", " FIRST  operator"])
    async def test_by_the_proposer_is_refused(self, office: Office, again: str) -> None:
        proposal = await proposed(office)
        await proposal.handle.signal("approve", {**APPROVE, "operator": again})
        await proposal.until("you proposed it already; somebody else must approve it")
        assert proposal.posted() == 0

    async def test_by_whom_has_no_role_or_too_low_a_limit_is_refused(
        self, office: Office, database: Database
    ) -> None:
        proposal = await proposed(office)
        await proposal.handle.signal("approve", {**APPROVE, "operator": "Fourth Operator"})
        await proposal.until("Fourth Operator: Fourth Operator is ")
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute("UPDATE operator_limit SET limit_minor = 3999")
        await proposal.handle.signal("approve", APPROVE)
        await proposal.until("39.99 EUR")
        assert proposal.posted() == 0

    async def test_by_several_at_once_posts_it_once(self, office: Office) -> None:
        proposal = await proposed(office)
        people = [{**APPROVE, "operator": name} for name in ("Second Operator", "Fifth Operator")] * 2
        await asyncio.gather(*(proposal.handle.signal("approve", person) for person in people))
        await proposal.ends("applied")
        assert proposal.posted() == 1

    async def test_that_does_not_add_up_says_so_and_waits(self, office: Office) -> None:
        proposal = await proposed(office)
        change(office, "UPDATE bank_statement SET closing_minor = closing_minor + 1")
        await proposal.handle.signal("approve", APPROVE)
        await proposal.until("would no longer be where its statements end")
        assert proposal.posted() == 0
        change(office, "UPDATE bank_statement SET closing_minor = closing_minor - 1")
        await proposal.handle.signal("approve", APPROVE)
        await proposal.ends("applied")


class TestRefuse:
    @pytest.mark.parametrize("operator", ["Second Operator", "First Operator"])
    async def test_by_anybody_posts_nothing(self, office: Office, operator: str) -> None:
        proposal = await proposed(office)
        await proposal.handle.signal("refuse", {**REFUSE, "operator": operator})
        await proposal.ends("refused")
        assert proposal.posted() == 0
        assert f"refused by {operator} at 2" in await details(proposal.handle)


class TestShown:
    async def test_the_details_tell_what_it_is_said_to_be_and_nothing_of_the_payer(
        self, office: Office
    ) -> None:
        proposal = await proposed(office)
        shown = await details(proposal.handle)
        for said in (
            "| **Stage** | proposed: a second person must approve it |",
            "| **Amount** | 40.00 EUR credit |",
            "| **It is** | what its line says, booked on 2026-11-23; `prepay bank files 1` tells all of it |",
            "| **Could not be read** | line 3 of bank file 1 (Stmt\\[1]/Ntry\\[2]) |",
            "| **Account** | `nimbus-eu-eur` of `nimbus-eu` |",
            "(as it stands there) |",
        ):
            assert said in shown
        for kept in ("ACME", "the fortieth", "maybe"):
            assert kept not in shown + str(await proposal.handle.fetch_history())

    async def test_the_attributes_find_it(self, office: Office) -> None:
        proposal = await proposed(office)
        found = await proposal.attributes()
        assert found == {
            "Stage": "proposed", "Currency": "EUR", "Entity": "nimbus-eu", "AmountMinor": 4_000,
            "NeedsHuman": True, "WaitsForRole": "approver",
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
        await proposal.handle.cancel()
        await proposal.until("Cancel: it does not end a proposal; it is put away by the signal 'refuse'")
        await proposal.handle.signal("refuse", REFUSE)
        await proposal.ends("refused")

    async def test_after_terminate_the_sweep_brings_it_back(self, office: Office) -> None:
        proposal = await proposed(office)
        await proposal.handle.terminate()

        async def running() -> bool:
            change(office, "UPDATE bank_resolution SET swept_at = swept_at - interval '1 minute'")
            await Upkeep(office.engine, office.temporal, office.options).restart_lost()
            return (await proposal.handle.describe()).status is WorkflowExecutionStatus.RUNNING

        await eventually(running, bool)
        await proposal.until("| **Stage** | proposed")
        await proposal.handle.signal("approve", APPROVE)
        await proposal.ends("applied")
        assert proposal.posted() == 1

    async def test_one_that_nobody_proposed_fails(self, office: Office) -> None:
        handle = await office.temporal.start_workflow(
            "Resolution", {}, id=f"resolution-{request_id()}", task_queue=TASK_QUEUE
        )
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
        assert "There is no resolution" in str(failure.value.cause)
