"""Forms rendered and stored, against WeasyPrint alone on the same pages.

WeasyPrint alone gets each page finished: HTML with its stylesheet inside, the QR code drawn, the request
attached. It has the same PDF options, fonts, shared FontConfiguration and number of processes.
"""

import asyncio
import hashlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from multiprocessing import get_context
from statistics import median
from time import perf_counter
from typing import Any

from psycopg import AsyncConnection
from stdnum.iso7064 import mod_97_10

from bench.pgbench import BenchDatabase, fresh_database
from documents.epc import epc_png
from documents.fonts import missing_fonts
from documents.form import FormCustomer, Issuer, PaymentRequestForm, PayToAccount, form_digest, form_json
from documents.page import form_html
from documents.pool import Renderer
from documents.render import engine

GOAL = 0.9
FORMS_PER_ROUND = 40

_TABLE = """
CREATE TABLE document (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest text NOT NULL UNIQUE, content bytea NOT NULL, pdf bytea NOT NULL, pdf_sha256 text NOT NULL
)
"""
_STORE = "INSERT INTO document (digest, content, pdf, pdf_sha256) VALUES (%s, %s, %s, %s)"


@dataclass(frozen=True)
class _Page:
    """What WeasyPrint alone is given: the finished page and the form that its options come from."""

    html: str
    picture: bytes | None
    form: PaymentRequestForm


def measure(server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """Forms a second for each language, ours and WeasyPrint's in turn; the medians of the rounds."""
    with fresh_database(server, "bench_forms") as database:
        return asyncio.run(_measure(database.owner_url, rounds))


async def _measure(database_url: str, rounds: int) -> list[dict[str, Any]]:
    languages = ["en"] if missing_fonts() else ["en", "zh"]
    async with (
        Renderer() as renderer,
        await AsyncConnection.connect(database_url, autocommit=True) as connection,
    ):
        await connection.execute(_TABLE)
        with ProcessPoolExecutor(renderer.processes, get_context("spawn"), engine) as alone:
            return [await _compare(renderer, connection, alone, locale, rounds) for locale in languages]


async def _compare(
    renderer: Renderer, connection: AsyncConnection[Any], alone: ProcessPoolExecutor, locale: str, rounds: int
) -> dict[str, Any]:
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(rounds + 1):  # the first warms both; who goes first changes from turn to turn
        forms = [_form(turn * FORMS_PER_ROUND + n, locale) for n in range(FORMS_PER_ROUND)]
        pages = [_page(form) for form in forms]
        if turn % 2:
            ours.append(await _ours(renderer, connection, forms))
            theirs.append(await asyncio.to_thread(_theirs, alone, pages))
        else:
            theirs.append(await asyncio.to_thread(_theirs, alone, pages))
            ours.append(await _ours(renderer, connection, forms))
    ours, theirs = ours[1:], theirs[1:]
    return {
        "name": f"forms rendered and stored ({locale})",
        "ours": round(median(ours), 2),
        "unit": "forms/s",
        "against": f"WeasyPrint alone, {renderer.processes} processes",
        "theirs": round(median(theirs), 2),
        "ratio": round(median(ours) / median(theirs), 3),
        "goal": GOAL,
        "rounds": rounds,
    }


async def _ours(
    renderer: Renderer, connection: AsyncConnection[Any], forms: list[PaymentRequestForm]
) -> float:
    async def make(form: PaymentRequestForm) -> None:
        pdf = await renderer.render(form)
        row = (form_digest(form), form_json(form), pdf, hashlib.sha256(pdf).hexdigest())
        await connection.execute(_STORE, row)

    began = perf_counter()
    await asyncio.gather(*map(make, forms))
    return len(forms) / (perf_counter() - began)


def _theirs(alone: ProcessPoolExecutor, pages: list[_Page]) -> float:
    began = perf_counter()
    assert all(alone.map(_weasyprint, pages))
    return len(pages) / (perf_counter() - began)


def _weasyprint(page: _Page) -> int:
    loaded = engine()
    options = loaded.options(page.form) | {"stylesheets": None}
    return len(loaded.html(page.html, page.picture).write_pdf(font_config=loaded.fonts, **options))


def _page(form: PaymentRequestForm) -> _Page:
    picture = epc_png(form)
    style = (files("documents") / "templates" / "form.css").read_text("utf-8")
    html = form_html(form, qr=picture is not None).replace("</head>", f"<style>{style}</style></head>")
    return _Page(html, picture, form)


def _form(n: int, locale: str) -> PaymentRequestForm:
    body = f"D2026{n:06}"
    chinese = locale == "zh"
    return PaymentRequestForm(
        number=f"D-2026-{n:06}",
        issued_on=date(2026, 11, 23),
        expires_on=date(2026, 12, 7),
        issuer=Issuer(
            legal_name="Nordwind Handels GmbH",
            address=("Speicherstraße 12", "20457 Hamburg"),
            country="DE",
            registration_id="HRB 104 512",
            tax_id="DE 812 345 678",
            verify_phone="+49 40 555 0199",
        ),
        customer=FormCustomer(
            number=f"C-{n:05}",
            legal_name="晨光示例贸易有限公司" if chinese else "ACME GmbH",
            address=("上海市示例路 100 号",) if chinese else ("Musterweg 5", "10115 Berlin"),
            country="CN" if chinese else "DE",
        ),
        amount_minor=1_250_000 + n,
        currency="EUR",
        product="云计算资源" if chinese else "Cloud capacity, first half of 2027",
        note=f"PO {n}",
        pay_to=PayToAccount(
            kind="collection",
            holder="Nordwind Handels GmbH",
            bank_name="Musterbank AG",
            bic="COBADEFFXXX",
            iban="DE89370400440532013000",
        ),
        reference=f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}",
        locale=locale,
    )
