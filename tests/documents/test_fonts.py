"""Which characters are printed, and what is said when a font is missing."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents import fonts


@pytest.fixture
def without_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which the Chinese font was not installed."""
    latin = fonts._folder(fonts.LATIN_PACKAGE)

    def only_latin(package: str) -> Path | None:
        return latin if package == fonts.LATIN_PACKAGE else None

    monkeypatch.setattr(fonts, "_folder", only_latin)
    monkeypatch.setattr(fonts, "_printed", fonts._printed.__wrapped__)


class TestPrintable:
    @pytest.mark.parametrize(
        "text", ["Straße 5", "Łódź – “quoted”", "Αθήνα", "Москва", "上海示例有限公司", "株式会社", "한국"]
    )
    def test_known_scripts_stay(self, text: str) -> None:
        assert fonts.printable(text) == text

    @pytest.mark.parametrize(
        ("text", "printed"),
        [
            ("\u202egnp.exe\u202c", "gnp.exe"),
            ("\u2066a\u2069\u200b\ufeff", "a"),
            ("a\nb\x07c\u2028d", "a b c d"),
            ("1\u202f234", "1\N{NO-BREAK SPACE}234"),
            ("e\N{COMBINING ACUTE ACCENT}", "é"),
            ("🙂", fonts.UNPRINTABLE),
        ],
    )
    def test_nothing_turns_or_hides_the_text(self, text: str, printed: str) -> None:
        assert fonts.printable(text) == printed

    @given(st.text())
    def test_twice_is_the_same_as_once(self, text: str) -> None:
        printed = fonts.printable(text)
        assert fonts.printable(printed) == printed


class TestMissing:
    def test_nothing_is_missing_here(self) -> None:
        assert fonts.missing_fonts() == []

    def test_chinese_text_says_how_to_install_its_font(self, without_chinese: None) -> None:
        with pytest.raises(fonts.FontMissing, match="uv sync --group cjk"):
            fonts.printable("上海")

    def test_other_text_is_printed_without_it(self, without_chinese: None) -> None:
        assert fonts.printable("Łódź 🙂") == f"Łódź {fonts.UNPRINTABLE}"

    def test_doctor_lists_it(self, without_chinese: None) -> None:
        assert ["Noto Sans CJK" in sentence for sentence in fonts.missing_fonts()] == [True]

    def test_sentence_survives_another_process(self) -> None:
        error = fonts.FontMissing(fonts.CJK_PACKAGE)
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
