"""An operator decides on a held bank file in the Temporal UI."""

from tests.office import Office
from tests.ui.conftest import hold_a_file
from tests.ui.console import Console


class TestHeld:
    async def test_the_details_say_why_and_the_signals_decide(self, office: Office, console: Console) -> None:
        workflow = office.temporal.get_workflow_handle(await hold_a_file(office))
        await console.open(workflow)
        said = await console.read("held: it waits for a decision of an operator")
        assert "Ntfctn[1], line " in said
        assert "expected an account that an entity has set up, in EUR, found something else" in said
        await console.signal("discard")
        await console.read("discard: The input is refused: it is empty")
        await console.signal("release", '{"operator": "First Operator", "reason": "look again"}')
        await console.read("a second person must release it too")
        await console.signal("release", '{"operator": "first operator", "reason": "look again"}')
        await console.read("release: First Operator: you released it already; somebody else must")
        await console.signal("release", '{"operator": "Second Operator", "reason": "I agree"}')
        await console.read("Two different people must send it")
        await console.signal("discard", '{"operator": "First Operator", "reason": "a test file"}')
        said = await console.read("discarded by an operator")
        for operator in (
            "released by First Operator",
            "released by Second Operator",
            "discarded by First Operator",
        ):
            assert operator in said
        assert (await workflow.result())["stage"] == "discarded"
        assert office.rows("SELECT 1 FROM bank_entry") == []
