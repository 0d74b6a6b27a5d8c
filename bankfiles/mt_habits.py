"""How banks write the details of a payment into `:86:`, which the standard leaves to them: one table, a row a habit.

A row says how such a text begins, what begins a piece of it, and what each piece is. A new habit of a bank is a new
row, or a code in an old one, and a test. What no row knows is free text, in which references are found as well.

The payer writes into the same text as the bank. So who paid is believed only where the payer cannot have written it:
before the payer's text begins, or, where the bank's part comes last, the last time that it is said.
Behind the payer's reference, which some banks write first, it is believed until it is said again.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

# The other party: the payer of a credit, the payee of a debit.
ACCOUNT, IBAN, BANK, NAME = "account", "iban", "bank", "name"
DEBTOR = {slot: f"debtor_{slot}" for slot in (ACCOUNT, BANK, NAME)}
CREDITOR = {slot: f"creditor_{slot}" for slot in (ACCOUNT, BANK, NAME)}
"""Where the text says which of the two it is."""
ORDERING, BENEFICIARY = "ordering", "beneficiary"
"""Names. Where the text has one of them only, it is the other party, whichever the bank calls it."""
FREE, STRUCTURED, NOTE = "free", "structured", "note"
MORE = "more"
"""Free text again, behind the other party."""
END_TO_END, CUSTOMER, BANK_ID = "end_to_end_id", "payment_information_id", "transaction_id"
ULTIMATE, CREDITED, RETURN = "ultimate_payer", "credited_account", "return_reason"
RETURN_CLAIMED = "claimed_return_reason"
"""Said behind the payer's reference, and so perhaps by the payer."""
INSTRUCTED, CHARGES = "instructed", "charges"

PARTY = frozenset(
    {ACCOUNT, IBAN, BANK, NAME, CREDITED, ORDERING, BENEFICIARY, *DEBTOR.values(), *CREDITOR.values()}
)
TEXTS = frozenset({FREE, STRUCTURED, NOTE})

LINE_WIDTH = 65
"""A line of free text that is as long goes on in the next one."""

Details = dict[str, Any]
"""Texts by slot; lists of texts for FREE, STRUCTURED and NOTE; `kind` for the bank's code of the transaction."""


class Habit(NamedTuple):
    """A way to write details."""

    whose: str
    begins: re.Pattern[str]
    """How the text begins. The group `kind` is the bank's code of the transaction, `mark` what begins each piece."""
    piece: str
    """What begins a piece: a regular expression with {codes}, and {mark} where the beginning tells it."""
    codes: Mapping[str, str | tuple[str, ...]]
    """The slot of each code; several where slashes part the piece. What is neither party nor text is a NOTE."""
    between: str = ""
    """What stands for the end of a line, also before such a slash: nothing where lines are cut at their width."""
    width: int = 0
    """A piece as long as this goes on in the next one."""
    party_last: bool = False
    """Whether the other party is named behind the payer's text, with which such a text then begins."""
    trim: str = " \n"
    """What stands around a piece and is none of its text."""


_SUB_FIELDS = {
    "00": NOTE,
    "10": NOTE,
    **{f"2{n}": FREE for n in range(10)},
    "30": BANK,
    "31": ACCOUNT,
    "32": NAME,
    "33": NAME,
    "34": NOTE,
    "35": NOTE,
    "36": NOTE,
    "38": IBAN,
    **{f"6{n}": MORE for n in range(6)},
    # Deutsche Bank writes one of these before the text.
    **{f"6{n}": NOTE for n in range(6, 10)},
}
_TRIODOS = {"10": ACCOUNT, **{f"2{n}": FREE for n in range(10)}, "31": NOTE}
"""Its 31 is the account itself."""
_MARK = r"(?P<mark>[?<>~^+|&@])(?=[0-3][0-9])"
_TWICE = r"\s*(?:(?P<twice>[0-9A-Z]{3,4})(?=(?P=twice)))?"
"""A code that some banks write into an `:86:` of its own before the text that begins with it."""
_KIND = r"(?P<kind>[0-9]{3}|[0-9A-Z]{3,4}(?=[^0-9A-Z ]00)|(?=.[0-2]))"
"""Without it, a text that begins with +31 or +33 begins with a telephone number."""
_ANY = ".{0,500}"
"""The standard has 390 characters; among thousands, looking for two things takes too long."""
_NUMBERED = "{mark}({codes})"
_SLASHED = "/({codes})(?=/)"

