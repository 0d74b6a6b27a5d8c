"""An operator in the Temporal UI: a headless Chromium that reads and clicks what a person would."""

import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Locator, Page, async_playwright
from temporalio.client import WorkflowHandle

from embedded.doctor import CHROMIUM

# The machine may be closed off: no look-ups in the background.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = "Chromium is not installed (`prepay doctor` says how): the Temporal UI is not tried"
PATIENCE = 20.0
# The UI breaks when it is to say "signaled" while it still says so of the one before, so that is closed at once.
CLOSE_TOASTS = """
    new MutationObserver(() => {
        for (const button of document.querySelectorAll("[id$=-success-toast] button")) button.click();
    }).observe(document, {childList: true, subtree: true});
"""
# Without a graphics card, blurred shadows and fading cost more than all else that a page does.
PLAIN = """
    const plain = new CSSStyleSheet();
    plain.replaceSync(`*, *::before, *::after {
        animation: none !important; transition: none !important;
        backdrop-filter: none !important; filter: none !important; box-shadow: none !important;
    }`);
    document.adoptedStyleSheets = [plain];
"""


def chromium() -> str | None:
    """The program, where it is installed."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


@dataclass
class Console:
    """One browser tab on one Temporal UI."""

    page: Page
    address: str

    async def open(self, workflow: WorkflowHandle[Any, Any]) -> None:
        """Open a workflow at its details: by its row where the view lists it, else by its address."""
        row = self.page.locator(f"tbody a[href*='/workflows/{workflow.id}/']").first
        if await row.is_visible():
            await row.click()
        else:
            await self.page.goto(f"{self.address}/namespaces/default/workflows/{workflow.id}")
        await self.page.locator("#user-metadata-tab:visible").first.click()
        await self._details().wait_for()

    async def details(self) -> str:
        """The current details as a person reads them, fetched again."""
        await self.page.keyboard.press("r")
        said = await self._details().inner_text()
        # The UI sets quotation marks.
        return said.translate({ord("‘"): "'", ord("’"): "'"})

    async def read(self, awaited: str) -> str:
        """The details, once they say what is awaited."""
        until = time.monotonic() + PATIENCE
        while awaited not in (said := await self.details()):
            assert time.monotonic() < until, f"the details do not say {awaited!r}, they say:\n{said}"
            await self.page.wait_for_timeout(200)
        return said

    async def summary(self) -> str:
        """The line at the left, like a subject."""
        return await self.page.frame_locator("#user-metadata-summary").locator("body").inner_text()

    async def signals(self) -> list[str]:
        """Name and help of each signal that the dialog offers."""
        dialog = await self.open_signals()
        said = [text.strip() for text in await dialog.get_by_role("option").all_inner_texts()]
        await self.page.keyboard.press("Escape")
        await self.page.keyboard.press("Escape")
        return said

    async def signal(self, name: str, content: str = "", custom: bool = False) -> None:
        """More Actions → Send a Signal: choose or type the name, paste the content, submit."""
        dialog = await self.open_signals()
        await dialog.get_by_role("option").filter(has_text="Custom" if custom else name).first.click()
        if custom:
            await dialog.get_by_test_id("signal-name").fill(name)
        if content:
            # Leaving the box lays the JSON out anew, which moves the button away from under the mouse.
            await dialog.locator(".cm-content").fill(content)
            await dialog.locator(".cm-content").blur()
        await self.submit(dialog)

    async def submit(self, dialog: Locator) -> None:
        """Send what has been filled in."""
        await self._submit(dialog, "/signal/")

    async def cancel(self) -> None:
        """The blue button: Request Cancellation."""
        await self.page.locator("button:visible").filter(has_text="Request Cancellation").first.click()
        await self._submit(self._dialog("cancel"), "/cancel")

    async def terminate(self, reason: str) -> None:
        """More Actions → Terminate."""
        await self._choose("Terminate")
        dialog = self._dialog("terminate")
        await dialog.get_by_test_id("workflow-termination-reason").fill(reason)
        await self._submit(dialog, "/terminate")

    async def reset(self, reason: str) -> None:
        """More Actions → Reset, to the first point that is offered."""
        await self._choose("Reset")
        dialog = self._dialog("reset")
        await dialog.locator("button:has(#reset-event-id)").click()
        await dialog.get_by_role("option").last.click()
        await dialog.get_by_test_id("reset-reason").fill(reason)
        await self._submit(dialog, "/reset")

    async def open_view(self, link: str) -> str:
        """Follow a link to a saved view; the name under which it opens."""
        await self.page.goto(link)
        rows, none = self._rows(), self.page.get_by_text("No Workflows Found")
        await rows.or_(none).first.wait_for()
        return await self.page.get_by_test_id("saved-views-button").inner_text()

    async def listed(self) -> set[str]:
        """The workflow ids of the rows."""
        return set(await self._rows().all_inner_texts())

    def _rows(self) -> Locator:
        return self.page.locator("tbody a[href*='/workflows/']")

    async def _choose(self, action: str) -> None:
        await self.page.locator("button:visible").filter(has_text="More Actions").first.click()
        await self.page.get_by_role("menuitem").filter(has_text=action).locator("visible=true").first.click()

    async def open_signals(self) -> Locator:
        """The dialog with its names unfolded."""
        await self._choose("Send a Signal")
        dialog = self._dialog("signal")
        await dialog.locator("button:has(#signal-select)").click()
        await dialog.get_by_role("option").first.wait_for()
        return dialog

    def _dialog(self, action: str) -> Locator:
        return self.page.locator(f"dialog#{action}-confirmation-modal[open]")

    async def _submit(self, dialog: Locator, path: str) -> None:
        """Press the button at the bottom right; the server must take it."""
        async with self.page.expect_response(lambda answer: path in answer.url) as sent:
            await dialog.get_by_test_id("confirm-modal-button").click()
        assert (await sent.value).ok
        await dialog.wait_for(state="hidden")
        await self.page.locator("[id$=-success-toast]").wait_for(state="detached")

    def _details(self) -> Locator:
        return self.page.frame_locator("#user-metadata-current-details").locator("body")


@asynccontextmanager
async def open_console(address: str, *, plain: bool = False) -> AsyncIterator[Console]:
    """A browser; a plain one for who looks at no pictures."""
    program = chromium()
    assert program, MISSING
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1360, "height": 1000}, reduced_motion="reduce")
        page.set_default_timeout(PATIENCE * 1000)
        await page.add_init_script(CLOSE_TOASTS + (PLAIN if plain else ""))
        yield Console(page, address)
        await browser.close()
