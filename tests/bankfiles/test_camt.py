"""What the camt reader takes from a file, in every version, and what it quarantines."""

from datetime import date

import pytest

from bankfiles import (
    Direction,
    Entry,
    Format,
    Held,
    Instructed,
    Refused,
    Statement,
    StatementEnd,
    read,
    survey,
)
from tests.bankfiles.camt_files import (
    ACCOUNT,
    balance,
    booked_statement,
    details,
    document,
    entries_of,
    entry,
    notification,
    only_entry,
    only_quarantine,
    quarantined_of,
    statement,
    transaction,
)


def _party(element: str, number: str) -> str:
    account = f"<{element}Acct><Id><Othr><Id>{number}</Id></Othr></Id></{element}Acct>"
    return f"<RltdPties>{account}</RltdPties>"


def _ordered(amount: str, currency: str = "EUR") -> str:
    return f'<AmtDtls><InstdAmt><Amt Ccy="{currency}">{amount}</Amt></InstdAmt></AmtDtls>'


_CHARGES = '<Chrgs><Rcrd><Amt Ccy="EUR">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Rcrd></Chrgs>'


class TestEntry:
    def test_has_amount_direction_status_and_dates(self) -> None:
        found = only_entry(notification(entry("<AcctSvcrRef>R1</AcctSvcrRef>", amount="1234.5")))
        assert (found.amount_minor, found.currency, found.direction) == (123450, "EUR", Direction.CREDIT)
        assert (found.status, found.booked, found.reversal) == ("BOOK", True, False)
        assert (found.booked_on, found.value_on) == (date(2026, 11, 23), date(2026, 11, 24))
        assert (found.account, found.bank_reference) == (ACCOUNT, "R1")

    def test_says_where_it_stands(self) -> None:
        lines = document(statement("\n", entry(), "\n\n", entry()))
        found = entries_of(lines.encode())
        assert [(e.ordinal, e.path, e.line) for e in found] == [
            (0, "Ntfctn[1]/Ntry[1]", 2),
            (1, "Ntfctn[1]/Ntry[2]", 4),
        ]

    def test_says_its_line_beyond_65535(self) -> None:
        found = only_entry(notification("\n" * 100_000, entry()))
        assert found.line == 100_001

    def test_a_debit_is_a_debit_and_signed(self) -> None:
        found = only_entry(notification(entry(way="DBIT")))
        assert (found.direction, found.signed_minor, found.amount_minor) == (Direction.DEBIT, -10000, 10000)

    @pytest.mark.parametrize("status", ["BOOK", "PDNG", "INFO", "FUTR"])
    def test_status_is_a_text_in_old_versions_and_a_code_in_new_ones(self, status: str) -> None:
        old = entry().replace("BOOK", status)
        new = old.replace(f"<Sts>{status}</Sts>", f"<Sts><Cd>{status}</Cd></Sts>")
        assert [e.status for e in entries_of(notification(old, new))] == [status, status]
        assert [e.booked for e in entries_of(notification(old, new))] == [status == "BOOK"] * 2

    @pytest.mark.parametrize(
        ("text", "reversal"), [("true", True), ("1", True), ("false", False), ("0", False)]
    )
    def test_a_reversal_is_marked_and_keeps_the_banks_direction(self, text: str, reversal: bool) -> None:
        found = only_entry(notification(entry(f"<RvslInd>{text}</RvslInd>", way="DBIT")))
        assert (found.reversal, found.direction) == (reversal, Direction.DEBIT)

    def test_dates_with_time_and_zone_are_the_banks_day(self) -> None:
        late = entry().replace("<Dt>2026-11-23</Dt>", "<DtTm>2026-11-23T23:59:00-05:00</DtTm>")
        assert only_entry(notification(late)).booked_on == date(2026, 11, 23)

    def test_without_a_booking_date_the_value_date_stands_in(self) -> None:
        found = only_entry(notification(entry().replace("<BookgDt><Dt>2026-11-23</Dt></BookgDt>", "")))
        assert (found.booked_on, found.value_on) == (date(2026, 11, 24), date(2026, 11, 24))

    def test_without_any_date_the_day_of_the_statement_stands_in(self) -> None:
        bare = entry().replace("<BookgDt><Dt>2026-11-23</Dt></BookgDt>", "")
        bare = bare.replace("<ValDt><Dt>2026-11-24</Dt></ValDt>", "")
        assert only_entry(notification(bare)).booked_on == date(2026, 11, 23)

    @pytest.mark.parametrize(
        ("balances", "day"),
        [
            (balance("OPBD", "0.00") + balance("CLBD", "100.00"), 23),
            (balance("OPBD", "0.00"), 24),
        ],
    )
    def test_an_entry_of_a_statement_without_dates_is_of_the_day_of_its_closing_balance(
        self, balances: str, day: int
    ) -> None:
        dates = "<BookgDt><Dt>2026-11-23</Dt></BookgDt><ValDt><Dt>2026-11-24</Dt></ValDt>"
        inside = statement(balances, entry().replace(dates, ""), format="camt.053")
        data = document(inside.replace("2026-11-23T06:00:00", "2026-11-24T02:00:00"), format="camt.053")
        found = only_entry(data.encode())
        assert (found.booked_on, found.value_on) == (date(2026, 11, day), date(2026, 11, day))

    def test_has_the_banks_transaction_code_and_note(self) -> None:
        code = (
            "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        )
        found = only_entry(notification(entry(code + "<AddtlNtryInf>lump sum</AddtlNtryInf>")))
        assert (found.transaction_code, found.note) == ("PMNT/RCDT/ESCT", "lump sum")

    @pytest.mark.parametrize(
        ("own", "code"),
        [("<BkTxCd/>", "NCHG+808+9200"), ("<BkTxCd><Prtry><Cd>NTRF+166</Cd></Prtry></BkTxCd>", "NTRF+166")],
    )
    def test_the_code_of_its_only_transaction_stands_in(self, own: str, code: str) -> None:
        inside = "<BkTxCd><Prtry><Cd>NCHG+808+9200</Cd><Issr>DK</Issr></Prtry></BkTxCd>"
        assert only_entry(notification(entry(own + details(transaction(inside))))).transaction_code == code

    def test_an_amount_of_zero_is_shown_and_is_no_money(self) -> None:
        found = only_entry(notification(entry(details(transaction(amount="0.00")), amount="0.00")))
        assert (found.amount_minor, found.status, found.booked) == (0, "INFO", False)

    def test_an_amount_of_zero_over_transactions_with_money_waits_for_a_person(self) -> None:
        back = transaction(amount="5.00", way="DBIT")
        (found,) = quarantined_of(
            notification(entry(details(transaction(amount="5.00"), back), amount="0.00"))
        )
        assert "Amt: expected an amount above zero, as that of its transactions is" in found.reason
        assert found.status == "BOOK"

    @pytest.mark.parametrize(
        "inside",
        [
            transaction(amount="5.00") + transaction(),
            transaction() + transaction(amount="5.00"),
            transaction(amount="5.00", currency="USD"),
            transaction(amount="5.00", currency="USD") * 2,
            transaction(_ordered("5.00")),
            transaction(_ordered("5.00", "USD")) * 2,
        ],
    )
    def test_so_does_one_over_money_that_is_not_its_sum(self, inside: str) -> None:
        (found,) = quarantined_of(notification(entry(details(inside), amount="0.00")))
        assert "Amt: expected an amount above zero, as that of its transactions is" in found.reason

    @pytest.mark.parametrize("inside", ["<Code>PDNG</Code>", "<Cd/>", ""])
    def test_a_status_that_is_none_is_not_left_out(self, inside: str) -> None:
        told = entry().replace("<Sts>BOOK</Sts>", f"<Sts>{inside}</Sts>")
        (found,) = quarantined_of(document(statement(told, format="camt.053"), format="camt.053").encode())
        assert "Sts: expected BOOK, PDNG, INFO or FUTR, found nothing" in found.reason

    @pytest.mark.parametrize(
        ("written", "status"),
        [
            ("book", "BOOK"),
            ("Booked", "BOOK"),
            ("Pndg", ""),
            ("pdng", "PDNG"),
            ("PENDING", "PDNG"),
            ("info", "INFO"),
        ],
    )
    def test_a_status_is_read_in_other_letters(self, written: str, status: str) -> None:
        told = notification(entry().replace("BOOK", written))
        read_as = [e.status for e in entries_of(told)] + [q.status for q in quarantined_of(told)]
        assert read_as == [status]

    @pytest.mark.parametrize("element", ["<Cd>DONE</Cd>", "<Prtry>DONE</Prtry>", "DONE"])
    def test_a_status_that_nobody_knows_is_for_people(self, element: str) -> None:
        told = entry().replace("<Sts>BOOK</Sts>", f"<Sts>{element}</Sts>")
        found = only_quarantine(notification(told))
        assert found.reason == "Ntfctn[1]/Ntry[1]/Sts: expected BOOK, PDNG, INFO or FUTR, found 'DONE'"
        assert (found.amount_minor, found.direction, found.status) == (10000, Direction.CREDIT, "")
        surveyed = survey(notification(told))
        assert (surveyed.outcome, surveyed.totals["EUR"].credit_minor) == ("read", 10000)

    @pytest.mark.parametrize(("closing", "outcome"), [("0.00", "read"), ("100.00", "held")])
    def test_of_a_statement_the_balances_tell_whether_it_is_booked(self, closing: str, outcome: str) -> None:
        told = entry().replace("BOOK", "DONE")
        found = survey(booked_statement("0.00", closing, told))
        assert (found.outcome, [q.status for q in found.quarantined]) == (outcome, ["DONE"])

    def test_a_status_of_what_is_no_money_says_nothing(self) -> None:
        assert only_entry(notification(entry(amount="0").replace("BOOK", "DONE"))).status == "INFO"

    @pytest.mark.parametrize(("format", "status"), [("camt.053", "BOOK"), ("camt.052", ""), ("camt.054", "")])
    def test_without_a_status_only_a_statements_is_booked(self, format: str, status: str) -> None:
        inside = entry().replace("<Sts>BOOK</Sts>", "")
        data = document(statement(inside, format=format), format=format).encode()
        told = [found.status for found in entries_of(data)] + [found.status for found in quarantined_of(data)]
        assert told == [status]

    @pytest.mark.parametrize(
        ("currency", "amount", "minor"),
        [("JPY", "1000.00", 1000), ("KWD", "1.5", 1500), ("EUR", "8.85000", 885)],
    )
    def test_minor_units_are_the_currencys(self, currency: str, amount: str, minor: int) -> None:
        assert only_entry(notification(entry(currency=currency, amount=amount))).amount_minor == minor


class TestParts:
    def test_an_entry_without_details_is_its_own_part(self) -> None:
        found = only_entry(notification(entry()))
        (part,) = found.parts
        assert (part.amount_minor, part.direction, found.detailed) == (10000, Direction.CREDIT, False)

    def test_has_payer_references_and_remittance(self) -> None:
        inside = (
            "<Refs><AcctSvcrRef>T1</AcctSvcrRef><InstrId>I1</InstrId><EndToEndId>E1</EndToEndId><TxId>X1</TxId>"
            "<UETR>U1</UETR></Refs>"
            "<RltdPties><Dbtr><Nm>ACME GmbH</Nm></Dbtr><DbtrAcct><Id><IBAN>DE02 1203 0000 0000 2020 51</IBAN></Id>"
            "</DbtrAcct><UltmtDbtr><Nm>ACME Holding</Nm></UltmtDbtr>"
            "<CdtrAcct><Id><Othr><Id>va-17</Id></Othr></Id></CdtrAcct></RltdPties>"
            "<RltdAgts><DbtrAgt><FinInstnId><BIC>BYLADEM1001</BIC></FinInstnId></DbtrAgt></RltdAgts>"
            "<RmtInf><Ustrd>first line</Ustrd><Ustrd>second line</Ustrd>"
            "<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf>"
        )
        (part,) = only_entry(notification(entry(details(transaction(inside))))).parts
        assert (part.bank_reference, part.instruction_id, part.end_to_end_id) == ("T1", "I1", "E1")
        assert (part.transaction_id, part.uetr) == ("X1", "U1")
        assert (part.payer_name, part.payer_account) == ("ACME GmbH", "DE02120300000000202051")
        assert (part.payer_bank, part.ultimate_payer) == ("BYLADEM1001", "ACME Holding")
        assert (part.structured, part.free) == (("RF18539007547034",), ("first line", "second line"))
        assert part.credited_account == "VA-17"

    def test_newer_versions_put_a_party_inside_pty(self) -> None:
        inside = (
            "<RltdPties><Dbtr><Pty><Nm>ACME GmbH</Nm></Pty></Dbtr></RltdPties>"
            "<RltdAgts><DbtrAgt><FinInstnId><BICFI>BYLADEM1001</BICFI></FinInstnId></DbtrAgt></RltdAgts>"
        )
        (part,) = only_entry(notification(entry(details(transaction(inside))))).parts
        assert (part.payer_name, part.payer_bank) == ("ACME GmbH", "BYLADEM1001")

    def test_the_statements_own_account_is_no_virtual_account(self) -> None:
        inside = f"<RltdPties><CdtrAcct><Id><IBAN>{ACCOUNT}</IBAN></Id></CdtrAcct></RltdPties>"
        (part,) = only_entry(notification(entry(details(transaction(inside))))).parts
        assert (part.payee_account, part.credited_account) == (ACCOUNT, "")

    def test_a_batch_mixes_directions_and_nets_to_its_entry(self) -> None:
        mixed = details(
            transaction(amount="150.00", way="CRDT"),
            transaction(amount="70.00", way="DBIT"),
            transaction(amount="20.00", way="CRDT"),
        )
        found = only_entry(notification(entry(mixed)))
        assert [p.signed_minor for p in found.parts] == [15000, -7000, 2000]
        assert [p.position for p in found.parts] == [0, 1, 2]

    def test_a_batch_over_several_details_is_one_entry(self) -> None:
        inside = details(transaction(amount="60.00")) + details(transaction(amount="40.00"))
        assert [p.amount_minor for p in only_entry(notification(entry(inside))).parts] == [6000, 4000]

    def test_the_amount_of_old_versions_is_read(self) -> None:
        old = '<AmtDtls><TxAmt><Amt Ccy="EUR">{}</Amt></TxAmt></AmtDtls>'
        inside = details(transaction(old.format("60.00")), transaction(old.format("40.00")))
        assert [p.amount_minor for p in only_entry(notification(entry(inside))).parts] == [6000, 4000]

    def test_transactions_without_amounts_leave_a_lump_sum(self) -> None:
        found = only_entry(notification(entry(details(transaction(), transaction(amount="40.00")))))
        assert (len(found.parts), found.parts[0].amount_minor, found.detailed) == (1, 10000, False)

    def test_what_was_ordered_is_what_came_where_it_sums_to_the_entry(self) -> None:
        ordered = '<AmtDtls><InstdAmt><Amt Ccy="EUR">{}</Amt></InstdAmt></AmtDtls>'.format
        exact = only_entry(
            notification(entry(details(transaction(ordered("60")), transaction(ordered("40")))))
        )
        short = only_entry(
            notification(entry(details(transaction(ordered("60")), transaction(ordered("45")))))
        )
        assert ([p.amount_minor for p in exact.parts], exact.detailed) == ([6000, 4000], True)
        assert ([p.amount_minor for p in short.parts], short.detailed) == ([10000], False)

    @pytest.mark.parametrize(
        ("inside", "way", "alone"),
        [
            (_ordered("60.00"), "CRDT", False),
            (_ordered("60.00") + "<BkTxCd/>", "CRDT", False),
            (_ordered("100.00"), "CRDT", True),
            (_ordered("105.00"), "CRDT", True),
            (_ordered("60.00", "USD"), "CRDT", True),
            (_ordered("0.00"), "CRDT", True),
            (_ordered("60.00"), "DBIT", True),
            (_ordered("60.00") + "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>", "CRDT", True),
            (_ordered("60.00") + _CHARGES.format("40.00"), "CRDT", True),
            (_ordered("60.00") + _CHARGES.format("39.00"), "CRDT", False),
            ("<CdtDbtInd>DBIT</CdtDbtInd>", "CRDT", False),
            ("<CdtDbtInd>DBIT</CdtDbtInd>" + _ordered("100.00"), "CRDT", False),
            ("<CdtDbtInd>CRDT</CdtDbtInd>", "DBIT", True),
            ('<CdtDbtInd>DBIT</CdtDbtInd><Amt Ccy="EUR">100.00</Amt>', "CRDT", True),
        ],
    )
    def test_an_only_transaction_that_cannot_be_all_is_one_of_several(
        self, inside: str, way: str, alone: bool
    ) -> None:
        named = "<RltdPties><Dbtr><Nm>ACME GmbH</Nm></Dbtr></RltdPties>"
        found = only_entry(notification(entry(details(transaction(inside + named)), way=way)))
        (part,) = found.parts
        assert (part.amount_minor, part.payer_name) == (10000, "ACME GmbH" if alone else "")
        assert (found.lump, found.detailed) == (not alone, alone)

    @pytest.mark.parametrize(
        ("counted", "several"),
        [("0", transaction(_ordered("60.00"))), ("00", transaction() * 2), ("1", transaction() * 3)],
    )
    def test_a_count_that_is_not_meant_leaves_it_a_lump_sum(self, counted: str, several: str) -> None:
        told = f"<Btch><NbOfTxs>{counted}</NbOfTxs></Btch>"
        assert only_entry(notification(entry(details(told + several)))).lump

    @pytest.mark.parametrize("counted", ["0", "1"])
    def test_a_batch_of_one_without_a_transaction_is_no_lump_sum(self, counted: str) -> None:
        told = details(f"<Btch><NbOfTxs>{counted}</NbOfTxs></Btch>")
        assert not only_entry(notification(entry(told))).lump

    @pytest.mark.parametrize("told", ["<Btch><NbOfTxs>1</NbOfTxs></Btch>", ""])
    def test_is_the_whole_where_the_bank_says_so(self, told: str) -> None:
        said = transaction(_ordered("60.00"), amount="" if told else "100.00")
        assert not only_entry(notification(entry(details(told + said)))).lump

    @pytest.mark.parametrize("told", ["100.004", "12345678901234567890"])
    def test_of_an_only_transaction_that_says_the_amount_nothing_else_is_asked(self, told: str) -> None:
        inside = f'<AmtDtls><CntrValAmt><Amt Ccy="EUR">{told}</Amt></CntrValAmt></AmtDtls>'
        said = transaction(_ordered("60.00") + inside, amount="100.00")
        assert only_entry(notification(entry(details(said)))).detailed

    @pytest.mark.parametrize(
        ("counted", "amount", "payer", "detailed"),
        [
            ("1", "", "ACME GmbH", True),
            ("3", "", "", False),
            ("10", "", "", False),
            ("3", "100.00", "ACME GmbH", False),
            ("3", "0.00", "", False),
        ],
    )
    def test_one_transaction_that_stands_for_several_is_a_lump_sum(
        self, counted: str, amount: str, payer: str, detailed: bool
    ) -> None:
        named = (
            "<Refs><PmtInfId>RUN-7</PmtInfId></Refs><RltdPties><Dbtr><Nm>ACME GmbH</Nm></Dbtr></RltdPties>"
        )
        batch = f"<Btch><NbOfTxs>{counted}</NbOfTxs></Btch>"
        found = only_entry(notification(entry(details(batch, transaction(named, amount=amount)))))
        (part,) = found.parts
        assert (part.amount_minor, part.payer_name, part.payment_information_id) == (10000, payer, "RUN-7")
        assert found.detailed is detailed

    @pytest.mark.parametrize("counts", [("1", "5"), ("5", "1"), ("", "05"), ("9", "10")])
    def test_one_transaction_beside_a_batch_that_has_several_is_a_lump_sum(
        self, counts: tuple[str, str]
    ) -> None:
        told, untold = (f"<Btch><NbOfTxs>{count}</NbOfTxs></Btch>" for count in counts)
        named = "<RltdPties><Dbtr><Nm>ACME GmbH</Nm></Dbtr></RltdPties>"
        found = only_entry(notification(entry(details(told, transaction(named)) + details(untold))))
        assert (found.lump, found.parts[0].payer_name) == (True, "")
        assert found.batch is not None
        assert found.batch.count == max(counts, key=lambda count: int(count or 0))

    def test_such_lump_sums_are_told_apart_by_what_their_transactions_say(self) -> None:
        batch = "<Btch><NbOfTxs>3</NbOfTxs></Btch>"
        named = "<Refs><AcctSvcrRef>{}</AcctSvcrRef></Refs>".format
        first, second = (
            only_entry(notification(entry(details(batch, transaction(named(reference))))))
            for reference in ("R-1", "R-2")
        )
        assert first.key != second.key
        assert first.parts[0].key != second.parts[0].key
        assert first.parts[0].bank_reference == second.parts[0].bank_reference == ""

    def test_what_was_no_part_does_not_count_among_its_equals(self) -> None:
        ordered = '<AmtDtls><InstdAmt><Amt Ccy="EUR">{}</Amt></InstdAmt></AmtDtls>'.format
        lump = entry(
            details(transaction(ordered("60")), transaction(ordered("45")), transaction(ordered("60")))
        )
        single = entry(details(transaction(amount="60.00")), amount="60.00")
        _, *behind = entries_of(notification(lump, single, single))
        assert [e.parts for e in behind] == [e.parts for e in entries_of(notification(single, single))]

    @pytest.mark.parametrize(
        ("counted", "second", "parts"),
        [
            ("3", "25.00", [10000]),
            ("3", "40.00", [6000, 4000]),
            ("٣", "40.00", [6000, 4000]),
        ],
    )
    def test_a_batch_of_which_the_bank_gives_only_some_is_a_lump_sum(
        self, counted: str, second: str, parts: list[int]
    ) -> None:
        batch = f"<Btch><NbOfTxs>{counted}</NbOfTxs></Btch>"
        inside = details(batch, transaction(amount="60.00"), transaction(amount=second))
        found = only_entry(notification(entry(inside)))
        assert [p.amount_minor for p in found.parts] == parts
        assert found.detailed is (len(parts) > 1)

    @pytest.mark.parametrize("counted", ["2", "1", "two", ""])
    def test_a_batch_that_should_be_whole_and_is_not_its_entry_waits(self, counted: str) -> None:
        batch = f"<Btch><NbOfTxs>{counted}</NbOfTxs></Btch>"
        inside = details(batch, transaction(amount="60.00"), transaction(amount="25.00"))
        found = only_quarantine(notification(entry(inside)))
        assert "transactions that sum to 100.00 EUR" in found.reason

    def test_what_names_nobody_is_no_payer(self) -> None:
        nobody = "<Nm>NOTPROVIDED</Nm>"
        number = "<Id><Othr><Id>NOTPROVIDED</Id></Othr></Id>"
        parties = (
            f"<RltdPties><Dbtr>{nobody}</Dbtr><DbtrAcct>{number}</DbtrAcct><UltmtDbtr>{nobody}</UltmtDbtr>"
            f"<Cdtr>{nobody}</Cdtr><CdtrAcct>{number}</CdtrAcct></RltdPties>"
        )
        agent = "<FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId>"
        agents = f"<RltdAgts><DbtrAgt>{agent}</DbtrAgt><CdtrAgt>{agent}</CdtrAgt></RltdAgts>"
        (part,) = only_entry(notification(entry(details(transaction(parties + agents))))).parts
        assert (part.payer_name, part.payer_account, part.payer_bank, part.ultimate_payer) == ("", "", "", "")
        assert (part.payee_name, part.payee_account, part.payee_bank, part.credited_account) == (
            "",
            "",
            "",
            "",
        )

    def test_an_element_with_nothing_in_it_hides_no_other(self) -> None:
        account = "<DbtrAcct><Id><IBAN/><Othr><Id>200415</Id></Othr></Id></DbtrAcct>"
        inside = transaction(f"<RltdPties>{account}</RltdPties>")
        assert only_entry(notification(entry(details(inside)))).parts[0].payer_account == "200415"

    def test_what_was_ordered_may_stand_in_the_entry(self) -> None:
        ordered = '<AmtDtls><InstdAmt><Amt Ccy="USD">105.00</Amt></InstdAmt></AmtDtls>'
        inside = ordered + details(transaction(amount="105.00", currency="USD"))
        (part,) = only_entry(notification(entry(inside))).parts
        assert (part.amount_minor, part.currency, part.instructed) == (10000, "EUR", Instructed(10500, "USD"))

    def test_remittance_beside_its_place_is_read(self) -> None:
        inside = "<RmtInf><Ustrd>INV 7</Ustrd><AddtlRmtInf>ORDER 8</AddtlRmtInf></RmtInf>"
        assert only_entry(notification(entry(details(transaction(inside))))).parts[0].free == (
            "INV 7",
            "ORDER 8",
        )

    @pytest.mark.parametrize(("said", "meant"), [("True", True), ("FALSE", False), ("1", True)])
    def test_a_flag_is_read_in_any_case(self, said: str, meant: bool) -> None:
        assert only_entry(notification(entry(f"<RvslInd>{said}</RvslInd>"))).reversal is meant

    @pytest.mark.parametrize(
        ("bank", "told"),
        [
            ("<Othr><Id>200415</Id></Othr>", "200415"),
            ("<BIC>ACMEDEFF</BIC><Othr><Id>1</Id></Othr>", "ACMEDEFF"),
        ],
    )
    def test_a_bank_may_have_a_number_alone(self, bank: str, told: str) -> None:
        agent = f"<RltdAgts><DbtrAgt><FinInstnId>{bank}</FinInstnId></DbtrAgt></RltdAgts>"
        assert only_entry(notification(entry(details(transaction(agent))))).parts[0].payer_bank == told

    @pytest.mark.parametrize("both", [False, True])
    def test_charges_of_the_entry_explain_a_short_payment(self, both: bool) -> None:
        charges = '<Chrgs><Rcrd><Amt Ccy="EUR">5.75</Amt><CdtDbtInd>DBIT</CdtDbtInd></Rcrd></Chrgs>'
        inside = details(transaction(charges if both else "", amount="105.75"))
        assert only_entry(notification(entry(charges + inside))).amount_minor == 10000
        wrong = only_quarantine(notification(entry(charges + inside.replace("105.75", "105.76"))))
        assert "expected the entry's 100.00 EUR" in wrong.reason

    def test_an_empty_number_of_an_account_does_not_hide_another(self) -> None:
        account = "<Id><IBAN/><Othr><Id>998877</Id></Othr></Id>"
        sent_on = f"<RltdPties><CdtrAcct>{account}</CdtrAcct></RltdPties>"
        (part,) = only_entry(notification(entry(details(transaction(sent_on))))).parts
        assert part.credited_account == "998877"

    def test_charges_explain_a_short_payment(self) -> None:
        charges = (
            '<Chrgs><Rcrd><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>'
            "<ChrgInclInd>true</ChrgInclInd></Rcrd></Chrgs>"
        )
        instructed = '<AmtDtls><InstdAmt><Amt Ccy="USD">105.00</Amt></InstdAmt></AmtDtls>'
        found = only_entry(notification(entry(details(transaction(instructed + charges, amount="105.00")))))
        (part,) = found.parts
        assert (part.amount_minor, part.instructed) == (10000, Instructed(10500, "USD"))
        assert [(c.amount_minor, c.direction, c.included) for c in part.charges] == [
            (500, Direction.DEBIT, True)
        ]

    def test_an_amount_of_zero_tells_nothing_of_an_only_transaction(self) -> None:
        named = "<Refs><EndToEndId>E-1</EndToEndId></Refs>"
        (part,) = only_entry(notification(entry(details(transaction(named, amount="0"))))).parts
        assert (part.amount_minor, part.end_to_end_id) == (10000, "E-1")

    @pytest.mark.parametrize("ordered", ['<Amt Ccy="USD">42.424</Amt>', '<Amt Ccy="XXX">1</Amt>', "<Amt/>"])
    def test_what_was_ordered_may_be_unreadable(self, ordered: str) -> None:
        inside = f"<AmtDtls><InstdAmt>{ordered}</InstdAmt></AmtDtls>"
        (part,) = only_entry(notification(entry(details(transaction(inside))))).parts
        assert (part.amount_minor, part.instructed) == (10000, None)

    def test_a_return_carries_its_reason(self) -> None:
        inside = (
            "<RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>account</AddtlInf><AddtlInf>closed</AddtlInf></RtrInf>"
        )
        (part,) = only_entry(notification(entry(details(transaction(inside)), way="DBIT"))).parts
        assert (part.return_reason, part.return_text) == ("AC04", "account closed")


class TestQuarantine:
    @pytest.mark.parametrize(
        "amount",
        ["", "abc", "-5.00", "+5.00", "1e3", "1,00", "1.000,00", "1 000", "NaN", "Infinity", "0x10", "1.005", ".5", "٣",
         "92233720368547758.08", "1" * 40, "<x/>5", "5<x/>0"],
    )  # fmt: skip
    def test_an_amount_that_is_none_is_never_read_as_another(self, amount: str) -> None:
        found = only_quarantine(notification(entry(amount=amount)))
        assert (found.known, found.amount_minor) == (False, None)
        assert found.reason.startswith("Ntfctn[1]/Ntry[1]/Amt: expected ")

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            (
                entry(currency="XXX"),
                "Ntfctn[1]/Ntry[1]/Amt Ccy: expected an ISO 4217 currency in use, found 'XXX'",
            ),
            (entry(way="CREDIT"), "Ntfctn[1]/Ntry[1]/CdtDbtInd: expected CRDT or DBIT, found 'CREDIT'"),
            (
                entry().replace("<Sts>BOOK</Sts>", ""),
                "Ntfctn[1]/Ntry[1]/Sts: expected BOOK, PDNG, INFO or FUTR, found nothing",
            ),
            (
                entry().replace("2026-11-24", "2026-02-30"),
                "Ntfctn[1]/Ntry[1]/ValDt: expected a date such as 2026-11-23, of 1980 to 2079, found '2026-02-30'",
            ),
            (
                entry("<RvslInd>yes</RvslInd>"),
                "Ntfctn[1]/Ntry[1]/RvslInd: expected true or false, found 'yes'",
            ),
            (
                entry(details(transaction(amount="60.00"), transaction(amount="50.00"))),
                "Ntfctn[1]/Ntry[1]/NtryDtls: expected transactions that sum to 100.00 EUR, found '110.00 EUR'",
            ),
            (
                entry(details(transaction(amount="60.00"), transaction(amount="4o.00"))),
                "Ntfctn[1]/Ntry[1]/TxDtls[2]/Amt: expected a plain decimal of EUR, not rounded and at most "
                "92233720368547758.07, found '4o.00'",
            ),
            (
                entry(details(transaction(amount="900.00"))),
                "Ntfctn[1]/Ntry[1]/TxDtls[1]/Amt: expected the entry's 100.00 EUR, found '900.00 EUR'",
            ),
            (
                entry(details(transaction('<AmtDtls><TxAmt><Amt Ccy="EUR">9.00</Amt></TxAmt></AmtDtls>'))),
                "Ntfctn[1]/Ntry[1]/TxDtls[1]/AmtDtls/TxAmt/Amt: expected the entry's 100.00 EUR, found '9.00 EUR'",
            ),
        ],
    )
    def test_says_where_and_what_was_expected_and_found(self, broken: str, reason: str) -> None:
        assert only_quarantine(notification(broken)).reason == reason

    @pytest.mark.parametrize("day", ["0001-01-01", "1979-12-31", "2080-01-01", "9999-12-31"])
    def test_a_day_of_another_century_is_a_mistake(self, day: str) -> None:
        found = only_quarantine(notification(entry().replace("2026-11-24", day)))
        assert (found.known, "of 1980 to 2079" in found.reason) == (True, True)

    @pytest.mark.parametrize(
        ("inside", "reason"),
        [
            (f"<AcctSvcrRef>{'R' * 201}</AcctSvcrRef>", "AcctSvcrRef: expected at most 200 characters, found 'RR"),
            (
                details(transaction(f"<Refs><AcctSvcrRef>{'R' * 201}</AcctSvcrRef></Refs>")),
                "AcctSvcrRef: expected at most 200 characters, found 'RR",
            ),
            (details(transaction(_party("Dbtr", "7" * 101))), "account number: expected at most 100 characters"),
            (details(transaction(_party("Cdtr", "7" * 101))), "account number: expected at most 100 characters"),
        ],
    )  # fmt: skip
    def test_what_no_bank_writes_so_long_is_none(self, inside: str, reason: str) -> None:
        found = only_quarantine(notification(entry(inside)))
        assert (found.known, found.amount_minor) == (True, 10_000)
        assert found.reason.startswith(f"Ntfctn[1]/Ntry[1]/{reason}")

    def test_knows_the_money_when_only_something_else_is_unreadable(self) -> None:
        found = only_quarantine(notification(entry("<RvslInd>yes</RvslInd>")))
        assert (found.known, found.amount_minor, found.currency, found.status) == (True, 10000, "EUR", "BOOK")

    def test_an_amount_given_twice_is_no_amount(self) -> None:
        assert not only_quarantine(notification(entry('<Amt Ccy="EUR">5.00</Amt>'))).known

    def test_an_amount_after_the_transactions_of_a_batch_is_not_believed(self) -> None:
        batch = details(transaction(amount="60.00"), transaction(amount="40.00"))
        found = only_quarantine(notification(entry(batch + '<Amt Ccy="EUR">900.00</Amt>')))
        assert not found.known

    def test_a_reference_after_the_transactions_of_a_batch_is_not_believed(self) -> None:
        batch = details(transaction(amount="60.00"), transaction(amount="40.00"))
        found = only_quarantine(notification(entry(batch + "<AcctSvcrRef>R1</AcctSvcrRef>")))
        assert (found.known, "some after it" in found.reason) == (True, True)

    def test_the_others_go_on_and_keep_their_numbers(self) -> None:
        data = notification(entry(amount="1.00"), entry(amount="x"), entry(amount="3.00"))
        assert [(e.ordinal, e.amount_minor) for e in entries_of(data)] == [(0, 100), (2, 300)]
        assert [q.ordinal for q in quarantined_of(data)] == [1]

    def test_a_text_without_end_does_not_pass(self) -> None:
        endless = details(transaction(f"<RmtInf><Ustrd>{'x' * 20_000}</Ustrd></RmtInf>"))
        assert "at most 10000 characters" in only_quarantine(notification(entry(endless))).reason


