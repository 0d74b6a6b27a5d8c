"""Frozen money and customers: nothing is credited or spent before two compliance operators release it."""

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session
from temporalio.client import WorkflowHandle

from activities.database import psycopg_of
from activities.screening import (
    FreezeInput,
    FreezeRefused,
    Freezes,
    ListRefused,
    Loaded,
    Release,
    freeze_customer,
    load,
)
from bankfiles.sample import Payment
from ledger import postings
from ledger.refusals import Frozen
from prepay import attributes
from prepay.screening import ReleaseFreeze
from tests.office import Office
from tests.workflows.deposits import OpenDeposit, details, eventually, open_deposit

NAME, ACCOUNT = "Vandelay  Example, B.V.", "NL26MOCK0000009001"
RELEASE = {"operator": "Third Operator", "reason": "another company of a similar name"}


def listed(office: Office, folder: Path, *lines: str) -> Loaded:
    """The list is these lines."""
    file = folder / "list.csv"
    file.write_text("\n".join(("# names and accounts", *lines)), encoding="utf-8")
    with Session(office.engine) as session, session.begin():
        return load(session, file, "Third Operator")


def frozen(office: Office, by: str = "Third Operator") -> None:
    given = FreezeInput(customer="C-1001", by=by, reason="a letter of the authority")
    with Session(office.engine) as session, session.begin():
        freeze_customer(session, given)


def pay(office: Office, amount: int, key: str) -> None:
    place: dict[str, Any] = {"customer": "C-1001", "entity": "nimbus-eu", "currency": "EUR"}
    with Session(office.engine) as session, session.begin():
        postings.pay(psycopg_of(session), key=key, amount_minor=amount, **place)


def hold(office: Office) -> None:
    place: dict[str, Any] = {"customer": "C-1001", "entity": "nimbus-eu", "currency": "EUR"}
    with Session(office.engine) as session, session.begin():
        postings.hold(psycopg_of(session), key="hold-1", amount_minor=100, **place)


def capture(office: Office) -> None:
    with Session(office.engine) as session, session.begin():
        postings.capture(psycopg_of(session), key="capture-1", hold="hold-1")


async def opened(office: Office) -> WorkflowHandle[Any, Any]:
    await office.ring()
    handle = office.temporal.get_workflow_handle("freeze-1")
    await eventually(lambda: details(handle), lambda shown: "| **Stage** | frozen" in shown)
    return handle


async def says(handle: WorkflowHandle[Any, Any], text: str) -> None:
    await eventually(lambda: details(handle), lambda shown: text in shown)


async def paid(office: Office, deposit: OpenDeposit, **payer: Any) -> None:
    await office.pay(Payment(100_000, structured=deposit.view.reference, **payer))


class TestPayer:
    @pytest.mark.parametrize("line", ["name,VANDELAY example b v", f"account,{ACCOUNT[:4]} {ACCOUNT[4:]}"])
    async def test_on_the_list_freezes_the_money_until_two_release_it(
        self, office: Office, tmp_path: Path, line: str
    ) -> None:
        listed(office, tmp_path, line)
        deposit = await open_deposit(office)
        await paid(office, deposit, payer_name=NAME, payer_account=ACCOUNT)
        (part,) = office.rows("SELECT state, awaits, reason FROM bank_entry_part")
        assert (part["state"], part["awaits"]) == ("unapplied", "screening")
        assert part["reason"].endswith("; its payer is on the screening list, and it is frozen")
        handle = await opened(office)
        for name, said in [
            ("First Operator", "First Operator is clerk and approver, and this takes a compliance"),
            ("Third Operator", "| **Release** | by Third Operator"),
            ("third operator", "Third Operator: you released it already; somebody else must"),
        ]:
            await handle.signal("release", {**RELEASE, "operator": name})
            await says(handle, said)
        assert deposit.row()["credited_minor"] == 0
        receipt = office.temporal.get_workflow_handle("receipt-1")
        to = {
            "operator": "First Operator",
            "reason": "it is theirs",
            "to": [{"deposit": deposit.view.number}],
        }
        await receipt.signal("apply", to)
        await says(receipt, "it is frozen: two compliance operators must release it first")
        await handle.signal("release", {**RELEASE, "operator": "Fourth Operator"})
        assert await handle.result() == {"freeze": 1, "released_by": ["Third Operator", "Fourth Operator"]}
        assert deposit.row()["credited_minor"] == 100_000
        history = (await handle.fetch_history()).to_json()
        assert ACCOUNT not in history
        assert "Vandelay" not in history

    async def test_that_is_not_on_it_is_credited(self, office: Office, tmp_path: Path) -> None:
        listed(office, tmp_path, "name,Vandelay", "account,NL82MOCK0000001009")
        deposit = await open_deposit(office)
        await paid(office, deposit, payer_name=NAME, payer_account=ACCOUNT)
        assert deposit.row()["credited_minor"] == 100_000

    async def test_that_is_being_screened_waits(self, office: Office, tmp_path: Path) -> None:
        listed(office, tmp_path, f"account,{ACCOUNT},pending")
        await paid(office, await open_deposit(office), payer_account=ACCOUNT)
        (part,) = office.rows("SELECT reason FROM bank_entry_part")
        assert part["reason"].endswith("; its payer is being screened, and it is frozen meanwhile")

    async def test_whose_money_nobody_owns_when_it_is_released_asks_for_somebody(
        self, office: Office, tmp_path: Path
    ) -> None:
        listed(office, tmp_path, f"account,{ACCOUNT}")
        await office.pay(Payment(100_000, payer_account=ACCOUNT))
        receipt = office.temporal.get_workflow_handle("receipt-1")
        await says(receipt, "It is frozen until two compliance operators release it")
        handle = await opened(office)
        for name in ("Third Operator", "Fourth Operator"):
            await handle.signal("release", {**RELEASE, "operator": name})
        await handle.result()
        await office.ring()
        await says(receipt, "`apply`")
        shown = (await receipt.describe()).typed_search_attributes
        assert (shown.get(attributes.NEEDS_HUMAN), shown.get(attributes.WAITS_FOR_ROLE)) == (True, "clerk")


