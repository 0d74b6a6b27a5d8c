"""BAI2 type codes: which are money that moved, which way, and which only sum or tell.

Ranges by the Cash Management Balance Reporting Specifications, version 2 (BAI, 2005), appendix A.
"""

from bankfiles.entry import Direction
from bankfiles.refusals import Unreadable

OPENING_LEDGER, CLOSING_LEDGER, TOTAL_CREDITS, TOTAL_DEBITS = "010", "015", "100", "400"
WITHOUT_MONEY = "890"

_RANGES = (
    (100, 399, Direction.CREDIT),
    (400, 699, Direction.DEBIT),
    # Loan payments and drawings; 827 to 829 are SEPA and BACS payments of British banks.
    (706, 706, Direction.CREDIT),
    (708, 708, Direction.CREDIT),
    (720, 728, Direction.CREDIT),
    (760, 760, Direction.DEBIT),
    (827, 827, Direction.CREDIT),
    (828, 828, Direction.DEBIT),
    (829, 829, Direction.CREDIT),
    # A bank's own codes; those from 900 to 919 are balances.
    (920, 959, Direction.CREDIT),
    (960, 999, Direction.DEBIT),
)

# The codes whose name says that they are a total. Other summary codes, such as 169 or 302, are used by
# banks for single movements too.
TOTALS = frozenset({
    100, 101, 102, 107, 109, 110, 130, 131, 140, 146, 150, 159, 160, 170, 180, 182, 185, 186, 188, 190, 200, 205,
    207, 210, 215, 230, 231, 239, 250, 251, 256, 260, 270, 280, 285, 294, 303, 304, 305, 307, 309, 310, 315,
    316, 318, 320, 321, 324, 325, 326, 327, 328, 329, 330, 332, 336, 338, 340, 341, 343, 352, 356, 360, 361,
    370, 385, 389, 390, 400, 401, 402, 403, 405, 410, 412, 416, 430, 446, 450, 459, 470, 471, 480, 482, 486, 490,
    500, 505, 507, 510, 515, 530, 532, 534, 536, 537, 539, 550, 551, 556, 560, 570, 580, 583, 584, 588, 590,
    594, 596, 610, 611, 612, 613, 614, 615, 617, 618, 621, 623, 625, 626, 628, 630, 632, 640, 655, 670, 685,
    690, 720,
})  # fmt: skip

REVERSALS = frozenset({252, 258, 395, 552, 558, 694})
"""The bank takes back what it booked before."""
RETURNS = frozenset({123, 255, 257, 261, 266, 423, 555, 557, 561, 566})
"""A payment, check or direct debit that came back."""


def direction_of(code: str) -> Direction:
    """Which way the money of a type code went. Raises Unreadable for a balance, and for what is no code."""
    if not (len(code) == 3 and code.isascii() and code.isdigit()):
        raise Unreadable("type code", "three digits", code)
    number = int(code)
    for first, last, direction in _RANGES:
        if first <= number <= last:
            return direction
    what = "information without money" if code == WITHOUT_MONEY else "no movement of money"
    raise Unreadable("type code", "one of a credit or debit, such as 195 or 495", f"{code}: {what}")