class TestStatement:
    def test_has_account_balances_and_numbers(self) -> None:
        head = "<ElctrncSeqNb>17</ElctrncSeqNb><CpyDplctInd>DUPL</CpyDplctInd>"
        inside = head, balance("OPBD", "10.00", way="DBIT"), balance("CLBD", "90.00"), entry()
        events = list(read(document(statement(*inside, format="camt.053"), format="camt.053").encode()))
        first, end = events[0], events[-1]
        assert isinstance(first, Statement)
        assert isinstance(end, StatementEnd)
        assert (first.account, first.sequence, first.copy, first.message_id) == (ACCOUNT, "17", "DUPL", "M-1")
        assert (first.format, first.version) == (Format.CAMT_053, "camt.053.001.08")
        opening, closing = end.statement.opening, end.statement.closing
        assert opening is not None
        assert closing is not None
        assert (opening.amount_minor, closing.amount_minor, closing.on) == (-1000, 9000, date(2026, 11, 23))

    def test_balances_may_follow_the_entries(self) -> None:
        inside = entry(), balance("OPBD", "0.00"), entry(), balance("CLBD", "200.00")
        end = list(read(document(statement(*inside, format="camt.053"), format="camt.053").encode()))[-1]
        assert isinstance(end, StatementEnd)
        assert [b.code for b in end.statement.balances] == ["OPBD", "CLBD"]

    def test_several_statements_keep_their_own_accounts(self) -> None:
        data = document(
            statement(entry(), account="DE1"), statement(account="DE2"), statement(entry(), account="DE3")
        )
        assert [(e.statement, e.account, e.ordinal) for e in entries_of(data.encode())] == [
            (0, "DE1", 0),
            (2, "DE3", 1),
        ]
        assert [e.position for e in read(data.encode()) if isinstance(e, Statement)] == [0, 1, 2]

    def test_pages_are_told(self) -> None:
        page = "<NtfctnPgntn><PgNb>2</PgNb><LastPgInd>false</LastPgInd></NtfctnPgntn>"
        first = next(read(document(statement(page)).encode()))
        assert isinstance(first, Statement)
        assert (first.page, first.last_page) == (2, False)

    @pytest.mark.parametrize(("said", "last"), [("YES", True), ("1", True), ("false", False), ("NO", False)])
    def test_which_page_is_the_last_may_be_said_in_other_words(self, said: str, last: bool) -> None:
        page = f"<NtfctnPgntn><PgNb>1</PgNb><LastPgInd>{said}</LastPgInd></NtfctnPgntn>"
        (first, *_) = read(document(statement(page)).encode())
        assert isinstance(first, Statement)
        assert first.last_page is last


