"""Payment files on the wire: what operators type, and what the workflows end with."""

from typing import Annotated

from pydantic import Field

from prepay.wire import OperatorName, Reason, Wire


class RunNow(Wire):
    """An operator does not wait for the bank day's file."""

    operator: OperatorName
    reason: Reason


class ResendFile(Wire):
    """An operator wants the same bytes to go to the bank once more."""

    operator: OperatorName
    reason: Reason


class NotPaid(Wire):
    """The bank has told an operator that it never paid a payout, named by its EndToEndId; it takes two of them."""

    operator: OperatorName
    reason: Reason
    payout: Annotated[str, Field(min_length=1, max_length=35)]


class PaymentFileOutcome(Wire):
    """How the file ended, with counts."""

    file: int
    stage: str
    payouts: int
    settled: int
    rejected: int
    returned: int
