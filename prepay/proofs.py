"""Proofs of payment: a PDF or a picture, known by its content and never by its name, and not larger than it must be."""

import hashlib
from typing import Literal, NamedTuple

from prepay.wire import InputRefused

MAX_PROOF_BYTES = 10 * 1024 * 1024
TAIL = 1024

ProofKind = Literal["pdf", "png", "jpeg"]
# How each begins, and what stands near its end: what was cut off is refused while its sender is there.
_KINDS: tuple[tuple[ProofKind, bytes, bytes], ...] = (
    ("pdf", b"%PDF-", b"%%EOF"),
    ("png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"IEND\xaeB`\x82"),
    ("jpeg", b"\xff\xd8\xff", b"\xff\xd9"),
)


class Proof(NamedTuple):
    """A proof that was looked at."""

    sha256: str
    kind: ProofKind
    content: bytes


def read_proof(content: bytes) -> Proof:
    """What the bytes are. Raises InputRefused."""
    if not content:
        raise InputRefused("The proof", ["it is empty"])
    if len(content) > MAX_PROOF_BYTES:
        megabytes = MAX_PROOF_BYTES // 1024 // 1024
        raise InputRefused("The proof", [f"it has {len(content):,} bytes; at most {megabytes} MB are kept"])
    for kind, begins, ends in _KINDS:
        if content.startswith(begins):
            if ends not in content[-TAIL:]:
                raise InputRefused("The proof", [f"the {kind.upper()} is cut off; send all of it"])
            return Proof(hashlib.sha256(content).hexdigest(), kind, content)
    raise InputRefused("The proof", ["it is no PDF, PNG or JPEG; send one of these"])
