"""From a BAI2 16 record to an `Entry`, or to a `Quarantine` that says why not."""

import re
from dataclasses import dataclass
from datetime import date

from bankfiles.bai2_codes import RETURNS, REVERSALS, TOTALS, WITHOUT_MONEY, direction_of
from bankfiles.bai2_records import MAX_CONTINUATIONS, Fields, Record, skip_availability, whole_number
from bankfiles.camt_entry import Place
from bankfiles.camt_values import LAST_YEAR, account_number
from bankfiles.entry import Direction, Entry, Part, Quarantine
from bankfiles.identity import Identities, is_reference
from bankfiles.refusals import Unreadable
from prepay.money import MAX_MINOR

MAX_REFERENCE = 200
"""Characters of a reference; banks give 16 to 35."""

TAGGING = frozenset({"GSBI", "026015079"})
"""The banks, by what they call themselves in the 01 and 02 record, that write the parties into records of their own.

Elsewhere such a record may be what a payer wrote.
"""
# An 88 record each: `DBNM: ACME Inc`. DB is who paid and CR who was paid, whichever way the money went.
_TAG = re.compile(r"([A-Z]{4})\s*:")


@dataclass(frozen=True, slots=True)
class Common:
    """What the 16 records of an account take over from its 02 and 03 record."""

    account: str
    currency: str
    status: str
    as_of: date
    tags: bool
    """Whether the bank tags the parties in the text."""


def day(element: str, text: str) -> date:
    """A date as YYMMDD. Raises Unreadable."""
    try:
        if len(text) == 6 and text.isascii() and text.isdigit():
            found = date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
            if found.year <= LAST_YEAR:
                return found
    except ValueError:
        pass
    raise Unreadable(element, f"a date as YYMMDD, until {LAST_YEAR}", text)


def read_entry(
    record: Record, common: Common, identities: Identities, place: Place
) -> tuple[Entry | Quarantine, int | None]:
    """The entry, and the amount that its control total counts: None when nobody can read it."""
    fields = Fields(record)
    code, amount = fields.next(), fields.next()
    counted: int | None = None
    direction: Direction | None = None
    try:
        counted = whole_number("amount", amount)
        # A note of the bank goes no way; its amount of nothing is shown as a credit and never posted.
        is_note = code == WITHOUT_MONEY and counted == 0
        direction = Direction.CREDIT if is_note else direction_of(code)
        _check(code, amount, counted, record)
        tags = _tags(record) if common.tags else {}
        return _entry(code, counted, direction, fields, tags, common, identities, place), counted
    except Unreadable as reason:
        return _quarantine(str(reason), counted, direction, common, place), counted


def _check(code: str, text: str, amount: int, record: Record) -> None:
    """Raises Unreadable for what is no movement of money that can be posted."""
    if int(code) in TOTALS:
        raise Unreadable("type code", "one of a single movement", f"{code}: a total")
    if amount < 0 or not (text or code == WITHOUT_MONEY):
        raise Unreadable("amount", "an amount not below 0", text)
    if amount > MAX_MINOR:
        raise Unreadable("amount", f"at most {MAX_MINOR}", text)
    if not record.complete:
        raise Unreadable("88", f"at most {MAX_CONTINUATIONS} continuations", record.count - 1)


def _entry(
    code: str,
    minor: int,
    way: Direction,
    fields: Fields,
    tags: dict[str, str],
    common: Common,
    identities: Identities,
    place: Place,
) -> Entry:
    funds = "" if fields.at_start else fields.next().upper()
    value = skip_availability(fields, funds)
    value_on = day("value date", value) if value else common.as_of
    reference = _reference("bank reference", fields, funds)
    customer = _reference("customer reference", fields, funds)
    text = fields.text()
    end_to_end = customer or tags.get("EREF", "")
    payer_account = account_number(tags.get("DACT", ""))
    payee_account = account_number(tags.get("CACT", ""))
    sent_on = way is Direction.CREDIT and payee_account != common.account
    money = (minor, common.currency, way, value_on)
    part = Part(
        0,
        minor,
        common.currency,
        way,
        identities.part(
            (reference,),
            money,
            common.as_of,
            (end_to_end if is_reference(end_to_end) else "", "", "".join(text), payer_account),
        ),
        end_to_end_id=end_to_end,
        free=text,
        payer_name=tags.get("DBNM", ""),
        payer_account=payer_account,
        payer_bank=tags.get("DBIC", "") or tags.get("DABA", ""),
        payee_name=tags.get("CRNM", ""),
        payee_account=payee_account,
        payee_bank=tags.get("CBIC", "") or tags.get("CABA", ""),
        credited_account=payee_account if sent_on else "",
        return_reason=code if int(code) in RETURNS else "",
    )
    key, keyed_by = identities.entry(reference, money)
    return Entry(
        place.ordinal,
        place.statement,
        place.path,
        place.line,
        key,
        keyed_by,
        common.account,
        minor,
        common.currency,
        way,
        common.status if minor else "INFO",
        int(code) in REVERSALS,
        common.as_of,
        value_on,
        reference,
        "",
        code,
        "",
        None,
        (),
        # A line that says nothing of who paid may be a lump sum.
        bool(part.payer_name or part.payer_account or part.payee_name or part.payee_account),
        (part,),
    )


def _reference(element: str, fields: Fields, funds: str) -> str:
    # A record that ends here is full in the standard's own example, by the amounts of its funds type. A short one has
    # room for references: what follows is its text, and a payer may have written that.
    if fields.at_start and (funds not in ("S", "D") or fields.like_text):
        return ""
    text = fields.next()
    if len(text) > MAX_REFERENCE:
        raise Unreadable(element, f"at most {MAX_REFERENCE} characters", text)
    return text


def _tags(record: Record) -> dict[str, str]:
    """What the 88 records of a record say under a tag. What is said twice, or is not all in one, is not believed."""
    found: dict[str, str] = {}
    last = ""
    for body in record.bodies[1:]:
        tag = _TAG.match(body)
        if tag is None:
            # The rest of what is before it.
            found[last] = ""
            continue
        last, value = tag[1], body[tag.end() :].removesuffix("/").strip()
        found[last] = "" if last in found or "\n" in value else value
    return found


def _quarantine(
    reason: str, counted: int | None, direction: Direction | None, common: Common, place: Place
) -> Quarantine:
    where = (place.ordinal, place.statement, place.path, place.line, f"{place.path}/{reason}")
    if counted is None or abs(counted) > MAX_MINOR:
        return Quarantine(*where, currency=common.currency, status=common.status)
    if counted < 0 and direction is not None:
        # A negative credit takes money away.
        direction = Direction.DEBIT if direction is Direction.CREDIT else Direction.CREDIT
    return Quarantine(*where, abs(counted), common.currency, direction, common.status)
