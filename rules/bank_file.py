"""What a bank file's workflow knows of it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from prepay.bank_files import BankFileOutcome

Stage = Literal["stored", "read", "posted", "alarm", "held", "refused", "discarded"]


class BankFileState(BaseModel):
    """A copy of the file's row, with counts, as it was at `as_of`."""

    model_config = ConfigDict(frozen=True)

    file: int
    """Its row. Not its name: banks put account numbers there."""
    delivered_by: str
    format: str
    stage: Stage
    reason: str
    entries: int
    posted: int
    known_before: int
    credited: int
    unapplied: int
    received_at: datetime
    as_of: datetime

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self.stage in ("posted", "refused", "discarded")

    def outcome(self) -> BankFileOutcome:
        """What the workflow ends with."""
        return BankFileOutcome(**self.model_dump(include=set(BankFileOutcome.model_fields)))
