"""Policies of refunds, as they are set up: how many people agree to which amount, and how long things wait."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator
from sqlalchemy import text
from sqlmodel import Session

from activities.master_data import Done, MasterDataRefused, NoEntity
from activities.master_data_input import Code, Currency, Day
from prepay.money import AmountRefused
from prepay.wire import Wire, positive_minor


class PolicyChanged(MasterDataRefused):
    """What was approved by a policy can be read in it for ever."""

    def __init__(self, policy: str) -> None:
        super().__init__(
            f"`valid_from`: the refund policy {policy} was set up with other values, and policies never change; "
            "give it a newer `valid_from`"
        )


def _amount(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str):
        raise ValueError('write an amount in quotes, such as "10000.00"')
    if value.strip() == "0":
        return 0
    try:
        return positive_minor(value, info.data.get("currency", ""))
    except AmountRefused as refusal:
        raise ValueError(str(refusal).replace("The amount", "the amount", 1)) from None


_Amount = Annotated[int, BeforeValidator(_amount)]


class RefundPolicyInput(Wire):
    """The policy of an entity and a currency from a day on. Amounts are decimals of the currency, in quotes."""

    entity: Code
    currency: Currency
    valid_from: Day
    minimum: _Amount = 1
    one_up_to: _Amount = 0
    """Up to so much in 30 days one approver is enough; above, it takes two."""
    treasurer_above: _Amount = 0
    """Above so much one of them is a treasurer."""
    cooling_hours: int = Field(default=24, ge=0, le=720)
    usage_days: int = Field(default=3, ge=0, le=30)
    details_days: int = Field(default=45, ge=1, le=365)

    @property
    def policy(self) -> str:
        """What it is called."""
        return f"{self.entity} {self.currency} from {self.valid_from}"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.treasurer_above < self.one_up_to:
            raise ValueError("`treasurer_above` is less than `one_up_to`")
        return self


def put_refund_policy(session: Session, given: RefundPolicyInput) -> Done:
    """Add a policy. Raises MasterDataRefused where one of that day says something else."""
    row = given.model_dump()
    if session.execute(_ENTITY, row).scalar_one_or_none() is None:
        raise NoEntity(given.entity)
    if session.execute(_ADD, row).scalar_one_or_none() is not None:
        return "added"
    if session.execute(_SAME, row).scalar_one():
        return "unchanged"
    raise PolicyChanged(given.policy)


_ENTITY = text("SELECT code FROM contracting_entity WHERE code = :entity")

_ADD = text("""
    INSERT INTO refund_policy (entity, currency, valid_from, minimum_minor, one_up_to_minor, two_up_to_minor,
        cooling_hours, usage_days, details_days)
    VALUES (:entity, :currency, :valid_from, :minimum, :one_up_to, :treasurer_above, :cooling_hours, :usage_days,
        :details_days)
    ON CONFLICT (entity, currency, valid_from) DO NOTHING RETURNING id
""")

_SAME = text("""
    SELECT (minimum_minor, one_up_to_minor, two_up_to_minor, cooling_hours, usage_days, details_days)
        = (:minimum, :one_up_to, :treasurer_above, :cooling_hours, :usage_days, :details_days)
    FROM refund_policy WHERE entity = :entity AND currency = :currency AND valid_from = :valid_from
""")
