"""The demo's customer whose money nobody could attribute: they claim it with a proof, an operator applies it."""

import asyncio
import time
from contextlib import suppress
from datetime import date
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from temporalio.service import RPCError

from cli.output import amount
from cli.patience import PATIENCE_SECONDS, patiently
from prepay.ids import receipt_workflow_id
from prepay.temporal import connect_temporal

if TYPE_CHECKING:
    from cli.story import Run
    from prepay.claims import ClaimView
    from prepay.client import PrepayClient

CUSTOMER, PAYER, SUM_MINOR, CURRENCY = "C-1002", "Globex SARL", 48_000, "EUR"
OPERATOR = "First Operator"
PROOF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 0>>endobj\n%%EOF\n"
AGAIN_SECONDS = 10.0


async def claim_and_apply(client: "PrepayClient", run: "Run", part: int) -> None:
    """From the customer's question to the credit. Each step may be done twice."""
    claim = await _claim(client, run)
    await _until(client, claim, "found")
    run.say(f"Claim {claim.claim} has found receipt {part}: an operator looks at it")
    await _apply(client, run, claim, part)


async def _claim(client: "PrepayClient", run: "Run") -> "ClaimView":
    ask = partial(
        client.claim_receipt, CUSTOMER, "480.00", CURRENCY,
        paid_on=date.today(), payer_name=PAYER, proof=PROOF, request_id=str(uuid4()),
    )  # fmt: skip
    claim = await patiently(ask)
    run.say(
        f"{CUSTOMER} asks where their {amount(SUM_MINOR, CURRENCY)} are, with a proof: claim {claim.claim}"
    )
    return claim


async def _until(
    client: "PrepayClient", claim: "ClaimView", stage: str, seconds: float = PATIENCE_SECONDS
) -> None:
    until = time.monotonic() + seconds
    while (now := await patiently(partial(client.claim, CUSTOMER, claim.claim))).stage != stage:
        if time.monotonic() > until:
            raise TimeoutError(f"Claim {claim.claim} is still {now.stage}, not {stage}")
        await asyncio.sleep(0.1)


async def _apply(client: "PrepayClient", run: "Run", claim: "ClaimView", part: int) -> None:
    """The operator's signal, as the Temporal UI sends it; again where its part of the stack was away."""
    temporal = await connect_temporal()
    handle = temporal.get_workflow_handle(receipt_workflow_id(part))
    decision = {"operator": OPERATOR, "reason": "the proof fits", "to": [{"customer": CUSTOMER}]}
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        # Lost with its server, or refused since it was obeyed before: the claim tells.
        with suppress(RPCError, RuntimeError):
            await handle.signal("apply", decision)
        try:
            await _until(client, claim, "credited", AGAIN_SECONDS)
        except TimeoutError:
            if time.monotonic() > until:
                raise
            continue
        break
    run.say(f"{OPERATOR} applies it: {amount(SUM_MINOR, CURRENCY)} are on the balance of {CUSTOMER}")