class TestDocument:
    @pytest.mark.parametrize("format", ["camt.052", "camt.053", "camt.054"])
    @pytest.mark.parametrize("version", [f"{n:02d}" for n in range(2, 15)])
    def test_every_version_is_read(self, format: str, version: str) -> None:
        data = document(statement(entry(), format=format), format=format, version=version).encode()
        assert [e.amount_minor for e in entries_of(data)] == [10000]

    def test_the_first_version_names_its_message_differently(self) -> None:
        first = document(statement(entry(transaction(amount="100.00")), format="camt.053"), format="camt.053")
        first = first.replace("BkToCstmrStmt", "BkToCstmrStmtV01").replace("001.08", "001.01")
        first = first.replace("<Id><IBAN>", "<Id><PrtryAcct><Id>").replace(
            "</IBAN></Id>", "</Id></PrtryAcct></Id>"
        )
        assert only_entry(first.encode()).account == ACCOUNT

    def test_the_first_version_has_transactions_without_details(self) -> None:
        inside = transaction(amount="60.00") + transaction(amount="30.00") + transaction(amount="10.00")
        found = only_entry(notification(entry("<AcctSvcrRef>R1</AcctSvcrRef>" + inside)))
        assert ([p.amount_minor for p in found.parts], found.bank_reference) == ([6000, 3000, 1000], "R1")

    def test_a_prefix_changes_nothing(self) -> None:
        plain = document(statement(entry(details(transaction(amount="100.00")))))
        prefixed = plain.replace("xmlns=", "xmlns:ns2=").replace("<", "<ns2:").replace("<ns2:/", "</ns2:")
        assert entries_of(prefixed.encode()) == entries_of(plain.encode())

    def test_no_namespace_changes_nothing_but_the_version(self) -> None:
        plain = document(statement(entry()))
        assert entries_of(plain.replace(' xmlns="urn', ' x="urn').encode()) == entries_of(plain.encode())

    @pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "windows-1252", "UTF-16"])
    def test_encodings_give_the_same_entries(self, encoding: str) -> None:
        inside = "<RltdPties><Dbtr><Nm>Bäckerei Größe</Nm></Dbtr></RltdPties>"
        text = document(statement(entry(details(transaction(inside)))))
        data = f'<?xml version="1.0" encoding="{encoding}"?>\n{text}'.encode(encoding)
        assert only_entry(data).parts[0].payer_name == "Bäckerei Größe"

    def test_a_byte_order_mark_and_blank_lines_are_skipped(self) -> None:
        text = '<?xml version="1.0"?>' + document(statement(entry()))
        assert len(entries_of(b"\xef\xbb\xbf" + text.encode())) == 1
        assert only_entry(b"\n\r\n  " + text.encode()).line == 3
        assert only_entry(b"\xef\xbb\xbf\n\n" + text.encode()).line == 3

    @pytest.mark.parametrize("prefix", ["", "h:"])
    def test_a_header_may_stand_before_its_document(self, prefix: str) -> None:
        name = f'xmlns{":h" if prefix else ""}="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"'
        header = f"<{prefix}AppHdr {name}>\n<{prefix}CharSet>UTF-8</{prefix}CharSet></{prefix}AppHdr>\n"
        one = header + document(statement(entry()))
        assert only_entry(f'<?xml version="1.0"?>\n{one}'.encode()).line == 4
        assert len(entries_of(f"{one}\n{one}".encode())) == 2

    @pytest.mark.parametrize("before", ["", '<?xml version="1.0" encoding="UTF-8"?>\n'])
    def test_a_document_behind_its_header_may_have_a_declaration(self, before: str) -> None:
        named = entry(details(transaction("<RltdPties><Dbtr><Nm>Łąka sp. z o.o.</Nm></Dbtr></RltdPties>")))
        declared = '\n<?xml version="1.0" encoding="ISO-8859-2"?>\n' + document(statement(named))
        one = f"{before}<AppHdr>\n<Fr>ACME</Fr></AppHdr>{declared}\n".encode("iso-8859-2")
        found = entries_of(one * 2)
        lines = before.count("\n")
        assert [e.line for e in found] == [4 + lines, 8 + 2 * lines]
        assert {e.parts[0].payer_name for e in found} == {"Łąka sp. z o.o."}

    def test_such_a_declaration_may_have_a_byte_order_mark(self) -> None:
        declared = '\ufeff<?xml version="1.0" encoding="utf-8"?>\n'
        one = f"{declared}<AppHdr>\n</AppHdr>\n{declared}{document(statement(entry()))}\n"
        assert [e.line for e in entries_of(one.encode() * 2)] == [5, 10]

    def test_the_encoding_stands_before_a_header_too(self) -> None:
        named = transaction("<RltdPties><Dbtr><Nm>Łąka sp. z o.o.</Nm></Dbtr></RltdPties>")
        data = '<?xml version="1.0" encoding="ISO-8859-2"?>\n<AppHdr>\n</AppHdr>\n' + document(
            statement(entry(details(named)))
        )
        found = only_entry(data.encode("iso-8859-2"))
        assert (found.parts[0].payer_name, found.line) == ("Łąka sp. z o.o.", 4)

    @pytest.mark.parametrize("header", ["<AppHdr />", "<AppHdr></AppHdr><!-- 1 -->"])
    def test_a_header_holds_no_document(self, header: str) -> None:
        first, second = document(statement(entry())), document(statement(entry()))
        assert survey(f"{header}{first}<AppHdr></AppHdr>{second}".encode()).outcome == "held"

    def test_documents_in_a_wrapper_are_all_read(self) -> None:
        both = document(statement(entry())) + document(statement(entry(amount="5.00")))
        assert [e.amount_minor for e in entries_of(f"<Batch>{both}</Batch>".encode())] == [10000, 500]

    def test_a_document_without_a_message_behind_another_holds_the_file(self) -> None:
        first = '<?xml version="1.0"?>' + document(statement(entry())) + "\n"
        with pytest.raises(Held, match=r"Line 2: .*holds no camt message"):
            list(read((first + '<?xml version="1.0"?><Document/>').encode()))

    def test_documents_one_after_another_are_all_read(self) -> None:
        one = '<?xml version="1.0" encoding="UTF-8"?>\n' + document(statement(entry())) + "\n"
        found = entries_of(one.encode() * 3)
        assert [(e.ordinal, e.path, e.line) for e in found] == [
            (0, "Ntfctn[1]/Ntry[1]", 2), (1, "Ntfctn[2]/Ntry[1]", 4), (2, "Ntfctn[3]/Ntry[1]", 6),
        ]  # fmt: skip

    @pytest.mark.parametrize("between", ["", "\n", "\r\n\r\n", "\x00", "\n\x1a\n"])
    @pytest.mark.parametrize("prefix", ["", "ns2:"])
    def test_documents_need_no_declaration_between_them(self, between: str, prefix: str) -> None:
        one = document(statement(*[entry()] * 400))
        if prefix:
            one = one.replace("xmlns=", "xmlns:ns2=").replace("<", "<ns2:").replace("<ns2:/", "</ns2:")
        declaration = '<?xml version="1.0"?>\n'
        found = entries_of((declaration + between.join([one] * 3)).encode())
        assert [e.ordinal for e in found] == list(range(1200))
        assert {e.path.partition("/")[0] for e in found} == {"Ntfctn[1]", "Ntfctn[2]", "Ntfctn[3]"}

    def test_only_some_documents_may_have_a_declaration(self) -> None:
        bare = document(statement(entry()))
        declared = '<?xml version="1.0"?>\n' + bare
        found = entries_of((bare + declared + bare + bare + declared + declared + bare).encode())
        assert [e.path.partition("/")[0] for e in found] == [f"Ntfctn[{number}]" for number in range(1, 8)]

    def test_a_document_that_a_text_speaks_of_is_none(self) -> None:
        named = "<AddtlNtryInf><![CDATA[</Document> ends it]]></AddtlNtryInf>"
        assert only_entry(notification(entry(named))).note == "</Document> ends it"

    @pytest.mark.parametrize("end", [b"\n", b"\x00", b"\x1a", b"\r\n\x1a\x00\x00"])
    def test_what_programs_write_behind_the_end_is_nothing(self, end: bytes) -> None:
        assert len(entries_of(notification(entry()) + end)) == 1

    def test_text_behind_the_end_holds_the_file(self) -> None:
        with pytest.raises(Held, match="Extra content at the end"):
            list(read(notification(entry()) + b"\nTRAILER"))

    @pytest.mark.parametrize(
        "declaration", ["", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="utf-8"?>']
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252"])
    def test_latin_1_in_a_file_that_says_utf_8_is_read_as_it_is(
        self, declaration: str, encoding: str
    ) -> None:
        inside = details(transaction("<RltdPties><Dbtr><Nm>Bäckerei Größe</Nm></Dbtr></RltdPties>"))
        data = (declaration + document(statement(*[entry(inside)] * 400))).encode(encoding)
        assert {e.parts[0].payer_name for e in entries_of(data)} == {"Bäckerei Größe"}

    def test_comments_and_sections_do_not_change_an_amount(self) -> None:
        assert only_entry(notification(entry(amount="1<!-- 9 -->00.<![CDATA[00]]>"))).amount_minor == 10000

    @pytest.mark.parametrize("cut", [0.3, 0.6, 0.9, 0.999])
    def test_a_file_cut_off_is_held(self, cut: float) -> None:
        data = notification(*[entry()] * 20)
        with pytest.raises(Held, match="broken or cut off"):
            list(read(data[: int(len(data) * cut)]))

    def test_an_account_that_no_bank_writes_so_long_is_held(self) -> None:
        found = survey(document(statement(entry(), account="7" * 101)).encode())
        assert (found.outcome, "account number: expected at most 100 characters" in found.reason) == (
            "held",
            True,
        )

    def test_an_entry_outside_of_a_statement_is_held(self) -> None:
        with pytest.raises(Held, match="is no statement"):
            list(read(document(statement()).replace("</BkTo", entry() + "</BkTo").encode()))

    def test_an_entry_in_another_is_held(self) -> None:
        with pytest.raises(Held, match="Ntry"):
            list(read(notification(entry(entry()))))

    def test_transactions_outside_of_an_entry_are_held(self) -> None:
        with pytest.raises(Held, match="TxDtls stands outside"):
            list(read(document(statement(transaction(), entry())).encode()))

    def test_an_account_after_its_entries_is_held(self) -> None:
        late = document("<Ntfctn>" + entry() + "<Acct><Id><IBAN>DE1</IBAN></Id></Acct></Ntfctn>")
        with pytest.raises(Held, match="account stands after"):
            list(read(late.encode()))

    @pytest.mark.parametrize("at", ["<MsgId>", "<IBAN>"])
    def test_a_text_without_end_outside_of_an_entry_is_held(self, at: str) -> None:
        with pytest.raises(Held, match="at most 10000 characters"):
            list(read(document(statement(entry())).replace(at, at + "x" * 20_000, 1).encode()))

    def test_a_message_without_a_statement_is_held(self) -> None:
        with pytest.raises(Held, match="holds no statement"):
            list(read(document().encode()))

    @pytest.mark.parametrize("data", [b"", b"hello", b"<html/>", b"{}", b":20:X", b"\x00\x01", b"PK\x03\x04"])
    def test_anything_else_is_refused(self, data: bytes) -> None:
        with pytest.raises(Refused, match="no bank message"):
            list(read(data))


class TestBatchOfManyTransactions:
    def test_is_read_in_order(self) -> None:
        many = [
            transaction(f"<Refs><EndToEndId>E{n}</EndToEndId></Refs>", amount="0.01") for n in range(10_000)
        ]
        found = only_entry(notification(entry(details(*many))))
        assert [p.end_to_end_id for p in found.parts] == [f"E{n}" for n in range(10_000)]

    def test_keeps_what_stands_around_the_transactions(self) -> None:
        batch = (
            "<NtryRef>N1</NtryRef><NtryDtls><Btch><MsgId>B1</MsgId><NbOfTxs>2</NbOfTxs></Btch>{}</NtryDtls>"
        )
        inside = batch.format(transaction(amount="99.99") + transaction(amount="0.01"))
        found: Entry = only_entry(notification(entry(inside + "<AddtlNtryInf>after</AddtlNtryInf>")))
        assert found.batch is not None
        assert (found.entry_reference, found.batch.message_id, found.batch.count) == ("N1", "B1", "2")
        assert found.note == "after"
