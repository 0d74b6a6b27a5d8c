"""Whose money a booked part is, and why: references, payers, policies, tolerance; on a real database."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from sqlmodel import Session

from activities.deposits import Reload
from activities.payers import LinkInput, PauseInput, credit_what_waits, link, pause, resume
from bankfiles.sample import Batch, Payment, Sheet
from rules.deposit import DepositState
from tests.activities.test_bank_chain import MONDAY, day
from tests.activities.test_bank_files import ACCOUNT, SETUP, Desk, camt, desk
from tests.bankfiles.camt_files import details, document, entry, statement, transaction
from tests.office import change_set_up

__all__ = ["desk"]

PAYER, OTHER = "DE02120300000000202051", "DE02500105170137075030"


def linked(desk: Desk, customer: str = "C-1001") -> None:
    with Session(desk.engine) as session, session.begin():
        link(session, LinkInput(customer=customer, account=PAYER, by="op", reason="their main account"))


def entity(desk: Desk, **values: str) -> None:
    for name, value in values.items():
        desk.change(f"UPDATE contracting_entity SET {name} = %s", value)


def credits(desk: Desk) -> list[tuple[object, object]]:
    query = """
        SELECT d.number, c.amount_minor FROM credit c LEFT JOIN deposit d ON d.id = c.deposit_id
        ORDER BY c.part_id, c.position
    """
    return [(row["number"], row["amount_minor"]) for row in desk.rows(query)]


def stages(desk: Desk, *deposits: DepositState) -> list[object]:
    return [desk.deposit(deposit)["stage"] for deposit in deposits]


class TestSeveralReferences:
    def pay(self, desk: Desk, minor: int) -> tuple[DepositState, DepositState]:
        first, second = desk.issue(amount="100.00"), desk.issue(amount="200.00")
        desk.pay(Payment(minor, free=(f"{first.reference} and {second.reference}",)))
        return first, second

    def test_of_one_customer_pay_each_of_the_deposits(self, desk: Desk) -> None:
        first, second = self.pay(desk, 30_000)
        assert credits(desk) == [(first.number, 10_000), (second.number, 20_000)]
        assert stages(desk, first, second) == ["credited", "credited"]
        assert desk.parts() == [("credited", "its references are those of 2 deposits of one customer")]

    def test_too_little_pays_the_first_ones(self, desk: Desk) -> None:
        first, second = self.pay(desk, 15_000)
        assert credits(desk) == [(first.number, 10_000), (second.number, 5_000)]
        assert stages(desk, first, second) == ["credited", "part_paid"]

    def test_too_much_goes_to_the_last(self, desk: Desk) -> None:
        first, second = self.pay(desk, 40_000)
        assert credits(desk) == [(first.number, 10_000), (second.number, 30_000)]

    def test_what_another_payment_of_the_file_filled_is_not_filled_again(self, desk: Desk) -> None:
        first, second = desk.issue(amount="100.00"), desk.issue(amount="200.00")
        both = f"{first.reference} {second.reference}"
        desk.pay(Payment(10_000, "B1", free=(both,)), Payment(20_000, "B2", free=(both,)))
        assert stages(desk, first, second) == ["credited", "credited"]

    def test_a_deposit_that_is_closed_takes_nothing_while_another_is_open(self, desk: Desk) -> None:
        first, second = self.pay(desk, 10_000)
        desk.pay(Payment(20_000, "B2", free=(f"{first.reference} {second.reference}",)))
        assert stages(desk, first, second) == ["credited", "credited"]
        assert desk.available() == 30_000

    def test_of_several_customers_credit_nobody(self, desk: Desk) -> None:
        mine, yours = desk.issue(), desk.issue("C-1002")
        desk.pay(Payment(10_000, free=(mine.reference, yours.reference)))
        assert desk.parts() == [("unapplied", "its references belong to several customers")]
        assert (desk.available(), desk.available("C-1002")) == (0, 0)

    def test_of_several_customers_credit_nobody_also_where_one_has_a_field_of_its_own(
        self, desk: Desk
    ) -> None:
        mine, yours = desk.issue(), desk.issue("C-1002")
        desk.pay(Payment(10_000, structured=mine.reference, free=(yours.reference,)))
        assert desk.parts() == [("unapplied", "its references belong to several customers")]


class TestToldByAnotherFormat:
    """The same money under another reference of the bank, as formats cut references off or leave them out."""

    def told(self, desk: Desk, deposit: DepositState, *references: str, kind: str) -> None:
        paid = [Payment(10_000, r, free=(deposit.reference,), booked_on=MONDAY) for r in references]
        desk.deliver(Sheet(ACCOUNT, "EUR", paid, closing_minor=10_000 * len(paid)), kind=kind)

    @pytest.mark.parametrize(
        "references", [("R-1", ""), ("", "R-1"), ("20261123-4711-000815", "20261123-4711-00")]
    )
    @pytest.mark.parametrize("kinds", [*permutations(("camt.052", "camt.053", "camt.054"), 2)])
    def test_is_credited_once(self, desk: Desk, references: tuple[str, str], kinds: tuple[str, str]) -> None:
        deposit = desk.issue(amount="500.00")
        for reference, kind in zip(references, kinds, strict=True):
            self.told(desk, deposit, reference, kind=kind)
        assert desk.available() == 10_000
        reason = (
            "it may be the money of entry 1, of which another format told with another reference of the bank"
        )
        assert desk.parts()[-1] == ("unapplied", reason)

    def test_two_payments_that_each_format_tells_of_are_two(self, desk: Desk) -> None:
        deposit = desk.issue(amount="500.00")
        self.told(desk, deposit, "R-1", kind="camt.054")
        self.told(desk, deposit, "R-2", kind="camt.054")
        self.told(desk, deposit, "R-1", "R-2", kind="camt.053")
        assert desk.available() == 20_000

    @pytest.mark.parametrize("reference", ["", "20261123-4711-00"])
    def test_two_equal_ones_are_two_also_where_another_format_told_the_first_in_a_batch(
        self, desk: Desk, reference: str
    ) -> None:
        deposit = desk.issue(amount="500.00")
        equal, other = (
            Payment(minor, reference, free=(deposit.reference,), booked_on=MONDAY) for minor in (10_000, 500)
        )
        desk.deliver(Sheet(ACCOUNT, "EUR", [Batch((equal, other))]), kind="camt.052")
        alone = [equal, other, equal]
        desk.deliver(Sheet(ACCOUNT, "EUR", alone, closing_minor=20_500), kind="camt.053")
        assert desk.available() == 20_500

    @pytest.mark.parametrize("amount", ["100.00", "500.00"])
    def test_is_credited_once_where_the_first_left_the_payment_reference_out(
        self, desk: Desk, amount: str
    ) -> None:
        linked(desk)
        _, named = desk.issue(amount=amount), desk.issue(amount=amount)
        desk.deliver(Sheet(ACCOUNT, "EUR", [Payment(10_000, booked_on=MONDAY)]), kind="camt.052")
        self.told(desk, named, "R-1", kind="camt.053")
        assert desk.available() == 10_000
        assert str(desk.parts()[-1][1]).startswith("it may be the money of entry 1, of which another format")

    def test_two_payments_for_two_deposits_are_two(self, desk: Desk) -> None:
        first, second = desk.issue(amount="500.00"), desk.issue(amount="500.00")
        self.told(desk, first, "", kind="camt.052")
        self.told(desk, second, "R-1", kind="camt.054")
        assert desk.available() == 20_000

    @pytest.mark.parametrize("reference", ["R-2", "R-11"])
    def test_another_reference_is_other_money(self, desk: Desk, reference: str) -> None:
        deposit = desk.issue(amount="500.00")
        self.told(desk, deposit, "R-1", kind="camt.054")
        self.told(desk, deposit, reference, kind="camt.052")
        assert desk.available() == 20_000

    def test_another_day_is_other_money(self, desk: Desk) -> None:
        deposit = desk.issue(amount="500.00")
        self.told(desk, deposit, "R-1", kind="camt.053")
        desk.pay(Payment(10_000, free=(deposit.reference,), booked_on=MONDAY + timedelta(days=1)))
        assert desk.available() == 20_000


class TestLinkedPayer:
    def test_is_the_last_resort(self, desk: Desk) -> None:
        linked(desk)
        other = desk.issue("C-1002")
        desk.pay(Payment(10_000, structured=other.reference))
        assert (desk.available(), desk.available("C-1002")) == (0, 10_000)

    def test_pays_what_is_missing_of_a_deposit_and_then_the_next_of_that_amount(self, desk: Desk) -> None:
        part_paid, unpaid, other = desk.issue(), desk.issue(amount="60.00"), desk.issue("C-1002", "60.00")
        desk.pay(Payment(4_000, "R1", structured=part_paid.reference))
        linked(desk)
        desk.pay(*(Payment(6_000, f"P{number}") for number in range(3)))
        paid = [desk.deposit(deposit)["credited_minor"] for deposit in (part_paid, unpaid, other)]
        assert paid == [10_000, 6_000, 0]
        assert desk.available() == 22_000

    def test_pays_the_oldest_open_deposit_of_exactly_that_amount(self, desk: Desk) -> None:
        linked(desk)
        desk.issue(amount="50.00")
        fitting, younger = desk.issue(), desk.issue()
        desk.pay(Payment(10_000))
        assert credits(desk) == [(fitting.number, 10_000)]
        assert stages(desk, fitting, younger) == ["credited", "issued"]

    def test_else_pays_into_the_balance_without_a_deposit(self, desk: Desk) -> None:
        linked(desk)
        desk.issue(amount="50.00")
        desk.pay(Payment(10_000))
        assert credits(desk) == [(None, 10_000)]
        assert desk.available() == 10_000
        assert desk.parts()[0][1] == "operators have linked its payer to the customer; without a deposit"

    def test_without_an_account_in_the_currency_gets_nothing(self, desk: Desk) -> None:
        linked(desk, "C-2001")
        account = desk.rows("SELECT bank_number FROM collection_account WHERE currency = 'JPY'")[0]
        file = desk.deliver(Sheet(str(account["bank_number"]), "JPY", [Payment(1000, "B1")]))
        assert (file.stage, desk.parts()[0][0]) == ("posted", "unapplied")

    def test_an_amount_alone_is_never_enough(self, desk: Desk) -> None:
        desk.issue()
        desk.pay(Payment(10_000))
        assert desk.parts() == [("unapplied", "no payment reference of ours was found")]

    def test_money_of_a_paused_payer_waits_for_a_person(self, desk: Desk) -> None:
        with Session(desk.engine) as session, session.begin():
            pause(session, PauseInput(entity="nimbus-eu", account=PAYER, by="op", reason="a wrong credit"))
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference))
        [(state, reason)] = desk.parts()
        assert (state, desk.available()) == ("unapplied", 0)
        assert str(reason).endswith("; automatic matching of this payer pauses")

    def test_what_waited_is_credited_when_the_pause_ends(self, desk: Desk) -> None:
        pausing = PauseInput(entity="nimbus-eu", account=PAYER, by="op", reason="a wrong credit")
        deposit = desk.issue()
        with Session(desk.engine) as session, session.begin():
            pause(session, pausing)
        desk.pay(Payment(10_000, structured=deposit.reference))
        for _ in range(2):
            with Session(desk.engine) as session, session.begin():
                credit_what_waits(session, PAYER)
            assert desk.available() == 0
        with Session(desk.engine) as session, session.begin():
            resume(session, pausing)
        assert (desk.available(), stages(desk, deposit)) == (10_000, ["credited"])


class TestWhatWaits:
    @pytest.mark.parametrize(
        "inside",
        [
            details("<Btch><NbOfTxs>2</NbOfTxs></Btch>"),
            details("<Btch><NbOfTxs>2</NbOfTxs></Btch>", transaction()),
            details(transaction(), transaction()),
        ],
    )
    def test_a_note_on_a_lump_sum_credits_nobody_with_all_of_it(self, desk: Desk, inside: str) -> None:
        note = f"<AddtlNtryInf>{desk.issue().reference}</AddtlNtryInf>"
        file = document(statement(entry(inside + note), account=ACCOUNT)).encode()
        desk.work_off(file)
        assert desk.parts() == [("unapplied", "no payment reference of ours was found")]
        desk.work_off(file.replace(inside.encode(), b"").replace(b"-23<", b"-27<"))
        assert (desk.available(), len(desk.parts())) == (10_000, 2)

    @pytest.mark.parametrize("applied", [True, False])
    def test_a_lump_sum_that_waits_gives_way_to_its_details(self, desk: Desk, applied: bool) -> None:
        deposit, other = desk.issue(), desk.issue("C-1002", "50.00")
        for number in (1, 3):
            desk.deliver(day(number), kind="camt.053")
        on = MONDAY + timedelta(days=3)
        first = Payment(5_000, "P1", structured=other.reference if applied else "", booked_on=on)
        parts = (first, Payment(5_000, "P2", booked_on=on))
        lump = camt(Sheet(ACCOUNT, "EUR", [Batch(parts, "LUMP", details=False)]))
        note = f"<AddtlNtryInf>{deposit.reference}</AddtlNtryInf></Ntry>".encode()
        desk.work_off(lump.replace(b"</Ntry>", note))
        desk.pay(Batch(parts, "LUMP"))
        assert desk.deliver(day(2), kind="camt.053").stage == "posted"
        assert (desk.available(), desk.available("C-1002")) == (0, 5_000 if applied else 0)

    def test_matching_it_again_ends_although_it_goes_on_waiting(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entity(desk, payer_policy="hold")
        monkeypatch.setattr("activities.bank_posting.SLICE", 2)
        desk.pay(*[Payment(10_000, f"B{n}", structured=desk.issue().reference) for n in range(3)])
        linked(desk, "C-1002")
        after, rounds = "", 0
        while rounds == 0 or after:
            with Session(desk.engine) as session, session.begin():
                after = credit_what_waits(session, PAYER, after)
            rounds += 1
        assert rounds == 2

    def test_a_filler_makes_no_twin(self, desk: Desk) -> None:
        one, other = desk.issue("C-1001"), desk.issue("C-1002")
        desk.pay(Payment(10_000, "NONREF", structured=one.reference))
        later = MONDAY + timedelta(days=3)
        desk.pay(Payment(10_000, "NONREF", structured=other.reference, booked_on=later))
        assert desk.available("C-1002") == 10_000


class TestPayerPolicy:
    @pytest.mark.parametrize("account", [PAYER, ""])
    def test_flag_credits_and_flags_who_is_not_known(self, desk: Desk, account: str) -> None:
        entity(desk, payer_policy="flag", missing_payer_policy="flag")
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference, payer_account=account))
        assert [row["flagged"] for row in desk.rows("SELECT flagged FROM bank_entry_part")] == [True]
        assert desk.available() == 10_000

    @pytest.mark.parametrize("account", [PAYER, ""])
    def test_hold_waits_for_a_person(self, desk: Desk, account: str) -> None:
        entity(desk, payer_policy="hold", missing_payer_policy="hold")
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference, payer_account=account))
        assert desk.parts()[0][0] == "unapplied"
        assert [row["awaits"] for row in desk.rows("SELECT awaits FROM bank_entry_part")] == ["payer"]
        assert stages(desk, deposit) == ["issued"]

    def test_what_waits_is_credited_when_the_policy_lets_it(self, desk: Desk) -> None:
        entity(desk, missing_payer_policy="hold")
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference, payer_account=""))
        assert desk.available() == 0
        change_set_up(desk.url, SETUP)
        assert (desk.available(), stages(desk, deposit)) == (10_000, ["credited"])

    def test_a_payer_who_is_known_passes_whatever_the_policy(self, desk: Desk) -> None:
        entity(desk, payer_policy="hold", missing_payer_policy="hold")
        linked(desk)
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference))
        assert desk.available() == 10_000

    def test_a_payer_known_to_be_another_customers_is_not_known_here(self, desk: Desk) -> None:
        entity(desk, payer_policy="hold")
        linked(desk, "C-1002")
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference))
        assert (desk.available(), desk.available("C-1002")) == (0, 0)


class TestShortPayment:
    def fees(self, desk: Desk) -> int:
        query = "SELECT debits_posted - credits_posted AS minor FROM ledger_account_balance WHERE kind = 'bank-fees'"
        return sum(int(str(row["minor"])) for row in desk.rows(query))

    def test_credits_what_arrived_and_waits_for_the_rest(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(9_950, structured=deposit.reference, charges_minor=50))
        assert (stages(desk, deposit), desk.available()) == (["part_paid"], 9_950)
        assert str(desk.parts()[0][1]).endswith("banks took charges on the way")

    def test_within_the_tolerance_of_the_entity_the_fee_is_ours(self, desk: Desk) -> None:
        entity(desk, short_tolerance='{"EUR": 50}')
        deposit = desk.issue()
        desk.pay(Payment(9_950, structured=deposit.reference))
        assert (stages(desk, deposit), desk.available(), self.fees(desk)) == (["credited"], 10_000, 50)

    def test_beyond_the_tolerance_nothing_is_added(self, desk: Desk) -> None:
        entity(desk, short_tolerance='{"EUR": 49}')
        deposit = desk.issue()
        desk.pay(Payment(9_950, structured=deposit.reference))
        assert (stages(desk, deposit), desk.available(), self.fees(desk)) == (["part_paid"], 9_950, 0)

    def test_two_payments_of_one_deposit_at_once_add_nothing(self, desk: Desk) -> None:
        entity(desk, short_tolerance='{"EUR": 5000}')
        deposit = desk.issue()
        pay = Payment(6_000, "B1", structured=deposit.reference)
        desk.pay(pay, replace(pay, bank_reference="B2"))
        assert (desk.available(), self.fees(desk)) == (12_000, 0)

    def test_the_last_part_may_be_short(self, desk: Desk) -> None:
        entity(desk, short_tolerance='{"EUR": 50}')
        deposit = desk.issue()
        desk.pay(Payment(6_000, "B1", structured=deposit.reference))
        desk.pay(Payment(3_990, "B2", structured=deposit.reference))
        assert (stages(desk, deposit), desk.available(), self.fees(desk)) == (["credited"], 10_000, 10)


class TestTheBanksOwn:
    def house(self, desk: Desk) -> list[tuple[object, object]]:
        query = "SELECT state, house FROM bank_entry_part ORDER BY bank_reference"
        return [(row["state"], row["house"]) for row in desk.rows(query)]

    def test_fees_interest_and_sweeps_post_against_their_accounts(self, desk: Desk) -> None:
        desk.pay(
            Payment(-500, "F", code="ACMT/MDOP/CHRG"),
            Payment(70, "I", code="ACMT/MCOP/INTR"),
            Payment(-9_000, "S", code="CAMT/ACCB/ZABA"),
            Payment(-100, "U", code="PMNT/ICDT/ESCT"),
        )
        found = ["bank-fees", "interest", "company", "unexplained"]
        assert self.house(desk) == [("house", account) for account in found]

    def test_a_reference_of_ours_counts_more_than_the_banks_code(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference, code="ACMT/MCOP/INTR"))
        assert desk.available() == 10_000

    def test_a_payment_of_ours_that_came_back_is_kept_for_its_refund(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference, return_reason="AC04"))
        assert desk.parts() == [("unapplied", "a payment of ours that came back (AC04)")]
        assert desk.available() == 0


class TestReversal:
    def taken_back(self, desk: Desk, **values: object) -> Payment:
        return replace(Payment(-10_000, "R-1", reversal=True), **values)  # type: ignore[arg-type]

    def test_by_the_same_bank_reference_takes_the_credit_back(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, "R-1", structured=deposit.reference))
        desk.pay(self.taken_back(desk))
        assert [state for state, _ in desk.parts()] == ["reversed", "reversed"]
        row = desk.deposit(deposit)
        assert (row["stage"], row["credited_minor"], row["taken_back_minor"]) == ("issued", 0, 10_000)
        assert desk.available() == 0

    @pytest.mark.parametrize("order", [("B1", "B2"), ("B2", "B1")])
    def test_by_the_customers_own_reference(self, desk: Desk, order: tuple[str, str]) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, order[0], structured=deposit.reference, end_to_end_id="INV-7"))
        desk.pay(self.taken_back(desk, bank_reference=order[1], end_to_end_id="INV-7"))
        assert desk.available() == 0

    def test_by_the_payment_reference_in_its_text(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, "B1", structured=deposit.reference))
        desk.pay(self.taken_back(desk, bank_reference="B2", free=(f"recall {deposit.reference}",)))
        assert desk.available() == 0

    def test_in_the_file_of_the_credit_itself(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, "R-1", structured=deposit.reference), self.taken_back(desk))
        assert (desk.available(), stages(desk, deposit)) == (0, ["issued"])

    def test_of_unapplied_money(self, desk: Desk) -> None:
        desk.pay(Payment(10_000, "R-1"))
        desk.pay(self.taken_back(desk))
        assert [state for state, _ in desk.parts()] == ["reversed", "reversed"]

    def test_after_spending_the_customer_owes_it(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, "R-1", structured=deposit.reference))
        desk.rows("SELECT ledger_pay('order-1', 'C-1001', 'nimbus-eu', 'EUR', 4000)")
        desk.pay(self.taken_back(desk))
        [balance] = desk.rows("SELECT * FROM ledger_balance WHERE customer = 'C-1001'")
        assert (balance["available_minor"], balance["receivable_minor"]) == (0, 4_000)

    def test_the_customer_is_told_once(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, "R-1", structured=deposit.reference))
        desk.pay(self.taken_back(desk))
        workflow_id = str(desk.deposit(deposit)["workflow_id"])
        for _ in range(2):
            desk.deposits.reload(Reload(workflow_id=workflow_id, at=datetime.now(UTC)))
        told = desk.rows("SELECT kind, body FROM notice WHERE kind <> 'issued' ORDER BY id")
        assert [row["kind"] for row in told] == ["taken_back"]
        assert "The bank has taken back 100.00 EUR" in str(told[0]["body"])

    def test_twice_takes_back_once_and_the_second_waits_for_a_person(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, "R-1", structured=deposit.reference))
        desk.pay(self.taken_back(desk), self.taken_back(desk, free=("again",)))
        states = [state for state, _ in desk.parts()]
        assert (states, desk.available()) == (["reversed", "reversed", "house"], 0)

    def test_that_could_be_of_two_bookings_waits_for_a_person(self, desk: Desk) -> None:
        deposit = desk.issue(amount="200.00")
        pay = Payment(10_000, "B1", structured=deposit.reference, end_to_end_id="INV-7")
        desk.pay(pay, replace(pay, bank_reference="B2"))
        desk.pay(self.taken_back(desk, end_to_end_id="INV-7"))
        assert (desk.parts()[-1][0], desk.available()) == ("house", 20_000)

    def test_never_takes_another_payers_payment(self, desk: Desk) -> None:
        one, other = desk.issue("C-1001"), desk.issue("C-1002")
        pay = Payment(
            10_000, "B1", structured=one.reference, end_to_end_id="RE-1", booked_on=date(2026, 10, 1)
        )
        desk.pay(pay)
        others = replace(pay, bank_reference="B2", structured=other.reference, payer_account=OTHER)
        desk.pay(replace(others, booked_on=MONDAY))
        desk.pay(self.taken_back(desk, bank_reference="B3", end_to_end_id="RE-1"))
        assert desk.available("C-1002") == 10_000

    @pytest.mark.parametrize("filler", ["NOT PROVIDED", "NONE", "0", "notprovided", "NONREF"])
    def test_what_banks_write_where_they_have_no_reference_finds_nothing(
        self, desk: Desk, filler: str
    ) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, filler, structured=deposit.reference, end_to_end_id=filler))
        desk.pay(self.taken_back(desk, bank_reference=filler, end_to_end_id=filler, free=("somebody else",)))
        assert desk.available() == 10_000

    @pytest.mark.parametrize("chunk", [1, 1000])
    def test_that_comes_before_its_payment_lets_that_wait_for_a_person(
        self, desk: Desk, chunk: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("activities.bank_incoming.CHUNK", chunk)
        deposit = desk.issue()
        desk.pay(self.taken_back(desk), Payment(10_000, "R-1", structured=deposit.reference))
        assert desk.available() == 0

    def test_in_an_earlier_file_does_so_too(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(self.taken_back(desk))
        desk.pay(Payment(10_000, "R-1", structured=deposit.reference))
        assert (desk.available(), str(desk.parts()[-1][1])[:36]) == (
            0,
            "the bank took such money back before",
        )

    def test_of_another_amount_takes_back_nothing(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, "R-1", structured=deposit.reference))
        desk.pay(self.taken_back(desk, amount_minor=-9_999))
        assert desk.available() == 10_000

    def test_what_was_absorbed_goes_back_too(self, desk: Desk) -> None:
        entity(desk, short_tolerance='{"EUR": 50}')
        deposit = desk.issue()
        desk.pay(Payment(9_950, "R-1", structured=deposit.reference))
        desk.pay(self.taken_back(desk, amount_minor=-9_950))
        assert (desk.available(), stages(desk, deposit)) == (0, ["issued"])

    def test_of_a_batch_takes_back_each_of_its_transactions(self, desk: Desk) -> None:
        deposits = [desk.issue("C-1001"), desk.issue("C-1002")]
        paid = [Payment(10_000, f"T{d.deposit}", structured=d.reference) for d in deposits]
        desk.pay(Batch(tuple(paid), "B1"))
        back = [Payment(-10_000, payment.bank_reference, reversal=True) for payment in paid]
        desk.pay(Batch(tuple(back), "B1"))
        assert [state for state, _ in desk.parts()] == ["reversed"] * 4
        assert (desk.available("C-1001"), desk.available("C-1002")) == (0, 0)

    def test_a_fee_that_the_bank_gives_back_goes_back_to_fees(self, desk: Desk) -> None:
        desk.pay(Payment(-500, "F", code="ACMT/MDOP/CHRG"))
        desk.pay(Payment(500, "F", reversal=True))
        query = "SELECT debits_posted - credits_posted AS minor FROM ledger_account_balance WHERE kind = 'bank-fees'"
        assert [row["minor"] for row in desk.rows(query) if row["minor"]] == []
        assert desk.parts()[-1] == ("house", "it takes back a booking of the bank's own")


_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'prepay' AND pid <> pg_backend_pid()
"""
_EARLIER = """
    INSERT INTO bank_entry (identity_key, account_id, entity, currency, amount_minor, direction, status, booked_on,
        value_on, bank_reference)
    SELECT 'earlier.' || n, a.id, a.entity, a.currency, 100000 + n, 'credit', 'BOOK', '2026-11-20', '2026-11-20',
        'AGAIN'
    FROM generate_series(1, 30000) n, collection_account a WHERE a.iban = %s
"""


def _entries_read(desk: Desk) -> int:
    """How many entries the indexes of `bank_entry` have given; a connection tells when it ends."""
    desk.engine.dispose()
    while desk.rows(_OTHERS)[0]["count"]:
        time.sleep(0.01)
    desk.rows("SELECT pg_stat_clear_snapshot()")
    read = "SELECT sum(idx_tup_read)::bigint AS read FROM pg_stat_user_indexes WHERE relname = 'bank_entry'"
    return int(str(desk.rows(read)[0]["read"]))


@pytest.mark.breaks_the_book
def test_a_bank_may_use_one_reference_again_and_again(desk: Desk) -> None:
    reference = desk.issue().reference
    desk.change(_EARLIER, ACCOUNT)
    read_before = _entries_read(desk)
    desk.pay(*[Payment(1_000 + number, "AGAIN", reference) for number in range(1_000)])
    # With a look at each of the earlier ones it is thirty million.
    assert 0 < _entries_read(desk) - read_before < 1_000_000
