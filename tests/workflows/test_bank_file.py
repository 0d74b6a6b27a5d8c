"""Decisions about a bank file are about what the operator saw: none is kept and obeyed later, none harms."""

import asyncio
import io
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from activities.bank_files import store
from bankfiles.sample import Payment, Sheet, write_camt
from prepay.ids import TASK_QUEUE, bank_file_workflow_id
from tests.activities.test_bank_quarantine import LACKING
from tests.conftest import SETUP
from tests.office import EUR_ACCOUNT, Office, change_set_up, request_id
from tests.workflows.deposits import details, eventually
from tests.workflows.stories import NEW_ACCOUNT
from tests.workflows.unread import propose

DECISION = {"operator": "First Operator", "reason": "a test file"}
OTHER = {"operator": "Second Operator", "reason": "I agree with that"}
SIGNALS = ("release", "discard")


@dataclass
class Delivered:
    """A file and its workflow."""

    office: Office
    content: bytes
    handle: WorkflowHandle[Any, Any]

    async def until(self, text: str) -> str:
        """The details, once they say so."""
        shown = await eventually(lambda: details(self.handle), lambda shown: text in shown)
        return str(shown)

    async def newest_refusal(self) -> str:
        shown = await details(self.handle)
        return shown.partition("**Refused attempts**")[2].strip().splitlines()[0]

    async def again(self, by: str) -> None:
        store(self.office.engine, self.content, "test.xml", by)
        await self.office.ring()

    async def attributes(self) -> dict[str, Any]:
        described = await self.handle.describe()
        return {pair.key.name: pair.value for pair in described.typed_search_attributes}


def _file(account: str, kind: str = "camt.054", closing_minor: int = 0) -> bytes:
    file = io.BytesIO()
    payment = Payment(700, end_to_end_id=request_id())
    sheet = Sheet(account, "EUR", [payment], statement_id=request_id(), closing_minor=closing_minor)
    write_camt(file, [sheet], format=kind)
    return file.getvalue()


async def _deliver(office: Office, content: bytes, by: str = "test") -> Delivered:
    sha256, _ = store(office.engine, content, "test.xml", by)
    await office.ring()
    return Delivered(office, content, office.temporal.get_workflow_handle(bank_file_workflow_id(sha256)))


async def held(office: Office, content: bytes = b"", by: str = "test") -> Delivered:
    """Without another content, a file about an account that nobody has set up."""
    file = await _deliver(office, content or _file(NEW_ACCOUNT), by)
    await file.until("| **Stage** | held")
    return file


class TestDiscard:
    async def test_one_person_is_enough(self, office: Office) -> None:
        file = await held(office)
        await file.handle.signal("discard", DECISION)
        assert (await file.handle.result())["stage"] == "discarded"
        assert (await file.attributes())["DecidedBy"] == ["First Operator"]
        assert "discarded by First Operator at 2" in await details(file.handle)


