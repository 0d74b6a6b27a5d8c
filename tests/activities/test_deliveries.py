"""Each money once, however often, in whatever guise and by however many senders it is delivered, killed or not."""

import pytest

from bankfiles import Entry, entries
from tests.activities.deliveries import CUSTOMERS, FORMS, Wanted, prove
from tests.activities.guises import days_of_money, guises, is_lump
from tests.conftest import Database, Server, fresh_database


@pytest.mark.timeout(300)
def test_of_eight_senders_that_are_killed_post_what_one_delivery_posts(
    server: Server, database: Database
) -> None:
    wanted = Wanted(deliveries=120, files=60, days=2, payments_a_day=8, seed=1)
    with fresh_database(server, f"{database.name}_once") as once:
        proof = prove(wanted, once, database)
    print(proof)
    assert proof.faults == []
    assert proof.deliveries == 120
    assert proof.deadlocks == 0
    # About ten senders meet with one or the other; chance says which.
    assert proof.kills + proof.cuts > 5
    assert proof.kills > 0


@pytest.mark.parametrize("seed", [2, 12])
def test_of_few_files_some_tell_the_details_of_each_lump_sum(seed: int) -> None:
    # Else it waits for a person, as it must, and one delivery with details is another book.
    forms = {currency: [f"form {number}" for number in range(FORMS)] for currency in CUSTOMERS}
    days = days_of_money(seed, forms, days=5, payments_a_day=15)
    told = {
        entry.bank_reference
        for file in guises(days, seed, 160)
        for entry in entries(file.content)
        if isinstance(entry, Entry) and entry.detailed
    }
    assert [
        item for day in days for item in day.money if is_lump(item) and item.bank_reference not in told
    ] == []
