"""Notices: in the customer's language, sent once through a real SMTP server, never lost to a bad one."""

import smtplib
import socket
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast, get_args

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Engine

from activities.notices import Notices, PasswordInClear, _connect
from documents.notices import FOLDER, notice_text
from prepay.refunds import RefundStage
from settings import Settings
from tests.conftest import Database, engine_of


class Mailbox:
    """Takes what comes, unless it is told otherwise."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], EmailMessage]] = []
        self.refuse: set[str] = set()
        self.hang_up_at = -1

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuse:
            return "550 5.1.1 nobody lives here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if len(self.taken) == self.hang_up_at:
            self.hang_up_at = -1
            cast("Any", server).transport.abort()
            return ""
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append((envelope.rcpt_tos, message_from_bytes(content, policy=policy.default)))
        return "250 OK"


@contextmanager
def mail_server(mailbox: Mailbox) -> Iterator[str]:
    """A real SMTP server on loopback, without STARTTLS."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


@pytest.fixture
def engine(set_up: Database) -> Engine:
    return engine_of(set_up.app_url)


def _write(
    engine: Engine, customer: str = "C-1001", subject: str = "Payment request D-1: 1,000.00 EUR"
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO notice (key, customer_id, kind, locale, subject, body, attempts, problem) "
            "SELECT 'test:' || gen_random_uuid(), id, 'issued', locale, %s, %s, 0, '' FROM customer WHERE number = %s",
            (subject, "Your form has been issued.\n付款申请单已开具。", customer),
        )


