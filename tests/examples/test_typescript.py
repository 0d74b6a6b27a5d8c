"""The TypeScript example, on a Temporal and a worker of ours."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Database
from tests.office import Office, request_id
from tests.workflows.deposits import office_without_forms
from tests.workflows.refunds import credited

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "typescript"
NODE = 20


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installed and compiled somewhere else: nothing of it lands in the checkout."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(f"there is no Node with npm; the example needs Node {NODE} or newer")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < NODE:
        pytest.skip(f"Node is {version}; the example needs {NODE} or newer")
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "package-lock.json", "tsconfig.json", "deposit.ts", "refund.ts"):
        shutil.copy(EXAMPLE / name, folder)
    install = [npm, "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        installed = subprocess.run(
            install, cwd=folder, capture_output=True, text=True, check=False, timeout=90
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not install the example's packages within 90 s")
    if installed.returncode != 0:
        pytest.skip(f"npm cannot install the example's packages: {installed.stderr.strip()[:200]}")
    subprocess.run([npm, "run", "build"], cwd=folder, check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture
async def office(set_up: Database, temporal: WorkflowEnvironment) -> AsyncIterator[Office]:
    async with office_without_forms(set_up.app_url, temporal.client) as office:
        yield office


async def run(
    example: Path, address: str, *arguments: str, what: str = "deposit"
) -> subprocess.CompletedProcess[str]:
    command = ["node", f"build/{what}.js", *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=example, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "TEMPORAL_ADDRESS": address},
    )  # fmt: skip


class TestDeposit:
    async def test_it_asks_and_asking_again_finds_the_same(
        self, example: Path, office: Office, temporal_address: str
    ) -> None:
        rid = request_id()
        asked = ("C-1001", "1000.00", "EUR", "Compute", rid)
        first, second = [await run(example, temporal_address, *asked) for _ in range(2)]
        assert (first.returncode, first.stderr) == (0, "")
        assert json.loads(first.stdout) == json.loads(second.stdout)
        view = await office.client.request_deposit("C-1001", "1000", "EUR", product="Compute", request_id=rid)
        assert json.loads(first.stdout)["number"] == view.number

    async def test_a_refusal_is_a_sentence(
        self, example: Path, office: Office, temporal_address: str
    ) -> None:
        refused = await run(example, temporal_address, "C-1001", "0.001", "EUR", "Compute", request_id())
        assert refused.returncode == 1
        assert "EUR has 2 decimals and it has more" in refused.stderr


class TestRefund:
    async def test_it_opens_a_ticket_once(self, example: Path, office: Office, temporal_address: str) -> None:
        await credited(office, 20_000)
        rid = request_id()
        asked = ("C-1001", "50.00", "EUR", "we leave", rid)
        first, second = [await run(example, temporal_address, *asked, what="refund") for _ in range(2)]
        assert (first.returncode, first.stderr) == (0, "")
        assert json.loads(first.stdout)["number"] == json.loads(second.stdout)["number"]
        [view] = await office.client.refunds("C-1001")
        assert (view.number, view.stage) == (json.loads(first.stdout)["number"], "in_review")

    async def test_a_refusal_is_a_sentence(
        self, example: Path, office: Office, temporal_address: str
    ) -> None:
        asked = ("C-1001", "50.00", "EUR", "we leave", request_id())
        refused = await run(example, temporal_address, *asked, what="refund")
        assert refused.returncode == 1
        assert "0.00 EUR can be refunded" in refused.stderr
