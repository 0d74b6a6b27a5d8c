"""Takes the text of an `:86:` apart, by the table of how banks write it."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from bankfiles.mt_habits import (
    ACCOUNT,
    BANK,
    BENEFICIARY,
    CODE_WORDS,
    CREDITOR,
    DEBTOR,
    END_TO_END,
    FREE,
    HABITS,
    IBAN,
    LINE_WIDTH,
    MORE,
    NAME,
    NOTE,
    ORDERING,
    PARTY,
    RETURN,
    RETURN_CLAIMED,
    SEPA_CODES,
    STRUCTURED,
    TEXTS,
    Details,
    Habit,
)

_SEPA = re.compile(rf"({'|'.join(SEPA_CODES)})\+")
_FILLING = " ÿ˙"
"""What Polish banks write into empty pieces is the byte FF."""
_NOTHING = dict.fromkeys(PARTY, f"{_FILLING}/") | dict.fromkeys(
    (ACCOUNT, IBAN, DEBTOR[ACCOUNT], CREDITOR[ACCOUNT]), f"{_FILLING}/0"
)
"""An account of zeros would be the same one for all whose account is not told."""
_OTHER = (NAME, ACCOUNT, IBAN, BANK)
_SAME = {
    **{which[slot]: (slot,) for which in (DEBTOR, CREDITOR) for slot in which},
    **{slot: (DEBTOR[slot], CREDITOR[slot]) for slot in DEBTOR},
    NAME: (DEBTOR[NAME], CREDITOR[NAME], ORDERING, BENEFICIARY),
    **dict.fromkeys((ORDERING, BENEFICIARY), (*_OTHER, *DEBTOR.values(), *CREDITOR.values())),
    **{side[NAME]: (*_OTHER, ORDERING, BENEFICIARY, *side.values()) for side in (DEBTOR, CREDITOR)},
}
"""Slots of which a bank fills one; and of a name with which it begins, what it says behind it."""
_BOTH = {ORDERING: (BENEFICIARY,), BENEFICIARY: (ORDERING,)}
_ALL_PIECES = "0123456789"
"""The bank writes more text behind the other party where it has used 20 to 29 for it: else a payer wrote the 60."""
_BEGINS_DOUBT = frozenset({END_TO_END, FREE})
_BANKS_OWN = PARTY | {RETURN}
"""What is not believed from a payer."""
_ACCOUNT = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def read_details(lines: Sequence[str]) -> Details:
    """What an `:86:` says, by slot."""
    tight = "".join(lines)
    if not tight:
        return {FREE: [], STRUCTURED: [], NOTE: []}
    for habit in HABITS:
        text = _joined(lines, habit.between) if habit.between else tight
        begun = habit.begins.match(text)
        if begun is not None and (found := _pieces(habit, text, begun)) is not None:
            return _sepa(found)
    return _sepa({FREE: _flow(lines, LINE_WIDTH), STRUCTURED: [], NOTE: []})


def _joined(lines: Sequence[str], between: str) -> str:
    # One space also where the line ends with one.
    return between.join(map(str.rstrip, lines) if between == " " else lines)


def read_supplement(texts: Sequence[str]) -> Details:
    """What stands behind the references of a `:61:`: notes, in which code words may stand as well."""
    found: Details = {NOTE: []}
    for text in texts:
        pieces = _words(text) if text[:1] == "/" else None
        if pieces is None:
            found[NOTE].append(text)
        else:
            found = {**pieces, **found, NOTE: [*found[NOTE], *pieces[NOTE], *pieces[FREE]]}
    return found


@lru_cache(maxsize=1024)
def _words(text: str) -> Details | None:
    # Most tell no more than the kind of the transaction.
    begun = CODE_WORDS.begins.match(text)
    return None if begun is None else _pieces(CODE_WORDS, text, begun)


def _pieces(habit: Habit, text: str, begun: re.Match[str]) -> Details | None:
    """The pieces of a text, by slot; None when there is not one: then it is no text of this habit."""
    groups = begun.groupdict("") if begun.re.groups else {}
    mark = groups.get("mark", "")
    parts = _codes(habit, mark).split(text[begun.start("mark") if mark else begun.end() :])
    if len(parts) == 1:
        return None
    pieces, codes, apart = _Sorted(habit, bool(mark)), habit.codes, f"{habit.between}/"
    if parts[0]:
        pieces.take(FREE if habit.party_last else NOTE, parts[0], "")
    for at in range(1, len(parts), 3):
        slot, value = codes[parts[at + 1]], parts[at + 2]
        if slot.__class__ is str:
            pieces.take(slot, value, parts[at])
        else:
            for each, one in zip(slot, value.removeprefix("/").split(apart, len(slot) - 1), strict=False):
                if one.strip():
                    pieces.take(each, one, "")
    return pieces.details(groups.get("kind", ""))


_PATTERNS: dict[tuple[str, str], re.Pattern[str]] = {}


def _codes(habit: Habit, mark: str) -> re.Pattern[str]:
    """What begins a piece, and in it the code."""
    pattern = _PATTERNS.get((habit.whose, mark))
    if pattern is None:
        longest_first = "|".join(map(re.escape, sorted(habit.codes, key=len, reverse=True)))
        pattern = re.compile(f"({habit.piece.format(codes=longest_first, mark=re.escape(mark))})")
        _PATTERNS[habit.whose, mark] = pattern
    return pattern


def _flow(lines: Sequence[str], width: int) -> list[str]:
    """Lines as they were before they were cut: one that fills the width goes on in the next."""
    flowed: list[str] = []
    goes_on = False
    for line in lines:
        if goes_on:
            flowed[-1] += line
        else:
            flowed.append(line)
        goes_on = len(line) >= width > 0
    return [clean for text in flowed if (clean := _clean(text))]


def _clean(text: str) -> str:
    return " ".join(text.split()) if "  " in text or "\n" in text else text.strip(" ")


class _Sorted:
    """The pieces of one text as they are sorted into slots."""

    __slots__ = (
        "_before",
        "_closed",
        "_doubted",
        "_found",
        "_free",
        "_full",
        "_habit",
        "_late",
        "_marked",
        "_pieces",
        "_trim",
    )

    def __init__(self, habit: Habit, marked: bool) -> None:
        self._habit, self._marked, self._trim = habit, marked, habit.trim
        self._free: list[str] = []
        self._found: Details = {FREE: self._free, STRUCTURED: [], NOTE: []}
        self._before = self._pieces = ""
        self._closed = self._full = self._late = False
        self._doubted = 0
        """How many slots were found before the payer's reference: what comes behind it may be of that one yet."""

    def take(self, slot: str, text: str, delimiter: str) -> None:
        """A piece, and what began it in the text."""
        found = self._found
        # Its spaces tell how wide a piece of free text is.
        value = text.strip(self._trim) if slot != FREE or not self._habit.width else text
        if (
            slot == NAME
            and NAME in found
            and ACCOUNT not in found
            and not self._full
            and _ACCOUNT.fullmatch(value)
        ):
            # ING of Romania writes it behind the name, which never fills its piece: else it may be of the name.
            slot = ACCOUNT
        before, self._before = self._before, slot
        if slot in _BEGINS_DOUBT:
            self._doubt(slot)
            self._pieces += delimiter[-1:]
        nothing = not value.strip(_NOTHING.get(slot, _FILLING))
        if self._habit.party_last and not self._closed:
            self._take_back(IBAN if slot == ACCOUNT else "", slot if nothing and slot != before else "")
        if nothing:
            return
        if self._closed and slot in _BANKS_OWN:
            self._free.append(delimiter + text)
            self._late |= slot in PARTY
        elif slot == RETURN and self._doubted:
            found.setdefault(RETURN_CLAIMED, _clean(value))
            found[NOTE].append(self._note(value, delimiter))
        elif slot in TEXTS:
            found[slot].append(self._note(value, delimiter) if slot == NOTE else value)
        elif slot == MORE:
            self._free.append(value)
            self._closed = self._closed or self._pieces == _ALL_PIECES
        elif slot not in found:
            if (
                self._doubted
                and slot in _SAME
                and not found.keys().isdisjoint(_SAME[slot])
                and found.keys().isdisjoint(_BOTH.get(slot, ()))
            ):
                self._disbelieve(_SAME[slot])
            found[slot] = _clean(value)
            self._full = len(text) >= self._habit.width
        else:
            self._again(slot, _clean(value), delimiter, slot == before)

    def _take_back(self, *slots: str) -> None:
        """Leave to the text what was said before the bank says nothing, or before its number begins."""
        for slot in slots:
            if slot in PARTY and slot in self._found:
                self._free.append(self._found.pop(slot))

    def _again(self, slot: str, value: str, delimiter: str, continues: bool) -> None:
        """What a slot holds already: more of it, or another."""
        habit, found = self._habit, self._found
        if self._doubted and slot in PARTY and not habit.party_last:
            if self._is_doubted(slot):
                # The bank's comes behind the payer's.
                value, found[slot] = found[slot], value
                self._disbelieve(set(_SAME.get(slot, ())) - {slot})
            found[NOTE].append(self._note(value, delimiter))
        elif continues and (habit.width or not habit.party_last):
            found[slot] += value if len(found[slot]) >= habit.width > 0 else f" {value}"
        elif slot in _BANKS_OWN and habit.party_last:
            self._free.append(found[slot])
            found[slot] = value
        else:
            found[NOTE].append(self._note(value, delimiter))

    def _doubt(self, slot: str) -> None:
        """Tell where a payer's reference, or the text, begins: also one that itself begins with a code word."""
        if slot == END_TO_END:
            self._doubted = self._doubted or len(self._found)
        elif not self._habit.party_last:
            self._closed = True
            if self._late and self._doubted:
                # Two texts and a party between them: the first, and who is named before, may be of that reference.
                self._disbelieve(PARTY)

    def _disbelieve(self, slots: Iterable[str]) -> None:
        """Keep as notes what of these came behind the payer's reference."""
        for slot in sorted(slots):
            if self._is_doubted(slot):
                self._found[NOTE].append(self._found.pop(slot))

    def _is_doubted(self, slot: str) -> bool:
        return slot in self._found and list(self._found).index(slot) >= self._doubted

    def _note(self, value: str, delimiter: str) -> str:
        """With its code, where that is a word."""
        if self._marked or not delimiter:
            return _clean(value)
        return _clean(f"{delimiter.strip('/;? ')}{'/' if '/' in self._trim else ' '}{value}")

    def details(self, kind: str) -> Details:
        if self._free:
            self._found[FREE] = _flow(self._free, self._habit.width)
        if kind:
            self._found["kind"] = kind
        return self._found


def _sepa(found: Details) -> Details:
    """Take the pieces with a plus sign out of the free text."""
    text = "\n".join(found[FREE])
    if "+" not in text:
        return found
    parts = _SEPA.split(text)
    if len(parts) == 1:
        return found
    free = [parts[0]]
    for at in range(1, len(parts), 2):
        code, value = parts[at], parts[at + 1]
        slot = SEPA_CODES[code]
        if slot == FREE:
            free.append(value)
            continue
        # What does not fill its line ends with it; behind it stands text of the bank.
        value, _, rest = value.partition("\n")
        value = value.strip()
        free.append(rest)
        if slot == NOTE or slot in found:
            found[NOTE].append(f"{code}+{value}")
        elif value:
            found[slot] = value
    found[FREE] = [clean for line in "\n".join(free).split("\n") if (clean := line.strip())]
    return found
