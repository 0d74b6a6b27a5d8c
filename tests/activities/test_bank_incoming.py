"""What a file tells waits between its reading and its posting: nothing of it is lost, and nothing of it stays."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, text

from activities.bank_files import BankFiles, store
from activities.bank_incoming import Chunk, Incoming
from activities.bank_posting import KeptWasLost, post_chunk, post_kept
from bankfiles import Event
from bankfiles.sample import Sheet
from ledger.checks import run_checks
from models.url import sqlalchemy_url
from rules.deposit import DepositState
from tests.activities.test_bank_files import ACCOUNT, Desk, camt, desk
from tests.activities.test_bank_pipeline import deposits, paying, small_chunks
from tests.activities.test_bank_quarantine import UNREADABLE, file_of, good
from tests.conftest import Database

__all__ = ["deposits", "desk", "small_chunks"]


def stored(desk: Desk, sheet: Sheet) -> str:
    return store(desk.engine, camt(sheet), "test.xml", "a test")[0]


def waiting(desk: Desk) -> list[tuple[object, object]]:
    """The chunk and the ordinal of each entry."""
    rows = desk.rows("SELECT chunk, ordinal FROM bank_incoming ORDER BY ordinal, position")
    return [(row["chunk"], row["ordinal"]) for row in rows]


@pytest.fixture
def crash(set_up: Database) -> Callable[[], None]:
    """What PostgreSQL does to a table that it keeps no log of."""

    def empty() -> None:
        with psycopg.connect(set_up.owner_url) as connection:
            connection.execute("TRUNCATE bank_incoming")

    return empty


def die(*_: object) -> None:
    raise ConnectionAbortedError


class TestWaiting:
    def test_it_waits_in_chunks_until_it_is_posted(self, desk: Desk, deposits: list[DepositState]) -> None:
        sha256 = stored(desk, paying(deposits))
        desk.files.read(sha256)
        assert waiting(desk) == [(number // 3, number) for number in range(12)]
        assert desk.files.post(sha256).credited == 12
        assert waiting(desk) == []

    def test_nothing_waits_of_a_file_that_is_held(self, desk: Desk, deposits: list[DepositState]) -> None:
        wrong_sum = Sheet(ACCOUNT, "EUR", paying(deposits).entries, closing_minor=1)
        unknown_account = Sheet("NL35MOCK0000009999", "EUR", paying(deposits).entries)
        assert desk.deliver(wrong_sum, kind="camt.053").held_for == "sums"
        assert desk.deliver(unknown_account).held_for == "account"
        assert waiting(desk) == []

    def test_a_file_that_has_been_read_is_not_read_again(
        self, desk: Desk, deposits: list[DepositState]
    ) -> None:
        sha256 = stored(desk, paying(deposits))
        desk.files.read(sha256)
        desk.files.post(sha256)
        assert desk.files.read(sha256).stage == "posted"
        assert waiting(desk) == []

    def test_two_readings_at_once_write_it_down_once(self, desk: Desk, deposits: list[DepositState]) -> None:
        sha256 = stored(desk, paying(deposits))
        with ThreadPoolExecutor(4) as pool:
            assert {state.stage for state in pool.map(desk.files.read, [sha256] * 4)} == {"read"}
        assert len(waiting(desk)) == 12

    def test_two_postings_at_once_post_it_once(self, desk: Desk, deposits: list[DepositState]) -> None:
        sha256 = stored(desk, paying(deposits))
        desk.files.read(sha256)
        with ThreadPoolExecutor(2) as pool:
            assert {state.stage for state in pool.map(desk.files.post, [sha256] * 2)} == {"posted"}
        assert desk.available() == 120_000
        assert waiting(desk) == []

    def test_a_reading_may_take_longer_than_a_statement(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take = Incoming.take

        def slowly(self: Incoming, event: Event) -> None:
            time.sleep(0.05)
            take(self, event)

        monkeypatch.setattr(Incoming, "take", slowly)
        engine = create_engine(
            sqlalchemy_url(desk.url), connect_args={"options": "-c statement_timeout=300"}, pool_size=4
        )
        assert BankFiles(engine).read(stored(desk, paying(deposits))).stage == "read"
        engine.dispose()

    def test_what_postgresql_refuses_to_keep_holds_the_file(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The readers let no such text through."""
        with monkeypatch.context() as letting:
            letting.setattr(Incoming, "entry", lambda told, _: told._copy.write_row(["\0"]))
            file = desk.deliver(paying(deposits))
        assert (file.stage, file.held_for) == ("held", "reading")
        assert file.reason.startswith(
            "The whole file: expected its entries to be kept, found that PostgreSQL refuses"
        )
        assert "Nothing of it is posted." in file.reason
        assert desk.release(camt(paying(deposits))).stage == "posted"

    def test_what_postgresql_refuses_of_its_statements_holds_it_too(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wrong = text("SELECT 10 / 0")
        with monkeypatch.context() as refusing:
            refusing.setattr("activities.bank_files.chain", lambda session, _: session.execute(wrong))
            file = desk.deliver(paying(deposits))
        assert (file.stage, file.held_for) == ("held", "reading")
        assert waiting(desk) == []
        assert desk.decide(camt(paying(deposits)), "discard", "First Operator").state.stage == "discarded"


class TestLost:
    def test_before_the_posting_it_is_read_again(
        self, desk: Desk, deposits: list[DepositState], crash: Callable[[], None]
    ) -> None:
        sha256 = stored(desk, paying(deposits))
        desk.files.read(sha256)
        crash()
        assert desk.files.post(sha256).credited == 12
        assert desk.available() == 120_000
        assert waiting(desk) == []

    def test_between_keeping_and_posting_it_is_read_again(
        self,
        desk: Desk,
        deposits: list[DepositState],
        crash: Callable[[], None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Kept is not posted: what was kept must not be taken for done."""
        sha256 = stored(desk, paying(deposits))
        desk.files.read(sha256)

        with monkeypatch.context() as dying:
            dying.setattr("activities.bank_pipeline.post_kept", die)
            with pytest.raises(ConnectionAbortedError):
                desk.files.post(sha256)
        assert desk.available() == 30_000
        crash()
        assert desk.files.post(sha256).stage == "posted"
        assert desk.available() == 120_000

    def test_with_nothing_but_what_could_not_be_read_it_is_read_again(
        self, desk: Desk, set_up: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = file_of(*(good(f"R-{number}") for number in range(3)), UNREADABLE, kind="camt.054")

        def crashing(connection: Any, file_id: int, chunk: Chunk) -> None:
            with psycopg.connect(set_up.owner_url) as owner:
                owner.execute("TRUNCATE bank_incoming")
                owner.execute("DELETE FROM bank_quarantine")
            post_kept(connection, file_id, chunk)

        with monkeypatch.context() as dying:
            dying.setattr("activities.bank_pipeline.post_kept", crashing)
            with pytest.raises(KeptWasLost, match="expected 1 entries, found fewer"):
                desk.work_off(content)
        assert desk.work_off(content).stage == "alarm"
        assert len(desk.rows("SELECT FROM bank_quarantine")) == 1

    @pytest.mark.parametrize("chunks_before", [0, 1, 2])
    def test_while_it_is_posted_nothing_is_taken_for_done(
        self,
        desk: Desk,
        deposits: list[DepositState],
        crash: Callable[[], None],
        monkeypatch: pytest.MonkeyPatch,
        chunks_before: int,
    ) -> None:
        """PostgreSQL crashes while no statement runs, so that none fails."""
        sha256 = stored(desk, paying(deposits))
        desk.files.read(sha256)
        monkeypatch.setattr("activities.bank_pipeline.keep_new", lambda *_: False)
        left = iter(range(chunks_before))

        def crashing(*given: Any) -> None:
            if next(left, None) is None:
                crash()
            post_chunk(*given)

        with monkeypatch.context() as dying:
            dying.setattr("activities.bank_pipeline.post_chunk", crashing)
            with pytest.raises(KeptWasLost, match="expected 3 entries, found fewer"):
                desk.files.post(sha256)
        assert desk.files.look(sha256).stage == "read"
        assert desk.available() == 30_000 * chunks_before
        assert desk.files.post(sha256).stage == "posted"
        assert desk.available() == 120_000

    def test_after_the_last_chunk_it_is_not_read_again(
        self,
        desk: Desk,
        deposits: list[DepositState],
        crash: Callable[[], None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        sha256 = stored(desk, paying(deposits))
        desk.files.read(sha256)

        with monkeypatch.context() as dying:
            dying.setattr("activities.bank_files.conclude", die)
            with pytest.raises(ConnectionAbortedError):
                desk.files.post(sha256)
        crash()
        with monkeypatch.context() as reading:
            reading.setattr("activities.bank_files.survey", die)
            assert desk.files.post(sha256).stage == "posted"
        assert desk.available() == 120_000

    def test_by_a_killed_worker_nothing_is_read_again(
        self, desk: Desk, deposits: list[DepositState], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sha256 = stored(desk, paying(deposits))
        desk.files.read(sha256)
        left = iter((post_kept,))

        def once(*given: Any) -> None:
            step = next(left, None)
            if step is None:
                raise ConnectionAbortedError
            step(*given)

        with monkeypatch.context() as dying:
            dying.setattr("activities.bank_pipeline.post_kept", once)
            with pytest.raises(ConnectionAbortedError):
                desk.files.post(sha256)
        assert [chunk for chunk, _ in waiting(desk)] == [2, 2, 2, 3, 3, 3]
        with monkeypatch.context() as reading:
            reading.setattr("activities.bank_files.survey", once)
            assert desk.files.post(sha256).credited == 12
        assert desk.available() == 120_000


@pytest.mark.breaks_the_book
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE bank_file SET entries = entries + 1",
        "INSERT INTO bank_incoming (file_id, ordinal, position, chunk, statement, line, status)"
        " SELECT id, 0, 0, 0, 0, 1, 'BOOK' FROM bank_file",
    ],
)
def test_an_entry_that_a_posted_file_left_out_is_a_breach(
    desk: Desk, deposits: list[DepositState], set_up: Database, change: str
) -> None:
    desk.deliver(paying(deposits))
    with psycopg.connect(set_up.owner_url) as connection:
        connection.execute(change.encode())
        broken = [check.name for check in run_checks(connection) if check.breaches]
        connection.rollback()
    assert broken == ["bank-files"]
