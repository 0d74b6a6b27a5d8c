"""The inbox: each file is taken once and none is lost, whoever writes, and whoever dies."""

import asyncio
import gzip
import os
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import pytest
from sqlalchemy import Engine

from activities import inbox
from activities.bank_files import MAX_FILE_BYTES, store
from activities.inbox import take_in
from bankfiles.sample import Payment, Sheet, write_camt
from tests.conftest import Database, engine_of


class Inbox:
    """A folder, and what was stored of it."""

    def __init__(self, folder: Path, database: Database, engine: Engine) -> None:
        self.folder = folder
        self.engine = engine
        self._database = database

    def bring(self, name: str, content: bytes, age: float = 5.0) -> Path:
        """A file that was last written `age` seconds ago."""
        self.folder.mkdir(exist_ok=True)
        path = self.folder / name
        path.write_bytes(content)
        then = time.time() - age
        os.utime(path, (then, then))
        return path

    def look(self) -> int:
        return take_in(self.engine, self.folder)

    def stored(self) -> list[tuple[str, bytes]]:
        with psycopg.connect(self._database.app_url) as connection:
            rows = connection.execute("SELECT name, content FROM bank_file ORDER BY name, id").fetchall()
        return [(name, gzip.decompress(content)) for name, content in rows]

    def lies(self) -> list[str]:
        """The files that a person sees, by their place in the folder."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if not path.name.startswith("."))


@pytest.fixture
def box(database: Database, tmp_path: Path) -> Inbox:
    engine = engine_of(database.app_url)
    return Inbox(tmp_path / "inbox", database, engine)


def camt(amount_minor: int) -> bytes:
    file = BytesIO()
    write_camt(file, [Sheet("NL07MOCK0000001001", "EUR", [Payment(amount_minor)])], format="camt.054")
    return file.getvalue()


class TestTakeIn:
    def test_a_file_is_stored_and_put_aside(self, box: Inbox) -> None:
        assert box.look() == 0
        box.bring("a.xml", camt(1))
        box.bring("b.xml", camt(2))
        assert box.look() == 2
        assert box.stored() == [("a.xml", camt(1)), ("b.xml", camt(2))]
        assert box.lies() == ["taken/a.xml", "taken/b.xml"]
        assert box.look() == 0

    def test_the_same_name_again_keeps_both(self, box: Inbox) -> None:
        for amount in (1, 2, 3):
            box.bring("day.xml", camt(amount))
            assert box.look() == 1
        assert box.lies() == ["taken/day.xml", "taken/day.xml.1", "taken/day.xml.2"]
        assert (box.folder / "taken" / "day.xml.2").read_bytes() == camt(3)
        assert [content for _, content in box.stored()] == [camt(1), camt(2), camt(3)]

    def test_the_same_content_again_is_stored_once(self, box: Inbox) -> None:
        for name in ("a.xml", "b.xml"):
            box.bring(name, camt(1))
            assert box.look() == 1
        assert box.stored() == [("a.xml", camt(1))]

    def test_one_that_cannot_be_put_aside_does_not_hold_up_the_others(
        self, box: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        box.bring("a.xml", camt(1))
        box.bring("b.xml", camt(2))
        put_aside = inbox._put_aside

        def no_room(folder: Path, path: Path) -> None:
            if path.name == "a.xml":
                raise OSError(28, "No space left on device")
            put_aside(folder, path)

        with monkeypatch.context() as patched:
            patched.setattr(inbox, "_put_aside", no_room)
            assert box.look() == 1
        assert box.look() == 1
        assert box.lies() == ["taken/a.xml", "taken/b.xml"]
        assert box.stored() == [("a.xml", camt(1)), ("b.xml", camt(2))]

    def test_what_is_no_finished_file_is_left_alone(self, box: Inbox) -> None:
        for name in (".hidden.xml", "a.xml.part", "b.xml.filepart", "c.tmp"):
            box.bring(name, camt(1))
        (box.folder / "folder").mkdir()
        (box.folder / "gone.xml").symlink_to(box.folder / "nowhere")
        os.mkfifo(box.folder / "pipe")
        assert box.look() == 0
        assert box.stored() == []
        assert box.lies() == ["a.xml.part", "b.xml.filepart", "c.tmp"]

    def test_a_file_that_is_being_written_is_left_alone(self, box: Inbox) -> None:
        half = camt(1)[:-100]
        box.bring("fresh.xml", camt(1), age=0)
        box.bring("pausing.xml", half, age=5)
        box.bring("created.xml", b"", age=5)
        assert box.look() == 0
        box.bring("pausing.xml", camt(1), age=5)
        assert box.look() == 1
        assert box.stored() == [("pausing.xml", camt(1))]

    @pytest.mark.parametrize(
        "end",
        [
            b"</Document>\n",
            b":62F:C261123EUR0,\r\n-",
            b":62F:C261123EUR0,\r\n-}\r\n",
            b"98,0,1,2/\n99,0,1,4/\n",
        ],
    )
    def test_every_format_has_an_end_of_its_own(self, box: Inbox, end: bytes) -> None:
        box.bring("whole", b"x" * 200 + end, age=5)
        box.bring("half", b"x" * 200 + end[: len(end) // 2], age=5)
        assert box.look() == 1
        assert box.lies() == ["half", "taken/whole"]

    def test_one_that_stays_without_an_end_is_taken_at_last(self, box: Inbox) -> None:
        box.bring("half.xml", camt(1)[:-100], age=61)
        assert box.look() == 1
        assert box.lies() == ["taken/half.xml"]

    def test_a_clock_that_is_ahead_delays_nothing(self, box: Inbox) -> None:
        box.bring("tomorrow.xml", camt(1), age=-86400)
        assert box.look() == 1

    def test_an_empty_and_a_huge_file_are_refused_and_the_others_taken(self, box: Inbox) -> None:
        box.bring("a-empty.xml", b"", age=61)
        huge = box.bring("b-huge.xml", b"")
        os.truncate(huge, MAX_FILE_BYTES + 1)
        os.utime(huge, (1, 1))
        box.bring("c-good.xml", camt(1))
        assert box.look() == 1
        assert box.lies() == ["refused/a-empty.xml", "refused/b-huge.xml", "taken/c-good.xml"]
        assert [name for name, _ in box.stored()] == ["c-good.xml"]

    def test_one_that_cannot_be_read_is_refused_and_the_others_taken(
        self, box: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        closed = box.bring("a-closed.xml", camt(1))
        closed.chmod(0)
        if os.geteuid() == 0:
            monkeypatch.setattr(Path, "open", _as_an_ordinary_user(Path.open))
        box.bring("b-good.xml", camt(2))
        assert box.look() == 1
        assert box.lies() == ["refused/a-closed.xml", "taken/b-good.xml"]

    def test_a_name_that_no_database_takes(self, box: Inbox) -> None:
        box.bring(os.fsdecode(b"ko\xffnto\x1b[31m.xml"), camt(1))
        assert box.look() == 1
        assert box.stored() == [("ko?nto?[31m.xml", camt(1))]


class TestManyWorkers:
    def test_each_file_is_taken_once_and_none_is_lost(self, box: Inbox) -> None:
        for number in range(40):
            box.bring(f"{number:02}.xml", camt(number + 1))
        with ThreadPoolExecutor(4) as workers:
            taken = sum(workers.map(lambda _: box.look(), range(12)))
        assert taken == 40
        assert [name for name, _ in box.stored()] == [f"{number:02}.xml" for number in range(40)]
        assert box.lies() == [f"taken/{number:02}.xml" for number in range(40)]

    def test_another_file_of_the_name_that_comes_meanwhile_is_not_lost(
        self, box: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def store_slowly(engine: Engine, content: BinaryIO, name: str, by: str) -> tuple[str, bool]:
            if content.read() == camt(1):
                box.bring(name, camt(2))
            return store(engine, content, name, by)

        monkeypatch.setattr(inbox, "store", store_slowly)
        box.bring("day.xml", camt(1))
        assert box.look() + box.look() == 2
        assert [content for _, content in box.stored()] == [camt(1), camt(2)]
        assert (box.folder / "taken" / "day.xml.1").read_bytes() == camt(2)

    def test_a_file_that_vanishes_after_it_was_listed(
        self, box: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vanishing = box.bring("a.xml", camt(1))
        box.bring("b.xml", camt(2))
        wanted = inbox._wanted
        monkeypatch.setattr(inbox, "_wanted", lambda path: wanted(path) and _without(vanishing))
        assert box.look() == 1
        assert box.lies() == ["taken/b.xml"]

    def test_one_that_grows_while_it_is_stored_is_read_again(
        self, box: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def store_while_it_grows(engine: Engine, content: BinaryIO, name: str, by: str) -> tuple[str, bool]:
            if content.read() != camt(1):
                (box.folder / ".taking" / name).write_bytes(camt(1))
            return store(engine, content, name, by)

        monkeypatch.setattr(inbox, "store", store_while_it_grows)
        box.bring("a.xml", camt(1)[:200], age=61)
        assert box.look() == 0
        assert box.look() == 1
        assert camt(1) in [content for _, content in box.stored()]


class TestDying:
    def test_between_claim_and_store(self, box: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
        box.bring("a.xml", camt(1))
        with monkeypatch.context() as dying:
            dying.setattr(inbox, "store", _die)
            _until_death(box)
        assert box.look() == 1
        assert box.stored() == [("a.xml", camt(1))]
        assert box.lies() == ["taken/a.xml"]

    def test_between_store_and_move(self, box: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
        box.bring("a.xml", camt(1))
        with monkeypatch.context() as dying:
            dying.setattr(inbox, "_put_aside", _die)
            _until_death(box)
        assert box.stored() == [("a.xml", camt(1))]
        assert box.look() == 1
        assert box.stored() == [("a.xml", camt(1))]
        assert box.lies() == ["taken/a.xml"]


class TestWatch:
    async def test_it_goes_on_whatever_happens(self, box: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
        looks = iter([OSError("the folder is away"), ValueError("a fault of ours")])

        def look(engine: Engine, folder: Path) -> int:
            if (problem := next(looks, None)) is not None:
                raise problem
            return take_in(engine, folder)

        monkeypatch.setattr(inbox, "take_in", look)
        monkeypatch.setattr(inbox, "LOOK_SECONDS", 0.01)
        box.bring("a.xml", camt(1))
        watching = asyncio.create_task(inbox.watch_inbox(box.engine, box.folder))
        async with asyncio.timeout(20):
            await asyncio.to_thread(_wait_for, box.folder / "taken" / "a.xml")
        watching.cancel()
        assert box.stored() == [("a.xml", camt(1))]


class _Killed(BaseException):
    pass


def _die(*_: object) -> None:
    raise _Killed


def _until_death(box: Inbox) -> None:
    with pytest.raises(_Killed):
        box.look()


def _wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


def _without(path: Path) -> bool:
    path.unlink(missing_ok=True)
    return True


def _as_an_ordinary_user(open: Any) -> Any:
    """Root may read everything."""

    def read(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.exists() and not path.stat().st_mode & 0o400:
            raise PermissionError(13, "Permission denied", str(path))
        return open(path, *arguments, **options)

    return read
