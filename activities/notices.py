"""Notices to customers: written with the change they tell of, sent by e-mail where a server is configured."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from smtplib import SMTP, SMTP_SSL, SMTPRecipientsRefused, SMTPResponseException, SMTPServerDisconnected
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Engine, exists, text
from sqlmodel import Session, col, select
from temporalio import activity

from activities.database import reading
from models import Customer, Notice
from settings import Settings

BATCH = 100
MAX_ATTEMPTS = 10
MAX_AGE_DAYS = 7
SMTP_SECONDS = 10
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class PasswordInClear(RuntimeError):
    """The mail server of another machine wants the password without TLS."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The mail server {host} offers no STARTTLS, so the password is not sent. Use smtps://, "
            "or leave user and password out of PREPAY_SMTP_URL."
        )


# What is older is kept and no longer sent: a mail server that is set up later must not send old reminders.
# After each failed attempt twice as long, from a minute to half a day: servers ask to come back later.
_DUE = (
    col(Notice.sent_at).is_(None),
    col(Notice.attempts) < MAX_ATTEMPTS,
    text(f"notice.created_at > now() - interval '{MAX_AGE_DAYS} days'"),
    text("notice.created_at + interval '1 minute' * (2 ^ notice.attempts - 1) <= now()"),
)


class Notices:
    """The activity that sends what is unsent."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.send]

    @activity.defn(name="send_notices")
    def send(self) -> int:
        """Send what is unsent, one transaction a message; returns how many went out.

        A message may go out twice if the process dies between the server's yes and our commit;
        its Message-ID stays the same, so that a mail program can tell.
        """
        if not self._settings.smtp_url or not self._any():
            return 0
        sent, after = 0, 0
        with _connect(self._settings.smtp_url) as server:
            for _ in range(BATCH):
                step = self._send_next(server, after)
                if step is None:
                    break
                after, went = step
                sent += went
                if server.sock is None:
                    # It hung up: the others are no worse for that, and wait for the next minute.
                    break
        return sent

    def _any(self) -> bool:
        with reading(self._engine) as session:
            return session.scalar(select(exists(_unsent(0)))) is True

    def _send_next(self, server: SMTP, after: int) -> tuple[int, bool] | None:
        with Session(self._engine) as session, session.begin():
            found = session.exec(_unsent(after).with_for_update(of=Notice, skip_locked=True)).one_or_none()
            if found is None:
                return None
            notice, email = found
            try:
                server.send_message(_message(notice, email, self._settings.mail_from))
                notice.sent_at, notice.problem = datetime.now(UTC), ""
            except Exception as error:
                # Whatever is wrong with one message must not hold up the others.
                notice.attempts, notice.problem = notice.attempts + 1, _why(error)
            assert notice.id is not None
            return notice.id, notice.sent_at is not None


def _unsent(after: int) -> Any:
    return (
        select(Notice, Customer.email)
        .join(Customer, col(Customer.id) == Notice.customer_id)
        .where(*_DUE, col(Customer.email) != "", col(Notice.id) > after)
        .order_by(col(Notice.id))
        .limit(1)
    )


def _connect(url: str) -> SMTP:
    parts = urlsplit(url)
    host, tls = parts.hostname or "127.0.0.1", ssl.create_default_context()
    if host in THIS_MACHINE:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    if parts.scheme == "smtps":
        server: SMTP = SMTP_SSL(host, parts.port or 465, timeout=SMTP_SECONDS, context=tls)
    else:
        server = SMTP(host, parts.port or 25, timeout=SMTP_SECONDS)
        server.ehlo_or_helo_if_needed()
        if server.has_extn("starttls"):
            server.starttls(context=tls)
        elif parts.username and host not in THIS_MACHINE:
            server.close()
            raise PasswordInClear(host)
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server


def _message(notice: Notice, email: str, sender: str) -> EmailMessage:
    message = EmailMessage()
    # One address, whatever the text holds: a comma or a line break would make more of it.
    message["From"], message["To"], message["Subject"] = sender, Address(addr_spec=email), notice.subject
    message["Date"] = format_datetime(notice.created_at)
    message["Message-ID"] = f"<notice-{notice.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.body)
    return message


def _why(error: Exception) -> str:
    """What `prepay notices` shows."""
    if isinstance(error, SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return f"the mail server refused the address: {code} {_words(said)}"
    if isinstance(error, SMTPResponseException):
        return f"the mail server refused the message: {error.smtp_code} {_words(error.smtp_error)}"
    if isinstance(error, SMTPServerDisconnected):
        return "the mail server hung up in the middle of the message"
    return f"the message cannot be sent: {type(error).__name__}"


def _words(answer: bytes | str) -> str:
    said = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(said.split())[:200]
