"""Money sent to a virtual account: the number tells the customer, a reference only which of their deposits."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from bankfiles.sample import Batch, Payment, Sheet
from bankfiles.sample_bai2 import write_bai2
from tests.activities.test_bank_chain import MONDAY
from tests.activities.test_bank_files import ACCOUNT, Desk, desk, written
from tests.activities.test_bank_matching import PAYER, credits, entity, linked, stages
from tests.activities.test_reassignment import Case
from tests.bankfiles import mt_files

__all__ = ["desk"]

MINE, YOURS, FREE = "NL00VIRT0000000001", "NL00VIRT0000000002", "NL00VIRT0000000003"


def virtual(desk: Desk, number: str = MINE, customer: str = "C-1001", account: str = "nimbus-eu-eur") -> None:
    desk.change(
        "INSERT INTO virtual_account (account_id, bank_number, account_number, stage, customer_id, valid_from)"
        " SELECT a.id, %s, 'x', 'active', c.id, '2026-01-01' FROM collection_account a, customer c"
        " WHERE a.code = %s AND c.number = %s",
        number,
        account,
        customer,
    )


def closed(desk: Desk, number: str = MINE) -> None:
    desk.change(
        "UPDATE virtual_account SET stage = 'closed', valid_to = '2026-10-01' WHERE bank_number = %s", number
    )


class TestTheNumberTellsTheCustomer:
    def test_without_any_reference_the_balance_is_credited(self, desk: Desk) -> None:
        virtual(desk)
        desk.pay(Payment(10_000, payee_account=MINE))
        assert credits(desk) == [(None, 10_000)]
        assert desk.available() == 10_000
        assert desk.parts() == [
            ("credited", "it was sent to the virtual account of C-1001; without a deposit")
        ]

    def test_the_oldest_open_deposit_of_exactly_that_amount_is_paid(self, desk: Desk) -> None:
        virtual(desk)
        desk.issue(amount="50.00")
        fitting, younger = desk.issue(), desk.issue()
        desk.pay(Payment(10_000, payee_account=MINE))
        assert credits(desk) == [(fitting.number, 10_000)]
        assert stages(desk, fitting, younger) == ["credited", "issued"]

    def test_equal_payments_of_one_file_pay_one_deposit_each(self, desk: Desk) -> None:
        virtual(desk)
        first, second = desk.issue(), desk.issue()
        desk.pay(*[Payment(10_000, f"B{n}", payee_account=MINE) for n in range(3)])
        assert credits(desk) == [(first.number, 10_000), (second.number, 10_000), (None, 10_000)]

    def test_a_reference_of_theirs_says_which_deposit(self, desk: Desk) -> None:
        virtual(desk)
        desk.issue()
        named = desk.issue(amount="500.00")
        desk.pay(Payment(10_000, payee_account=MINE, structured=named.reference))
        assert credits(desk) == [(named.number, 10_000)]

    def test_references_of_several_of_theirs_pay_each(self, desk: Desk) -> None:
        virtual(desk)
        first, second = desk.issue(amount="100.00"), desk.issue(amount="200.00")
        both = f"{second.reference} {first.reference}"
        desk.pay(Payment(30_000, payee_account=MINE, free=(both,)))
        assert sorted(credits(desk)) == [(first.number, 10_000), (second.number, 20_000)]

    def test_a_reference_of_theirs_that_is_paid_elsewhere_does_not_matter(self, desk: Desk) -> None:
        desk.change("UPDATE customer SET currencies = '{EUR,USD}' WHERE number = 'C-1001'")
        desk.change(
            "INSERT INTO collection_account (code, entity, currency, holder, bank_name, bank_address, bic, iban,"
            " account_number, clearing_code, intermediary, bank_number, sources, valid_from)"
            " SELECT 'eu-usd', entity, 'USD', holder, bank_name, bank_address, bic, 'NL82MOCK0000001009', '', '', '',"
            " 'NL82MOCK0000001009', sources, valid_from FROM collection_account WHERE code = 'nimbus-eu-eur'"
        )
        virtual(desk)
        other = desk.issue(currency="USD")
        desk.pay(Payment(10_000, payee_account=MINE, structured=other.reference))
        assert credits(desk) == [(None, 10_000)]

    def test_it_counts_before_a_linked_payer(self, desk: Desk) -> None:
        linked(desk, "C-1002")
        virtual(desk)
        desk.pay(Payment(10_000, payee_account=MINE))
        assert (desk.available(), desk.available("C-1002")) == (10_000, 0)

    def test_a_newer_number_runs_beside_the_old_one(self, desk: Desk) -> None:
        virtual(desk)
        virtual(desk, YOURS)
        desk.pay(Payment(10_000, "B1", payee_account=MINE), Payment(5_000, "B2", payee_account=YOURS))
        assert desk.available() == 15_000

    def test_the_parts_of_a_batch_have_numbers_of_their_own(self, desk: Desk) -> None:
        virtual(desk)
        virtual(desk, YOURS, "C-1002")
        one, other = Payment(10_000, "P1", payee_account=MINE), Payment(5_000, "P2", payee_account=YOURS)
        desk.pay(Batch((one, other), "LUMP"))
        assert (desk.available(), desk.available("C-1002")) == (10_000, 5_000)

    def test_the_same_money_in_a_statement_is_credited_once(self, desk: Desk) -> None:
        virtual(desk)
        payment = Payment(10_000, "B1", payee_account=MINE)
        desk.pay(payment)
        sheet = Sheet(ACCOUNT, "EUR", [payment], closing_minor=10_000)
        assert desk.deliver(sheet, kind="camt.053").stage == "posted"
        assert desk.available() == 10_000


class TestToldByAnotherFormat:
    """The same money without the bank's reference, or with one that is cut off: no deposit need say which it is."""

    REASON = "it may be the money of entry 1, of which another format told with another reference of the bank"

    @pytest.mark.parametrize(
        "references", [("R-1", ""), ("", "R-1"), ("20261123-4711-000815", "20261123-4711-00")]
    )
    @pytest.mark.parametrize("kinds", [*permutations(("camt.052", "camt.053", "camt.054"), 2)])
    @pytest.mark.parametrize("by", ["number", "payer"])
    def test_is_credited_once(
        self, desk: Desk, by: str, references: tuple[str, str], kinds: tuple[str, str]
    ) -> None:
        payee = MINE if by == "number" else ""
        virtual(desk) if by == "number" else linked(desk)
        for reference, kind in zip(references, kinds, strict=True):
            paid = Payment(10_000, reference, payee_account=payee, booked_on=MONDAY)
            desk.deliver(Sheet(ACCOUNT, "EUR", [paid], closing_minor=10_000), kind=kind)
        assert desk.available() == 10_000
        assert desk.parts()[-1] == ("unapplied", self.REASON)

    def test_also_where_the_second_names_a_deposit(self, desk: Desk) -> None:
        virtual(desk)
        named = desk.issue(amount="500.00")
        paid = Payment(10_000, payee_account=MINE, booked_on=MONDAY)
        desk.pay(paid)
        told = replace(paid, bank_reference="R-1", structured=named.reference)
        desk.deliver(Sheet(ACCOUNT, "EUR", [told], closing_minor=10_000), kind="camt.053")
        assert (desk.available(), desk.parts()[-1]) == (10_000, ("unapplied", self.REASON))

    @pytest.mark.parametrize("by", ["number", "reference"])
    @pytest.mark.parametrize("waiting", [1, 2])
    def test_also_where_they_waited_for_a_statement(self, desk: Desk, by: str, waiting: int) -> None:
        virtual(desk)
        text = (desk.issue(amount="500.00").reference,) if by == "reference" else ()
        first, second = (
            Payment(10_000, reference, free=text, payee_account=MINE if by == "number" else "")
            for reference in ("", "R-1")
        )
        gap = "UPDATE collection_account SET gap_statement_id = %s WHERE bank_number = %s"
        desk.deliver(Sheet(ACCOUNT, "EUR", []), kind="camt.053")
        [statement] = desk.rows("SELECT id FROM bank_statement")
        desk.change(gap, statement["id"], ACCOUNT)
        desk.pay(first)
        if waiting == 2:
            desk.deliver(Sheet(ACCOUNT, "EUR", [second]), kind="camt.052")
        assert [state for state, _ in desk.parts()] == ["unapplied"] * waiting
        desk.change(gap, None, ACCOUNT)
        desk.deliver(Sheet(ACCOUNT, "EUR", [second], closing_minor=10_000), kind="camt.053")
        assert desk.available() == 10_000
        assert sorted(str(state) for state, _ in desk.parts()) == ["credited", "unapplied"]

    @pytest.mark.parametrize(
        "other",
        [
            Payment(10_000, "R-2", payee_account=MINE, booked_on=MONDAY),
            Payment(10_001, payee_account=MINE, booked_on=MONDAY),
            Payment(10_000, payee_account=MINE, booked_on=MONDAY + timedelta(days=1)),
            Payment(10_000, payee_account=YOURS, booked_on=MONDAY),
        ],
        ids=["reference", "amount", "day", "customer"],
    )
    def test_what_differs_is_other_money(self, desk: Desk, other: Payment) -> None:
        virtual(desk)
        virtual(desk, YOURS, "C-1002")
        desk.pay(Payment(10_000, "R-1", payee_account=MINE, booked_on=MONDAY))
        desk.deliver(Sheet(ACCOUNT, "EUR", [other]), kind="camt.052")
        assert [state for state, _ in desk.parts()] == ["credited", "credited"]

    def test_also_where_the_first_was_shared_out_to_several_deposits(self, desk: Desk) -> None:
        virtual(desk)
        both = f"{desk.issue(amount='40.00').reference} {desk.issue(amount='60.00').reference}"
        desk.pay(Payment(10_000, "R-1", free=(both,), payee_account=MINE, booked_on=MONDAY))
        desk.deliver(
            Sheet(ACCOUNT, "EUR", [Payment(10_000, payee_account=MINE, booked_on=MONDAY)]), kind="camt.052"
        )
        assert (desk.available(), desk.parts()[-1]) == (10_000, ("unapplied", self.REASON))

    def test_also_where_a_fee_of_the_first_was_taken_over(self, desk: Desk) -> None:
        virtual(desk)
        entity(desk, short_tolerance='{"EUR": 500}')
        named = desk.issue(amount="102.00").reference
        desk.pay(Payment(10_000, "R-1", structured=named, payee_account=MINE, booked_on=MONDAY))
        desk.deliver(
            Sheet(ACCOUNT, "EUR", [Payment(10_000, payee_account=MINE, booked_on=MONDAY)]), kind="camt.052"
        )
        assert (desk.available(), desk.parts()[-1]) == (10_200, ("unapplied", self.REASON))

    @pytest.mark.parametrize("by", ["number", "reference"])
    @pytest.mark.parametrize("amount", ["100.00", "500.00"])
    def test_also_where_people_have_moved_the_first(self, desk: Desk, by: str, amount: str) -> None:
        virtual(desk)
        moved = Case(desk, desk.issue(amount=amount), desk.issue("C-1002"))
        paid = Payment(
            10_000,
            structured=moved.wrong.reference,
            payee_account=MINE if by == "number" else "",
            payer_account="",
            booked_on=MONDAY,
        )
        desk.pay(paid)
        assert moved.move().state.stage == "applied"
        told = replace(paid, bank_reference="R-1")
        desk.deliver(Sheet(ACCOUNT, "EUR", [told]), kind="camt.052")
        assert (desk.available(), desk.available("C-1002")) == (0, 10_000)
        assert desk.parts()[-1] == ("unapplied", self.REASON)

    def test_references_that_are_whole_and_only_begin_alike_are_two(self, desk: Desk) -> None:
        virtual(desk)
        for reference, kind in (("20261123-4711-000815", "camt.054"), ("20261123-4711-000816", "camt.052")):
            paid = Payment(10_000, reference, payee_account=MINE, booked_on=MONDAY)
            desk.deliver(Sheet(ACCOUNT, "EUR", [paid]), kind=kind)
        assert desk.available() == 20_000

    def test_two_payments_that_each_format_tells_of_are_two(self, desk: Desk) -> None:
        virtual(desk)
        both = [Payment(10_000, r, payee_account=MINE, booked_on=MONDAY) for r in ("R-1", "R-2")]
        desk.pay(both[0])
        desk.pay(both[1])
        desk.deliver(Sheet(ACCOUNT, "EUR", both, closing_minor=20_000), kind="camt.053")
        assert desk.available() == 20_000


