"""Makes the pictures of docs/walkthroughs.md from a real run: `python -m scripts.walkthroughs [NAME]...`.

A PostgreSQL, a Temporal with its UI, workers, and an operator's browser that does what the page tells to do. Needs
Chromium (`prepay doctor` says how it is installed).
"""

import asyncio
import io
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Locator
from sqlmodel import Session
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from activities.changes import ChangeInput, propose
from activities.screening import load
from bankfiles.sample import Payment
from cli.records import view_links
from embedded.temporal import TemporalServer
from prepay.ids import change_workflow_id, receipt_workflow_id, virtual_account_workflow_id
from tests.conftest import own_server
from tests.office import Office, request_id
from tests.ui.console import Console, open_console
from tests.workflows.deposits import details, eventually, office_without_forms
from tests.workflows.refunds import ask, credited

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WIDTH = 1440
# Left of what the pictures are about.
SIDEBAR, HEADER, MARGIN = 256, 48, 14
COLOURS = 96
Handle = WorkflowHandle[Any, Any]
# What is pressed next has a red frame.
_MARK = "e => { e.style.outline = '3px solid #d11a3c'; e.style.outlineOffset = '3px'; e.style.borderRadius = '4px' }"
_UNMARK = "e => { e.style.outline = '' }"


class Photographer:
    """An operator's browser that takes pictures of parts of the page."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.page = console.page

    async def picture(
        self, name: str, top: int, bottom: int, left: int = SIDEBAR, right: int = WIDTH
    ) -> None:
        """A part of the window."""
        clip: Any = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        _keep(name, await self.page.screenshot(clip=clip))

    async def of(self, name: str, *shown: Locator, marked: Sequence[Locator] = ()) -> None:
        """The smallest rectangle around what is shown, and a margin."""
        for one in marked:
            await one.evaluate(_MARK)
        boxes = [box for one in shown if (box := await one.bounding_box())]
        top, left = (int(min(box["y"] for box in boxes)), int(min(box["x"] for box in boxes)))
        bottom = int(max(box["y"] + box["height"] for box in boxes)) + MARGIN
        right = int(max(box["x"] + box["width"] for box in boxes)) + MARGIN
        await self.picture(name, max(top - MARGIN, 0), bottom, max(left - MARGIN, 0), min(right, WIDTH))
        for one in marked:
            await one.evaluate(_UNMARK)

    async def details(self, name: str, awaited: str, before: str = "") -> None:
        """The current details alone, down to their last line, or to the paragraph that begins so."""
        await self.console.read(awaited)
        await self.page.wait_for_timeout(500)
        frame = self.page.locator("#user-metadata-current-details")
        box = await frame.bounding_box()
        body = await self.page.frame_locator("#user-metadata-current-details").locator("body").bounding_box()
        assert box
        assert body
        bottom = min(box["y"] + box["height"], body["y"] + body["height"] + MARGIN)
        if before:
            paragraph = self.page.frame_locator("#user-metadata-current-details").locator(
                "p", has_text=before
            )
            cut = await paragraph.first.bounding_box()
            assert cut
            bottom = cut["y"] - MARGIN
        await self.picture(name, int(box["y"]) - 4, int(bottom), int(box["x"]), int(box["x"] + box["width"]))

    async def open(self, handle: Handle) -> None:
        await self.console.open(handle)

    async def fill(self, name: str, signal: str, decision: dict[str, Any], first: str = "") -> None:
        """The dialog: its names where a picture of them is wanted, then the filled one, then Submit."""
        page = self.page
        if first:
            actions = page.locator("button:visible").filter(has_text="More Actions").first
            await actions.click()
            item = page.get_by_role("menuitem").filter(has_text="Send a Signal").locator("visible=true").first
            await self.of(f"{first}-menu", actions, item, page.get_by_role("menu").locator("visible=true").first,
                          marked=[actions, item])  # fmt: skip
            await page.keyboard.press("Escape")
        dialog = await self.console.open_signals()
        option = dialog.get_by_role("option").filter(has_text=signal).first
        if first:
            await page.wait_for_timeout(400)
            options = dialog.get_by_role("listbox").locator("visible=true").first
            await self.of(f"{first}-names", dialog, options, marked=[option])
        await option.click()
        await dialog.locator(".cm-content").fill(json.dumps(decision, indent=2))
        await dialog.locator(".cm-content").blur()
        await page.wait_for_timeout(1500)
        await self.of(name, dialog, marked=[dialog.get_by_test_id("confirm-modal-button")])
        await self.console.submit(dialog)


def _keep(name: str, png: bytes) -> None:
    """Few colours: a third of the size, and nobody sees it."""
    picture = (
        Image.open(io.BytesIO(png))
        .convert("RGB")
        .quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    picture.save(PICTURES / f"{name}.png", optimize=True)


async def virtual_account(office: Office, camera: Photographer, links: dict[str, str]) -> None:
    """An application, step by step from the saved view."""
    view = await _apply(office)
    handle = office.temporal.get_workflow_handle(virtual_account_workflow_id(view))
    await shown(handle, "| **Stage** | in review")
    page = camera.page
    await camera.console.open_view(links["Virtual accounts to decide"])
    row = page.locator("tbody a[href*='/workflows/']").filter(has_text=handle.id).first
    await row.wait_for()
    await page.wait_for_timeout(800)
    table = page.locator("table").first
    await camera.of("view-list", page.get_by_test_id("saved-views-button"), table, marked=[row])
    await row.click()
    tab = page.locator("#user-metadata-tab:visible").first
    await tab.wait_for()
    await page.wait_for_timeout(800)
    box = await tab.bounding_box()
    assert box
    await tab.evaluate(_MARK)
    await camera.picture("workflow-tabs", HEADER, int(box["y"]) + 44)
    await tab.evaluate(_UNMARK)
    await camera.open(handle)
    await camera.details("account-details", "in review", before="refuses it; the customer")
    await camera.fill(
        "account-signal", "approve", _by("Second Operator", "the contract is signed"), first="signal"
    )
    await camera.details("account-active", "approved by Second Operator")


async def _apply(office: Office) -> int:
    view = await office.client.apply_for_virtual_account("C-1003", "EUR", request_id=request_id())
    return view.application


async def claimed_receipt(office: Office, camera: Photographer, links: dict[str, str]) -> None:
    """A customer's ticket with a proof has found the money that came without a reference."""
    proof = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 0>>endobj\n%%EOF\n"
    )
    handle = await _unapplied(office, 48_000)
    await office.client.claim_receipt(
        "C-1002",
        "480.00",
        "EUR",
        paid_on=date.today(),
        payer_name="Globex SARL",
        proof=proof,
        request_id=request_id(),
    )
    await shown(handle, "claim 1 of customer")
    await camera.open(handle)
    await camera.details("claim-details", "claim 1 of customer", before="proposes that the account")
    to = [{"customer": "C-1002"}]
    # Somebody without the role tries, and is answered.
    await camera.console.signal(
        "apply", json.dumps(_by("Third Operator", "the proof fits", to=[{"customer": "C-1002"}]))
    )
    await camera.details("claim-refused", "Refused attempts", before="Whose it may be")
    await camera.fill("claim-signal", "apply", _by("First Operator", "the proof fits", to=to))
    await camera.details("claim-applied", "applied by First Operator")


