"""Two compliance operators release frozen money in the Temporal UI, mistakes included."""

from tests.office import Office
from tests.ui.conftest import dismiss, grant
from tests.ui.console import Console
from tests.workflows.test_freeze import frozen, opened

VIEW = "Frozen money and customers"
RELEASE = '{"operator": "%s", "reason": "another company of a similar name"}'
MISTAKES = [
    ('"release"', "release: The input is refused: it is str; send a JSON object"),
    (RELEASE % "Fourth Operator", "Fourth Operator has no role now"),
    (RELEASE % "fifth operator", "Fifth Operator: you froze it; two others must release it"),
]


class TestRelease:
    async def test_from_the_saved_view_to_the_second_release(
        self, office: Office, console: Console, links: dict[str, str]
    ) -> None:
        """Who froze it may not release it, whatever roles they have been given since."""
        grant(office, 5, "compliance")
        dismiss(office, 4)
        frozen(office, by="Fifth Operator")
        handle = await opened(office)
        assert await console.open_view(links[VIEW]) == VIEW
        assert handle.id in await console.listed()
        await console.open(handle)
        assert "Customer C-1001 is frozen" in await console.summary()
        await console.read("two compliance operators must send it")
        for typed, answer in MISTAKES:
            await console.signal("release", typed)
            await console.read(answer)
        assert office.rows("SELECT FROM freeze_release") == []
        for answer in ("by Third Operator at ", "Third Operator: you released it already"):
            await console.signal("release", RELEASE % "Third Operator")
            await console.read(answer)
        grant(office, 4, "compliance")
        await console.signal("release", RELEASE % "Fourth Operator")
        await console.read("released at ")
        assert (await handle.result())["released_by"] == ["Third Operator", "Fourth Operator"]
