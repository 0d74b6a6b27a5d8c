"""Two operators change master data: one proposes, another with the role approves; whatever is typed does no harm."""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
import pytest
from sqlmodel import Session
from temporalio.client import WorkflowHandle

import activities.setup_file
from activities.changes import CHANGEABLE, ChangeInput, ChangeRefused, propose
from activities.database import psycopg_of
from activities.master_data import MasterDataRefused
from activities.operators import OperatorRefused
from activities.setup_file import SetupMistake
from ledger import postings
from prepay.wire import InputRefused
from tests.conftest import SETUP
from tests.office import Office
from tests.workflows.deposits import details, eventually

IBAN = "DE89370400440532013000"
APPROVE = {"operator": "Third Operator", "reason": "compared with the bank's letter"}
OPERATOR = {"name": "Sixth Operator", "roles": ["clerk"], "valid_from": date(2026, 1, 1)}
LINK = {"customer": "C-1001", "account": IBAN, "by": "somebody else", "reason": "their letter"}


@dataclass
class Proposal:
    """A change that waits."""

    office: Office
    handle: WorkflowHandle[Any, Any]

    async def until(self, text: str) -> str:
        return str(await eventually(lambda: details(self.handle), lambda shown: text in shown))

    async def ends(self, stage: str) -> None:
        assert (await self.handle.result())["stage"] == stage

    def row(self) -> dict[str, Any]:
        return self.office.rows("SELECT * FROM change")[0]


def write(office: Office, tables: dict[str, Any], by: str = "First Operator") -> str:
    with Session(office.engine) as session, session.begin():
        return propose(session, ChangeInput(tables=tables, by=by, reason="a new colleague")).workflow_id


async def proposed(office: Office, tables: dict[str, Any], by: str = "First Operator") -> Proposal:
    workflow_id = write(office, tables, by)
    await office.ring()
    proposal = Proposal(office, office.temporal.get_workflow_handle(workflow_id))
    await proposal.until("| **Stage** | proposed")
    return proposal


def names(office: Office) -> list[str]:
    return [row["name"] for row in office.rows("SELECT name FROM operator ORDER BY id")]


class TestApprove:
    async def test_by_another_with_the_role_applies_it(self, office: Office) -> None:
        change = await proposed(office, {"operator": [OPERATOR]})
        assert names(office)[-1] == "Fifth Operator"
        assert "adds operator Sixth Operator" in await details(change.handle)
        await change.handle.signal("approve", APPROVE)
        await change.ends("applied")
        assert names(office)[-1] == "Sixth Operator"
        (attested,) = office.rows("SELECT * FROM attestation")
        assert (attested["signal"], attested["standing"], attested["refused"]) == ("approve", "claim", "")
        assert "compared with the bank" in attested["payload"]
        assert change.row()["attestation_id"] == attested["id"]

    @pytest.mark.parametrize(
        ("operator", "said"),
        [
            ("third operator", "Third Operator: you proposed it already; somebody else must approve it"),
            (
                "Second Operator",
                "Second Operator: Second Operator is approver and treasurer, and this takes an admin",
            ),
            ("Nobody", "Nobody: there is no operator 'Nobody'"),
        ],
    )
    async def test_by_others_is_answered(self, office: Office, operator: str, said: str) -> None:
        change = await proposed(office, {"operator": [OPERATOR]}, by="Third Operator")
        await change.handle.signal("approve", {**APPROVE, "operator": operator})
        await change.until(said)
        await change.handle.signal("approve", {**APPROVE, "operator": "Fourth Operator"})
        await change.ends("applied")

    async def test_of_one_whose_dates_are_over_is_refused(self, office: Office) -> None:
        change = await proposed(office, {"operator": [OPERATOR]})
        with Session(office.engine) as session, session.begin():
            session.connection().exec_driver_sql(
                "UPDATE operator_role SET ended_at = now() WHERE operator_id = 3"
            )
        await change.handle.signal("approve", APPROVE)
        await change.until("Third Operator has no role now")
        await change.handle.signal("refuse", {**APPROVE, "operator": "First Operator"})
        await change.ends("refused")

    async def test_twice_at_once_applies_it_once(self, office: Office) -> None:
        change = await proposed(office, {"operator": [OPERATOR]})
        both = [{**APPROVE, "operator": name} for name in ("Third Operator", "Fourth Operator")]
        await asyncio.gather(*(change.handle.signal("approve", one) for one in both * 2))
        await change.ends("applied")
        assert names(office).count("Sixth Operator") == 1

    async def test_links_a_payer_and_no_history_holds_the_account(self, office: Office) -> None:
        change = await proposed(office, {"payer_link": [LINK]})
        await change.handle.signal("approve", {**APPROVE, "operator": "Second Operator"})
        await change.ends("applied")
        assert office.rows("SELECT payer_account, linked_by FROM payer_link") == [
            {"payer_account": IBAN, "linked_by": "First Operator"}
        ]
        assert IBAN not in (await change.handle.fetch_history()).to_json()

    async def test_of_a_login_that_was_taken_meanwhile_is_answered(self, office: Office) -> None:
        logins = [{**OPERATOR, "name": name, "login": "same@nimbus.example"} for name in ("Sixth", "Seventh")]
        first, second = [await proposed(office, {"operator": [login]}) for login in logins]
        await first.handle.signal("approve", APPROVE)
        await first.ends("applied")
        await second.handle.signal("approve", APPROVE)
        await second.until("it can no longer be applied as it is")
        await second.handle.signal("refuse", APPROVE)
        await second.ends("refused")

    async def test_of_what_no_longer_fits_waits_to_be_refused(self, office: Office) -> None:
        change = await proposed(office, {"payer_link": [LINK]})
        second = await proposed(office, {"payer_link": [{**LINK, "customer": "C-1002"}]})
        await change.handle.signal("approve", {**APPROVE, "operator": "Second Operator"})
        await change.ends("applied")
        await second.handle.signal("approve", {**APPROVE, "operator": "Second Operator"})
        await second.until("it can no longer be applied as it is")
        await second.handle.signal("refuse", APPROVE)
        await second.ends("refused")


