"""Makes the pictures of docs/pictures from a real run of the demo: `python -m scripts.pictures`.

Needs Chromium (`prepay doctor` says how it is installed) and pdftoppm (poppler-utils).
"""

import asyncio
import io
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from playwright.sync_api import FloatRect, ViewportSize, sync_playwright
from rich.console import Console
from rich.text import Text

from bankfiles.sample import Payment
from embedded.bank import BankClient
from embedded.discover import environment
from ledger import postings
from prepay.client import PrepayClient
from prepay.ids import deposit_workflow_id
from tests.ui.console import FLAGS, MISSING, chromium

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
USUAL_FOLDER = "~/.local/share/prepay/demo"
COLUMNS = 118
DEPOSIT = ("C-1001", "12500.00", "EUR")
ENTITY = "nimbus-eu"
PART = Payment(500_000)
FORM_WIDTH = 860
PAGE = ViewportSize(width=1480, height=1280)
# Left and above of what the picture is about.
SIDEBAR, HEADER = 256, 48
PATIENCE_SECONDS = 60.0


class NotMade(RuntimeError):
    pass


def main() -> None:
    """Run the demo, then take one picture after the other."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="prepay-pictures-") as name, running_demo(Path(name)) as said:
        picture_of_terminal(said)
        os.environ.update(environment(Path(name)))
        workflow_id, form = asyncio.run(part_paid_deposit())
        picture_of_page("form", form)
        picture_of_page("statement", asyncio.run(statement()))
        picture_of_deposit(f"{os.environ['PREPAY_UI_URL']}/namespaces/default/workflows/{workflow_id}")
    for picture in sorted(PICTURES.iterdir()):
        print(f"{picture.stat().st_size / 1000:7.0f} kB  {picture.name}")


@contextmanager
def running_demo(folder: Path) -> Iterator[list[str]]:
    """The demo in this folder, until the end of the block; what it has said so far."""
    program = Path(sysconfig.get_path("scripts")) / "prepay"
    terminal = {**os.environ, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    demo = subprocess.Popen(
        [program, "demo", "--data", folder],
        env=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    try:
        assert demo.stdout
        for line in demo.stdout:
            said.append(line.rstrip().replace(str(folder), USUAL_FOLDER))
            print(said[-1])
            if "Ctrl-C" in line:
                break
        yield said
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(PATIENCE_SECONDS)


async def part_paid_deposit() -> tuple[str, bytes]:
    """A customer asks for a form and pays a part; the id of the workflow, and the form."""
    bank = BankClient(os.environ["PREPAY_BANK_URL"])
    until = time.monotonic() + PATIENCE_SECONDS
    async with await PrepayClient.connect(os.environ["PREPAY_DATABASE_URL"]) as client:
        request_id = f"picture-{time.time_ns()}"
        view = await client.request_deposit(
            *DEPOSIT, product="Compute", note="First half of next year", request_id=request_id
        )
        form = await client.form_pdf(view.number)
        bank.send_credit(
            view.pay_to.code, PART.amount_minor, payer_name="ACME GmbH", reference=view.reference
        )
        while (await client.deposit(view.number)).stage != "part_paid":
            if time.monotonic() > until:
                raise NotMade(f"{view.number} did not become part paid")
            await asyncio.sleep(0.2)
    return deposit_workflow_id(DEPOSIT[0], request_id), form


def picture_of_terminal(said: list[str]) -> None:
    """What the demo said, as an SVG that loads nothing from elsewhere."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for line in said:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis")
    svg = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="make demo"), flags=re.DOTALL)
    (PICTURES / "demo.svg").write_text(svg.replace("Fira Code", "DejaVu Sans Mono"))


async def statement() -> bytes:
    """A month with a little of everything, of the customer who asked for the form."""
    url = os.environ["PREPAY_DATABASE_URL"]
    today = datetime.now(UTC).date()
    with psycopg.connect(url) as connection:
        _spend(connection, today)
    async with await PrepayClient.connect(url) as client:
        return (await client.statement(DEPOSIT[0], f"{today:%Y-%m}", currency=DEPOSIT[2])).pdf


def _spend(connection: postings.Connection, today: date) -> None:
    place: dict[str, Any] = {"customer": DEPOSIT[0], "entity": ENTITY, "currency": DEPOSIT[2]}
    for number, minor in enumerate((48_000, 12_990, 7_500, 103_250), 4711):
        cause = f"order {number}"
        postings.pay(
            connection, key=f"picture-{number}", amount_minor=minor, effective_on=today, cause=cause, **place
        )
    postings.refund_order(
        connection, key="picture-back", payment="picture-4712", effective_on=today, cause="order 4712"
    )
    postings.hold(connection, key="picture-hold", amount_minor=60_000, effective_on=today, **place)


def picture_of_page(name: str, pdf: bytes) -> None:
    """The first page of a PDF."""
    if shutil.which("pdftoppm") is None:
        raise NotMade("pdftoppm is not installed: apt-get install poppler-utils")
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(pdf)
        file.flush()
        size = ["-scale-to-x", str(FORM_WIDTH), "-scale-to-y", "-1"]
        subprocess.run(
            ["pdftoppm", "-png", "-singlefile", "-f", "1", *size, file.name, PICTURES / name], check=True
        )


def picture_of_deposit(link: str) -> None:
    """The workflow in the Temporal UI, at its details."""
    program = chromium()
    if program is None:
        raise NotMade(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport=PAGE, reduced_motion="reduce")
        page.goto(link)
        page.locator("#user-metadata-tab:visible").first.click()
        details = page.frame_locator("#user-metadata-current-details")
        details.get_by_text("part paid").wait_for()
        page.wait_for_timeout(1000)
        clip = FloatRect(x=SIDEBAR, y=HEADER, width=PAGE["width"] - SIDEBAR, height=PAGE["height"] - HEADER)
        page.screenshot(path=PICTURES / "deposit.png", clip=clip)
        browser.close()


if __name__ == "__main__":
    main()
