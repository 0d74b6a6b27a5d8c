"""Pages of one statement count equal money together, in whatever order and files they come."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import accumulate, permutations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bankfiles.sample import Batch, Payment, Sheet
from ledger.checks import CHECKS, run_checks
from tests.activities.test_bank_files import ACCOUNT, Desk, camt, desk

__all__ = ["desk"]

PLAIN, NAMED = Payment(5_000), Payment(5_000, bank_reference="REF")


@dataclass(frozen=True)
class Paper:
    """A statement of some pages, all of whose money is for one deposit, and what else tells of that money."""

    pages: tuple[tuple[Payment, ...], ...]
    number: str
    opening_minor: int = 0

    @property
    def payments(self) -> tuple[Payment, ...]:
        return tuple(payment for page in self.pages for payment in page)

    def page(self, index: int, shuffler: random.Random | None = None) -> Sheet:
        payments = list(self.pages[index])
        if shuffler:
            shuffler.shuffle(payments)
        sums = (sum(p.amount_minor for p in page) for page in self.pages)
        ends = list(accumulate(sums, initial=self.opening_minor))
        last = index == len(self.pages) - 1
        whole = Sheet(ACCOUNT, "EUR", payments, f"S-{self.number}", self.number, ends[index], ends[index + 1])
        return replace(whole, page=index + 1, last_page=last)

    def run(self, start: int = 0, end: int | None = None) -> Sheet:
        """A statement of its own with the payments from `start` to `end`, in one piece."""
        before, told = self.payments[:start], self.payments[start:end]
        opening, total = (sum(p.amount_minor for p in payments) for payments in (before, told))
        opening += self.opening_minor
        return Sheet(ACCOUNT, "EUR", told, f"R-{self.number}-{start}", "", opening, opening + total)


def paper(desk: Desk, *pages: tuple[Payment, ...]) -> tuple[Paper, int]:
    """A statement whose money names a new deposit, and that deposit."""
    deposit = desk.issue(amount="1000000.00")
    named = tuple(
        tuple(replace(p, structured=deposit.reference, bank_reference=_own(p, deposit.deposit)) for p in page)
        for page in pages
    )
    query = "SELECT coalesce(max(closing_minor), 0) AS minor, coalesce(max(number), 0) AS number FROM bank_statement"
    [last] = desk.rows(query)
    return Paper(named, str(int(str(last["number"])) + 1), int(str(last["minor"]))), deposit.deposit


def _own(payment: Payment, deposit: int) -> str:
    return payment.bank_reference and f"{payment.bank_reference}{deposit}"


def credited(desk: Desk, deposit: int) -> int:
    return int(
        str(desk.rows("SELECT credited_minor FROM deposit WHERE id = %s", deposit)[0]["credited_minor"])
    )


class TestPages:
    def test_equal_payments_on_two_pages_are_two(self, desk: Desk) -> None:
        told, deposit = paper(desk, (PLAIN,), (PLAIN,))
        for index in (0, 1):
            assert desk.deliver(told.page(index), kind="camt.053").stage == "posted"
        assert credited(desk, deposit) == 10_000

    def test_page_two_may_come_first(self, desk: Desk) -> None:
        told, deposit = paper(desk, (PLAIN, PLAIN), (PLAIN,), (PLAIN,))
        for index in (2, 1, 0):
            desk.deliver(told.page(index), kind="camt.053")
        assert credited(desk, deposit) == 20_000

    def test_all_pages_may_stand_in_one_file(self, desk: Desk) -> None:
        told, deposit = paper(desk, (PLAIN,), (PLAIN,), (NAMED, NAMED))
        desk.deliver(told.page(1), told.page(2), told.page(0), kind="camt.053")
        assert credited(desk, deposit) == 20_000

    def test_the_same_page_twice_is_credited_once(self, desk: Desk) -> None:
        told, deposit = paper(desk, (PLAIN,), (PLAIN,))
        desk.deliver(told.page(0), told.page(0), kind="camt.053")
        desk.deliver(told.page(1), kind="camt.053")
        desk.deliver(told.page(0), kind="camt.053", version=4)
        assert credited(desk, deposit) == 10_000

    def test_what_was_notified_before_is_known_on_the_pages(self, desk: Desk) -> None:
        told, deposit = paper(desk, (PLAIN,), (PLAIN,))
        desk.deliver(told.run())
        for index in (1, 0):
            assert desk.deliver(told.page(index), kind="camt.053").known_before == 1
        assert credited(desk, deposit) == 10_000

    def test_a_batch_on_each_page_is_counted_by_its_parts(self, desk: Desk) -> None:
        told, deposit = paper(desk, (PLAIN, PLAIN), (PLAIN, PLAIN))
        for index in (1, 0):
            sheet = told.page(index)
            desk.deliver(replace(sheet, entries=[Batch(told.pages[index])]), kind="camt.053")
        assert credited(desk, deposit) == 20_000

    def test_pages_of_a_notification_are_counted_together(self, desk: Desk) -> None:
        told, deposit = paper(desk, (PLAIN,), (PLAIN,))
        desk.deliver(told.page(1))
        desk.deliver(told.page(0))
        assert credited(desk, deposit) == 10_000
        assert desk.deliver(told.run(), kind="camt.053").posted == 0

    def test_pages_that_eight_senders_bring_at_once(self, desk: Desk) -> None:
        told, deposit = paper(desk, *[(PLAIN, NAMED)] * 4)

        def send(seed: int) -> None:
            shuffler = random.Random(seed)
            desk.deliver(told.page(seed % 4, shuffler), kind="camt.053", version=shuffler.choice([4, 6, 8]))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(24)))
        assert credited(desk, deposit) == 40_000


class TestCutAnew:
    def test_pages_that_do_not_meet_are_held_until_the_right_ones_come(self, desk: Desk) -> None:
        told, deposit = paper(desk, (PLAIN, PLAIN), (PLAIN,))
        anew = replace(told, pages=(told.payments[:1], told.payments[1:]))
        desk.deliver(told.page(0), kind="camt.053")
        content = camt(anew.page(1), kind="camt.053")
        held = desk.work_off(content)
        assert held.stage == "held"
        assert held.held_for == "pages"
        assert (
            "page 2: expected an opening balance of 100.00 EUR, with which page 1 in file 1 ends"
            in held.reason
        )
        assert "found 50.00 EUR" in held.reason
        assert credited(desk, deposit) == 10_000
        desk.deliver(anew.page(0), kind="camt.053")
        assert desk.release(content).stage == "posted"
        assert credited(desk, deposit) == 15_000

    def test_a_copy_with_other_pages_credits_nothing_more(self, desk: Desk) -> None:
        told, deposit = paper(desk, (PLAIN, PLAIN), (PLAIN,))
        for index in (0, 1):
            desk.deliver(told.page(index), kind="camt.053")
        anew = replace(told, pages=(told.payments[:1], told.payments[1:]))
        for index in (1, 0):
            desk.deliver(anew.page(index), kind="camt.053")
        assert credited(desk, deposit) == 15_000


class TestStatementsThatFollow:
    """Statements may overlap, so equal money in two is one; where balances say otherwise a person is told."""

    def statements(self, desk: Desk, *second: Payment) -> tuple[Sheet, Sheet, int]:
        told, deposit = paper(desk, (PLAIN,), second or (PLAIN,))
        before, after = (replace(told.page(i), page=0, sequence=f"{told.number}{i}") for i in (0, 1))
        return before, after, deposit

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_equal_money_in_both_waits_for_a_person(self, desk: Desk, order: tuple[int, int]) -> None:
        *sheets, deposit = self.statements(desk)
        first, second = (desk.deliver(sheets[i], kind="camt.053") for i in order)
        assert (first.stage, second.stage) == ("posted", "held")
        assert (
            "50.00 EUR of its statement 1 was taken for equal money of statement 1 of file 1" in second.reason
        )
        assert credited(desk, deposit) == 5_000

    def follow(self, desk: Desk) -> tuple[Sheet, Sheet]:
        """Each of a day."""
        before, after, _ = self.statements(desk)
        return before, replace(after, created_on=after.created_on + timedelta(days=1))

    def overlap(self, desk: Desk) -> tuple[Sheet, Sheet, bytes]:
        before, after = self.follow(desk)
        held = camt(after, kind="camt.053")
        desk.deliver(before, kind="camt.053")
        assert desk.work_off(held).stage == "held"
        return before, after, held

    def both(self, before: Sheet, after: Sheet) -> Sheet:
        return replace(before, entries=[*before.entries, *after.entries], statement_id="N", sequence="0")

    def balances(self, desk: Desk) -> list[tuple[object, object]]:
        """What of the balances of accounts is wrong: where the book is, and where the statements end."""
        with psycopg.connect(desk.url) as connection:
            (check,) = (c for c in CHECKS if c.name == "bank-balances")
            return [
                (int(b["found"]), int(b["expected"]))
                for result in run_checks(connection, [check])
                for b in result.breaches
            ]

    def test_it_is_released_when_a_notification_has_both(self, desk: Desk) -> None:
        before, after, held = self.overlap(desk)
        desk.deliver(self.both(before, after))
        assert desk.release(held).stage == "posted"
        assert self.balances(desk) == []

    @pytest.mark.parametrize("order", [*permutations(range(3))])
    def test_both_are_confirmed_where_a_notification_has_both(
        self, desk: Desk, order: tuple[int, ...]
    ) -> None:
        before, after = self.follow(desk)
        told = [
            camt(before, kind="camt.053"),
            camt(after, kind="camt.053"),
            camt(self.both(before, after)),
        ]
        ends = [(told[i], desk.work_off(told[i]).stage) for i in order]
        for file in [file for file, stage in ends if stage == "held"]:
            desk.release(file)
        assert self.balances(desk) == []
        assert desk.rows("SELECT DISTINCT confirmed FROM bank_entry_part") == [{"confirmed": True}]
        # What its alarm said was missing has been confirmed, and rings it.
        assert {desk.work_off(file).stage for file in told} == {"posted"}

    def test_two_people_put_it_away_and_the_check_names_the_account_until_a_statement_has_both(
        self, desk: Desk
    ) -> None:
        before, after, held = self.overlap(desk)
        assert desk.decide(held, "discard", "First Operator").state.stage == "held"
        again = desk.decide(held, "discard", "FIRST OPERATOR")
        assert again.refused == "you discarded it already; somebody else must"
        assert self.balances(desk) == []
        assert desk.decide(held, "discard", "Second Operator").state.stage == "discarded"
        assert self.balances(desk) == [(5_000, 10_000)]
        desk.deliver(replace(self.both(before, after), closing_minor=10_000), kind="camt.053")
        assert self.balances(desk) == []

    def test_a_release_and_a_discard_are_not_two(self, desk: Desk) -> None:
        *_, held = self.overlap(desk)
        desk.decide(held, "release", "First Operator")
        assert desk.decide(held, "discard", "Second Operator").state.stage == "held"

    def test_it_is_put_away_when_the_bank_has_corrected_it(self, desk: Desk) -> None:
        _, after, held = self.overlap(desk)
        for operator in ("First Operator", "Second Operator"):
            desk.decide(held, "discard", operator)
        corrected = replace(after, entries=[], statement_id="C", closing_minor=after.opening_minor)
        assert desk.deliver(corrected, kind="camt.053").stage == "posted"
        assert self.balances(desk) == []

    def test_both_in_one_file_wait_too(self, desk: Desk) -> None:
        before, after, _ = self.statements(desk)
        assert desk.deliver(before, after, kind="camt.053").stage == "held"

    def test_other_money_is_posted(self, desk: Desk) -> None:
        before, after, deposit = self.statements(desk, NAMED)
        assert desk.deliver(before, kind="camt.053").stage == "posted"
        assert desk.deliver(after, kind="camt.053").stage == "posted"
        assert credited(desk, deposit) == 10_000

    def test_money_in_the_overlap_of_two_is_one(self, desk: Desk) -> None:
        before, _, deposit = self.statements(desk)
        longer = replace(before, entries=[*before.entries, *before.entries], statement_id="L", sequence="99")
        desk.deliver(before, kind="camt.053")
        assert desk.deliver(replace(longer, closing_minor=10_000), kind="camt.053").stage == "posted"
        assert credited(desk, deposit) == 10_000


payments = st.lists(st.sampled_from([PLAIN, NAMED]), max_size=3).map(tuple)
papers = st.lists(payments, min_size=1, max_size=4)
WAITING = """
    SELECT coalesce(sum(p.amount_minor), 0)::bigint AS minor
    FROM bank_entry_part p JOIN deposit d ON d.reference = p.structured_references[1]
    WHERE d.id = %s AND p.state = 'unapplied' AND p.reason LIKE 'it may be the money of entry %%'
