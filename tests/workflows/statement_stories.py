"""The main ways of statements, for the same uses as those in `stories`."""

from datetime import UTC, datetime

from prepay.client import Refused
from prepay.statements import StatementRequest
from tests.office import Office, request_id
from tests.workflows.bills import money_comes


async def statement_drawn(office: Office) -> str:
    """Of the running year, from the request to the PDF."""
    money_comes(office, 3_000, request_id())
    request = StatementRequest(customer="C-1001", period=f"{datetime.now(UTC):%Y}", currency="EUR")
    view = await office.client.statement("C-1001", request.period or "", currency="EUR")
    assert view.lines
    return request.workflow_id


async def statement_refused(office: Office) -> str:
    """Of a balance that the customer does not have."""
    request = StatementRequest(customer="C-1001", period="2026-10", currency="JPY")
    try:
        await office.client.statement("C-1001", "2026-10", currency="JPY")
    except Refused:
        return request.workflow_id
    raise AssertionError("there is a statement of no balance")


STATEMENT_STORIES = (statement_drawn, statement_refused)