_WORDS: Mapping[str, str | tuple[str, ...]] = {
    **dict.fromkeys(("TRTP", "TRCD", "ISDT", "ADDR", "PURP", "MARF", "MREF", "CSID", "CRED", "RREF"), NOTE),
    **dict.fromkeys(
        ("EXCH", "XCRT", "IREF", "ORDP//ID", "BENM//ID", "CDTRREFTP//CD/SCOR", "ISSR/CUR", "BAI", "RCMT"),
        NOTE,
    ),
    **dict.fromkeys(("OPRP", "OAMT", "DCID", "ACCW"), NOTE),
    "NAME": NAME,
    **dict.fromkeys(("ORDP", "ORDP//NAME"), ORDERING),
    **dict.fromkeys(("BENM", "BENM//NAME"), BENEFICIARY),
    **dict.fromkeys(("REMI/STRD/CUR", "REMI/STRD/ISO", "CDTRREF"), STRUCTURED),
    **dict.fromkeys(("REMI", "REMI/USTD"), FREE),
    **dict.fromkeys(("KREF", "PREF"), CUSTOMER),
    "CNTP": (ACCOUNT, BANK, NAME, NOTE),
    **dict.fromkeys(("IBAN", "BBAN", "ACNO"), ACCOUNT),
    "BIC": BANK,
    "DBNM": DEBTOR[NAME],
    "DACT": DEBTOR[ACCOUNT],
    "DBIC": DEBTOR[BANK],
    "CRNM": CREDITOR[NAME],
    "CACT": CREDITOR[ACCOUNT],
    "CBIC": CREDITOR[BANK],
    "EREF": END_TO_END,
    "RTRN": RETURN,
    "ULTD//NAME": ULTIMATE,
    # A slash ends the amount, and HSBC goes on with the payer's text.
    "OCMT": (INSTRUCTED, FREE),
    **dict.fromkeys(("CHGS", "CHRG"), (CHARGES, FREE)),
}

CODE_WORDS = Habit(
    "code words between slashes: SWIFT, and the banks of the Netherlands",
    re.compile(rf"\s*(?=/(?:{'|'.join(_WORDS)})/)"),
    _SLASHED,
    _WORDS,
    trim=" /",
)

_MBANK: dict[str, str | tuple[str, ...]] = {
    **dict.fromkeys(("Z RACH.", "NA RACH."), ACCOUNT),
    **dict.fromkeys(("OD", "DLA"), NAME),
    "TYT.": FREE,
    **dict.fromkeys(("DATA STEMPLA", "DATA NOSTRO", "WALUTA", "KWOTA", "KURS", "REF. KLIENTA"), NOTE),
    "TNR": BANK_ID,
}
_PARTY_LINES = (ACCOUNT, NAME, FREE, FREE)

