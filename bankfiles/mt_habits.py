"""How banks write the details of a payment into `:86:`, which the standard leaves to them: one table, a row a habit.

A row says how such a text begins, what begins a piece of it, and what each piece is. A new habit of a bank is a new
row, or a code in an old one, and a test. What no row knows is free text, in which references are found as well.

The payer writes into the same text as the bank. So who paid is believed only where the payer cannot have written it:
before the payer's text begins, or, where the bank's part comes last, the last time that it is said.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

# The other party: the payer of a credit, the payee of a debit.
ACCOUNT, IBAN, BANK, NAME = "account", "iban", "bank", "name"
FREE, STRUCTURED, NOTE = "free", "structured", "note"
MORE = "more"
"""Free text again, behind the other party."""
END_TO_END, CUSTOMER, BANK_ID = "end_to_end_id", "payment_information_id", "transaction_id"
ULTIMATE, CREDITED, RETURN = "ultimate_payer", "credited_account", "return_reason"
INSTRUCTED, CHARGES = "instructed", "charges"

PARTY = frozenset({ACCOUNT, IBAN, BANK, NAME, CREDITED})
TEXTS = frozenset({FREE, STRUCTURED, NOTE})
AMOUNTS = frozenset({INSTRUCTED, CHARGES})

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
}
_TRIODOS = {"10": ACCOUNT, **{f"2{n}": FREE for n in range(10)}, "31": NOTE}
"""Its 31 is the account itself."""
_MARK = r"(?P<mark>[?<>~^+|&@])(?=[0-3][0-9])"
_NUMBERED = "{mark}({codes})"
_SLASHED = "/({codes})(?=/)"

_WORDS: Mapping[str, str | tuple[str, ...]] = {
    **dict.fromkeys(("TRTP", "TRCD", "ISDT", "ADDR", "PURP", "MARF", "MREF", "CSID", "CRED", "RREF"), NOTE),
    **dict.fromkeys(("ACCW", "EXCH", "ORDP//ID", "BENM//ID", "CDTRREFTP//CD/SCOR", "ISSR/CUR"), NOTE),
    **dict.fromkeys(("NAME", "ORDP", "BENM"), NAME),
    **dict.fromkeys(("REMI/STRD/CUR", "REMI/STRD/ISO", "CDTRREF"), STRUCTURED),
    **dict.fromkeys(("REMI", "REMI/USTD"), FREE),
    **dict.fromkeys(("KREF", "PREF"), CUSTOMER),
    "CNTP": (ACCOUNT, BANK, NAME, NOTE),
    **dict.fromkeys(("IBAN", "BBAN"), ACCOUNT),
    "BIC": BANK,
    "EREF": END_TO_END,
    "RTRN": RETURN,
    "ULTD//NAME": ULTIMATE,
    "OCMT": INSTRUCTED,
    "CHGS": CHARGES,
}

CODE_WORDS = Habit(
    "code words between slashes: SWIFT, and the banks of the Netherlands",
    re.compile(rf"\s*(?=/(?:{'|'.join(_WORDS)})/)"),
    _SLASHED,
    _WORDS,
    trim=" /",
)

_PARTY_LINES = (ACCOUNT, NAME, FREE, FREE)

HABITS = (
    Habit(
        "Komercijalna Banka Skopje: account, name, reference and purpose, each in its line",
        re.compile(r"(?=/(?:ORDP|BENM)/[0-9]+\n/)"),
        _SLASHED,
        {"ORDP": _PARTY_LINES, "BENM": _PARTY_LINES},
        between="\n",
    ),
    CODE_WORDS,
    Habit(
        "Triodos, of another country or SEPA: bank and IBAN before the text",
        re.compile(r"\s*(?P<kind>000)(?P<mark>>)(?=100+>20[A-Z]{6}[A-Z0-9]{2,5}>21[A-Z]{2}[0-9]{2})"),
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
        "numbered pieces: Germany, Austria, Poland, Czechia, Slovakia; the mark before the number is the bank's",
        re.compile(rf"\s*(?P<kind>[0-9]{{3}}|){_MARK}"),
        _NUMBERED,
        _SUB_FIELDS,
        width=27,
        party_last=True,
    ),
    Habit(
        "Citi",
        re.compile(r"\s*(?=/(?:PT|CTC)/)"),
        _SLASHED,
        {"PT": NOTE, "CTC": NOTE, "BO": NAME, "BN": NAME, "BI": NOTE, "PY": FREE},
        trim=" /",
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
        "Knab",
        re.compile(r"(?=(?s:.*?)REK: )"),
        "/?({codes}): ",
        {"REK": ACCOUNT, "NAAM": NAME},
        between="\n",
        party_last=True,
    ),
    Habit(
        "mBank Collect: the payment went to a virtual account",
        re.compile(r"(?P<kind>[0-9]{3}) (?=[^;]{1,80};\s*ID IPH: )"),
        r";\s*({codes}):\s",
        {
            "ID IPH": CREDITED,
            "Z RACH.": ACCOUNT,
            "OD": NAME,
            "TYT.": FREE,
            "TNR": BANK_ID,
        },
        between=" ",
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
