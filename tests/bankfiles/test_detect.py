"""A format is told by what is inside a file, and a cursor starts in the middle of it."""

import pytest

from bankfiles import Detected, Format, detect, entries
from tests.bankfiles import bai2_files, mt_files
from tests.bankfiles.camt_files import document, entry, notification, statement

CAMT = (Format.CAMT_052, Format.CAMT_053, Format.CAMT_054)


class TestDetect:
    @pytest.mark.parametrize("format", CAMT)
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_tells_the_format_and_version(self, format: Format, encoding: str) -> None:
        data = document(statement(entry(), format=format), format=format, version="13").encode(encoding)
        assert detect(data) == Detected(format, f"{format}.001.13")

    def test_believes_the_message_more_than_the_namespace(self) -> None:
        data = document(statement(format="camt.053"), format="camt.053").replace(
            "camt.053.001", "camt.054.001"
        )
        assert detect(data.encode()) == Detected(Format.CAMT_053, "camt.054.001.08")

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_tells_bai2_by_its_first_record(self, encoding: str) -> None:
        data = bai2_files.report(bai2_files.detail()).decode()
        assert detect(("\r\n" + data).encode(encoding)) == Detected(Format.BAI2, "")

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize(
        "before", ["", "\n\x01", "ABNANL2A\n940\n", "{1:F01INGBNL2ABXXX0000000000}\n{4:\n"]
    )
    def test_tells_mt940_and_mt942_by_their_fields(self, before: str, end: str, encoding: str) -> None:
        booked, interim = mt_files.of(mt_files.entry()), mt_files.interim(mt_files.entry())
        for data, format in ((booked, Format.MT940), (interim, Format.MT942)):
            text = (before + data.decode()).replace("\n", end)
            assert detect(text.encode(encoding)) == Detected(format, "")

    @pytest.mark.parametrize(
        "data",
        [
            b"", b"hello", b":940:\n", b":20:X", b"see :20: and\n:60F:", b":86::61:",
            b"01,", b"01,a,b,c,d", b"02,a,b,1,261122,,,2/",
            b"<html></html>", b"<!DOCTYPE x><Document/>", b"\xff\xfe\x00\x00",
        ],
    )  # fmt: skip
    def test_anything_else_is_none(self, data: bytes) -> None:
        assert detect(data) is None


class TestEntries:
    def test_are_numbered_in_the_file_unreadable_ones_too(self) -> None:
        data = notification(
            entry(amount="1.00"), entry(amount="x"), entry(amount="3.00"), entry(amount="4.00")
        )
        assert [e.ordinal for e in entries(data)] == [0, 1, 2, 3]
