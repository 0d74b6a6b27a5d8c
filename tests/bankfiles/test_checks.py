"""A file whose own counts, sums or balances disagree is held; what is unreadable must be what is lacking."""

import io
import re
import tracemalloc
from collections.abc import Callable

import pytest

from bankfiles import Held, Totals, checked, checks, read, survey
from bankfiles.sample import Payment
from tests.bankfiles import bai2_files, camt_files, mt_files
from tests.bankfiles.camt_files import (
    balance,
    booked_statement,
    details,
    document,
    entry,
    notification,
    statement,
    transaction,
)


def totals(element: str, count: int, total: str, more: str = "") -> str:
    inside = f"<NbOfNtries>{count}</NbOfNtries><Sum>{total}</Sum>{more}"
    return f"<TxsSummry><{element}>{inside}</{element}></TxsSummry>"


class TestBalances:
    def test_that_chain_are_read(self) -> None:
        found = survey(booked_statement("10.00", "70.00", entry(), entry(amount="40.00", way="DBIT")))
        assert (found.outcome, found.entries, found.reason) == ("read", 2, "")

    def test_that_do_not_chain_hold_the_file(self) -> None:
        found = survey(booked_statement("10.00", "70.00", entry()))
        assert found.outcome == "held"
        assert found.reason == (
            "Stmt[1], line 1, Bal: expected a closing booked balance of 110.00 EUR "
            "(opening 10.00 EUR, booked entries 100.00 EUR), found 70.00 EUR."
        )

    def test_only_booked_entries_count(self) -> None:
        pending = entry().replace("BOOK", "PDNG")
        assert survey(booked_statement("10.00", "10.00", pending)).outcome == "read"

    def test_without_them_booked_entries_hold_the_file(self) -> None:
        found = survey(document(statement(entry(), format="camt.053"), format="camt.053").encode())
        assert found.reason == "Stmt[1], line 1, Bal: expected the opening booked balance in EUR, found none."

    @pytest.mark.parametrize(("status", "outcome"), [("BOOK", "held"), ("PDNG", "read")])
    def test_one_of_the_two_is_enough_only_where_nothing_is_booked(self, status: str, outcome: str) -> None:
        inside = balance("OPBD", "0.00") + entry().replace("BOOK", status)
        found = survey(document(statement(inside, format="camt.053"), format="camt.053").encode())
        assert found.outcome == outcome

    @pytest.mark.parametrize(
        ("stated", "outcome"),
        [
            (balance("OPAV", "7.00") + balance("CLAV", "107.00"), "read"),
            (balance("OPAV", "7.00") + balance("CLAV", "107.01"), "held"),
            (balance("OPAV", "7.00") + balance("CLAV", "107.00") + balance("CLBD", "100.00"), "held"),
            (balance("OPAV", "7.00", currency="USD") + balance("CLAV", "107.00", currency="USD"), "held"),
            (balance("CLAV", "107.00"), "held"),
        ],
    )
    def test_of_what_is_available_count_where_no_booked_ones_are_stated(
        self, stated: str, outcome: str
    ) -> None:
        found = survey(document(statement(stated, entry(), format="camt.053"), format="camt.053").encode())
        assert found.outcome == outcome

    def test_each_currency_needs_its_own(self) -> None:
        found = survey(booked_statement("0.00", "100.00", entry(), entry(currency="USD")))
        assert found.reason == "Stmt[1], line 1, Bal: expected the opening booked balance in USD, found none."

    def test_interim_balances_chain_a_page(self) -> None:
        inside = balance("ITBD", "5.00"), balance("ITBD", "105.00"), entry()
        data = document(statement(*inside, format="camt.053"), format="camt.053").encode()
        assert survey(data).outcome == "read"

    def test_a_notification_has_none(self) -> None:
        assert survey(notification(entry())).outcome == "read"

    def test_an_unreadable_balance_holds_the_file(self) -> None:
        found = survey(booked_statement("1O.00", "100.00", entry()))
        assert found.outcome == "held"
        assert "Bal/Amt: expected a plain decimal of EUR" in found.reason

    @pytest.mark.parametrize(
        ("format", "code", "outcome"),
        [
            ("camt.053", "CLBD", "held"),
            ("camt.053", "CLAV", "read"),
            ("camt.053", "INFO", "read"),
            ("camt.052", "CLBD", "read"),
        ],
    )
    def test_a_balance_that_proves_nothing_may_be_unreadable(
        self, format: str, code: str, outcome: str
    ) -> None:
        sound = balance("OPBD", "10.00"), balance("CLBD", "110.00"), entry()
        inside = *sound, balance(code, "110.0000000000001")
        assert survey(document(statement(*inside, format=format), format=format).encode()).outcome == outcome

    @pytest.mark.parametrize(("closing", "outcome"), [("110.00", "read"), ("90.00", "held")])
    def test_a_balance_without_a_direction_is_no_debt_where_the_entries_prove_it(
        self, closing: str, outcome: str
    ) -> None:
        data = booked_statement("10.00", closing, entry())
        undirected = re.sub(rb"(<Bal>.*?)<CdtDbtInd>CRDT</CdtDbtInd>", rb"\1", data)
        assert undirected.count(b"CdtDbtInd") == 2
        assert survey(undirected).outcome == outcome

    @pytest.mark.parametrize(("closing", "outcome"), [("110.00", "read"), ("109.00", "held")])
    def test_the_codes_of_bai2_are_the_same_balances(self, closing: str, outcome: str) -> None:
        stated = (
            balance("015", closing)
            + balance("010", "10.00")
            + balance("045", "1.00")
            + balance("072", "2.00")
        )
        stated = stated.replace("<Cd>", "<Prtry>").replace("</Cd>", "</Prtry>")
        data = document(statement(stated, entry(), format="camt.053"), format="camt.053").encode()
        assert survey(data).outcome == outcome

    def test_every_statement_is_checked(self) -> None:
        sound = statement(balance("OPBD", "0.00"), balance("CLBD", "100.00"), entry(), format="camt.053")
        wrong = sound.replace('<Amt Ccy="EUR">0.00', '<Amt Ccy="EUR">7.00')
        found = survey(document(sound, wrong, wrong, format="camt.053").encode())
        assert [problem[:7] for problem in found.problems] == ["Stmt[2]", "Stmt[3]"]
        assert found.reason.endswith("(1 more disagreement.)")


