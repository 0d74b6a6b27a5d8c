"""`prepay bank`: files delivered, what was read, and why each entry went where it went."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from bankfiles.sample import Payment, Sheet, write_camt
from tests.cli.conftest import Cli
from tests.conftest import Database
from tests.office import EUR_ACCOUNT, Office, request_id
from tests.workflows.deposits import office_without_forms


def camt(*payments: Payment, account: str = EUR_ACCOUNT) -> bytes:
    file = BytesIO()
    write_camt(file, [Sheet(account, "EUR", payments)], format="camt.054")
    return file.getvalue()


@asynccontextmanager
async def open_desk(set_up: Database, temporal: WorkflowEnvironment) -> AsyncIterator[Office]:
    """An office whose relay rings by itself."""

    async def ring(office: Office) -> None:
        while True:
            await office.ring()
            await asyncio.sleep(0.1)

    async with office_without_forms(set_up.app_url, temporal.client) as office:
        relay = asyncio.create_task(ring(office))
        yield office
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay


class TestIngest:
    async def test_good_held_refused_and_empty_files(
        self,
        prepay: Cli,
        set_up: Database,
        temporal: WorkflowEnvironment,
        temporal_address: str,
        tmp_path: Path,
    ) -> None:
        prepay.use(TEMPORAL_ADDRESS=temporal_address)
        good, held, refused, empty = (
            tmp_path / f"{name}.xml" for name in ("good", "held", "refused", "empty")
        )

        async with open_desk(set_up, temporal) as office:
            deposit = await office.client.request_deposit(
                "C-1001", "100.00", "EUR", product="Compute", request_id=request_id()
            )
            good.write_bytes(
                camt(Payment(10_000, structured=deposit.reference), Payment(700, free=("thank you",)))
            )
            held.write_bytes(camt(Payment(1), account="NL26MOCK0000009001"))
            refused.write_bytes(deposit.reference.encode())
            empty.touch()
            posted = await prepay.beside("bank", "ingest", good)
            mixed = await prepay.beside("bank", "ingest", good, empty, held, refused, "--json")
        assert posted.code == 0
        assert f"{good}: stored\n" in posted.err
        assert "posted" in posted.out
        assert mixed.code == 1
        assert f"{good}: was stored before\n" in mixed.err
        assert "empty.xml is empty. Deliver it again when it has been written.\n" in mixed.err
        rows = json.loads(mixed.out)
        assert [row["stage"] for row in rows] == ["posted", "held", "refused"]
        assert [rows[0][n] for n in ("entries", "new", "credited", "unapplied")] == [2, 2, 1, 1]
        assert "expected an account that an entity has set up" in rows[1]["reason"]

    def test_a_missing_file_or_a_folder_is_wrong_usage_and_nothing_is_stored(
        self, prepay: Cli, tmp_path: Path
    ) -> None:
        (tmp_path / "good.xml").write_bytes(camt(Payment(1)))
        for wrong in (tmp_path / "none.xml", tmp_path):
            done = prepay("bank", "ingest", tmp_path / "good.xml", wrong, "--no-wait")
            assert (done.code, done.out) == (2, "")
        assert json.loads(prepay("bank", "files", "--json").out) == []

    def test_where_nobody_works_it_says_so_in_the_end(self, prepay: Cli, tmp_path: Path) -> None:
        (tmp_path / "good.xml").write_bytes(camt(Payment(1)))
        stored = prepay(
            "bank", "ingest", tmp_path / "good.xml", "--no-wait", "--by", "the night shift", "--json"
        )
        assert stored.code == 0
        (row,) = json.loads(stored.out)
        assert (row["stage"], row["delivered_by"], row["name"]) == ("stored", "the night shift", "good.xml")

    def test_a_source_without_a_plain_name_is_refused_and_nothing_is_stored(
        self, prepay: Cli, tmp_path: Path
    ) -> None:
        (tmp_path / "good.xml").write_bytes(camt(Payment(1)))
        done = prepay("bank", "ingest", tmp_path / "good.xml", "--no-wait", "--by", "me@bank.example")
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("prepay: 'me@bank.example' is no source: at most 40 plain letters")
        assert json.loads(prepay("bank", "files", "--json").out) == []


class TestFiles:
    def test_one_tells_who_delivered_it(self, prepay: Cli, tmp_path: Path) -> None:
        (tmp_path / "good.xml").write_bytes(camt(Payment(1)))
        for by in ("inbox", "portal", "inbox"):
            prepay("bank", "ingest", tmp_path / "good.xml", "--no-wait", "--by", by)
        found = json.loads(prepay("bank", "files", 1, "--json").out)
        assert [row["delivered_by"] for row in found["deliveries"]] == ["inbox", "portal"]
        assert found["decisions"] == []
        assert "portal" in prepay("bank", "files", 1).out

    def test_one_that_is_not_there(self, prepay: Cli) -> None:
        done = prepay("bank", "files", 7)
        assert (done.code, done.out) == (1, "")
        assert done.err == "prepay: There is no bank file 7; `prepay bank files` lists them.\n"


class TestEntries:
    def test_an_unknown_state_is_refused(self, prepay: Cli) -> None:
        done = prepay("bank", "entries", "--state", "lost")
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("prepay: There is no state 'lost'; there are shown, credited, unapplied, ")
