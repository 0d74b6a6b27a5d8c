"""A statement or receipt as its template reads it: every figure, date and word as the customer reads them."""

import tomllib
from copy import copy
from datetime import UTC, date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime

from documents import figures
from documents.figures import in_fours
from documents.fonts import printable
from documents.statement import (
    AccountStatement,
    CreditReceipt,
    Paper,
    RefundConfirmation,
    RefundPayment,
    StatementLine,
)
from prepay.money import to_decimal
from prepay.movements import kind_of

LANGUAGES = ("de", "en", "fr", "ja", "zh")
MAX_BARS = 6
_LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}
_FONTS = {"ja": "Noto Sans CJK JP"}
_LATIN, _CJK = "Fira Sans", "Noto Sans CJK SC"


def language(locale: str) -> str:
    """The language of ours that a customer's locale asks for, else English."""
    asked = locale.strip().replace("_", "-").lower().split("-")[0]
    return asked if asked in LANGUAGES else "en"


@cache
def words(language: str) -> dict[str, Any]:
    """The fixed words in one language."""
    return tomllib.loads((files("documents") / "words" / f"statement-{language}.toml").read_text("utf-8"))


def page(paper: Paper) -> dict[str, Any]:
    """All that the template prints, as text."""
    spoken = language(paper.locale)
    if isinstance(paper, AccountStatement):
        shown = _statement(paper, spoken)
    else:
        shown = _receipt(paper, spoken) if isinstance(paper, CreditReceipt) else _refund(paper, spoken)
    facts = {
        "lang": spoken,
        "fonts": [_LATIN, _FONTS.get(spoken, _CJK)],
        "issuer": _issuer(paper, spoken),
        "customer": [
            paper.customer.legal_name,
            *paper.customer.address,
            _country(paper.customer.country, spoken),
        ],
        **shown,
    }
    printed: dict[str, Any] = _print(facts)
    return printed


def _print(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _print(one) for key, one in value.items()}
    return [_print(one) for one in value] if isinstance(value, list | tuple) else value


def _issuer(paper: Paper, spoken: str) -> list[str]:
    issuer, text = paper.issuer, words(spoken)
    ids = ((text["registration"], issuer.registration_id), (text["tax_id"], issuer.tax_id))
    return [
        issuer.legal_name,
        " · ".join((*issuer.address, _country(issuer.country, spoken))),
        " · ".join(f"{label} {value}" for label, value in ids if value),
    ]


def _country(code: str, spoken: str) -> str:
    return str(_locale(spoken).territories.get(code, code))


@cache
def _locale(spoken: str) -> Locale:
    return Locale.parse(_LOCALES.get(spoken, spoken))


def _day(value: date | None, spoken: str, form: Any = "medium") -> str:
    return format_date(value, form, locale=_locale(spoken)) if value else ""


class Sums:
    """Amounts of one currency for one locale; a true minus, and a plus where asked for."""

    def __init__(self, currency: str, locale: str) -> None:
        self._currency = currency
        self._reader = figures.known(locale)
        self._pattern = copy(self._reader.decimal_formats[None])
        places = len(to_decimal(0, currency).partition(".")[2])
        self._pattern.frac_prec = (places, places)

    def __call__(self, minor: int, *, sign: bool = False) -> str:
        text = str(self._pattern.apply(Decimal(to_decimal(abs(minor), self._currency)), self._reader))
        return f"{'−' if minor < 0 else '+' if sign and minor > 0 else ''}{text}"


def _statement(paper: AccountStatement, spoken: str) -> dict[str, Any]:
    text, sums = words(spoken), Sums(paper.currency, paper.locale)
    came = sum(line.amount_minor for line in paper.lines if line.amount_minor > 0)
    went = sum(line.amount_minor for line in paper.lines if line.amount_minor < 0)
    through = _day(paper.through_on, spoken)
    return {
        "title": text["statement"],
        "subtitle": _period(paper, spoken),
        "number": paper.number,
        "date": [paper.recorded_until.year, paper.recorded_until.month, paper.recorded_until.day],
        "facts": [
            [text["number"], paper.number],
            [text["customer_number"], paper.customer.number],
            [text["currency"], paper.currency],
            [text["period"], f"{_day(paper.begins_on, spoken)} – {through}"],
            [text["recorded"], _moment(paper, spoken)],
        ],
        "mark": "" if paper.final else text["interim"],
        "sums": [
            [text["opening"], sums(paper.opening_minor), False],
            [text["came"], sums(came, sign=True), False],
            [text["went"], sums(went, sign=True), False],
            [text["closing"], sums(paper.closing_minor), True],
        ],
        "columns": [text[name] for name in ("booked", "value", "what", "amount", "balance")],
        "carried": [text["opening"], sums(paper.opening_minor), text["closing"], sums(paper.closing_minor)],
        "lines": _lines(paper, spoken, sums),
        "empty": "" if paper.lines else text["empty"],
        "ending_title": text["ending"].format(date=through),
        "ending": [
            [text["held"], sums(paper.held_minor)],
            [text["available"], sums(paper.closing_minor - paper.held_minor)],
            [text["coming"], sums(paper.coming_minor)],
            [text["owed"], sums(paper.receivable_minor)],
        ],
        "chart_title": text["by_product"],
        "bars": _bars(paper, text, sums),
        "notes": _notes(paper, text),
        "page_of": text["page_of"],
        "footer": f"{text['statement']} {paper.number}",
    }


