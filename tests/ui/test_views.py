"""The links of `prepay views` open saved views in the Temporal UI."""

import asyncio
from urllib.parse import parse_qs, urlsplit

from bankfiles.sample import Payment
from tests.office import Office, request_id
from tests.ui.conftest import hold_a_file
from tests.ui.console import Console


class TestViews:
    async def test_each_opens_under_its_name_with_the_right_rows(
        self, office: Office, console: Console, links: dict[str, str]
    ) -> None:
        ids = [await self._request(office), await self._request(office)]
        reference = office.rows("SELECT reference FROM deposit WHERE workflow_id = %s", ids[1])[0][
            "reference"
        ]
        await office.pay(Payment(30_000, structured=reference))
        held = await hold_a_file(office)
        expected = {
            "Awaited deposits": ids[0],
            "Part paid": ids[1],
            "Held bank files": held,
            "Needs a person": held,
        }
        mine = {*ids, held}
        for name, link in links.items():
            query = parse_qs(urlsplit(link).query)["query"][0]
            wanted = {expected[name]} if name in expected else set()
            assert await self._listed(office, query, mine, wanted) == wanted, name
        for name in ("Part paid", "Held bank files"):
            assert await console.open_view(links[name]) == name
            assert await console.listed() & mine == {expected[name]}

    async def _listed(self, office: Office, query: str, mine: set[str], wanted: set[str]) -> set[str]:
        """Which of mine the query finds; what Temporal lists is a moment behind."""
        for _ in range(100):
            found = {workflow.id async for workflow in office.temporal.list_workflows(query)} & mine
            if found == wanted:
                break
            await asyncio.sleep(0.1)
        return found

    async def _request(self, office: Office) -> str:
        view = await office.client.request_deposit(
            "C-1001", "1000.00", "EUR", product="Compute", request_id=request_id()
        )
        found = office.rows("SELECT workflow_id FROM deposit WHERE number = %s", view.number)
        return str(found[0]["workflow_id"])