class TestQuarantine:
    unreadable = entry("<RvslInd>maybe</RvslInd>", amount="40.00")

    def test_what_the_balances_lack_is_what_is_quarantined(self) -> None:
        found = survey(booked_statement("0.00", "140.00", entry(), self.unreadable))
        assert (found.outcome, found.entries, len(found.quarantined)) == ("read", 2, 1)
        assert found.totals["EUR"] == Totals(14000, 0, 10000, 0)

    def test_another_sum_holds_the_file(self) -> None:
        assert survey(booked_statement("0.00", "120.00", entry(), self.unreadable)).outcome == "held"

    def test_an_unknown_amount_holds_a_booked_statement(self) -> None:
        found = survey(booked_statement("0.00", "140.00", entry(), entry(amount="4O.00")))
        assert found.outcome == "held"
        assert "Stmt[1]/Ntry[2]/Amt: expected a plain decimal of EUR" in found.reason
        assert "what this entry moved is not known" in found.reason

    def test_an_unknown_amount_leaves_the_rest_of_a_notification(self) -> None:
        found = survey(notification(entry(), entry(amount="4O.00")))
        assert (found.outcome, found.entries, len(found.quarantined)) == ("read", 2, 1)

    def test_too_many_are_no_sound_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checks, "MAX_QUARANTINED", 3)
        assert survey(notification(*[entry(amount="x")] * 4)).outcome == "held"


