"""When a banking app can scan the form, and what it then reads."""

import pytest
import segno.helpers

from documents.epc import epc_png
from tests.documents.samples import EURO_ACCOUNT, VIRTUAL_ACCOUNT, MakeForm


class TestWhen:
    def test_euro_to_a_sepa_iban(self, make_form: MakeForm) -> None:
        picture = epc_png(make_form())
        assert picture is not None
        assert picture.startswith(b"\x89PNG")

    @pytest.mark.parametrize("amount", [1, 99_999_999_999])
    def test_up_to_the_limits_of_sepa(self, make_form: MakeForm, amount: int) -> None:
        assert epc_png(make_form(amount_minor=amount)) is not None

    def test_not_above_them(self, make_form: MakeForm) -> None:
        assert epc_png(make_form(amount_minor=100_000_000_000)) is None

    def test_not_in_another_currency(self, make_form: MakeForm) -> None:
        assert epc_png(make_form(currency="USD")) is None

    def test_not_to_an_account_without_iban(self, make_form: MakeForm) -> None:
        assert epc_png(make_form(pay_to=VIRTUAL_ACCOUNT)) is None

    def test_not_outside_sepa(self, make_form: MakeForm) -> None:
        abroad = EURO_ACCOUNT.model_copy(update={"iban": "AE070331234567890123456", "bic": ""})
        assert epc_png(make_form(pay_to=abroad)) is None

    def test_not_with_a_name_that_would_be_cut(self, make_form: MakeForm) -> None:
        assert epc_png(make_form(pay_to=EURO_ACCOUNT.model_copy(update={"holder": "H" * 71}))) is None


class TestContent:
    def test_is_the_form_s(self, make_form: MakeForm, monkeypatch: pytest.MonkeyPatch) -> None:
        written: list[str] = []
        make_qr = segno.make_qr

        def keep(content: bytes, **options: object) -> segno.QRCode:
            written.append(content.decode())
            return make_qr(content, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(segno, "make_qr", keep)
        holder = EURO_ACCOUNT.model_copy(update={"holder": "Nordwind\nDE00\u202e GmbH"})
        epc_png(make_form(pay_to=holder))
        assert written[0].split("\n") == [
            "BCD", "002", "1", "SCT", "COBADEFFXXX", "Nordwind DE00 GmbH",
            "DE89370400440532013000", "EUR12500", "", "RF16D2026000123",
        ]  # fmt: skip
