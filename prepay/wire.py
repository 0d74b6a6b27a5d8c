"""What all wire types share: how text from outside is limited, and how a refusal is said in one sentence."""

import unicodedata
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from prepay import money

MAX_DEPOSIT_MINOR = 10**15
"""The largest single amount, in minor units: sums of many still fit 64 bits."""

MAX_NOTE = 500
MAX_PRODUCT = 100

_T = TypeVar("_T", bound=BaseModel)

# Characters that hide, reorder or break text: controls, bidirectional marks, private use, unassigned.
_FORBIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class InputRefused(ValueError):
    """What was sent cannot be used; the message says where and why in one sentence."""

    def __init__(self, what: str, problems: list[str]) -> None:
        super().__init__(f"{what} is refused: {'; '.join(problems[:5])}.")


class Wire(BaseModel):
    """A value that crosses a process: immutable, and unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def plain_text(text: str) -> str:
    """Refuse characters a person cannot see; raises ValueError."""
    for position, character in enumerate(text, 1):
        if unicodedata.category(character) in _FORBIDDEN_CATEGORIES:
            raise ValueError(f"character {position} (U+{ord(character):04X}) is a control character")
    return text


_WORDS: dict[str, str] = {}


def shaped(pattern: str, words: str) -> Any:
    """A field of that pattern; a refusal says the words instead: such a value, with an example."""
    _WORDS[pattern] = words
    return Field(pattern=pattern)


Text = Annotated[str, AfterValidator(plain_text)]
CustomerNumber = Annotated[
    str, shaped(r"^[A-Za-z0-9][A-Za-z0-9-]{0,31}$", "letters, digits and dashes such as C-1001")
]
RequestId = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(plain_text)]
CurrencyCode = Annotated[str, shaped(r"^[A-Z]{3}$", "three capital letters such as EUR")]
OperatorName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(plain_text)]
Reason = Annotated[str, Field(min_length=3, max_length=500), AfterValidator(plain_text)]
Version = Literal[1]


def parse(kind: type[_T], raw: Any, what: str) -> _T:
    """Validate what somebody sent, whatever it is. Raises InputRefused with one clear sentence."""
    if raw is None:
        raise InputRefused(what, ["it is empty; send a JSON object"])
    if isinstance(raw, kind):
        return raw
    if not isinstance(raw, dict):
        raise InputRefused(what, [f"it is {type(raw).__name__}; send a JSON object"])
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise InputRefused(what, [_problem(kind, e) for e in error.errors()]) from None


def _problem(kind: type[BaseModel], error: Any) -> str:
    named = ".".join(str(part) for part in error["loc"]) or "the object"
    where = "".join(character if character.isprintable() else "?" for character in named)
    if error["type"] == "missing":
        return f"`{where}` is missing"
    if error["type"] == "string_too_short" and not str(error["input"]).strip():
        return f"`{where}` is empty"
    if error["type"] == "extra_forbidden":
        return f"`{where[:40]}` is not known (known: {', '.join(kind.model_fields)})"
    if error["type"] == "string_type":
        return f"`{where}` must be text in quotes"
    if error["type"] in ("string_too_long", "too_long"):
        return f"`{where}` has more than {error['ctx']['max_length']} characters"
    if error["type"] in ("string_too_short", "too_short"):
        least = error["ctx"]["min_length"]
        return f"`{where}` is empty" if least == 1 else f"`{where}` has fewer than {least} characters"
    if error["type"] == "string_pattern_mismatch" and (words := _WORDS.get(error["ctx"]["pattern"])):
        return f"`{where}` must be {words}"
    if error["type"].startswith("date_"):
        return f'`{where}` must be a day such as "2027-01-31"'
    message = error["msg"].removeprefix("Value error, ").rstrip(".")
    return message if message.startswith("The amount") else f"`{where}`: {message}"


def positive_minor(amount: str, currency: str) -> int:
    """A deposit or payment's amount in minor units. Raises AmountRefused unless it is above zero."""
    if isinstance(amount, str) and amount.strip().startswith("-"):
        raise money.AmountRefused(amount, currency, "it is negative")
    minor = money.to_minor(amount.strip(), currency)
    if minor == 0:
        raise money.AmountRefused(amount, currency, "it is zero")
    if minor > MAX_DEPOSIT_MINOR:
        limit = money.to_decimal(MAX_DEPOSIT_MINOR, currency)
        raise money.AmountRefused(amount, currency, f"it is too large (at most {limit})")
    return minor