class TestWhatFormatsTell:
    def test_camt_may_name_the_number_for_the_whole_notification(self, desk: Desk) -> None:
        virtual(desk)
        desk.deliver(Sheet(ACCOUNT, "EUR", [Payment(10_000)], related_account=MINE))
        assert desk.available() == 10_000

    def test_mt940_in_the_code_of_a_bank(self, desk: Desk) -> None:
        virtual(desk)
        mbank = "PL45114011370000310211001001"
        desk.change(
            "UPDATE collection_account SET iban = %s, bank_number = %s WHERE code = 'nimbus-eu-eur'",
            mbank,
            mbank,
        )
        text = f"911 TRANSAKCJA COLLECT; ID IPH: {MINE}; Z RACH.: ; OD: ACME GMBH; TYT.: prepayment; TNR: 1.2"
        file = mt_files.of(mt_files.entry(text), account=mbank)
        assert desk.work_off(file).stage == "posted"
        assert desk.available() == 10_000

    def test_bai2_in_its_tags(self, desk: Desk) -> None:
        virtual(desk)
        assert desk.work_off(written(write_bai2, Payment(10_000, payee_account=MINE))).stage == "posted"
        assert desk.available() == 10_000


class TestAStatementOfTheNumberItself:
    @pytest.fixture(autouse=True)
    def _account_of_one_customer(self, desk: Desk) -> None:
        desk.change(
            "INSERT INTO collection_account (code, entity, currency, holder, bank_name, bank_address, bic, iban,"
            " account_number, clearing_code, intermediary, bank_number, sources, valid_from, virtual)"
            " SELECT 'eu-one', entity, currency, holder, bank_name, bank_address, bic, '', %s, '', '',"
            " %s, sources, '2026-02-01', true FROM collection_account WHERE code = 'nimbus-eu-eur'",
            MINE,
            MINE,
        )
        virtual(desk, account="eu-one")

    def test_credits_the_customer(self, desk: Desk) -> None:
        desk.deliver(Sheet(MINE, "EUR", [Payment(10_000)]))
        assert desk.available() == 10_000

    def test_no_form_of_anybody_names_it(self, desk: Desk) -> None:
        assert desk.issue("C-1002").account == "nimbus-eu-eur"

    def test_what_the_bank_books_for_itself_stays_the_houses(self, desk: Desk) -> None:
        desk.deliver(Sheet(MINE, "EUR", [Payment(10_000, code="ACMT/MCOP/INTR")]))
        assert (desk.parts()[0][0], desk.available()) == ("house", 0)


