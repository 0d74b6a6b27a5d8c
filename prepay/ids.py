"""Every id that Prepay makes: task queues, workflow ids, numbers people read, payment references, content hashes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

TASK_QUEUE = "prepay"
DOCUMENTS_TASK_QUEUE = "prepay-documents"

REFERENCE_BODY_DIGITS = 11


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 of the content as canonical JSON: the same request always has the same hash."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def deposit_workflow_id(customer: str, request_id: str) -> str:
    """The customer's number for people, and a hash that is one for each request of that customer."""
    digest = hashlib.sha256(f"{customer}\0{request_id}".encode()).hexdigest()
    return f"deposit-{customer}-{digest[:20]}"


def bank_file_workflow_id(sha256: str) -> str:
    """One workflow for each content: the same file again meets the same workflow."""
    return f"bank-file-{sha256}"


def reassignment_workflow_id(move: int) -> str:
    """One workflow for each proposal to move a credit."""
    return f"reassignment-{move}"


def resolution_workflow_id(resolution: int) -> str:
    """One workflow for each proposal of what an unreadable entry is."""
    return f"resolution-{resolution}"


def payment_file_workflow_id(file: int) -> str:
    """One workflow for each payment file."""
    return f"payment-file-{file}"


def receipt_workflow_id(part: int) -> str:
    """One workflow for each entry part that nobody was credited with."""
    return f"receipt-{part}"


def claim_workflow_id(claim: int) -> str:
    """One workflow for each claim of a customer."""
    return f"claim-{claim}"


def change_workflow_id(change: int) -> str:
    """One workflow for each proposed change of master data."""
    return f"change-{change}"


def virtual_account_workflow_id(application: int) -> str:
    """One workflow for each application for a virtual account."""
    return f"virtual-account-{application}"


def refund_workflow_id(customer: str, request_id: str) -> str:
    """The customer's number for people, and a hash that is one for each request of that customer."""
    digest = hashlib.sha256(f"{customer}\0{request_id}".encode()).hexdigest()
    return f"refund-{customer}-{digest[:20]}"


def refund_number(sequence: int, year: int) -> str:
    """The number of a refund ticket as people read it, such as ``R-2026-000123``."""
    return f"R-{year}-{sequence:06d}"


def bill_workflow_id(bill: int) -> str:
    """One workflow for each bill, by its row: the caller's number may be anything."""
    return f"bill-{bill}"


def deposit_number(sequence: int, year: int) -> str:
    """The number of a deposit as people read it, such as ``D-2026-000123``."""
    return f"D-{year}-{sequence:06d}"


def payment_reference(sequence: int) -> str:
    """The ISO 11649 creditor reference of a deposit: RF, two check digits, P and eleven digits.

    The fixed shape lets the reader of bank files find it in free text with few false finds.
    """
    body = f"P{sequence:0{REFERENCE_BODY_DIGITS}d}"
    return f"RF{_check_digits(body)}{body}"


def _check_digits(body: str) -> str:
    # ISO 7064 MOD 97-10 over the body followed by RF00, letters counted from A = 10.
    number = int("".join(str(int(c, 36)) for c in body + "RF00"))
    return f"{98 - number % 97:02d}"


def grouped(reference: str) -> str:
    """The reference in groups of four, as it is printed (ISO 11649, clause 5)."""
    return " ".join(reference[i : i + 4] for i in range(0, len(reference), 4))
