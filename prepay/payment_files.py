"""Payment files on the wire: what operators type, and what the workflows end with."""

from prepay.wire import OperatorName, Reason, Wire


class RunNow(Wire):
    """An operator does not wait for the bank day's file."""

    operator: OperatorName
    reason: Reason


class ResendFile(Wire):
    """An operator wants the same bytes to go to the bank once more."""

    operator: OperatorName
    reason: Reason


class PaymentFileOutcome(Wire):
    """How the file ended, with counts."""

    file: int
    stage: str
    payouts: int
    settled: int
    rejected: int
    returned: int