HABITS = (
    Habit(
        "Komercijalna Banka Skopje: account, name, reference and purpose, each in its line",
        re.compile(rf"(?=/(?:ORDP|BENM)/[0-9]+\n/(?!(?:{'|'.join(_WORDS)})/))"),
        _SLASHED,
        {"ORDP": _PARTY_LINES, "BENM": _PARTY_LINES},
        between="\n",
    ),
    CODE_WORDS,
    Habit(
        "Triodos, of another country or SEPA: bank and IBAN before the text",
        re.compile(
            r"\s*(?P<kind>000)(?P<mark>>)(?=100+>20[A-Z]{6}[A-Z0-9]{2,5}>21[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}>)"
        ),
        _NUMBERED,
        _TRIODOS | {"10": NOTE, "20": BANK, "21": IBAN},
        width=27,
    ),
    Habit(
        "Triodos: the other party's account where others have the number of the batch",
        re.compile(r"\s*(?P<kind>000)(?P<mark>>)(?=10[0-9]{9,10}>2)"),
        _NUMBERED,
        _TRIODOS,
        width=27,
    ),
    Habit(
        "SEPA returns of German banks: the reason stands in 34",
        re.compile(rf"\s*(?P<kind>108|109|159){_MARK}"),
        _NUMBERED,
        _SUB_FIELDS | {"34": RETURN},
        width=27,
        party_last=True,
    ),
    Habit(
        "BPH: the other party's account in 26, name and address in 27 to 29, and all of them once more behind 30",
        re.compile(rf"{_TWICE}{_KIND}{_MARK}(?={_ANY}(?P=mark)26[0-9]{{26}}(?P=mark)27{_ANY}(?P=mark)32)"),
        _NUMBERED,
        _SUB_FIELDS | dict.fromkeys(("26", "27", "28", "29"), NOTE),
        width=27,
        party_last=True,
    ),
    Habit(
        "ING of Poland: the other party's account in 29 as well, the address in 62 and 63",
        re.compile(
            rf"{_TWICE}{_KIND}{_MARK}(?={_ANY}(?P=mark)29(?P<again>[0-9]{{26}})(?P=mark)30{_ANY}(?P=mark)38PL(?P=again))"
        ),
        _NUMBERED,
        _SUB_FIELDS | dict.fromkeys(("29", "62", "63"), NOTE),
        width=27,
        party_last=True,
    ),
    Habit(
        "numbered pieces: from Germany to Poland and Romania; the mark before the number is the bank's",
        re.compile(rf"{_TWICE}{_KIND}{_MARK}"),
        _NUMBERED,
        _SUB_FIELDS,
        width=27,
        party_last=True,
    ),
    Habit(
        "Citi",
        re.compile(r"\s*(?=/(?:PT|CTC)/)"),
        _SLASHED,
        dict.fromkeys(("PT", "CTC", "BI"), NOTE)
        | {"BO": ORDERING, "BN": BENEFICIARY, "BE": BENEFICIARY, "PY": FREE, "EI": FREE},
        trim=" /",
    ),
    Habit(
        "Goldman Sachs: references alone, the first code word without a slash before it",
        re.compile(r"(?=(?:EREF|PREF)/[^ ]*\Z)"),
        r"(?:^|/)({codes})(?=/)",
        {"EREF": END_TO_END, "PREF": CUSTOMER},
        trim=" /",
    ),
    Habit(
        "UOB: code words between question marks",
        re.compile(r"(?=TD\?)"),
        r"(?:^|\?)({codes})\?",
        {"TD": NOTE, "CREF": END_TO_END, "ORDP": NAME, "OB": NOTE, "BC": BANK, "REMI": FREE, "OTH3": FREE},
    ),
    Habit(
        "ABN AMRO, not structured: columns with labels",
        re.compile(r"(?=SEPA [A-Z])"),
        r"({codes})\s?:\s",
        {
            "IBAN": ACCOUNT,
            "BIC": BANK,
            "NAAM": NAME,
            "OMSCHRIJVING": FREE,
            "BETALINGSKENM.": STRUCTURED,
            "KENMERK": END_TO_END,
            "ID DEBITEUR": NOTE,
            "MACHTIGING": NOTE,
            "INCASSANT": NOTE,
        },
        between="\n",
    ),
    Habit(
        "mBank Collect: the payment went to a virtual account",
        re.compile(r"\s*(?P<kind>[0-9]{3}) (?=[^;]{1,80};\s*ID IPH: )"),
        r";\s*({codes}):\s",
        {"ID IPH": CREDITED} | _MBANK,
        between=" ",
    ),
    Habit(
        "mBank: words between semicolons",
        re.compile(rf"\s*(?P<kind>[0-9]{{3}}) (?=[^;]{{1,80}};\s*(?i:{'|'.join(map(re.escape, _MBANK))}): )"),
        r";\s*({codes}):\s",
        _MBANK | {word.lower(): slot for word, slot in _MBANK.items()},
        between=" ",
    ),
    Habit(
        "Knab",
        re.compile(r"(?=(?s:.*\n)?REK: )"),
        "/?({codes}): ",
        {"REK": ACCOUNT, "NAAM": NAME},
        between="\n",
        party_last=True,
    ),
)

SEPA_CODES: Mapping[str, str] = {
    "EREF": END_TO_END,
    "KREF": CUSTOMER,
    "BREF": BANK_ID,
    "SVWZ": FREE,
    "ABWA": ULTIMATE,
    **dict.fromkeys(("RREF", "MREF", "CRED", "DEBT", "COAM", "OAMT", "ABWE", "PURP"), NOTE),
    **dict.fromkeys(("SQTP", "ORCR", "ORMR", "DDAT", "MDAT"), NOTE),
}
"""What German banks write with a plus sign into the free text: EREF+ and so on."""
