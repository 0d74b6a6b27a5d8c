"""Bank files: bytes to entries, pure and as a stream; what cannot be believed is quarantined, held or refused."""

from bankfiles.answers import ANSWER_FORMATS, Answer, Status, read_answers
from bankfiles.checks import Survey, Totals, checked, survey
from bankfiles.detect import Detected, detect, entries, read
from bankfiles.entry import (
    Balance,
    Batch,
    Charge,
    Direction,
    Entry,
    Event,
    Format,
    Instructed,
    Part,
    Quarantine,
    Statement,
    StatementEnd,
)
from bankfiles.refusals import BankFileError, Held, Refused

__all__ = [
    "ANSWER_FORMATS",
    "Answer",
    "Balance",
    "BankFileError",
    "Batch",
    "Charge",
    "Detected",
    "Direction",
    "Entry",
    "Event",
    "Format",
    "Held",
    "Instructed",
    "Part",
    "Quarantine",
    "Refused",
    "Statement",
    "StatementEnd",
    "Status",
    "Survey",
    "Totals",
    "checked",
    "detect",
    "entries",
    "read",
    "read_answers",
    "survey",
]
