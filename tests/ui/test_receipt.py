"""An operator gives money without an owner to a customer in the Temporal UI, mistakes included."""

import json

from bankfiles.sample import Payment
from prepay.ids import receipt_workflow_id
from tests.office import Office
from tests.ui.console import Console
from tests.workflows.deposits import details, eventually

VIEW = "Money without an owner"
PAYER, ACCOUNT = "Globex SARL", "NL42MOCK0000009004"


def apply(operator: str, customer: str = "C-1002") -> str:
    """What somebody types."""
    return json.dumps({"operator": operator, "reason": "by mail", "to": [{"customer": customer}]})


MISTAKES = [
    ('{"operator": "First Operator", "reason": "by mail"}', "'to' is missing"),
    (
        apply("Third Operator"),
        "and this takes a clerk or an approver",
    ),
    (
        apply("First Operator", "C-9999"),
        "there is no customer C-9999",
    ),
]


class TestApply:
    async def test_from_the_saved_view_to_the_balance(
        self, office: Office, console: Console, links: dict[str, str]
    ) -> None:
        await office.pay(Payment(48_000, payer_name=PAYER, payer_account=ACCOUNT, free=("your invoice",)))
        [part] = office.rows("SELECT id FROM bank_entry_part")
        receipt = office.temporal.get_workflow_handle(receipt_workflow_id(part["id"]))
        await eventually(lambda: details(receipt), lambda shown: "| **Stage** | unapplied" in shown)
        assert await console.open_view(links[VIEW]) == VIEW
        assert receipt.id in await console.listed()
        await console.open(receipt)
        for typed, answer in MISTAKES:
            await console.signal("apply", typed)
            await console.read(answer)
        assert office.rows("SELECT FROM credit") == []
        await console.signal("apply", apply("First Operator"))
        said = await console.read("applied by First Operator")
        assert PAYER not in said
        assert ACCOUNT not in said
        assert (await receipt.result())["stage"] == "applied"
        [credit] = office.rows("SELECT amount_minor FROM credit")
        assert credit["amount_minor"] == 48_000
