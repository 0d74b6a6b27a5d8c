"""A second person decides on a change of master data in the Temporal UI, mistakes included."""

from tests.office import Office
from tests.ui.conftest import dismiss, grant
from tests.ui.console import Console
from tests.workflows.test_change import OPERATOR, names, proposed

VIEW = "Changes to approve"
DECISION = '{"operator": "%s", "reason": "compared with their contract"}'
MISTAKES = [
    ('{"operater": "Third Operator", "reason": "yes"}', "'operater' is not known"),
    (DECISION % "Fourth Operator", "Fourth Operator has no role now"),
    (DECISION % "third operator", "Third Operator: you proposed it already; somebody else must approve it"),
]


class TestApprove:
    async def test_from_the_saved_view_to_the_new_colleague(
        self, office: Office, console: Console, links: dict[str, str]
    ) -> None:
        proposal = await proposed(office, {"operator": [OPERATOR]}, by="Third Operator")
        dismiss(office, 4)
        assert await console.open_view(links[VIEW]) == VIEW
        assert proposal.handle.id in await console.listed()
        await console.open(proposal.handle)
        assert "adds operator Sixth Operator" in await console.read("it waits for a second person")
        for typed, answer in MISTAKES:
            await console.signal("approve", typed)
            await console.read(answer)
        assert "Sixth Operator" not in names(office)
        grant(office, 4, "administrator")
        await console.signal("approve", DECISION % "Fourth Operator")
        await console.read("applied by Fourth Operator")
        await proposal.ends("applied")
        assert names(office).count("Sixth Operator") == 1
