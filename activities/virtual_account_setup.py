"""Rules of eligibility and pools of virtual account numbers, as they are set up."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from sqlalchemy import text
from sqlmodel import Session

from activities.master_data import Done, MasterDataRefused
from activities.master_data_input import Code, Country, Day, each_once, valid_account_number, valid_iban
from prepay.wire import Reason, Wire
from rules.eligibility import Rule

MAX_NUMBERS = 10_000
"""Of one pool table."""
Scheme = Literal["iban", "luhn", "none"]


class RuleChanged(MasterDataRefused):
    """What was decided by a rule can be read in it for ever."""

    def __init__(self, rule: str) -> None:
        super().__init__(
            f"`valid_from`: the rule {rule} was set up with another answer, and rules never change; "
            "give it a newer `valid_from`"
        )


class NoCollectionAccount(MasterDataRefused):
    """A pool belongs to a collection account."""

    def __init__(self, code: str) -> None:
        super().__init__(f"`account`: there is no collection account {code!r}; set it up first")


class NumberOfAnother(MasterDataRefused):
    """A number is in one pool, and once."""

    def __init__(self, numbers: int, account: str) -> None:
        super().__init__(
            f"`account`: {numbers} of its numbers are in the pool of account {account!r} already; "
            "a number belongs to one account for ever"
        )


class CollectsForAll(MasterDataRefused):
    """What everybody pays into is nobody's own."""

    def __init__(self, code: str) -> None:
        super().__init__(
            f"`account`: one of its numbers is that of collection account {code!r}, into which many customers pay; "
            "where the bank tells one customer's money by statements of their own, set that account up with "
            "`virtual = true`"
        )


class EligibilityInput(Wire):
    """Whether customers of an entity and a country may have a virtual account, and why."""

    entity: Code | Literal["*"]
    country: Country | Literal["*"]
    allowed: Annotated[bool, Field(strict=True)]
    reason: Reason
    valid_from: Day

    @property
    def rule(self) -> str:
        """What it is called."""
        return f"{self.entity} {self.country} from {self.valid_from}"


class PoolInput(Wire):
    """Numbers that a bank has given for virtual accounts: a list, or a range with check digits."""

    code: Code
    account: Code
    """The collection account that they lead to."""
    numbers: Annotated[
        list[Annotated[str, Field(max_length=42)]], Field(max_length=MAX_NUMBERS), AfterValidator(each_once)
    ] = []
    scheme: Scheme = "none"
    """`iban`: after the country's code come two check digits; `luhn`: one at the end; `none`."""
    prefix: Annotated[str, Field(pattern=r"^[A-Z0-9]{0,28}$")] = ""
    """What stands before the digits that count, without check digits, such as `NLMOCK`."""
    first: Annotated[str, Field(pattern=r"^[0-9]{0,18}$")] = ""
    last: Annotated[str, Field(pattern=r"^[0-9]{0,18}$")] = ""

    @model_validator(mode="after")
    def _a_list_or_a_range(self) -> Self:
        if bool(self.numbers) == bool(self.first or self.last):
            raise ValueError("give either `numbers`, or a range from `first` to `last`")
        if self.scheme == "iban" and not self.numbers and not self.prefix[:2].isalpha():
            raise ValueError("the `prefix` of an IBAN begins with two letters, those of its country")
        if not self.numbers:
            if len(self.first) != len(self.last) or self.first > self.last:
                raise ValueError("`first` and `last` need the same number of digits, the lower one first")
            if int(self.last) - int(self.first) >= MAX_NUMBERS:
                raise ValueError(f"a range has at most {MAX_NUMBERS:,} numbers; write several")
        return self

    @property
    def as_told(self) -> list[tuple[str, str, str]]:
        """Each number as a bank file names it, and as an IBAN or an account number. Raises ValueError."""
        return [_told(number, self.scheme) for number in self.numbers or self._range()]

    def _range(self) -> list[str]:
        width = len(self.first)
        bodies = (f"{n:0{width}d}" for n in range(int(self.first), int(self.last) + 1))
        return [with_check_digits(self.scheme, self.prefix, body) for body in bodies]


