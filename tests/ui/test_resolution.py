"""A second person decides in the Temporal UI what an unreadable entry is, mistakes included."""

from tests.office import Office
from tests.ui.console import Console
from tests.workflows.test_resolution import proposed

VIEW = "Unread entries to approve"
DECISION = '{"operator": "%s", "reason": "it stands so in the file"}'
MISTAKES = [
    ('{"operator": "Second Operator"}', "'reason' is missing"),
    (DECISION % "Third Operator", "and this takes an approver"),
    (DECISION % "first operator", "First Operator: you proposed it already; somebody else must approve it"),
]


class TestApprove:
    async def test_from_the_saved_view_to_the_posted_entry(
        self, office: Office, console: Console, links: dict[str, str]
    ) -> None:
        proposal = await proposed(office)
        assert await console.open_view(links[VIEW]) == VIEW
        assert proposal.handle.id in await console.listed()
        await console.open(proposal.handle)
        assert "40.00 EUR credit" in await console.read("proposed: a second person must approve it")
        for typed, answer in MISTAKES:
            await console.signal("approve", typed)
            await console.read(answer)
        assert proposal.posted() == 0
        await console.signal("approve", DECISION % "Second Operator")
        await console.read("applied by Second Operator")
        await proposal.ends("applied")
        assert proposal.posted() == 1