def _moment(paper: AccountStatement, spoken: str) -> str:
    return f"{format_datetime(paper.recorded_until.astimezone(UTC), 'medium', locale=_locale(spoken))} UTC"


def _period(paper: AccountStatement, spoken: str) -> str:
    begins, through = paper.begins_on, paper.through_on
    if (begins.year, begins.month) == (through.year, through.month):
        return format_date(begins, words(spoken)["month_pattern"], locale=_locale(spoken))
    return format_date(through, words(spoken)["year_pattern"], locale=_locale(spoken))


def _lines(paper: AccountStatement, spoken: str, sums: Sums) -> list[list[str]]:
    balance, shown, days = paper.opening_minor, [], {}
    for line in paper.lines:
        balance += line.amount_minor
        for day in (line.effective_on, line.value_on):
            if day not in days:
                days[day] = _day(day, spoken)
        about, more = _what(line, spoken)
        if line.effective_on < paper.begins_on:
            more = " · ".join(filter(None, (words(spoken)["late"], more)))
        amounts = (sums(line.amount_minor, sign=True), sums(balance))
        shown.append([days[line.effective_on], days[line.value_on], about, more, *amounts])
    return shown


def _what(line: StatementLine, spoken: str) -> tuple[str, str]:
    name = words(spoken)["kinds"].get(line.kind) or kind_of(line.kind).words
    more = " · ".join(part for part in (line.payer, line.bank_reference, line.product) if part)
    return f"{name} {line.about}".strip(), more


def _bars(paper: AccountStatement, text: dict[str, Any], sums: Sums) -> list[list[Any]]:
    """What came for, and what went to, each product, the largest first; the smallest together."""
    came: dict[str, int] = {}
    went: dict[str, int] = {}
    for line in paper.lines:
        side = came if line.amount_minor > 0 else went
        for product, minor in line.parts or ((line.product, abs(line.amount_minor)),):
            name = product or text["no_product"]
            side[name] = side.get(name, 0) + minor
    names = sorted({*came, *went}, key=lambda name: (-came.get(name, 0) - went.get(name, 0), name))
    rest = names[MAX_BARS:]
    bars = [(name, came.get(name, 0), went.get(name, 0)) for name in names[:MAX_BARS]]
    if rest:
        bars.append((text["others"], sum(came.get(n, 0) for n in rest), sum(went.get(n, 0) for n in rest)))
    widest = max((minor for _, *both in bars for minor in both), default=1)
    return [
        [name, plus / widest, minus / widest, sums(plus, sign=True), sums(-minus)]
        for name, plus, minus in bars
    ]


def _notes(paper: AccountStatement, text: dict[str, Any]) -> list[str]:
    notes = [text["basis"], text["final"] if paper.final else text["not_final"]]
    if any(line.effective_on < paper.begins_on for line in paper.lines):
        notes.append(text["late_note"])
    return notes


def _receipt(paper: CreditReceipt, spoken: str) -> dict[str, Any]:
    text, sums, line = words(spoken), Sums(paper.currency, paper.locale), paper.line
    facts = [
        [text["received_on"], _day(line.effective_on, spoken, "long")],
        [text["value"], _day(line.value_on, spoken, "long")],
        [text["payer"], line.payer],
        [text["bank_reference"], line.bank_reference],
        [text["for_deposit"], line.about],
        [text["product"], line.product],
    ]
    return {
        "title": text["receipt"],
        "subtitle": text["receipt_subtitle"],
        "number": paper.number,
        "date": [paper.issued_on.year, paper.issued_on.month, paper.issued_on.day],
        "facts": [
            [text["number"], paper.number],
            [text["issued"], _day(paper.issued_on, spoken)],
            [text["customer_number"], paper.customer.number],
        ],
        "mark": "",
        "amount": [paper.currency, sums(line.amount_minor)],
        "amount_words": text["credited"],
        "details": [fact for fact in facts if fact[1]],
        "notes": [text["receipt_note"]],
        "page_of": text["page_of"],
        "footer": f"{text['receipt']} {paper.number}",
    }


def _refund(paper: RefundConfirmation, spoken: str) -> dict[str, Any]:
    text, sums = words(spoken), Sums(paper.currency, paper.locale)
    several = len(paper.payments) > 1
    details = [
        fact
        for number, payment in enumerate(paper.payments, 1)
        for fact in _paid(payment, spoken, f" {number}" if several else "", sums if several else None)
    ]
    return {
        "title": text["refund"],
        "subtitle": text["refund_subtitle"],
        "number": paper.number,
        "date": [paper.issued_on.year, paper.issued_on.month, paper.issued_on.day],
        "facts": [
            [text["number"], paper.number],
            [text["issued"], _day(paper.issued_on, spoken)],
            [text["customer_number"], paper.customer.number],
            [text["refund_ticket"], paper.refund],
        ],
        "mark": "",
        "amount": [paper.currency, sums(sum(payment.amount_minor for payment in paper.payments))],
        "amount_words": text["refunded"],
        "details": [fact for fact in details if fact[1]],
        "notes": [text["refund_note"]],
        "page_of": text["page_of"],
        "footer": f"{text['refund']} {paper.number}",
    }


def _paid(payment: RefundPayment, spoken: str, number: str, sums: Sums | None) -> list[list[str]]:
    text = words(spoken)
    return [
        [text["paid_to"] + number, payment.payee],
        [text["account"], in_fours(payment.account)],
        [text["amount"], sums(payment.amount_minor) if sums else ""],
        [text["paid_on"], _day(payment.settled_on, spoken, "long")],
        [text["our_reference"], payment.reference],
    ]
