"""What goes into postings and what they answer. Amounts are minor units."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A booked incoming part. Its key names the money for ever."""

    key: str
    account: str
    entity: str
    currency: str
    amount_minor: int
    effective_on: date | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Money of a receipt (`source`: the receipt's key) for a customer, and a deposit where one is known."""

    key: str
    source: str
    customer: str
    entity: str
    currency: str
    amount_minor: int
    effective_on: date | None = None
    value_on: date | None = None
    deposit: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseMovement:
    """Money between two house accounts such as `bank:GIRO`, `bank-fees`, `unexplained`."""

    key: str
    debit: str
    credit: str
    entity: str
    currency: str
    amount_minor: int
    effective_on: date | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    transfer_id: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class KeyPosting:
    """The posting of one item of many."""

    key: str
    transfer_id: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class CreditPosting:
    """`pending`: the credit waits for its value date."""

    key: str
    transfer_id: int
    pending: bool
    replayed: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """What time has done: a credit whose value date came, or a hold that expired."""

    key: str
    transfer_id: int
    customer: str
    cause: str | None
    amount_minor: int
    deposit: str | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a refund holds of one lot, with the receipt and the deposit that brought it."""

    lot_id: int
    credit_key: str
    source: str
    deposit: str | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class RefundHold:
    transfer_id: int
    replayed: bool
    lots: tuple[Reservation, ...]


@dataclass(frozen=True, slots=True)
class PayoutReturn:
    """`hold_id` and `held_minor`: the new hold, if there was one to make."""

    transfer_id: int
    replayed: bool
    hold_id: int | None
    held_minor: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """One transfer of a correction; `voided_key` is the key of the hold that it voided."""

    transfer_id: int
    kind: str
    debit: str
    credit: str
    amount_minor: int
    voided_key: str | None


@dataclass(frozen=True, slots=True)
class Correction:
    lines: tuple[Line, ...]
    replayed: bool

    @property
    def voided_keys(self) -> list[str]:
        """Keys of the holds, refunds and pending credits that were voided: their approvals end as well."""
        return [line.voided_key for line in self.lines if line.voided_key]


@dataclass(frozen=True, slots=True)
class Balance:
    """A customer's money with one entity in one currency, in minor units. `available` is posted less held."""

    customer: str
    entity: str
    currency: str
    posted_minor: int
    pending_in_minor: int
    held_minor: int
    available_minor: int
    receivable_minor: int