class TestTotals:
    @pytest.mark.parametrize(
        ("stated", "outcome"),
        [
            (totals("TtlNtries", 2, "140.00"), "read"),
            (
                totals(
                    "TtlNtries",
                    2,
                    "140.00",
                    "<TtlNetNtryAmt>60.00</TtlNetNtryAmt><CdtDbtInd>CRDT</CdtDbtInd>",
                ),
                "read",
            ),
            (totals("TtlNtries", 2, "140.00", "<TtlNetNtry><Amt>60.00</Amt></TtlNetNtry>"), "read"),
            (totals("TtlNtries", 2, "60.00"), "read"),
            (totals("TtlNtries", 2, "60.00", "<TtlNetNtry><Amt>70.00</Amt></TtlNetNtry>"), "held"),
            (totals("TtlNtries", 3, "140.00"), "held"),
            (totals("TtlNtries", 2, "140.01"), "held"),
            (
                totals(
                    "TtlNtries",
                    2,
                    "140.00",
                    "<TtlNetNtryAmt>60.00</TtlNetNtryAmt><CdtDbtInd>DBIT</CdtDbtInd>",
                ),
                "held",
            ),
            (totals("TtlCdtNtries", 1, "100.00"), "read"),
            (totals("TtlCdtNtries", 2, "100.00"), "held"),
            (totals("TtlDbtNtries", 1, "40.00"), "read"),
            (totals("TtlDbtNtries", 1, "-40.00"), "read"),
            (totals("TtlDbtNtries", 1, "50.00"), "held"),
            (totals("TtlDbtNtries", 1, "4O"), "held"),
        ],
    )
    def test_of_the_bank_are_those_of_the_entries(self, stated: str, outcome: str) -> None:
        assert survey(notification(stated, entry(), entry(amount="40.00", way="DBIT"))).outcome == outcome

    def test_may_count_what_is_booked_only(self) -> None:
        stated = totals("TtlNtries", 1, "100.00")
        assert survey(notification(stated, entry(), entry().replace("BOOK", "INFO"))).outcome == "read"

    @pytest.mark.parametrize(("count", "outcome"), [(1, "read"), (2, "read"), (3, "held")])
    @pytest.mark.parametrize("format", ["camt.052", "camt.054"])
    def test_may_count_what_nobody_knows_to_be_booked(self, format: str, count: int, outcome: str) -> None:
        unknown = entry().replace("BOOK", "DONE")
        stated = totals("TtlCdtNtries", count, f"{count}00.00")
        told = document(statement(stated, entry(), unknown, format=format), format=format)
        found = survey(told.encode())
        assert (found.outcome, len(found.quarantined)) == (outcome, 1)

    def test_that_disagree_are_told(self) -> None:
        found = survey(notification(totals("TtlNtries", 2, "100.00"), entry()))
        assert found.reason == (
            "Ntfctn[1], line 1, TxsSummry/TtlNtries: expected entries 2 as the bank states, found 1."
        )


class TestPages:
    first = mt_files.statement(mt_files.entry(), number="7/1", last="62M")

    def second(self, opening: str, closing: str = "C261123EUR200,00", **options: str) -> str:
        page = {"number": "7/2", "first": "60M", "opening": opening, "closing": closing}
        return mt_files.statement(mt_files.entry(), **page | options)

    def test_that_follow_each_other_are_read_in_any_order(self) -> None:
        second = self.second("C261123EUR100,00")
        assert survey((self.first + second).encode()).reason == ""
        assert survey((second + self.first).encode()).reason == ""

    @pytest.mark.parametrize("turned", [False, True])
    def test_that_do_not_hold_the_file(self, turned: bool) -> None:
        pages = [self.first, self.second("C261123EUR101,00", closing="C261123EUR201,00")]
        found = survey("".join(reversed(pages) if turned else pages).encode())
        assert found.reason.endswith(
            ":60M:: expected 100.00 EUR as carried forward by page 1, found 101.00 EUR."
        )

    def test_of_another_number_account_or_day_are_not_compared(self) -> None:
        closing = "C261123EUR105,00"
        for second in (
            self.second("C261123EUR5,00", closing, number="8/2"),
            self.second("C261123EUR5,00", closing, account="NL91ABNA0417164300"),
            self.second("C251123EUR5,00", closing),
        ):
            assert survey((self.first + second).encode()).reason == ""


