"""Two people approve a refund in the Temporal UI, mistakes included."""

import json
from typing import Any

import pytest

from tests.office import Office
from tests.ui.conftest import dismiss
from tests.ui.console import Console
from tests.workflows.deposits import eventually
from tests.workflows.refunds import PAYEE, PROOF, ask, available, credited
from tests.workflows.test_refund_survival import STAGES, finish, swept

SHORT = {("half_approved", "terminate"), ("sent", "reset")}
PRESSED = [
    pytest.param(stage, button, marks=() if (stage.__name__, button) in SHORT else pytest.mark.chaos)
    for stage in STAGES
    for button in ("terminate", "reset")
]
VIEW, SECOND_VIEW = "Refunds to approve", "Refunds for a second person"


def approve(operator: str, content: str) -> str:
    """What somebody types."""
    return json.dumps({"operator": operator, "content": content, "reason": "as the contract says"})


class TestApprove:
    async def test_from_the_saved_view_to_the_payout(
        self, office: Office, console: Console, links: dict[str, str]
    ) -> None:
        await credited(office, 100_000, payer_account="")
        ticket = await ask(office, "400.00", opened_by="First Operator")
        await office.client.enter_payee("C-1001", ticket.number, PAYEE, proof=PROOF)
        code = await ticket.code()
        dismiss(office, office.rows("SELECT id FROM operator WHERE name = 'Fourth Operator'")[0]["id"])
        assert await console.open_view(links[VIEW]) == VIEW
        assert ticket.handle.id in await console.listed()
        await console.open(ticket.handle)
        mistakes = [
            ("", "approve: The input is refused: it is empty"),
            (approve("Nobody", code), "there is no operator 'Nobody'"),
            (approve("Fourth Operator", code), "has no role now"),
            (approve("First Operator", code), "you opened it: somebody else must approve it"),
            (approve("Second Operator", "0" * 12), "what you approve has changed since you looked"),
        ]
        for typed, answer in mistakes:
            await console.signal("approve", typed)
            await console.read(answer)
        assert office.rows("SELECT id FROM refund_approval") == []
        await console.signal("approve", approve("Second Operator", code))
        await console.read("Second Operator (claim")
        await console.signal("approve", approve("Second Operator", code))
        said = await console.read("you approved it already")
        assert PAYEE["iban"].replace(" ", "") not in said.replace(" ", "")
        assert await console.open_view(links[SECOND_VIEW]) == SECOND_VIEW
        await eventually(console.listed, lambda ids: ticket.handle.id in ids)
        await console.open(ticket.handle)
        await console.signal("approve", approve("Fifth Operator", code))
        await console.read("approved: it goes to the bank with the next payment file")
        assert [payout["stage"] for payout in ticket.payouts()] == ["ready"]
        assert available(office) == 60_000


class TestButtons:
    """`make chaos ARGS="tests/ui"` presses both at every stage."""

    @pytest.mark.parametrize(("stage", "button"), PRESSED)
    async def test_pressed_at_a_stage_change_nothing(
        self, office: Office, console: Console, stage: Any, button: str
    ) -> None:
        ticket = await stage(office)
        await console.open(ticket.handle)
        if button == "terminate":
            await console.terminate("pressed by mistake")
            await swept(ticket)
        else:
            await console.reset("try again")
        await finish(ticket)
