"""An operator decides on an application for a virtual account in the Temporal UI, mistakes included."""

from tests.office import Office
from tests.ui.console import Console
from tests.workflows.deposits import change
from tests.workflows.virtual import in_review

APPROVE = '{"operator": "%s", "reason": "the contract is signed"}'
VIEW = "Virtual accounts to decide"
MISTAKES = [
    ("", "approve: The input is refused: it is empty"),
    ('["approve"]', "approve: The input is refused: it is list; send a JSON object"),
    ('{"operater": "Second Operator", "reason": "yes"}', "'operater' is not known"),
    (APPROVE % "Somebody Else", "Somebody Else: there is no operator 'Somebody Else'"),
    (
        APPROVE % "Third Operator",
        "Third Operator is compliance and administrator, and this takes an approver",
    ),
    (APPROVE % "Fifth Operator", "Fifth Operator has no role now"),
    (APPROVE % "first operator", "First Operator: you applied for"),
]


class TestApprove:
    async def test_from_the_saved_view_to_the_account(
        self, office: Office, console: Console, links: dict[str, str]
    ) -> None:
        application = await in_review(office, by="First Operator")
        change(office, "UPDATE operator_role SET ended_at = now() WHERE operator_id = 5")
        assert await console.open_view(links[VIEW]) == VIEW
        assert application.handle.id in await console.listed()
        await console.open(application.handle)
        said = await console.read("in review")
        assert "approve" in said
        for typed, answer in MISTAKES:
            await console.signal("approve", typed)
            await console.read(answer)
        assert office.rows("SELECT FROM virtual_account WHERE stage = 'active'") == []
        for _ in range(2):
            await console.signal("approve", APPROVE % "Second Operator")
        said = await console.read("approved by Second Operator")
        assert "VIRTUAL" not in said
        assert len(office.rows("SELECT FROM virtual_account WHERE stage = 'active'")) == 1
        await console.signal("close", '{"operator": "Second Operator", "reason": "the customer has left"}')
        assert (await application.handle.result())["stage"] == "closed"