class TestRefusedByTheBook:
    async def test_is_answered_and_nothing_of_it_stays(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A change that spends what is not there: the book itself refuses, each time that it would be tried."""
        change = await proposed(office, {"operator": [OPERATOR], "payer_link": [LINK]})

        def spend(session: Session, given: Any) -> str:
            place: dict[str, Any] = {"customer": "C-1001", "entity": "nimbus-eu", "currency": "EUR"}
            postings.pay(psycopg_of(session), key="of a change", amount_minor=1, **place)
            return "added"

        monkeypatch.setitem(CHANGEABLE, "payer_link", CHANGEABLE["payer_link"]._replace(put=spend))
        for approver in ("Third Operator", "Second Operator"):
            both = "INSERT INTO operator_role (operator_id, role, valid_from) SELECT id, role, '2026-01-01'"
            write_roles = (
                f"{both} FROM operator, unnest(ARRAY['administrator', 'treasurer']) role WHERE name = %s"
            )
            with psycopg.connect(office.url) as connection:
                connection.execute(write_roles.encode(), (approver,))
            await change.handle.signal("approve", {**APPROVE, "operator": approver})
            await change.until(f"{approver}: it can no longer be applied as it is")
        assert names(office)[-1] == "Fifth Operator"
        await change.handle.signal("refuse", APPROVE)
        await change.ends("refused")


class TestWhateverIsTyped:
    async def test_cancel_is_answered(self, office: Office) -> None:
        change = await proposed(office, {"operator": [OPERATOR]})
        await change.handle.cancel()
        await change.until("it does not end a proposal")


class TestPropose:
    async def test_the_same_waits_once(self, office: Office) -> None:
        await proposed(office, {"operator": [OPERATOR]})
        with pytest.raises(ChangeRefused, match="First Operator proposed the same already: decide change-1"):
            write(office, {"operator": [OPERATOR]}, by="Second Operator")

    @pytest.mark.parametrize(
        ("tables", "error", "said"),
        [
            ({"customers": [{}]}, ChangeRefused, "`customers` is not known; there are "),
            ({"operator": [{"name": "X"}]}, InputRefused, "`roles` is missing"),
            ({}, ChangeRefused, "Nothing would change"),
            ({"operator": [OPERATOR] * 1001}, ChangeRefused, "at most 1,000 tables"),
            (
                {"operator": [OPERATOR, {**OPERATOR, "name": "sixth  operator"}]},
                ChangeRefused,
                "Two .+ the same one",
            ),
            (
                {"operator": [{**OPERATOR, "login": "x"}, {**OPERATOR, "name": "Other", "login": "x"}]},
                MasterDataRefused,
                "`login`: 'x' is the login of Sixth Operator already",
            ),
        ],
    )
    def test_what_is_no_change_is_refused(
        self, office: Office, tables: dict[str, Any], error: type[Exception], said: str
    ) -> None:
        with pytest.raises(error, match=said):
            write(office, tables)
        assert office.rows("SELECT FROM change") == []

    def test_by_nobody_is_refused(self, office: Office) -> None:
        with pytest.raises(OperatorRefused, match="There is no operator 'Nobody'"):
            write(office, {"operator": [OPERATOR]}, by="Nobody")

    def test_a_setup_file_changes_nothing_any_more_that_two_must_decide(
        self, office: Office, tmp_path: Any
    ) -> None:
        file = tmp_path / "setup.toml"
        file.write_text(SETUP.read_text().replace("Musterallee 12", "Musterallee 13"))
        with pytest.raises(
            SetupMistake, match="entity 'nimbus-eu' would change, and since there are operators"
        ):
            activities.setup_file.apply(file, office.url)
