"""Which money an entry is: the same key whenever a bank tells of the same money, in whatever file.

With a reference of the bank's (AcctSvcrRef) the key is that reference with account, amount, currency, direction and
value date, so the notification (camt.054) and the statement (camt.053) give one key, also when one has more details.
Without one, the booking date and the content stand in for it: ids, references, remittance and the payer's account,
without spaces, case and punctuation, as formats and encodings change those.

References repeat: some banks give one to a whole batch, and two payments of one payer on one day may be equal in
everything. So whatever is equal is counted, and the count is part of the key, after a dot: both are credited, and the
order of the file does not matter. (The count takes the place of the transaction's index in its batch, which a bank
may order differently the next time.) A reader counts within one statement of a file; posting counts the pages of a
statement together, as they may come in several files. For two payments that are equal in everything, with the digest
c, that gives:

| told by | keys | credited |
|---|---|---|
| one message (052, 053, 054, MT940 …) with both | c.0 c.1 | both |
| the same again: copy, other order, other encoding, other format | c.0 c.1 | nothing more |
| a 054 with one, another 054 with one | c.0 and c.0 | one; the statement that has both brings the second |
| page 1 with one, page 2 with one, in any order, in one file or two | c.0 and c.1 | both |
| a page once more, also after the other pages | what it had before | nothing more |
| the pages, and a 052, a 054 or a whole statement with both | c.0 c.1 from each | both, once |
| the pages, and an overlapping statement with one of them | c.0 | nothing more |
| a statement with one, the one that follows it by its balances with one | c.0 and c.0 | one; held: a person is told |
| a page whose balances do not meet those of the page before it | none | held: a person compares |

A batch is often booked as one line without details and notified with them, or notified payment by payment. So an
entry has a key of its own, and each part has one, by the part's own reference where it has one: money is known
when the key of its entry or of its part is known.
"""

import re
import unicodedata
from array import array
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from hashlib import sha256

NO_REFERENCE = frozenset(
    {"", "NONREF", "NOREF", "NOREFERENCE", "NONE", "NULL", "NA", "UNKNOWN", "NOTPROVIDED", "NOTAVAILABLE"}
)
"""What banks write where they have no reference, in capitals, without zeros around it and signs in it."""

Money = tuple[int, str, str, date]
"""Amount in minor units, currency, direction and value date."""

_NOISE = re.compile(r"[\W_]+")


def normal(text: str) -> str:
    """Letters and digits only, in capitals: what stays the same when a bank formats a text differently."""
    # A letter with a mark may be one character or two, as whoever encoded it wished.
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    return _NOISE.sub("", composed).upper()


# The same few fillers stand in most entries, and each reference is asked about for the part, the entry and the row.
@lru_cache(maxsize=4096)
def named(text: str) -> str:
    """A bank's reference where it names anything; nothing for a filler or zeros alone."""
    # Most are plain letters and digits, of which nothing is to be taken away.
    bare = text.upper() if text.isascii() and text.isalnum() else normal(text)
    return text if bare.strip("0") not in NO_REFERENCE else ""


def is_reference(text: str) -> bool:
    """Whether a bank's reference names anything."""
    return named(text) != ""


_iso = lru_cache(maxsize=4096)(date.isoformat)


class _Hashes:
    """A set of 64-bit hashes in eight bytes and a free place each; Python's own takes a hundred."""

    def __init__(self) -> None:
        self._places = array("q", bytes(8 * 1024))
        self._count = 0

    def add(self, value: int) -> bool:
        """Take one in; whether it is new."""
        value = value or 1  # zero is a free place
        places = self._places
        last = len(places) - 1
        at = value & last
        while known := places[at]:
            if known == value:
                return False
            at = (at + 1) & last
        places[at] = value
        self._count += 1
        if self._count * 2 > last:
            self._grow()
        return True

    def _grow(self) -> None:
        places = array("q", bytes(16 * len(self._places)))
        last = len(places) - 1
        for value in self._places:
            if value:
                at = value & last
                while places[at]:
                    at = (at + 1) & last
                places[at] = value
        self._places = places


class Identities:
    """Gives the keys of one statement, counting what is equal in it: the parts of an entry, then the entry."""

    def __init__(self, account: str) -> None:
        self._account = f"{account}\x1f"
        self._seen = _Hashes()
        self._again: dict[int, int] = {}
        self._parts: list[str] = []
        self._by_content = False
        self._money: Money | None = None
        self._told = ""

    def part(self, references: Iterable[str], money: Money, booked_on: date, content: Iterable[str]) -> str:
        """The key of a part, by the first of the references that is one, else by its content."""
        for reference in references:
            if named(reference):
                facts = f"part\x1f{reference}\x1f{self._text(money)}"
                break
        else:
            self._by_content = True
            facts = "\x1f".join(("part", "", self._text(money), _iso(booked_on), *map(normal, content)))
        self._parts.append(facts)
        return self._key(facts)

    def entry(self, reference: str, money: Money) -> tuple[str, str]:
        """The key of the entry of the parts since the last one, and whether by `reference` or by `content`."""
        if named(reference):
            facts = f"entry\x1f{reference}\x1f{self._text(money)}"
            keyed_by = "reference"
        else:
            facts = "\x1f".join(("entry", "", self._text(money), *sorted(self._parts)))
            keyed_by = "content" if self._by_content else "reference"
        self.forget()
        return self._key(facts), keyed_by

    def take_back(self) -> None:
        """The parts so far are none: what is equal to them is counted as if they had not been told."""
        for facts in self._parts:
            seen = hash(facts)
            self._again[seen] = self._again.get(seen, 0) - 1
        self.forget()

    def forget(self) -> None:
        """The parts so far belong to no entry: it could not be read."""
        self._parts.clear()
        self._by_content = False

    def _text(self, money: Money) -> str:
        # Asked twice for most money: for the part and for the entry.
        if money != self._money:
            amount_minor, currency, direction, value_on = money
            self._money = money
            self._told = f"{amount_minor}\x1f{currency}\x1f{direction!s}\x1f{_iso(value_on)}"
        return self._told

    def _key(self, facts: str) -> str:
        """64 hexadecimal digits for the account and the facts, a dot, and which of the equal ones it is."""
        # Only the 64-bit hash is kept, and a count where it came again: a statement may have a million entries.
        seen = hash(facts)
        occurrence = 0
        if not self._seen.add(seen):
            occurrence = self._again[seen] = self._again.get(seen, 0) + 1
        return f"{sha256((self._account + facts).encode()).hexdigest()}.{occurrence}"


class Keyless(Identities):
    """Gives no keys and remembers nothing: for whoever only counts and sums, in a file of any size."""

    def part(self, references: Iterable[str], money: Money, booked_on: date, content: Iterable[str]) -> str:
        return ""

    def entry(self, reference: str, money: Money) -> tuple[str, str]:
        return "", ""
