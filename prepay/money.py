"""Money: a 64-bit integer of minor units and an ISO 4217 code. Decimals live only at the edges."""

import re
from functools import cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_MINOR = 2**63 - 1
"""The largest amount PostgreSQL's bigint holds, in minor units."""

_DECIMAL = re.compile(r"([0-9]{1,25})(?:\.([0-9]{1,25}))?", re.ASCII)


class AmountRefused(ValueError):
    """The text is no amount of that currency."""

    def __init__(self, text: object, currency: str, why: str) -> None:
        super().__init__(f"The amount {str(text)[:40]!r} in {currency[:10]} is refused: {why}.")


class CurrencyRefused(ValueError):
    """The code is no ISO 4217 currency with minor units."""

    def __init__(self, currency: object) -> None:
        super().__init__(f"{str(currency)[:10]!r} is no ISO 4217 currency code such as EUR, JPY or KWD.")


@cache
def _digits_by_code() -> dict[str, int]:
    # Imported here: the package parses its XML table when it is imported.
    from iso4217 import Currency

    return {c.code: c.exponent for c in Currency if c.exponent is not None}


def digits(currency: str) -> int:
    """How many minor digits the currency has by ISO 4217: EUR 2, JPY 0, KWD 3.

    Raises CurrencyRefused for anything that is no currency with minor units.
    """
    try:
        return _digits_by_code()[currency]
    except (KeyError, TypeError):
        raise CurrencyRefused(currency) from None


def to_minor(text: str, currency: str) -> int:
    """Read a plain decimal such as ``1000.00`` into minor units, never rounding.

    Zeros beyond the currency's digits are fine (``JPY 1000.00``); other digits there are refused.
    Raises AmountRefused or CurrencyRefused.
    """
    places = digits(currency)
    match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise AmountRefused(text, currency, "write digits with a decimal point, such as 1000.00")
    whole, fraction = match.groups("")
    if len(fraction) != places:
        if fraction[places:].strip("0"):
            raise AmountRefused(text, currency, f"{currency} has {places} decimals and it has more")
        fraction = fraction[:places].ljust(places, "0")
    minor = int(whole + fraction)
    if minor > MAX_MINOR:
        raise AmountRefused(text, currency, "it is too large")
    return minor


def to_decimal(amount_minor: int, currency: str) -> str:
    """Minor units as a plain decimal: ``to_decimal(100000, "EUR")`` is ``1000.00``."""
    places = digits(currency)
    sign, number = ("-" if amount_minor < 0 else ""), str(abs(amount_minor)).rjust(places + 1, "0")
    return sign + (f"{number[:-places]}.{number[-places:]}" if places else number)


class Money(BaseModel):
    """An amount of one currency."""

    model_config = ConfigDict(frozen=True)

    amount_minor: Annotated[int, Field(strict=True, ge=-MAX_MINOR, le=MAX_MINOR)]
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> "Money":
        """Read a plain decimal. Raises AmountRefused or CurrencyRefused."""
        return cls(amount_minor=to_minor(text, currency), currency=currency)

    def __str__(self) -> str:
        whole, point, fraction = to_decimal(abs(self.amount_minor), self.currency).partition(".")
        return f"{'-' if self.amount_minor < 0 else ''}{int(whole):,}{point}{fraction} {self.currency}"