class TestInterimSums:
    entries = (mt_files.entry(), mt_files.entry(), mt_files.entry(mark="D", amount="30,00"))

    @pytest.mark.parametrize(
        ("sums", "outcome"),
        [
            ("", "read"),
            (":90D:1EUR30,00\n:90C:2EUR200,00\n", "read"),
            (":90D:0EUR0,\n:90C:2EUR200,00\n", "held"),
            (":90C:1EUR200,00\n", "held"),
            (":90C:2EUR200,01\n", "held"),
            (":90C:3EUR200,00\n", "held"),
            (":90C:2USD200,00\n", "held"),
            (":90C:2EUR200,00\n:90C:2EUR200,00\n", "held"),
            (":90C:EUR200,00\n", "held"),
        ],
    )
    def test_are_those_of_the_entries(self, sums: str, outcome: str) -> None:
        assert survey(mt_files.interim(*self.entries, sums=sums)).outcome == outcome

    def test_that_disagree_are_told(self) -> None:
        found = survey(mt_files.interim(*self.entries, sums=":90C:1EUR200,00\n"))
        assert found.reason == "MT942[1], line 1, :90C:: expected entries 1 as the bank states, found 2."

    @pytest.mark.parametrize(
        ("sums", "outcome"),
        [
            (":90C:4EUR209,99\n", "read"),
            (":90C:4EUR210,00\n", "held"),
            (":90C:4EUR200,01\n", "held"),
            (":90C:1EUR100,00\n", "held"),
            (":90C:2EUR200,00\n", "read"),
        ],
    )
    def test_may_count_what_is_below_the_floor_limit(self, sums: str, outcome: str) -> None:
        assert survey(mt_files.interim(*self.entries, floor="EURC5,", sums=sums)).outcome == outcome


class TestAccount:
    def test_is_needed(self) -> None:
        found = survey(document(statement(entry(), account="")).encode())
        assert found.outcome == "held"
        assert "Acct/Id: expected the account's IBAN or number, found 'nothing'" in found.reason


class TestSurvey:
    def test_sums_every_status_and_apart_what_is_booked(self) -> None:
        info = entry(details(transaction(amount="100.00", way="CRDT"))).replace("BOOK", "INFO")
        found = survey(notification(info, entry(), entry(amount="30.00", way="DBIT"), entry(currency="USD")))
        assert found.totals == {"EUR": Totals(20000, 3000, 10000, 3000), "USD": Totals(10000, 0, 10000, 0)}
        assert (found.format, found.version, found.parts) == ("camt.054", "camt.054.001.08", 4)
        assert len(found.statements) == 1

    def test_of_a_broken_file_tells_what_came_before(self) -> None:
        found = survey(notification(entry(), entry())[:-40])
        assert (found.outcome, found.entries) == ("held", 2)

    @pytest.mark.parametrize("written", [camt_files.written, bai2_files.written, mt_files.written])
    def test_keeps_nothing_of_the_entries(self, written: Callable[[list[Payment]], bytes]) -> None:
        def peak(entries: int) -> int:
            data = io.BytesIO(written([Payment(n, f"R{n}") for n in range(1, entries + 1)]))
            tracemalloc.start()
            assert survey(data).entries == entries
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return most

        assert peak(4_000) < peak(2_000) + 200_000

    def test_of_anything_else_is_refused(self) -> None:
        assert survey(b"hello").outcome == "refused"


class TestChecked:
    def test_passes_everything_on_before_it_holds_the_file(self) -> None:
        data = booked_statement("0.00", "1.00", entry())
        passed = checked(read(data))
        seen = [next(passed) for _ in read(data)]
        assert seen == list(read(data))
        with pytest.raises(Held, match="closing booked balance"):
            next(passed)