async def above_the_limit(office: Office, camera: Photographer, links: dict[str, str]) -> None:
    """One proposes, another approves."""
    handle = await _unapplied(office, 1_250_000)
    await handle.signal("apply", _by("First Operator", "their letter of 3 May", to=[{"customer": "C-1002"}]))
    await shown(handle, "Waits for a second person")
    [row] = office.rows("SELECT max(id) AS id FROM receipt_application")
    await camera.open(handle)
    await camera.details("limit-details", "Waits for a second person", before="puts the application away")
    decision = _by("Second Operator", "the customer confirms it", application=row["id"])
    await camera.fill("limit-signal", "approve", decision)
    await camera.details("limit-applied", "as the second person, by Second Operator")


async def changed(office: Office, camera: Photographer, links: dict[str, str]) -> None:
    """A new colleague, proposed by one and approved by another."""
    row = {"name": "Sixth Operator", "roles": ["clerk"], "valid_from": date(2026, 1, 1)}
    given = ChangeInput(tables={"operator": [row]}, by="Third Operator", reason="begins on Monday")
    with Session(office.engine) as session, session.begin():
        number = propose(session, given).change
    handle = office.temporal.get_workflow_handle(change_workflow_id(number))
    await shown(handle, "| **Stage** | proposed")
    await camera.open(handle)
    await camera.details("change-details", "proposed", before="puts the proposal away")
    await camera.fill("change-signal", "approve", _by("Fourth Operator", "I have seen the contract"))
    await camera.details("change-applied", "applied by Fourth Operator")