class TestAPersonDecides:
    def state(self, desk: Desk) -> tuple[object, object]:
        assert (desk.available(), desk.available("C-1002")) == (0, 0)
        return desk.parts()[0]

    def test_where_the_reference_is_another_customers(self, desk: Desk) -> None:
        virtual(desk)
        theirs = desk.issue("C-1002")
        desk.pay(Payment(10_000, payee_account=MINE, structured=theirs.reference))
        why = f"its reference is that of {theirs.number} of another customer"
        assert self.state(desk) == (
            "unapplied",
            f"it was sent to the virtual account of C-1001, and {why}",
        )

    def test_where_references_are_those_of_both(self, desk: Desk) -> None:
        virtual(desk)
        mine, theirs = desk.issue(), desk.issue("C-1002")
        desk.pay(Payment(10_000, payee_account=MINE, free=(mine.reference, theirs.reference)))
        assert self.state(desk)[0] == "unapplied"

    def test_where_the_number_is_closed_even_with_a_reference(self, desk: Desk) -> None:
        virtual(desk)
        closed(desk)
        deposit = desk.issue()
        desk.pay(Payment(10_000, payee_account=MINE, structured=deposit.reference))
        reason = "it was sent to a closed virtual account of C-1001, and a person decides"
        assert self.state(desk) == ("unapplied", reason)

    def test_where_the_number_is_nobodys_yet(self, desk: Desk) -> None:
        desk.change(
            "INSERT INTO virtual_account (account_id, bank_number, account_number)"
            " SELECT id, %s, 'x' FROM collection_account WHERE code = 'nimbus-eu-eur'",
            FREE,
        )
        desk.pay(Payment(10_000, payee_account=FREE))
        reason = "it was sent to a virtual account that is nobody's yet, and a person decides"
        assert self.state(desk) == ("unapplied", reason)

    def test_where_the_customer_has_no_balance_in_the_currency(self, desk: Desk) -> None:
        virtual(desk, customer="C-2001", account="nimbus-sg-usd")
        account = desk.rows("SELECT bank_number FROM collection_account WHERE currency = 'JPY'")[0]
        desk.deliver(Sheet(str(account["bank_number"]), "JPY", [Payment(1_000, payee_account=MINE)]))
        reason = (
            "it was sent to the virtual account of C-2001, who has no balance in JPY, and a person decides"
        )
        assert self.state(desk) == ("unapplied", reason)

    def test_where_the_number_is_of_another_entity(self, desk: Desk) -> None:
        virtual(desk, customer="C-2001", account="nimbus-sg-usd")
        desk.pay(Payment(10_000, payee_account=MINE))
        assert self.state(desk)[0] == "unapplied"

    def test_where_the_entity_holds_money_of_unknown_payers(self, desk: Desk) -> None:
        entity(desk, payer_policy="hold")
        virtual(desk)
        desk.pay(Payment(10_000, payee_account=MINE))
        assert self.state(desk)[0] == "unapplied"

    def test_where_the_bank_gives_back_what_we_paid(self, desk: Desk) -> None:
        virtual(desk)
        desk.pay(Payment(10_000, payee_account=MINE, return_reason="AC04"))
        assert self.state(desk)[0] == "unapplied"


class TestReversal:
    def test_takes_the_credit_back(self, desk: Desk) -> None:
        virtual(desk)
        desk.pay(Payment(10_000, "B1", payee_account=MINE))
        later = MONDAY + timedelta(days=1)
        desk.pay(Payment(-10_000, "B1", reversal=True, payer_account=PAYER, booked_on=later))
        assert (desk.available(), desk.parts()[0][0]) == (0, "reversed")
