"""Whatever operators type: the workflow stays healthy and says what was wrong; what is right still works."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import RawValue

from tests.office import Office
from tests.workflows.deposits import OpenDeposit, eventually, open_deposit

NOTHING: Any = ()
BROKEN: Any = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b'{"operator": '))

EXTEND = [
    (NOTHING, "it is empty; send a JSON object"),
    ((None,), "it is empty; send a JSON object"),
    (({},), "'operator' is missing; 'until' is missing; 'reason' is missing"),
    ((["2027-01-31"],), "it is list; send a JSON object"),
    ((42,), "it is int; send a JSON object"),
    (("2027-01-31",), "it is str; send a JSON object"),
    (({}, {}), "it is 2 values; send one JSON object"),
    ((BROKEN,), "it is no JSON that can be read; send a JSON object"),
    (({"until": "tomorrow"},), "'until' must be a day such as \"2027-01-31\""),
    (({"until": True},), "'until' must be a day"),
    (({"operator": 7},), "'operator' must be text in quotes"),
    (({"operator": ""},), "'operator' is empty"),
    (({"operator": "F\u202eirst"},), "'operator': character 2 (U+202E) is a control character"),
    (({"reason": "r" * 100_000},), "'reason' has more than 500 characters"),
    (({"untli": "2027-01-31"},), "'untli' is not known (known: operator, until, reason)"),
    (({"until": "2020-01-31"},), "2020-01-31 has passed; give a day from"),
    (({"until": "0001-01-01"},), "0001-01-01 has passed; give a day from"),
    (({"until": "400 days ahead"},), "is more than 365 days ahead; give a day up to"),
    (({"until": "9999-12-31"},), "9999-12-31 is more than 365 days ahead; give a day up to"),
]
CANCEL = [
    (NOTHING, "it is empty; send a JSON object"),
    ((None,), "it is empty; send a JSON object"),
    (([],), "it is list; send a JSON object"),
    (({"operator": "First Operator"},), "'reason' is missing"),
    (({"operator": "First Operator", "reason": "x"},), "'reason' has fewer than 3 characters"),
    (({"operator": "First Operator", "reason": "|<b>`*_[x](y)"}, 1), "it is 2 values"),
    (({"operator": "First Operator", "reason": "no", "force": True},), "'force' is not known"),
]


def _filled(deposit: OpenDeposit, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The case's mistake in an input that is right otherwise."""
    if len(arguments) != 1 or not isinstance(arguments[0], dict) or not arguments[0]:
        return arguments
    right = {"operator": "First Operator", "until": "2027-01-31", "reason": "the customer asked"}
    typed = {**right, **arguments[0]}
    if typed["until"] == "400 days ahead":
        typed["until"] = (deposit.view.issued_at + timedelta(days=400)).date().isoformat()
    return (typed,)