class TestOwnFreeze:
    async def test_outlives_the_list_and_the_release_of_another(self, office: Office, tmp_path: Path) -> None:
        listed(office, tmp_path, f"account,{ACCOUNT}")
        deposit = await open_deposit(office)
        await paid(office, deposit, payer_account=ACCOUNT)
        listed(office, tmp_path)
        given = FreezeInput(customer="C-1002", by="First Operator", reason="a letter of the authority")
        with Session(office.engine) as session, session.begin():
            other, _ = freeze_customer(session, given)
        for name in ("Third Operator", "Fourth Operator"):
            decision = ReleaseFreeze(operator=name, reason="all is well")
            assert not Freezes(office.engine).release(Release(freeze=other, decision=decision)).refused
        assert deposit.row()["credited_minor"] == 0
        assert office.rows("SELECT awaits FROM bank_entry_part") == [{"awaits": "screening"}]


class TestList:
    def test_is_what_the_newest_file_says(self, office: Office, tmp_path: Path) -> None:
        assert listed(office, tmp_path, "name,ACME GmbH", "name,Acme gmbh", "account,de12") == Loaded(3, 2, 0)
        assert listed(office, tmp_path, "name,ACME GmbH") == Loaded(1, 0, 1)

    @pytest.mark.parametrize(
        "line",
        [
            "name",
            "nome,ACME",
            "name, --",
            "account,",
            "name,ACME,maybe",
            "name,A,hit,x",
            'name,"ACME',
            'name,"ACME\nname,Globex"',
            "name,A\0B",
            f"name,{'A' * 140_000}",
        ],
    )
    def test_a_line_that_cannot_be_read_changes_nothing(
        self, office: Office, tmp_path: Path, line: str
    ) -> None:
        with pytest.raises(ListRefused, match="line 3: "):
            listed(office, tmp_path, "name,ACME GmbH", line)
        assert office.rows("SELECT FROM screening_subject") == []

    @pytest.mark.parametrize("content", [b"", b"\xff\xfen"])
    def test_a_file_that_is_none_takes_nobody_off_it(
        self, office: Office, tmp_path: Path, content: bytes
    ) -> None:
        listed(office, tmp_path, "name,ACME GmbH")
        file = tmp_path / "none.csv"
        file.write_bytes(content)
        with Session(office.engine) as session, session.begin(), pytest.raises(ListRefused, match="line 1: "):
            load(session, file, "Third Operator")
        assert office.rows("SELECT ended_at FROM screening_subject") == [{"ended_at": None}]


class TestCustomer:
    async def test_spends_nothing_and_is_credited_nothing_until_released(self, office: Office) -> None:
        first, second = await open_deposit(office), await open_deposit(office)
        await paid(office, first)
        hold(office)
        frozen(office)
        frozen(office)
        with pytest.raises(Frozen, match="The balance of customer C-1001 is frozen"):
            pay(office, 100, "order-1")
        with pytest.raises(Frozen):
            capture(office)
        await paid(office, second)
        assert second.row()["credited_minor"] == 0
        handle = await opened(office)
        for name in ("Third Operator", "Fourth Operator"):
            await handle.signal("release", {**RELEASE, "operator": name})
        # Who froze it does not release it.
        await eventually(
            lambda: details(handle), lambda shown: "you froze it; two others must release it" in shown
        )
        assert second.row()["credited_minor"] == 0

    def test_unknown_is_refused(self, office: Office) -> None:
        given = FreezeInput(customer="C-9", by="Third Operator", reason="a letter")
        with (
            Session(office.engine) as session,
            pytest.raises(FreezeRefused, match="There is no customer C-9"),
        ):
            freeze_customer(session, given)
