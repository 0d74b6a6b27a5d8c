"""Lines and fields: line ends, encodings, tags, envelopes, and no more in memory than one field."""

import io

import pytest

from bankfiles import Refused, chunks
from bankfiles.mt_lines import Field, fields, lines


def tags(text: str) -> list[tuple[str, int, list[str]]]:
    return [(field.tag, field.line, field.lines) for field in fields(text.encode())]


class TestLines:
    def test_end_in_any_way_and_are_counted_as_they_are_seen(self) -> None:
        assert list(lines(io.BytesIO(b"a\nb\r\nc\rd\n\ne"))) == ["a", "b", "c", "d", "", "e"]

    def test_are_decoded_one_by_one(self) -> None:
        data = "Müller\n".encode() + "Söhne €\n".encode("cp1252") + b"\x81\n"
        assert list(lines(io.BytesIO(data))) == ["Müller", "Söhne €", " "]

    def test_lose_their_control_characters(self) -> None:
        assert list(lines(io.BytesIO(b"\x01:20:A\tB\x00\n"))) == [" :20:A B "]
        assert list(lines(io.BytesIO("Ä\x1a\u2028\n".encode()))) == ["Ä  "]

    def test_are_the_same_in_pieces_of_any_size(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = "one\r\ntwo\rthree\n\r\nÄ".encode()
        whole = list(lines(io.BytesIO(data)))
        for size in range(1, 9):
            monkeypatch.setattr(chunks, "CHUNK_BYTES", size)
            monkeypatch.setattr(chunks, "HEAD_BYTES", size)
            assert list(lines(io.BytesIO(data))) == whole

    def test_of_fints_end_in_two_signs(self) -> None:
        data = b"@@:20:A@@:86:one@@two@@-@@:20:B\nc"
        assert list(lines(io.BytesIO(data))) == ["", ":20:A", ":86:one", "two", "-", ":20:B", "c"]

    def test_of_fints_may_end_with_such_a_sign(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = b"@@:86:me@home @@@:86:a@@@@b@@-@@"
        expected = ["", ":86:me@home @", ":86:a", "", "b", "-"]
        assert list(lines(io.BytesIO(data))) == expected
        for size in range(3, 20):
            monkeypatch.setattr(chunks, "CHUNK_BYTES", size)
            monkeypatch.setattr(chunks, "HEAD_BYTES", size)
            assert list(lines(io.BytesIO(data))) == expected

    def test_and_files_have_a_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chunks, "MAX_BYTES", 100_000)
        with pytest.raises(Refused, match="The file is larger"):
            list(lines(io.BytesIO(b"a\n" * 100_000)))
        with pytest.raises(Refused, match="A line of the file is larger"):
            list(lines(io.BytesIO(b"a" * 90_000)))


class TestFields:
    def test_have_a_tag_a_line_and_lines(self) -> None:
        assert tags("junk\n:20:A\n:86:one\n\n two\n:62F:B") == [
            ("20", 2, ["A"]),
            ("86", 3, ["one", " two"]),
            ("62F", 6, ["B"]),
        ]

    def test_lack_the_dash_that_ends_a_statement(self) -> None:
        assert tags(":86:one\n-\ntwo\n- \n\n:20:A\n-\n") == [
            ("86", 1, ["one", "-", "two"]),
            ("20", 6, ["A"]),
        ]
        assert tags(":86:-") == [("86", 1, ["-"])]

    def test_may_stand_behind_spaces(self) -> None:
        assert tags("  :20:A\n\x1a:25:B") == [("20", 1, ["A"]), ("25", 2, ["B"])]
        assert tags(" :61:2611241123C1,\n :86:A\n :61:2611241123C2,") == [
            ("61", 1, ["2611241123C1,"]),
            ("86", 2, ["A"]),
            ("61", 3, ["2611241123C2,"]),
        ]

    @pytest.mark.parametrize("text", [":12:11", ":26:37", ":1:", ":940:", ":AB:", ": 20:", "20:A", ":20 :"])
    def test_are_not_all_that_looks_like_one(self, text: str) -> None:
        assert tags(f":86:at 10\n{text}") == [("86", 1, ["at 10", text])]

    def test_of_the_banks_own_have_a_letter(self) -> None:
        assert tags(":NS:A\n:23E:B") == [("NS", 1, ["A"]), ("23E", 2, ["B"])]

    @pytest.mark.parametrize("tag", ["13", "13D", "21", "28", "28C", "34F", "64", "65"])
    def test_of_the_head_and_the_end_are_none_in_an_entry(self, tag: str) -> None:
        for details in (":86:text", ":86:text\n:23E:text"):
            assert tags(f":61:x\n{details}\n:{tag}:x\nmore")[-1][2] == ["text", f":{tag}:x", "more"]
        assert tags(f":20:x\n:{tag}:x")[-1] == (tag, 2, ["x"])
        assert tags(f":61:x\n:86:x\n:62F:x\n:{tag}:x")[-1] == (tag, 4, ["x"])

    @pytest.mark.parametrize("tag", ["20", "25"])
    def test_a_time_is_none_behind_a_digit_in_the_details_of_an_entry(self, tag: str) -> None:
        time = f":{tag}:59 h"
        assert tags(f":61:x\n:86:at 10\n{time}")[-1] == ("86", 2, ["at 10", time])
        assert tags(f":61:x\n:86:at 10h\n{time}")[-1] == (tag, 3, ["59 h"])
        assert tags(f":61:x\n:86:at 10\n:{tag}:599")[-1] == (tag, 3, ["599"])
        assert tags(f":62F:x\n:86:at 10\n{time}")[-1] == (tag, 3, ["59 h"])

    def test_stand_in_envelopes(self) -> None:
        text = "{1:F01}{2:I940}{4:\n:20:A\n-}{5:}\n{1:F01}\n{4::20:B\n:25:C\n-}"
        assert tags(text) == [
            ("{4:", 1, [""]),
            ("20", 2, ["A"]),
            ("-}", 3, [""]),
            ("{4:", 5, [""]),
            ("20", 5, ["B"]),
            ("25", 6, ["C"]),
            ("-}", 7, [""]),
        ]

    @pytest.mark.parametrize("end", ["-}", "-}{5:{CHK:1}}", "-}  "])
    def test_may_end_the_envelope_in_their_line(self, end: str) -> None:
        text = "{4:\n:20:A\n:61:x\n:86:text\n:62F:B\n" + end
        assert tags(text)[-1] == ("-}", 6, [""])
        assert tags(text.replace("\n" + end, end))[-2:] == [("62F", 5, ["B"]), ("-}", 5, [""])]

    def test_of_a_payer_end_and_begin_no_envelope(self) -> None:
        for line in ("-} and more", "{4: more", "{1:x", "text-}"):
            assert tags(f":61:x\n:86:text\n{line}\nmore")[-1] == ("86", 2, ["text", line, "more"])
        assert tags(":20:x\n:60F:x\n:61:x\n:86:text\n-}\nmore")[-1] == ("86", 4, ["text", "-}", "more"])
        for end in ("-}", "-}$", "-}{5:{CHK:1}}"):
            assert tags(f":20:x\n:34F:x\n:61:x\n:86:text\n{end}")[-1] == ("-}", 5, [""])

    def test_an_entry_inside_of_a_line_is_told(self) -> None:
        assert tags(":86:text :61:2611241123C1,\n") == [
            ("stray", 1, [":86:text :61:2611241123C1,"]),
            ("86", 1, ["text :61:2611241123C1,"]),
        ]
        assert [field.tag for field in fields(b":86:text\nmore :61:261124\n:61:261124")] == [
            "stray",
            "86",
            "61",
        ]
        assert [field.tag for field in fields(b":86:at 10\n:61:33 o'clock")] == ["86", "61"]

    def test_keep_no_more_than_tells_that_they_are_too_long(self) -> None:
        (field,) = fields(b":86:" + b"x" * 60_000 + b"\n" + b"y" * 60_000)
        assert field == Field("86", 1, ["x" * 60_000])
        (field,) = fields(b":86:x\n" + b"y" * 60_000 + b"\nz" * 10)
        assert sum(map(len, field.lines)) == 10_001