"""


class TestWhateverComes:
    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(papers, st.randoms(use_true_random=False), st.integers(0, 6))
    def test_each_money_is_credited_once(
        self, desk: Desk, pages: list[tuple[Payment, ...]], shuffler: random.Random, more: int
    ) -> None:
        told, deposit = paper(desk, *pages)
        files = [camt(told.page(index), kind="camt.053") for index in range(len(pages))]
        files += [self._another(told, shuffler) for _ in range(more)]
        shuffler.shuffle(files)
        held = [file for file in files if desk.work_off(file).stage == "held"]
        # What waits for another file goes on when all are there.
        for file in held:
            desk.release(file)
        assert {desk.work_off(file).stage for file in files} == {"posted"}
        wait = int(str(desk.rows(WAITING, deposit)[0]["minor"]))
        assert credited(desk, deposit) + wait == sum(p.amount_minor for p in told.payments)
        # Where a notification told of one without the bank's reference, a statement's with it may be the same.
        assert wait == 0 or {"", f"REF{deposit}"} == {p.bank_reference for p in told.payments}

    def _another(self, told: Paper, shuffler: random.Random) -> bytes:
        """Something else that tells of the same money, or of some of it."""
        start, end = sorted(shuffler.sample(range(len(told.payments) + 1), k=2)) if told.payments else (0, 0)
        some = told.run(start, end)
        indexes = shuffler.sample(range(len(told.pages)), len(told.pages))
        version = shuffler.choice([4, 6, 8])
        kind, sheets = shuffler.choice(
            [
                ("camt.053", [told.page(indexes[0], shuffler)]),
                ("camt.053", [told.page(index, shuffler) for index in indexes]),
                ("camt.053", [told.run()]),
                ("camt.053", [some]),
                ("camt.054", [some]),
                ("camt.052", [told.run()]),
            ]
        )
        return camt(*sheets, kind=kind, version=version)
