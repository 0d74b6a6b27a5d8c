"""Notices to customers: written with the change they tell of, sent by e-mail where a server is configured."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from smtplib import SMTP, SMTP_SSL, SMTPException
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Engine
from sqlmodel import Session, col, select
from temporalio import activity

from models import Customer, Notice
from settings import Settings

BATCH = 100
MAX_ATTEMPTS = 10
SMTP_SECONDS = 10


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
        if not self._settings.smtp_url:
            return 0
        sent, after = 0, 0
        with _connect(self._settings.smtp_url) as server:
            for _ in range(BATCH):
                step = self._send_next(server, after)
                if step is None:
                    break
                after, went = step
                sent += went
        return sent

    def _send_next(self, server: SMTP, after: int) -> tuple[int, bool] | None:
        unsent = (
            select(Notice, Customer.email)
            .join(Customer, col(Customer.id) == Notice.customer_id)
            .where(col(Notice.sent_at).is_(None), col(Notice.attempts) < MAX_ATTEMPTS)
            .where(col(Customer.email) != "", col(Notice.id) > after)
            .order_by(col(Notice.id))
            .limit(1)
            .with_for_update(of=Notice, skip_locked=True)
        )
        with Session(self._engine) as session, session.begin():
            found = session.exec(unsent).one_or_none()
            if found is None:
                return None
            notice, email = found
            try:
                server.send_message(_message(notice, email, self._settings.mail_from))
                notice.sent_at, notice.problem = datetime.now(UTC), ""
            except SMTPException as error:
                notice.attempts, notice.problem = notice.attempts + 1, type(error).__name__
            assert notice.id is not None
            return notice.id, notice.sent_at is not None


def _connect(url: str) -> SMTP:
    parts = urlsplit(url)
    kind = SMTP_SSL if parts.scheme == "smtps" else SMTP
    server = kind(
        parts.hostname or "127.0.0.1", parts.port or (465 if kind is SMTP_SSL else 25), timeout=SMTP_SECONDS
    )
    server.ehlo_or_helo_if_needed()
    if server.has_extn("starttls"):
        server.starttls()
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server


def _message(notice: Notice, email: str, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, email, notice.subject
    message["Message-ID"] = f"<notice-{notice.id}@{sender.rpartition('@')[2]}>"
    message.set_content(notice.body)
    return message