def _rows(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT sent_at, attempts, problem FROM notice ORDER BY id")
        return [dict(row) for row in found.mappings()]


def _send(engine: Engine, url: str) -> int:
    return Notices(engine, Settings(smtp_url=url, mail_from="billing@nimbus.example")).send()


class TestSend:
    def test_once_to_the_customer_with_all_headers(self, engine: Engine) -> None:
        _write(engine)
        mailbox = Mailbox()
        with mail_server(mailbox) as url:
            assert _send(engine, url) == 1
            assert _send(engine, url) == 0
        [(recipients, message)] = mailbox.taken
        assert recipients == ["finance@acme.example"]
        assert message["To"] == "finance@acme.example"
        assert message["From"] == "billing@nimbus.example"
        assert message["Subject"] == "Payment request D-1: 1,000.00 EUR"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Date"]
        assert message["Message-ID"].endswith("@nimbus.example>")
        assert "付款申请单已开具" in message.get_content()
        assert _rows(engine)[0]["sent_at"] is not None

    def test_without_a_server_they_are_kept(self, engine: Engine) -> None:
        _write(engine)
        assert _send(engine, "") == 0
        assert _rows(engine) == [{"sent_at": None, "attempts": 0, "problem": ""}]

    def test_what_is_older_than_a_week_is_kept_and_not_sent(self, engine: Engine) -> None:
        _write(engine, subject="Old")
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE notice SET created_at = created_at - interval '8 days'")
        _write(engine, subject="New")
        mailbox = Mailbox()
        with mail_server(mailbox) as url:
            assert _send(engine, url) == 1
        assert [message["Subject"] for _, message in mailbox.taken] == ["New"]
        assert _rows(engine)[0] == {"sent_at": None, "attempts": 0, "problem": ""}

    def test_nothing_unsent_needs_no_server(self, engine: Engine) -> None:
        assert _send(engine, "smtp://127.0.0.1:1") == 0

    def test_a_server_that_is_not_there_costs_no_attempt(self, engine: Engine) -> None:
        _write(engine)
        with pytest.raises(ConnectionRefusedError):
            _send(engine, "smtp://127.0.0.1:1")
        assert _rows(engine)[0]["attempts"] == 0

    def test_a_customer_without_an_address_is_left_out(self, engine: Engine) -> None:
        _address(engine, "")
        _write(engine)
        assert _send(engine, "smtp://127.0.0.1:1") == 0


class TestRefusedAddress:
    def test_says_why_and_does_not_hold_up_the_others(self, engine: Engine) -> None:
        _write(engine, "C-1001")
        _write(engine, "C-1002")
        mailbox = Mailbox()
        mailbox.refuse = {"finance@acme.example"}
        with mail_server(mailbox) as url:
            assert _send(engine, url) == 1
            assert _send(engine, url) == 0
        refused, sent = _rows(engine)
        assert refused["attempts"] == 1, "the next attempt waits for a minute"
        assert refused["problem"] == "the mail server refused the address: 550 5.1.1 nobody lives here"
        assert (sent["attempts"], sent["problem"]) == (0, "")

    def test_is_tried_again_later_and_given_up_in_the_end(self, engine: Engine) -> None:
        _write(engine)
        mailbox = Mailbox()
        mailbox.refuse = {"finance@acme.example"}
        with mail_server(mailbox) as url:
            for _ in range(12):
                _send(engine, url)
                with engine.begin() as connection:
                    connection.exec_driver_sql(
                        "UPDATE notice SET created_at = created_at - interval '12 hours'"
                    )
        assert _rows(engine)[0]["attempts"] == 10


class TestServerHangsUp:
    def test_in_the_middle_it_costs_only_that_message_an_attempt(self, engine: Engine) -> None:
        for customer in ("C-1001", "C-1002", "C-2001", "C-2002"):
            _write(engine, customer)
        mailbox = Mailbox()
        mailbox.hang_up_at = 1
        with mail_server(mailbox) as url:
            assert _send(engine, url) == 1
            assert [row["attempts"] for row in _rows(engine)] == [0, 1, 0, 0]
            assert _rows(engine)[1]["problem"] == "the mail server hung up in the middle of the message"
            assert _send(engine, url) == 2
        assert [row["sent_at"] is not None for row in _rows(engine)] == [True, False, True, True]


def _address(engine: Engine, email: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE customer SET email = %s WHERE number = 'C-1001'", (email,))


class TestInjection:
    @pytest.mark.parametrize(
        "email",
        [
            "a@acme.example\r\nBcc: thief@evil.example",
            "a@acme.example, thief@evil.example",
            "a@acme.example\r\n\r\nPay to another account",
            "not an address",
        ],
    )
    def test_an_address_that_is_more_than_one_is_not_written_to(self, engine: Engine, email: str) -> None:
        _address(engine, email)
        _write(engine, "C-1001")
        _write(engine, "C-1002")
        mailbox = Mailbox()
        with mail_server(mailbox) as url:
            assert _send(engine, url) == 1
        assert [recipients for recipients, _ in mailbox.taken] == [["compta@globex.example"]]
        assert _rows(engine)[0]["problem"].startswith("the message cannot be sent: ")

    def test_a_subject_with_line_breaks_is_not_sent(self, engine: Engine) -> None:
        _write(engine, subject="Form\r\nBcc: thief@evil.example")
        mailbox = Mailbox()
        with mail_server(mailbox) as url:
            assert _send(engine, url) == 0
        assert mailbox.taken == []


class TestPassword:
    def test_is_not_sent_in_clear_to_another_machine(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The name of another machine, which answers here, and offers no STARTTLS."""
        monkeypatch.setattr("activities.notices.THIS_MACHINE", ())
        with mail_server(Mailbox()) as url, pytest.raises(PasswordInClear, match="offers no STARTTLS"):
            _connect(url.replace("smtp://", "smtp://user:secret@"))

    def test_is_not_needed_by_a_server_without_login(self, engine: Engine) -> None:
        with mail_server(Mailbox()) as url, _connect(url) as server:
            assert isinstance(server, smtplib.SMTP)


class TestWords:
    KINDS = (
        "issued",
        "reminder",
        "part_paid",
        "credited",
        "late",
        "expired",
        "extended",
        "cancelled",
        "taken_back",
        "moved_away",
    )
    FACTS = {
        "number": "D-2026-000001",
        "reference": "RF18 P000 0000 0001",
        "customer": "ACME GmbH",
        "wanted": "1,000.00 EUR",
        "received": "300.00 EUR",
        "pending": "",
        "missing": "700.00 EUR",
        "over": "",
        "taken_back": "200.00 EUR",
        "moved_away": "20.00 EUR",
        "expires": "2026-12-23",
    }

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(("locale", "word"), [("de-DE", "ayment"), ("en", "ayment"), ("zh-CN", "付款")])
    def test_of_each_kind_are_in_the_customers_language(self, kind: str, locale: str, word: str) -> None:
        subject, body = notice_text(kind, locale, self.FACTS)
        assert "D-2026-000001" in subject
        assert word in body
        assert "{" not in subject + body

    @pytest.mark.parametrize("kind", ["part_paid", "credited", "late"])
    @pytest.mark.parametrize(
        ("locale", "later", "now"),
        [
            (
                "en",
                "200.00 EUR of it will be on your balance on its value date",
                "credited it to your balance",
            ),
            ("zh", "其中 200.00 EUR 将于起息日记入您的余额", "并已记入您的余额"),
        ],
    )
    def test_do_not_promise_money_before_its_value_date(
        self, kind: str, locale: str, later: str, now: str
    ) -> None:
        _, body = notice_text(kind, locale, {**self.FACTS, "pending": "200.00 EUR"})
        assert later in body
        assert now not in body
        assert later not in notice_text(kind, locale, self.FACTS)[1]

    OTHERS = (
        "applied",
        *(f"claim_{step}" for step in ("waiting", "found", "credited", "reminder", "closed", "known")),
        *(f"virtual_{step}" for step in ("submitted", "refused", "waits", "active", "closed")),
        *(f"refund_{stage}" for stage in (*get_args(RefundStage), "reminder")),
        *("bill_due", "bill_overdue", "bill_void", "low_balance"),
    )
    OTHER_FACTS = {
        **FACTS,
        "amount": "480.00 EUR",
        "claim": "7",
        "paid_on": "2026-11-22",
        "credited_on": "2026-11-23",
        "entity": "Nimbus Cloud Europe GmbH",
        "currency": "EUR",
        "number": "NL79 MOCK 0007 0000 01",
        "why": "as the contract says",
        "forms": "D-2026-000001",
        "replaces": "",
        "answer": "the contract does not allow it",
        "until": "2027-01-10",
        "came_back": "the account is closed",
        "usage_until": "2026-12-01",
        "bill": "I-7",
        "lacks": "20.00 EUR",
        "due_on": "2026-12-15",
        "auto_pay": True,
        "reason": "issued twice",
        "available": "5.00 EUR",
        "threshold": "10.00 EUR",
    }

    @pytest.mark.parametrize("kind", OTHERS)
    @pytest.mark.parametrize("locale", ["en", "zh-CN"])
    def test_of_other_kinds_leave_no_blank(self, kind: str, locale: str) -> None:
        subject, body = notice_text(kind, locale, self.OTHER_FACTS)
        assert subject.strip()
        assert body.strip()
        assert "{" not in subject + body

    def test_every_language_has_every_kind(self) -> None:
        for file in FOLDER.glob("*.toml"):
            assert set(tomllib.loads(file.read_text())) == {*self.KINDS, *self.OTHERS}
