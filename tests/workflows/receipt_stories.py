"""The main ways of receipts without an owner and of claims, for the same uses as those in `stories`."""

from typing import Any

from bankfiles.sample import Payment
from tests.office import Office, request_id
from tests.workflows.claims import open_claim
from tests.workflows.payment_stories import send_payouts
from tests.workflows.receipts import APPLY, SECOND, OpenReceipt, deliver, open_receipt

PAYER: dict[str, Any] = {"payer_name": "Vandelay Example BV", "payer_account": "NL26MOCK0000009001"}


async def receipt_applied(office: Office) -> str:
    """Applied by one operator, after attempts that were refused."""
    receipt = await open_receipt(office, **PAYER)
    await receipt.handle.signal("apply", None)
    await receipt.handle.signal("aply", APPLY)
    await receipt.handle.cancel()
    await receipt.signal("apply", {**APPLY, "operator": "Third Operator"}, to=[{"customer": "C-1002"}])
    await receipt.until("this takes a clerk or an approver")
    await receipt.signal("apply", APPLY, to=[{"customer": "C-9999"}])
    await receipt.signal("apply", APPLY, to=[{"customer": "C-1002"}])
    return await _ended(receipt, "applied")


async def receipt_approved_by_two(office: Office) -> str:
    """Above the limit: one proposes, and cannot approve; another one does."""
    receipt = await open_receipt(office, 1_000_001, **PAYER)
    await receipt.signal("apply", APPLY, to=[{"customer": "C-1001"}])
    [row] = await _application(receipt)
    await receipt.signal("approve", APPLY, application=row["id"])
    await receipt.until("somebody else must approve it")
    await receipt.signal("approve", SECOND, application=row["id"])
    return await _ended(receipt, "applied")


async def receipt_chased_kept_and_taken_back(office: Office) -> str:
    """Old when its workflow first looks; to go back, kept again, its payer to be linked; then taken back."""
    key = request_id()[:30]
    receipt = await open_receipt(office, days_old=31, end_to_end_id=key, **PAYER)
    await receipt.signal("return_to_payer", SECOND)
    await receipt.until("| **Stage** | returning")
    await receipt.signal("keep", SECOND)
    await receipt.until("| **Stage** | unapplied")
    await receipt.signal("link_payer", APPLY, customer="C-1001")
    await receipt.until("which links its payer to C-1001")
    back = Payment(-100_000, request_id()[:30], end_to_end_id=key, reversal=True, **PAYER)
    await deliver(office, back)
    await office.ring()
    return await _ended(receipt, "settled")


async def receipt_returned(office: Office) -> str:
    """Nobody's money goes back to its payer: in a payment file, until the bank books it."""
    receipt = await open_receipt(office, **PAYER)
    await receipt.signal("return_to_payer", SECOND)
    await receipt.until("| **Stage** | returning")
    file = await send_payouts(office)
    query = "SELECT end_to_end_id FROM payout JOIN receipt_return b ON b.id = return_id WHERE b.part_id = %s"
    [row] = office.rows(query, receipt.part)
    paid = Payment(-100_000, f"OUT-{file}", end_to_end_id=row["end_to_end_id"], code="PMNT/ICDT/ESCT")
    await deliver(office, paid)
    await office.ring()
    return await _ended(receipt, "returned")


async def claim_credited(office: Office) -> str:
    """Made before its money comes, found when it comes, credited by an operator."""
    claim = await open_claim(office, amount="321.00", payer_account=PAYER["payer_account"])
    receipt = await open_receipt(office, 32_100, **PAYER)
    await claim.until("found")
    await receipt.signal("apply", APPLY, to=[{"customer": "C-1002"}])
    await _ended(receipt, "applied")
    await office.ring()
    await claim.handle.result()
    return claim.handle.id


async def claim_closed(office: Office) -> str:
    """Nothing fits; an operator answers it, after attempts that were refused."""
    claim = await open_claim(office, amount="9.87", **PAYER)
    await claim.handle.signal("close", None)
    await claim.handle.cancel()
    await claim.handle.signal("close", {**APPLY, "operator": "Third Operator"})
    await claim.handle.signal("close", {**APPLY, "reason": "your bank did not carry it out"})
    await claim.handle.result()
    return claim.handle.id


async def _application(receipt: OpenReceipt) -> list[dict[str, int]]:
    await receipt.until("| **Waits for a second person** | application")
    query = "SELECT id FROM receipt_application WHERE part_id = %s AND stage = 'proposed'"
    return receipt.office.rows(query, receipt.part)


async def _ended(receipt: OpenReceipt, stage: str) -> str:
    await receipt.ends(stage)
    return receipt.handle.id


RECEIPT_STORIES = (
    receipt_applied,
    receipt_approved_by_two,
    receipt_chased_kept_and_taken_back,
    receipt_returned,
    claim_credited,
    claim_closed,
)
