"""What is refused before or while XML is parsed: nothing of it may hide an amount, or cost memory without end."""

import codecs
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankfiles import Refused, entries, read, xmlsource
from tests.bankfiles.camt_files import document, entry, notification, statement

PLAIN = document(statement(entry()))
ENTITY = '<!DOCTYPE Document [<!ENTITY amount "900.00">]>'


class TestDoctype:
    @pytest.mark.parametrize(
        "before", ["", "<?xml version='1.0'?>", "<!-- x -->\n", "<?pi x?>", "<!--<Document>-->"]
    )
    def test_is_refused_wherever_it_may_stand(self, before: str) -> None:
        with pytest.raises(Refused, match="DOCTYPE"):
            list(read((before + ENTITY + PLAIN.replace("100.00", "&amount;")).encode()))

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
    def test_is_refused_in_every_encoding(self, encoding: str) -> None:
        with pytest.raises(Refused, match="DOCTYPE"):
            list(read((ENTITY + PLAIN).encode(encoding)))

    def test_is_refused_in_a_later_document(self) -> None:
        second = '<?xml version="1.0"?>' + ENTITY + PLAIN
        with pytest.raises(Refused, match="DOCTYPE"):
            list(read(('<?xml version="1.0"?>' + PLAIN + second).encode()))

    @pytest.mark.parametrize("encoding", ["UTF-7", "IBM037", "UTF-32", "utf-16", "x-unknown"])
    def test_cannot_hide_behind_an_encoding(self, encoding: str) -> None:
        data = f'<?xml version="1.0" encoding="{encoding}"?>{PLAIN}'.encode()
        with pytest.raises(Refused, match="encoded in"):
            list(read(data))

    def test_cannot_hide_in_utf_32(self) -> None:
        with pytest.raises(Refused, match="UTF-32"):
            list(read((ENTITY + PLAIN).encode("utf-32")))


class TestLimits:
    def test_deep_nesting_is_refused(self) -> None:
        deep = "<a>" * 300 + "</a>" * 300
        with pytest.raises(Refused, match="deeper than 256"):
            list(read(notification(entry(deep))))

    @pytest.mark.parametrize("large", ["x" * 3_000_000, "<x/>" * 750_000, "<x y=''/>" * 350_000])
    def test_an_element_of_3_mb_is_refused_before_it_fills_the_memory(self, large: str) -> None:
        with pytest.raises(Refused, match="One element of the file is larger than the limit of 2 MiB"):
            list(read(notification(entry(f"<AddtlNtryInf>{large}</AddtlNtryInf>"))))

    def test_an_element_without_end_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(xmlsource, "MAX_UNREAD_BYTES", 1_000_000)
        with pytest.raises(Refused, match="One element of the file"):
            list(read(notification(entry("<x/>" * 500_000))))

    @pytest.mark.parametrize("between", ["<GrpHdr/>", "<Rpt/>"])
    def test_nor_does_what_is_nothing_inside_it_end_it(self, between: str) -> None:
        with pytest.raises(Refused, match="One element of the file"):
            list(read(notification(entry(("<x/>" * 100_000 + between) * 6))))

    def test_what_stands_between_statements_is_no_element_without_end(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(xmlsource, "MAX_UNREAD_BYTES", 300_000)
        assert len(list(entries(document(*[statement(entry()) + "<x/>" * 10_000] * 20).encode()))) == 20

    @pytest.mark.parametrize("inside", ["<NtryDtls>{}<TxDtls/></NtryDtls>", "<x>{}<GrpHdr/></x>"])
    def test_many_elements_take_no_longer_than_others(self, inside: str) -> None:
        data = notification(entry(inside.format("<x/>" * 200_000)))
        before = time.process_time()
        assert len(list(entries(data))) == 1
        assert time.process_time() - before < 2

    def test_many_entries_are_no_element_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(xmlsource, "MAX_UNREAD_BYTES", 300_000)
        assert len(list(entries(notification(*[entry()] * 5_000)))) == 5_000

    def test_a_file_that_is_too_large_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(xmlsource, "MAX_BYTES", 200_000)
        with pytest.raises(Refused, match="The file is larger"):
            list(read(notification(*[entry()] * 5_000)))

    def test_an_entity_that_nobody_declared_is_no_amount(self) -> None:
        with pytest.raises(Exception, match="broken or cut off"):
            list(read(PLAIN.replace("100.00", "&amount;").encode()))


class TestSource:
    def test_a_stream_is_read_forward_only_in_pieces_of_any_size(self) -> None:
        class Slow(io.RawIOBase):
            def __init__(self, data: bytes) -> None:
                self.rest = data

            def readable(self) -> bool:
                return True

            def read(self, size: int = -1) -> bytes:
                piece, self.rest = self.rest[:7], self.rest[7:]
                return piece

        plain = document(statement(*[entry("<AddtlNtryInf>Größe</AddtlNtryInf>")] * 20)) + "\n"
        for one in (plain, '<?xml version="1.0"?>' + plain):
            for data in (one.encode() * 2, one.encode("latin-1") * 2):
                slow = list(entries(Slow(data)))  # type: ignore[arg-type]
                assert slow == list(entries(data))
                assert len(slow) == 40

    @given(
        st.lists(st.sampled_from([b"\xe9", b"\xc3\xa9", b"\xff", b"\x80", b"\x81", b"\xe2\x82", b"a", b" "]))
    )
    def test_what_is_no_utf_8_is_taken_byte_by_byte_for_windows_1252(self, pieces: list[bytes]) -> None:
        data, text, at = b"".join(pieces), "", 0
        while at < len(data):
            try:
                text += data[at:].decode()
                break
            except UnicodeDecodeError as error:
                text += data[at : at + error.start].decode()
                text += data[at + error.start : at + error.end].decode("cp1252", "replace")
                at += error.end
        decoder = codecs.getincrementaldecoder("utf-8")("windows-1252")
        assert data.decode("utf-8", "windows-1252") == text
        assert "".join(decoder.decode(bytes((byte,))) for byte in data) + decoder.decode(b"", True) == text

    def test_nobody_opens_what_a_file_points_to(self) -> None:
        points = PLAIN.replace("<Document ", '<Document xmlns:xi="http://www.w3.org/2001/XInclude" ', 1)
        points = points.replace("<Ntry>", '<xi:include href="file:///etc/passwd" parse="text"/><Ntry>')
        before = time.process_time()
        assert len(list(entries(points.encode()))) == 1
        assert time.process_time() - before < 1
