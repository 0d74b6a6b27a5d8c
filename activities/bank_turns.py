"""Of one account, one format is posted at a moment, by as many files as wish.

Money that was told before in another way, by another format or with another value date, is known by what the book
holds of it: two chunks that are matched at the same moment would not see each other. Files of one format stay side by
side, as a format tells of its money in one way.
"""

from collections.abc import Mapping
from typing import Any

import psycopg

from activities.bank_keeping import Account, Items
from bankfiles import Format

FORMATS = (Format.CAMT_052, Format.CAMT_053, Format.CAMT_054, Format.MT940, Format.MT942, Format.BAI2)
PLACES = 8
"""How many files of a format post on an account side by side, if their ids follow one another."""
SETS = 16
"""Of places; accounts share them, as a chunk may be about a thousand, and PostgreSQL's table of locks is small."""


def take_turn(
    connection: "psycopg.Connection[Any]", file_id: int, accounts: Mapping[int, Account], items: Items
) -> None:
    """Until the end of the transaction, no other format is posted on the accounts that the items are about.

    It takes a place of its own format alone, and all places of the others together with whoever wants them.
    """
    about = [accounts[item.statement] for item in items]
    own = FORMATS.index(about[0].format)
    places, alone = [], []
    # In one order for all, so that nobody waits for whoever waits for them.
    for first in sorted({account.id % SETS for account in about}):
        for number in range(len(FORMATS)):
            for place in [file_id % PLACES] if number == own else range(PLACES):
                places.append((first * len(FORMATS) + number) * PLACES + place)
                alone.append(number == own)
    connection.execute(_LOCK, {"places": places, "alone": alone}, prepare=True)


_LOCK = b"""
    SELECT CASE WHEN alone THEN pg_advisory_xact_lock(hashtext('bank formats'), place)
        ELSE pg_advisory_xact_lock_shared(hashtext('bank formats'), place) END
    FROM unnest(%(places)s::int[], %(alone)s::boolean[]) AS given (place, alone)
"""
