"""The same money has the same key in every file; two payments have two keys however alike they are."""

import random
import unicodedata
from collections import Counter
from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from bankfiles import Entry, read
from bankfiles.identity import Identities, Keyless, is_reference
from bankfiles.sample import Batch, Payment
from tests.bankfiles import mt_files
from tests.bankfiles.camt_files import ACCOUNT, entries_of, written

texts = st.text(alphabet="ABCDEFGHabcdefgh 0123456789", max_size=30)
payments = st.builds(
    Payment,
    st.integers(min_value=1, max_value=3),
    bank_reference=st.sampled_from(["", "R1", "R2", "NOTPROVIDED"]),
    free=st.tuples(st.sampled_from(["order 1", "order 2"])),
    end_to_end_id=st.sampled_from(["NOTPROVIDED", "E1"]),
    booked_on=st.sampled_from([date(2026, 11, 20), date(2026, 11, 21)]),
)
files = st.lists(payments, max_size=12)


def keys(data: bytes) -> list[str]:
    return [entry.key for entry in entries_of(data)]


def part_keys(data: bytes) -> list[str]:
    return [part.key for entry in entries_of(data) for part in entry.parts]


def digest(key: str) -> str:
    return key.partition(".")[0]


class TestTheSameMoney:
    @given(files)
    def test_has_one_key_in_notification_and_statement(self, some: list[Payment]) -> None:
        notified, stated = written(some), written(some, "camt.053", version=2)
        assert keys(notified) == keys(stated)
        assert part_keys(notified) == part_keys(stated)

    @given(files)
    def test_with_a_reference_of_the_bank_has_one_key_in_mt940_and_camt(self, some: list[Payment]) -> None:
        some = [payment for payment in some if is_reference(payment.bank_reference)]
        told = [written(some), written(some, "camt.053"), mt_files.written(some)]
        interim = [replace(payment, status="PDNG") for payment in some]
        told.append(mt_files.written(interim, interim=True))
        assert len({(*keys(data), *part_keys(data)) for data in told}) == 1

    @given(files, st.randoms(use_true_random=False))
    def test_has_one_key_in_any_order(self, some: list[Payment], shuffler: random.Random) -> None:
        shuffled = shuffler.sample(some, len(some))
        assert Counter(keys(written(some))) == Counter(keys(written(shuffled)))

    @given(files)
    def test_has_one_key_in_any_encoding(self, some: list[Payment]) -> None:
        assert keys(written(some)) == keys(written(some, encoding="UTF-16"))

    def test_has_one_key_however_its_letters_are_composed(self) -> None:
        some = Payment(100, free=("Grüße für François",))
        marked = replace(some, free=(unicodedata.normalize("NFD", some.free[0]),))
        assert keys(written([some])) == keys(written([marked])) != keys(written([replace(some, free=("",))]))

    @given(st.lists(payments, min_size=2, max_size=8), st.randoms(use_true_random=False))
    def test_has_one_key_when_the_bank_orders_a_batch_anew(
        self, some: list[Payment], shuffler: random.Random
    ) -> None:
        for reference in ("B1", ""):
            batch = Batch(tuple(some), reference)
            anew = replace(batch, payments=tuple(shuffler.sample(some, len(some))))
            # The entry's dates are those of its first payment.
            anew = replace(
                anew, payments=tuple(replace(p, booked_on=some[0].booked_on) for p in anew.payments)
            )
            batch = replace(batch, payments=tuple(replace(p, booked_on=some[0].booked_on) for p in some))
            assert keys(written([batch])) == keys(written([anew]))
            assert Counter(part_keys(written([batch]))) == Counter(part_keys(written([anew])))

    def test_has_one_key_with_details_and_without(self) -> None:
        batch = Batch((Payment(100, "T1"), Payment(200, "T2")), "B1")
        assert keys(written([batch])) == keys(written([replace(batch, details=False)], "camt.053"))

    def test_notified_alone_and_booked_in_a_batch_shares_the_parts_key(self) -> None:
        alone = written([Payment(100, "T1"), Payment(200, "T2")])
        batch = written([Batch((Payment(100, "T1"), Payment(200, "T2")), "B1")], "camt.053")
        assert part_keys(alone) == part_keys(batch)
        assert not set(keys(alone)) & set(keys(batch))

    @given(texts)
    def test_without_a_reference_has_one_key_however_its_text_is_broken(self, text: str) -> None:
        whole = Payment(100, free=(text,))
        broken = Payment(100, free=(text[:7], text[7:].lower()))
        assert keys(written([whole])) == keys(written([broken]))