async def frozen(office: Office, camera: Photographer, links: dict[str, str]) -> None:
    """Money of a payer on the list; two release it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "list.csv"
        file.write_text("name,Initech Example Ltd\n")
        with Session(office.engine) as session, session.begin():
            load(session, file, "Third Operator")
    await office.pay(Payment(90_000, request_id()[:30], payer_name="Initech Example Ltd"))
    [row] = await eventually(lambda: office.rows("SELECT workflow_id FROM money_freeze"), bool)
    handle = office.temporal.get_workflow_handle(row["workflow_id"])
    await shown(handle, "| **Stage** | frozen")
    await camera.open(handle)
    await camera.details("freeze-details", "frozen")
    reason = "another company of a similar name"
    await camera.fill("freeze-signal", "release", _by("Third Operator", reason))
    await camera.details("freeze-half", "a second compliance operator")
    await handle.signal("release", _by("Fourth Operator", reason))
    await camera.details("freeze-released", "released at")


async def refunded(office: Office, camera: Photographer, links: dict[str, str]) -> None:
    """A refund above what one may approve alone: who opened it may not, two others do."""
    await credited(office, 100_000, payer_account="DE02120300000000202051")
    ticket = await ask(office, "600.00", opened_by="First Operator")
    code = await ticket.code()
    await camera.open(ticket.handle)
    await camera.details("refund-details", "in review", before="pays nothing")
    decision = _by("First Operator", "as the contract says", content=code)
    await camera.console.signal("approve", json.dumps(decision))
    await camera.details("refund-refused", "you opened it")
    await camera.fill("refund-signal", "approve", {**decision, "operator": "Second Operator"})
    await camera.details("refund-half", "Second Operator (")
    await ticket.handle.signal("approve", {**decision, "operator": "Fifth Operator"})
    await camera.details("refund-approved", "it goes to the bank")


async def _unapplied(office: Office, minor: int) -> Handle:
    await office.pay(
        Payment(
            minor, request_id()[:30], payer_name="Globex SARL", free=("your invoice",), booked_on=date.today()
        )
    )
    [row] = office.rows("SELECT max(part_id) AS part FROM receipt")
    handle = office.temporal.get_workflow_handle(receipt_workflow_id(row["part"]))
    await shown(handle, "| **Stage** | unapplied")
    return handle


async def shown(handle: Handle, text: str) -> None:
    """Wait until the workflow runs and its details say so."""

    async def ask() -> str:
        try:
            return await details(handle)
        except RPCError:
            return "it has not been started yet"

    await eventually(ask, lambda said: text in said)


def _by(operator: str, reason: str, **more: Any) -> dict[str, Any]:
    return {"operator": operator, "reason": reason, **more}


WALKS = (virtual_account, claimed_receipt, above_the_limit, changed, frozen, refunded)


@asynccontextmanager
async def at_work(url: str, client: Client) -> AsyncIterator[Office]:
    """Workers, and a relay that rings."""

    async def ring(office: Office) -> None:
        while True:
            await office.ring()
            await asyncio.sleep(0.1)

    async with office_without_forms(url, client) as office:
        relay = asyncio.create_task(ring(office))
        yield office
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay


async def take(url: str, server: TemporalServer) -> None:
    """All walkthroughs, one after the other."""
    client = await Client.connect(server.address, data_converter=pydantic_data_converter)
    os.environ["PREPAY_UI_URL"] = server.ui_address
    links = {view["name"]: view["link"] for view in view_links()}
    async with at_work(url, client) as office, open_console(server.ui_address) as console:
        await console.page.set_viewport_size({"width": WIDTH, "height": 1500})
        camera = Photographer(console)
        for walk in WALKS if not sys.argv[1:] else [w for w in WALKS if w.__name__ in sys.argv[1:]]:
            await walk(office, camera, links)
            print(walk.__name__, flush=True)


def main() -> None:
    """On servers of its own."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with own_server() as postgres, tempfile.TemporaryDirectory(prefix="prepay-pictures-") as folder:
        server = TemporalServer(Path(folder))
        server.start()
        try:
            asyncio.run(take(postgres.database("prepay_set_up").app_url, server))
        finally:
            server.stop()
    for picture in sorted(PICTURES.glob("*.png")):
        print(f"{picture.stat().st_size / 1000:7.0f} kB  {picture.name}")


if __name__ == "__main__":
    main()
