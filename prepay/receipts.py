"""Receipts on the wire: what operators type about money without an owner, and what the workflow ends with."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from prepay.wire import CustomerNumber, OperatorName, Reason, Wire, shaped

MAX_TARGETS = 20
MAX_ID = 2**63 - 1

ReceiptStage = Literal["unapplied", "returning", "applied", "returned", "settled"]
DepositNumber = Annotated[str, shaped(r"^D-[0-9]{4}-[0-9]{6,18}$", "a number such as D-2026-000001")]


class Target(Wire):
    """Who gets money: a deposit, or a customer for the balance itself. Alone, it gets all of it."""

    deposit: DepositNumber | None = None
    customer: CustomerNumber | None = None
    amount: Annotated[str, Field(min_length=1, max_length=60)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Target":
        if (self.deposit is None) == (self.customer is None):
            raise ValueError("name either a `deposit` or a `customer`")
        return self

    @property
    def name(self) -> str:
        """The number that was given."""
        return self.deposit or self.customer or ""


class ApplyReceipt(Wire):
    """An operator gives a receipt to deposits or customers; the amounts sum to it."""

    operator: OperatorName
    reason: Reason
    to: Annotated[list[Target], Field(min_length=1, max_length=MAX_TARGETS)]

    @model_validator(mode="after")
    def _each_once_with_its_amount(self) -> "ApplyReceipt":
        names = [target.name for target in self.to]
        if len(set(names)) < len(names):
            raise ValueError("`to` names the same deposit or customer twice")
        if len(names) > 1 and any(target.amount is None for target in self.to):
            raise ValueError("give each its `amount` where `to` names several")
        return self


class DecideApplication(Wire):
    """A second operator approves or refuses an application, by its number as the details show it."""

    operator: OperatorName
    reason: Reason
    application: Annotated[int, Field(ge=1, le=MAX_ID, strict=True)]


class ReturnReceipt(Wire):
    """An operator wants a receipt to go back to its payer, or to keep it after all."""

    operator: OperatorName
    reason: Reason


class LinkReceiptPayer(Wire):
    """An operator knows that the account that paid is a customer's."""

    operator: OperatorName
    reason: Reason
    customer: CustomerNumber


class ReceiptOutcome(Wire):
    """How it ended."""

    part: int
    stage: ReceiptStage
    amount_minor: int
    currency: str