class TestOtherMoney:
    @given(files)
    def test_has_another_key_however_alike(self, some: list[Payment]) -> None:
        data = written([*some, *some])
        assert len(set(keys(data))) == len(set(part_keys(data))) == 2 * len(some)

    def test_differs_by_each_thing_that_tells_money_apart(self) -> None:
        one = Payment(100, "R1", value_on=date(2026, 11, 23))
        others = [
            replace(one, amount_minor=101),
            replace(one, amount_minor=-100),
            replace(one, bank_reference="R2"),
            replace(one, value_on=date(2026, 11, 24)),
        ]
        assert len({keys(written([payment]))[0] for payment in [one, *others]}) == 5

    def test_of_another_account_has_another_key(self) -> None:
        data = written([Payment(100, "R1")])
        assert keys(data) != keys(data.replace(ACCOUNT.encode(), b"DE02120300000000202051"))

    def test_with_the_same_reference_in_one_file_is_counted(self) -> None:
        once, twice = [Payment(100, "R1")], [Payment(100, "R1"), Payment(100, "R1")]
        assert keys(written(twice))[0] == keys(written(once))[0]
        assert len(set(keys(written(twice)))) == 2

    def test_without_a_reference_differs_by_its_text(self) -> None:
        assert keys(written([Payment(100, free=("order 1",))])) != keys(
            written([Payment(100, free=("order 2",))])
        )


class TestKey:
    @given(files)
    def test_counts_equal_money_from_zero(self, some: list[Payment]) -> None:
        counted = [key.split(".") for key in keys(written(some))]
        equal = Counter(digest for digest, _ in counted)
        expected = Counter((digest, str(n)) for digest, number in equal.items() for n in range(number))
        assert Counter((digest, occurrence) for digest, occurrence in counted) == expected

    def test_counts_among_thousands(self) -> None:
        money, day = (100, "EUR", "credit", date(2026, 11, 20)), date(2026, 11, 20)
        identities = Identities(ACCOUNT)
        told = [f"R{number}" for number in range(3_000)]
        counts = [identities.part([reference], money, day, []).partition(".")[2] for reference in told * 3]
        assert counts == ["0"] * 3_000 + ["1"] * 3_000 + ["2"] * 3_000

    @given(st.lists(files, max_size=4))
    def test_of_a_page_differs_from_that_in_the_whole_by_its_count_alone(
        self, pages: list[list[Payment]]
    ) -> None:
        whole = written([payment for page in pages for payment in page])
        for told in (keys, part_keys):
            on_pages = [digest(key) for page in pages for key in told(written(page))]
            assert on_pages == [digest(key) for key in told(whole)]


class TestKeyedBy:
    def test_says_by_what(self) -> None:
        batch = Batch((Payment(100, "T1"), Payment(200, "T2")))
        some: list[Payment | Batch] = [Payment(100, "R1"), Payment(100, "NONREF"), Payment(100), batch]
        assert [e.keyed_by for e in entries_of(written(some))] == [
            "reference",
            "content",
            "content",
            "reference",
        ]


class TestKeyless:
    def test_gives_the_same_entries_without_keys(self) -> None:
        data = written([Payment(100, "R1"), Payment(100), Batch((Payment(5), Payment(6)))])
        unkeyed = [
            e._replace(key="", keyed_by="", parts=tuple(p._replace(key="") for p in e.parts))
            for e in entries_of(data)
        ]
        assert [e for e in read(data, Keyless) if isinstance(e, Entry)] == unkeyed


class TestReference:
    def test_fillers_and_zeros_are_none(self) -> None:
        fillers = ["", "NONREF", "NotProvided", " NONE ", "0000000", "-", "N/A", "00-00"]
        fillers += ["NON-REF", "Not-Provided", "NO_REF", "NOT AVAILABLE", "NULL", "N.A."]
        assert not any(is_reference(text) for text in fillers)
        assert all(is_reference(text) for text in ["R1", "0001", "NONREF1", "2026-1"])
