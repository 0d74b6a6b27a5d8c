"""200 payloads for each signal of receipts and claims: all stay healthy, say why each was refused, and still work."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from prepay.claims import CloseClaim
from prepay.receipts import ApplyReceipt, DecideApplication, LinkReceiptPayer, ReturnReceipt
from prepay.wire import InputRefused, Wire, parse
from rules.receipt import SIGNALS
from tests.office import Office
from tests.workflows.claims import open_claim
from tests.workflows.deposits import details
from tests.workflows.receipts import APPLY, open_receipt
from tests.workflows.test_reassignment import _sent

KINDS: dict[str, type[Wire]] = {
    "apply": ApplyReceipt,
    "approve": DecideApplication,
    "refuse": DecideApplication,
    "return_to_payer": ReturnReceipt,
    "keep": ReturnReceipt,
    "link_payer": LinkReceiptPayer,
    "close": CloseClaim,
}


def _decides(signal: str, sent: list[Any]) -> bool:
    """Whether it is a decision after all."""
    try:
        parse(KINDS[signal], json.loads(json.dumps(sent[0])), "it")
    except (InputRefused, TypeError, IndexError):
        return False
    return len(sent) == 1


async def _newest_refusal(handle: WorkflowHandle[Any, Any]) -> str:
    return (await details(handle)).partition("**Refused attempts**")[2].strip().splitlines()[0]


async def _fuzz(handle: WorkflowHandle[Any, Any], signal: str) -> None:
    loop = asyncio.get_running_loop()
    seen = []

    async def refused(sent: list[Any]) -> None:
        await handle.signal("nothing")
        await handle.signal(signal, args=sent)
        assert f", {signal.replace('_', chr(92) + '_')}: The input is refused: " in await _newest_refusal(
            handle
        ), sent

    @settings(max_examples=200, suppress_health_check=list(HealthCheck), database=None)
    @given(_sent.filter(lambda sent: not _decides(signal, sent)))
    def each(sent: list[Any]) -> None:
        asyncio.run_coroutine_threadsafe(refused(sent), loop).result(60)
        seen.append(sent)

    await asyncio.to_thread(each)
    assert len(seen) >= 200
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING


@pytest.mark.parametrize("signal", SIGNALS)
async def test_of_a_receipt(office: Office, signal: str) -> None:
    receipt = await open_receipt(office)
    await _fuzz(receipt.handle, signal)
    await receipt.signal("apply", APPLY, to=[{"customer": "C-1001"}])
    await receipt.ends("applied")
    assert receipt.available() == 100_000


async def test_of_a_claim(office: Office) -> None:
    claim = await open_claim(office)
    await _fuzz(claim.handle, "close")
    await claim.handle.signal("close", APPLY)
    assert (await claim.handle.result())["stage"] == "closed"


class TestMenu:
    async def test_each_signal_says_what_to_paste(self, office: Office) -> None:
        receipt, claim = await open_receipt(office), await open_claim(office, amount="1.00")
        described: dict[str, str] = {}
        for handle in (receipt.handle, claim.handle):
            metadata: Any = await handle.query("__temporal_workflow_metadata")
            signals = metadata.definition.signal_definitions
            described |= {signal.name: signal.description for signal in signals if signal.name}
        assert set(described) == {*KINDS, "ring"}
        for name, kind in KINDS.items():
            assert parse(kind, json.loads(described[name][described[name].index("{") :]), name)
