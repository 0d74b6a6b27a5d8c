"""An operator decides on a held bank file in the Temporal UI."""

from tests.office import Office
from tests.ui.conftest import hold_a_file
from tests.ui.console import Console


class TestHeld:
    async def test_the_details_say_why_and_the_signals_decide(self, office: Office, console: Console) -> None:
        workflow = office.temporal.get_workflow_handle(await hold_a_file(office))
        await console.open(workflow)
        said = await console.read("held: it waits for a decision of an operator")
        reason = office.rows("SELECT reason FROM bank_file")[0]["reason"]
        assert reason[:40] in said
        await console.signal("discard")
        await console.read("discard: The input is refused: it is empty")
        await console.signal("release", '{"operator": "Operator One", "reason": "look again"}')
        await console.signal("discard", '{"operator": "Operator One", "reason": "a test file"}')
        await console.read("discarded by an operator")
        assert (await workflow.result())["stage"] == "discarded"
        assert office.rows("SELECT 1 FROM bank_entry") == []
