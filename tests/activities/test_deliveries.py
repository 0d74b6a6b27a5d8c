"""Each money once, however often, in whatever guise and by however many senders it is delivered, killed or not."""

import pytest

from tests.activities.deliveries import Wanted, prove
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