def with_check_digits(scheme: Scheme, prefix: str, body: str) -> str:
    """The whole number, with the check digits where the scheme puts them."""
    if scheme == "iban":
        country, bban = prefix[:2], prefix[2:] + body
        return f"{country}{98 - _as_number(bban + country + '00') % 97:02d}{bban}"
    if scheme == "luhn":
        doubled = [int(d) * (2 if n % 2 == 0 else 1) for n, d in enumerate(reversed(_digits(prefix) + body))]
        return f"{prefix}{body}{-sum(d // 10 + d % 10 for d in doubled) % 10}"
    return prefix + body


def _as_number(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text))


def _digits(prefix: str) -> str:
    return "".join(str(int(character, 36)) for character in prefix)


def _told(written: str, scheme: Scheme) -> tuple[str, str, str]:
    number = written.replace(" ", "").upper()
    if scheme == "iban" or re.fullmatch("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", number):
        return number, valid_iban(number), ""
    if not number:
        raise ValueError("it is empty")
    return number, "", valid_account_number(number)


def put_eligibility(session: Session, given: EligibilityInput) -> Done:
    """Add a rule. Raises RuleChanged."""
    row = session.execute(_PUT_RULE, given.model_dump()).one()
    if not row.same:
        raise RuleChanged(given.rule)
    return "added" if row.new else "unchanged"


def rules(session: Session) -> list[Rule]:
    """All of them."""
    return [Rule(*row) for row in session.execute(_RULES)]


def put_pool(session: Session, given: PoolInput) -> Done:
    """Add the numbers that are not there yet, and ring whoever waits for one. Raises MasterDataRefused."""
    try:
        numbers = given.as_told
    except ValueError as refusal:
        raise MasterDataRefused(f"`{'numbers' if given.numbers else 'prefix'}`: {refusal}") from None
    account = session.execute(_ACCOUNT, {"code": given.account}).scalar_one_or_none()
    if account is None:
        raise NoCollectionAccount(given.account)
    columns = dict(zip(("numbers", "ibans", "others"), map(list, zip(*numbers, strict=True)), strict=True))
    row = {"account": account, "pool": given.code, **columns}
    if shared := session.execute(_COLLECTING, row).scalar_one_or_none():
        raise CollectsForAll(shared)
    added = len(session.execute(_ADD_NUMBERS, row).all())
    elsewhere = session.execute(_ELSEWHERE, row).first()
    if elsewhere is not None:
        raise NumberOfAnother(elsewhere.numbers, elsewhere.code)
    if added:
        session.execute(_RING_WAITING, row)
    return "added" if added == len(numbers) else "changed" if added else "unchanged"


_PUT_RULE = text("""
    WITH new AS (
        INSERT INTO eligibility_rule (entity, country, allowed, reason, valid_from)
        VALUES (:entity, :country, :allowed, :reason, :valid_from) ON CONFLICT DO NOTHING
        RETURNING allowed, reason
    ), known AS (
        SELECT true AS new, allowed, reason FROM new UNION ALL
        SELECT false, allowed, reason FROM eligibility_rule
        WHERE (entity, country, valid_from) = (:entity, :country, :valid_from)
    )
    SELECT new, (allowed, reason) = (:allowed, :reason) AS same FROM known ORDER BY new DESC LIMIT 1
""")

_RULES = text("SELECT entity, country, allowed, reason, valid_from FROM eligibility_rule")

_ACCOUNT = text("SELECT id FROM collection_account WHERE code = :code")

_COLLECTING = text("""
    SELECT code FROM collection_account WHERE bank_number = ANY (:numbers) AND NOT virtual ORDER BY code LIMIT 1
""")

_ADD_NUMBERS = text("""
    INSERT INTO virtual_account (account_id, pool, bank_number, iban, account_number)
    SELECT :account, :pool, number, iban, other
    FROM unnest(CAST(:numbers AS text[]), CAST(:ibans AS text[]), CAST(:others AS text[]))
        WITH ORDINALITY told (number, iban, other, place)
    ORDER BY place ON CONFLICT DO NOTHING RETURNING id
""")

_ELSEWHERE = text("""
    SELECT a.code, count(*) AS numbers FROM virtual_account v JOIN collection_account a ON a.id = v.account_id
    WHERE v.bank_number = ANY (:numbers) AND v.account_id <> :account GROUP BY a.code ORDER BY a.code LIMIT 1
""")

_RING_WAITING = text("""
    INSERT INTO outbox (workflow_id, version)
    SELECT 'virtual-account-' || p.id, 1 FROM virtual_account_application p
    JOIN collection_account a ON a.entity = p.entity AND a.currency = p.currency
    WHERE a.id = :account AND p.stage = 'approved'
""")
