"""Payment files: valid against ISO's schemas, whatever is paid; nothing is cut off, nothing is changed in silence."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bankfiles.bank_text import ALLOWED, Unwritable, bank_text
from bankfiles.pain001 import VERSIONS, PayingAccount, PaymentOrder, Transfer, Unsendable, write_pain001
from prepay.money import to_decimal
from rules.payee import PayeeFields, refuse_payee, written_payee
from tests.payday import schema_of

SCHEMAS = {version: schema_of(version) for version in VERSIONS}
TRANSFER = Transfer(
    "R-2026-000001-1", 1_050, "EUR", "ACME GmbH", "R-2026-000001", iban="DE02120300000000202051"
)
ORDER = PaymentOrder(
    "PP20261126-1", datetime(2026, 11, 26, 12, tzinfo=UTC), date(2026, 11, 26),
    PayingAccount("Nimbus Cloud Europe GmbH", "EUR", "NL07MOCK0000001001", bic="MOCKNL2A"), [TRANSFER], sepa=True,
)  # fmt: skip
ABROAD = replace(
    TRANSFER, currency="USD", iban="", account_number="123456789", clearing_system="USABA",
    clearing_code="021000021", country="US", town="New York", purpose="GDDS", charge_bearer="DEBT",
)  # fmt: skip

texts = st.text(st.sampled_from(sorted(ALLOWED)), min_size=1, max_size=60).filter(
    lambda text: bool(text.strip())
)


def valid(order: PaymentOrder) -> etree._Element:
    root = etree.fromstring(write_pain001(order))
    SCHEMAS[order.version].assertValid(root)
    return root


def found(root: etree._Element, path: str) -> list[Any]:
    return [
        element.text for element in root.iterfind("/".join(f".//{{*}}{name}" for name in path.split("/")))
    ]


@pytest.mark.parametrize("version", VERSIONS)
class TestWritten:
    def test_a_sepa_payment(self, version: str) -> None:
        root = valid(replace(ORDER, version=version))
        assert found(root, "ChrgBr") == ["SLEV"]
        assert found(root, "CdtrAgt") == []
        assert found(root, "Ustrd") == ["R-2026-000001"]
        assert found(root, "UltmtDbtr") == []

    def test_a_payment_abroad_names_bank_and_address(self, version: str) -> None:
        account = replace(ORDER.account, currency="USD", bic="", iban="", account_number="0012345")
        root = valid(replace(ORDER, version=version, sepa=False, account=account, transfers=[ABROAD]))
        assert (found(root, "MmbId"), found(root, "PstlAdr/TwnNm"), found(root, "PstlAdr/Ctry")) == (
            ["021000021"],
            ["New York"],
            ["US"],
        )
        assert (found(root, "ChrgBr"), found(root, "Purp/Cd")) == (["DEBT"], ["GDDS"])

    @given(st.lists(st.tuples(texts, st.integers(1, 10**14)), min_size=1, max_size=20))
    def test_sums_and_counts_are_those_of_its_payments(
        self, version: str, paid: list[tuple[str, int]]
    ) -> None:
        transfers = [
            replace(TRANSFER, end_to_end_id=f"E-{number}", name=name, amount_minor=minor)
            for number, (name, minor) in enumerate(paid)
        ]
        root = valid(replace(ORDER, version=version, transfers=transfers))
        assert found(root, "NbOfTxs") == [str(len(paid))] * 2
        assert found(root, "CtrlSum") == [to_decimal(sum(minor for _, minor in paid), "EUR")] * 2
        assert found(root, "Cdtr/Nm") == [name for name, _ in paid]

    @pytest.mark.parametrize(("currency", "amount"), [("JPY", "1050"), ("KWD", "1.050"), ("USD", "10.50")])
    def test_an_amount_has_its_currencys_digits(self, version: str, currency: str, amount: str) -> None:
        account = replace(ORDER.account, currency=currency)
        transfers = [replace(ABROAD, currency=currency)]
        root = valid(replace(ORDER, version=version, sepa=False, account=account, transfers=transfers))
        assert found(root, "InstdAmt") == [amount]


@given(st.from_regex(r"[A-Z0-9]{4}US[A-Z0-9]{2}([A-Z0-9]{3})?", fullmatch=True))
def test_a_bank_that_may_be_entered_can_be_written_in_each_version(bic: str) -> None:
    payee = PayeeFields("ACME LLC", account_number="12345", bic=bic, country="US", town="New York")
    if refuse_payee(payee, "USD") is not None:
        return
    account = replace(ORDER.account, currency="USD")
    transfer = replace(ABROAD, currency="USD", **written_payee(payee))
    for version in VERSIONS:
        valid(replace(ORDER, version=version, sepa=False, account=account, transfers=[transfer]))


class TestRefused:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": "京东"},
            {"name": "N" * 71},
            {"remittance": "R" * 141},
            {"end_to_end_id": "E" * 36},
            {"end_to_end_id": "/E"},
            {"amount_minor": 0},
            {"currency": "USD"},
        ],
    )
    def test_what_a_bank_would_refuse_or_cut_off(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(Unsendable, match=r"CdtTrfTxInf\[1\]"):
            write_pain001(replace(ORDER, transfers=[replace(TRANSFER, **wrong)]))

    def test_one_name_for_two_payments(self) -> None:
        with pytest.raises(Unsendable, match=r"CdtTrfTxInf\[2\]/EndToEndId: another payment"):
            write_pain001(replace(ORDER, transfers=[TRANSFER, TRANSFER]))

    def test_a_file_of_nothing(self) -> None:
        with pytest.raises(Unsendable, match="it has 0 payments"):
            write_pain001(replace(ORDER, transfers=[]))


class TestBankText:
    @pytest.mark.parametrize(
        ("text", "country", "written"),
        [
            ("Müller & Söhne", "DE", "Mueller + Soehne"),
            ("Müller", "TR", "Muller"),
            ("Straße „Ökohof“", "AT", "Strasse 'Oekohof'"),
            ("Société d’Été", "FR", "Societe d'Ete"),
            ("Łódź Ørsted Æble", "PL", "Lodz Orsted Aeble"),
            ("Κρήτη ΑΕ", "GR", "Kriti AE"),
            ("Здравей ООД", "BG", "Zdravey OOD"),
            ("Ｆｕｌｌ  width", "JP", "Full width"),
            ("A_B—C", "", "A-B-C"),
        ],
    )
    def test_what_is_written_another_way(self, text: str, country: str, written: str) -> None:
        assert bank_text(text, country) == written

    @pytest.mark.parametrize("text", ["京东", "شركة", "C# GmbH", "100 %", "ACME™x€", "Выход"])
    def test_what_cannot_be_said_is_refused(self, text: str) -> None:
        with pytest.raises(Unwritable, match="cannot be written in a payment"):
            bank_text(text)

    @given(st.text(max_size=40))
    def test_gives_only_what_banks_take(self, text: str) -> None:
        try:
            written = bank_text(text, "DE")
        except Unwritable:
            return
        assert ALLOWED.issuperset(written)
        assert bank_text(written, "DE") == written