class TestExtend:
    async def test_whatever_is_wrong_is_answered_in_the_details(self, office: Office) -> None:
        deposit = await open_deposit(office)
        for arguments, why in EXTEND:
            await deposit.handle.signal("extend", args=_filled(deposit, arguments))
            shown = await deposit.details()
            newest = shown.partition("**Refused attempts**")[2].strip().splitlines()[0]
            assert why in newest, arguments
        assert deposit.notices() == ["issued"]
        await self._still_works(deposit)

    async def _still_works(self, deposit: OpenDeposit) -> None:
        until = (deposit.view.issued_at + timedelta(days=60)).date().isoformat()
        await deposit.handle.signal(
            "extend", {"operator": "First Operator", "until": until, "reason": "the customer asked"}
        )
        await eventually(deposit.notices, lambda kinds: kinds == ["issued", "extended"])
        shown = await eventually(deposit.details, lambda text: f"at the end of {until}" in text)
        assert "extended by First Operator" in shown
        description = await deposit.handle.describe()
        assert description.status is WorkflowExecutionStatus.RUNNING

    async def test_a_double_click_extends_once(self, office: Office) -> None:
        deposit = await open_deposit(office)
        until = (deposit.view.issued_at + timedelta(days=60)).date().isoformat()
        for _ in range(2):
            await deposit.handle.signal(
                "extend", {"operator": "First Operator", "until": until, "reason": "the customer asked"}
            )
        await eventually(
            deposit.details, lambda shown: "extend: First Operator: it expires on that day already" in shown
        )
        await deposit.pay(100_000)
        await deposit.handle.result()
        assert deposit.notices() == ["issued", "extended", "credited"]

    async def test_when_it_is_done_nothing_is_refused(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await self._still_works(deposit)
        assert "Refused attempts" not in await deposit.details()

    async def test_before_money_that_nobody_has_heard_of_tells_the_customer_of_both(
        self, office: Office
    ) -> None:
        deposit = await open_deposit(office)
        deposit.arrives(30_000)
        until = (deposit.view.issued_at + timedelta(days=60)).date().isoformat()
        await deposit.handle.signal(
            "extend", {"operator": "First Operator", "until": until, "reason": "the customer asked"}
        )
        await eventually(deposit.notices, lambda kinds: "extended" in kinds)
        await office.ring()
        await eventually(deposit.notices, lambda kinds: kinds == ["issued", "extended", "part_paid"])


class TestCancel:
    async def test_whatever_is_wrong_is_answered_and_then_it_still_works(self, office: Office) -> None:
        deposit = await open_deposit(office)
        for arguments, why in CANCEL:
            await deposit.handle.signal("cancel", args=arguments)
            shown = await deposit.details()
            assert why in shown.partition("**Refused attempts**")[2].strip().splitlines()[0], arguments
        await deposit.handle.signal("cancel", {"operator": "First Operator", "reason": "ordered twice"})
        assert (await deposit.handle.result())["stage"] == "cancelled"
        assert deposit.notices() == ["issued", "cancelled"]
        assert deposit.row()["decided"] == {"cancelled by": "First Operator", "because": "ordered twice"}

    async def test_what_was_typed_cannot_format_the_details(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.handle.signal(
            "cancel", {"operator": "D", "reason": "r", "|<img src=x>\n# [x](http://e)": 1}
        )
        attempt = (await deposit.details()).partition("**Refused attempts**")[2]
        assert "<img" not in attempt
        assert "\n#" not in attempt
        assert "[x](" not in attempt.replace("\\[", "")

    async def test_after_the_whole_amount_the_money_wins_and_the_operator_is_told(
        self, office: Office
    ) -> None:
        deposit = await open_deposit(office)
        deposit.arrives(100_000)
        await deposit.handle.signal("cancel", {"operator": "First Operator", "reason": "ordered twice"})
        await eventually(
            deposit.details, lambda shown: "cancel: First Operator: the deposit is already credited" in shown
        )
        await office.ring()
        assert (await deposit.handle.result())["stage"] == "credited"
        assert deposit.notices() == ["issued", "credited"]
        assert deposit.row()["late"] is False


class TestOtherSignals:
    @pytest.mark.parametrize("name", ["Extend", "cancle", "x" * 900, "zwei\nZeilen", "`|<b>"])
    async def test_a_misspelt_name_is_answered(self, office: Office, name: str) -> None:
        deposit = await open_deposit(office)
        await deposit.handle.signal(name, {"operator": "First Operator"})
        shown = await deposit.details()
        assert "there is no such signal here; there is extend, cancel" in shown
        await deposit.handle.signal("cancel", {"operator": "First Operator", "reason": "ordered twice"})
        assert (await deposit.handle.result())["stage"] == "cancelled"

    async def test_a_ring_with_anything_in_it_is_a_ring(self, office: Office) -> None:
        deposit = await open_deposit(office)
        sent: list[tuple[Any, ...]] = [(), (None,), (1, 2), (BROKEN,)]
        for arguments in sent:
            await deposit.handle.signal("ring", args=arguments)
        deposit.arrives(100_000)
        await deposit.handle.signal("ring")
        assert (await deposit.handle.result())["stage"] == "credited"

    async def test_many_refusals_keep_the_last_five(self, office: Office) -> None:
        deposit = await open_deposit(office)
        for number in range(12):
            await deposit.handle.signal(f"wrong-{number}")
        attempts = (await deposit.details()).partition("**Refused attempts**")[2]
        assert [f"wrong-{n}" in attempts for n in (6, 7, 11)] == [False, True, True]


class TestUpdate:
    async def test_nonsense_is_refused_and_the_workflow_goes_on(self, office: Office) -> None:
        deposit = await open_deposit(office)
        sent: list[tuple[Any, ...]] = [(), (None,), ([],), ({"customer": 1},), (1, 2), (BROKEN,)]
        for arguments in sent:
            with pytest.raises(Exception, match="update failed"):
                await deposit.handle.execute_update("request", args=arguments)
        await deposit.pay(100_000)
        assert (await deposit.handle.result())["stage"] == "credited"


class TestMenu:
    async def test_each_signal_says_what_to_paste(self, office: Office) -> None:
        deposit = await open_deposit(office)
        metadata: Any = await deposit.handle.query("__temporal_workflow_metadata")
        described = {s.name: s.description for s in metadata.definition.signal_definitions if s.name}
        assert set(described) == {"cancel", "extend", "ring"}
        assert '"until": "2027-01-31"' in described["extend"]
        assert '"operator": "your name"' in described["cancel"]