class TestRelease:
    async def test_the_first_is_shown_and_a_second_person_is_awaited(self, office: Office) -> None:
        file = await held(office)
        await file.handle.signal("release", DECISION)
        shown = await file.until("released by First Operator at 2")
        assert "(a test file); a second person must release it too" in shown
        assert "| **Stage** | held" in shown
        assert "A second person must send it too" in shown
        found = await file.attributes()
        assert [found[n] for n in ("NeedsHuman", "WaitsForRole", "Stage")] == [True, "clerk", "held"]
        assert found["DecidedBy"] == ["First Operator"]

    @pytest.mark.parametrize("again", ["First Operator", " FIRST operator"])
    async def test_the_same_person_twice_is_refused(self, office: Office, again: str) -> None:
        file = await held(office)
        await file.handle.signal("release", DECISION)
        await file.handle.signal("release", {**DECISION, "operator": again})
        await file.until("release: First Operator: you released it already; somebody else must")
        assert office.rows("SELECT stage FROM bank_file") == [{"stage": "held"}]
        assert len(office.rows("SELECT FROM bank_file_decision")) == 1

    async def test_two_people_at_once_carry_it_out(self, office: Office) -> None:
        file = await held(office)
        await asyncio.gather(file.handle.signal("release", DECISION), file.handle.signal("release", OTHER))
        await eventually(lambda: office.rows("SELECT hold FROM bank_file"), lambda rows: rows[0]["hold"] == 2)
        shown = await file.until("| **Stage** | held")
        assert "a second person must" not in shown
        assert (await file.attributes())["DecidedBy"] == ["First Operator", "Second Operator"]

    async def test_many_at_once_are_all_answered(self, office: Office) -> None:
        file = await held(office)
        people = [DECISION, OTHER] * 4
        await asyncio.gather(*(file.handle.signal("release", person) for person in people))
        await eventually(lambda: office.rows("SELECT hold FROM bank_file"), lambda rows: rows[0]["hold"] > 1)
        await file.until("**Refused attempts**")
        await file.handle.signal("discard", DECISION)
        assert (await file.handle.result())["stage"] == "discarded"
        assert len(office.rows("SELECT FROM bank_file_decision WHERE hold = 1")) == 2

    async def test_of_sums_that_disagree_is_refused_at_once_and_not_offered(self, office: Office) -> None:
        file = await held(office, _file(EUR_ACCOUNT, "camt.053", closing_minor=699))
        shown = await details(file.handle)
        assert "The file can never be released, as its amounts do not agree: ask the bank" in shown
        assert "`release`" not in shown
        await file.handle.signal("release", DECISION)
        refusal = await file.newest_refusal()
        assert "release: the file can never be released, as its amounts do not agree" in refusal
        assert "expected a closing booked balance of 7.00 EUR" in refusal
        assert office.rows("SELECT FROM bank_file_decision") == []
        await file.handle.signal("discard", DECISION)
        assert (await file.handle.result())["stage"] == "discarded"

    async def test_of_a_broken_file_is_refused_at_once_too(self, office: Office) -> None:
        content = _file(EUR_ACCOUNT)
        file = await held(office, content[: len(content) // 2])
        await file.handle.signal("release", DECISION)
        assert "release: the file can never be released, as it is broken" in await file.newest_refusal()


class TestSource:
    @pytest.fixture(autouse=True)
    async def _allowed(self, office: Office, tmp_path: Path) -> None:
        setup, iban = tmp_path / "setup.toml", f'iban = "{EUR_ACCOUNT}"\n'
        setup.write_text(SETUP.read_text().replace(iban, f'{iban}sources = ["inbox"]\n'))
        await asyncio.to_thread(change_set_up, office.url, setup)

    async def test_two_people_let_a_file_from_elsewhere_be_posted(self, office: Office) -> None:
        file = await held(office, _file(EUR_ACCOUNT), by="e-mail")
        shown = await file.until("to come from inbox, found one from e-mail")
        assert "`release` posts the file although it came from elsewhere. Two different people" in shown
        for decision in (DECISION, OTHER):
            await file.handle.signal("release", decision)
        assert (await file.handle.result())["stage"] == "posted"

    async def test_from_where_it_should_come_it_is_posted_by_itself(self, office: Office) -> None:
        file = await held(office, _file(EUR_ACCOUNT), by="e-mail")
        await file.handle.signal("release", DECISION)
        await file.until("a second person must release it too")
        await file.again("e-mail")
        await eventually(
            lambda: office.rows("SELECT stage FROM bank_file"), lambda r: r[0]["stage"] == "held"
        )
        await file.until("a second person must release it too")
        await file.again("inbox")
        assert (await file.handle.result())["stage"] == "posted"

    async def test_after_it_was_put_away_too(self, office: Office) -> None:
        file = await held(office, _file(EUR_ACCOUNT), by="e-mail")
        await file.handle.signal("discard", DECISION)
        await file.handle.result()
        await file.again("inbox")
        assert (await file.handle.result())["stage"] == "posted"


class TestNotHeld:
    async def test_a_decision_is_refused_with_the_stage_and_not_obeyed_later(self, office: Office) -> None:
        sha256, _ = store(office.engine, _file(NEW_ACCOUNT), "test.xml", "test")
        handle: WorkflowHandle[Any, Any] = await office.temporal.start_workflow(
            "BankFile",
            {"resume": bank_file_workflow_id(sha256)},
            id=bank_file_workflow_id(sha256),
            task_queue=TASK_QUEUE,
            start_signal="discard",
            start_signal_args=[DECISION],
        )
        shown = await eventually(lambda: details(handle), lambda shown: "| **Stage** | held" in shown)
        assert "discard: the file has not been looked at yet" in shown
        await handle.signal("discard", DECISION)
        assert (await handle.result())["stage"] == "discarded"


class TestAlarm:
    """A statement before this one is missing: the file is posted, and waits for it, or for two people."""

    def _day(self, number: int, account: str) -> bytes:
        file = io.BytesIO()
        on = date(2026, 11, 22) + timedelta(days=number)
        payment = Payment(700, end_to_end_id=request_id(), booked_on=on)
        begins = 700 * number
        sheet = Sheet(account, "EUR", [payment], request_id(), str(number), begins, begins + 700, on)
        write_camt(file, [sheet], format="camt.053")
        return file.getvalue()

    async def _alarm(self, office: Office) -> Delivered:
        await _deliver(office, self._day(1, EUR_ACCOUNT))
        await eventually(
            lambda: office.rows("SELECT stage FROM bank_file"),
            lambda rows: [r["stage"] for r in rows] == ["posted"],
        )
        file = await _deliver(office, self._day(3, EUR_ACCOUNT))
        shown = await file.until("| **Stage** | alarm")
        assert "the statement before it, which ends with this balance, has not come" in shown
        found = await file.attributes()
        assert [found[n] for n in ("NeedsHuman", "WaitsForRole", "Stage")] == [True, "clerk", "alarm"]
        return file

    async def test_it_ends_by_itself_when_the_missing_statement_comes(self, office: Office) -> None:
        file = await self._alarm(office)
        await _deliver(office, self._day(2, EUR_ACCOUNT))
        await eventually(lambda: office.rows("SELECT stage FROM bank_file"), lambda rows: len(rows) == 3)
        await eventually(
            lambda: office.rows("SELECT FROM bank_statement WHERE NOT chained"), lambda rows: not rows
        )
        await office.ring()
        assert (await file.handle.result())["stage"] == "posted"

    async def test_two_people_can_go_on_without_it(self, office: Office) -> None:
        file = await self._alarm(office)
        await file.handle.signal("release", DECISION)
        assert "A second person must send it too" in await file.until("released by First Operator at 2")
        await file.handle.signal("release", DECISION)
        await file.until("you released it already; somebody else must")
        await file.handle.signal("release", OTHER)
        assert (await file.handle.result())["stage"] == "posted"

    async def test_nobody_can_put_it_away(self, office: Office) -> None:
        file = await self._alarm(office)
        await file.handle.signal("discard", DECISION)
        await file.until("the file is posted, so it cannot be put away")


class TestUnread:
    """An entry could not be read: the file is posted, and in alarm until two people have said what it is."""

    async def test_is_shown_without_what_stood_there_and_ends_when_it_is_resolved(
        self, office: Office
    ) -> None:
        workflow_id, file_id = await propose(office)
        file = Delivered(office, LACKING, office.temporal.get_workflow_handle(file_id))
        shown = await details(file.handle)
        assert (
            "entry in line 3 could not be read: Stmt\\[1]/Ntry\\[2]/RvslInd: expected true or false" in shown
        )
        assert "resolve it by 'prepay bank resolve 1 3'" in shown
        assert "maybe" not in shown
        found = await file.attributes()
        assert [found[n] for n in ("NeedsHuman", "WaitsForRole", "Stage")] == [True, "clerk", "alarm"]
        resolution = office.temporal.get_workflow_handle(workflow_id)
        await resolution.signal("approve", OTHER)
        await resolution.result()
        await office.ring()
        assert (await file.handle.result())["stage"] == "posted"
        assert "maybe" not in str(await file.handle.fetch_history())

    async def test_two_people_can_go_on_without_it(self, office: Office) -> None:
        file = await _deliver(office, LACKING.replace(b"S-1", request_id().encode()))
        await file.until("| **Stage** | alarm")
        for decision in (DECISION, OTHER):
            await file.handle.signal("release", decision)
        assert (await file.handle.result())["stage"] == "posted"
        assert office.rows("SELECT settled, resolved_at FROM bank_quarantine") == [
            {"settled": True, "resolved_at": None}
        ]
