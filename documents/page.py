"""The form as one HTML page: words of the customer's language around what the form says."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from documents import figures
from documents.fonts import UNPRINTABLE, printable
from documents.form import PaymentRequestForm, form_digest, form_json

_LANG = {"en": "en", "zh": "zh-Hans"}


def form_html(form: PaymentRequestForm, *, qr: bool, fit: int = 0) -> str:
    """The page's HTML; `fit` 0 is the normal size, 1 to 4 are denser."""
    language = figures.language(form.locale)
    return _template().render(
        form=form,
        words=words(language),
        lang=_LANG[language],
        fit=fit,
        qr=qr,
        digest=form_digest(form),
        unprintable=UNPRINTABLE if UNPRINTABLE in printable(form_json(form).decode()) else "",
        **_as_read(form),
    )


def _as_read(form: PaymentRequestForm) -> dict[str, str]:
    locale, issuer = form.locale, form.issuer
    text = words(figures.language(locale))
    ids = ((text["registration"], issuer.registration_id), (text["tax_id"], issuer.tax_id))
    return {
        "amount": figures.amount(form.amount_minor, form.currency, locale),
        "amount_here": figures.amount(form.amount_minor, form.currency, figures.language(locale)),
        "currency_name": figures.currency_name(form.currency, locale),
        "issued_on": figures.day(form.issued_on, locale),
        "expires_on": figures.day(form.expires_on, locale),
        "issuer_address": " · ".join((*issuer.address, figures.country(issuer.country, locale))),
        "issuer_ids": " · ".join(f"{label} {value}" for label, value in ids if value),
        "customer_country": figures.country(form.customer.country, locale),
        "bank": ", ".join((form.pay_to.bank_name, *form.pay_to.bank_address)),
        "iban": figures.in_fours(form.pay_to.iban),
        "reference": figures.in_fours(form.reference),
        "check": _check(form, text),
    }


def _check(form: PaymentRequestForm, text: dict[str, str]) -> str:
    # A phone number stays on one line, and an address is what people type.
    phone = form.issuer.verify_phone.replace(" ", "\N{NO-BREAK SPACE}")
    url = form.issuer.verify_url.removeprefix("https://")
    ways = [way for way, value in (("phone", phone), ("url", url)) if value]
    return text["_".join(("check", *(ways or ["none"])))].format(phone=phone, url=url)


@cache
def words(language: figures.Language) -> dict[str, str]:
    """The fixed words of the page in one language."""
    content = (files("documents") / "words" / f"{language}.toml").read_text("utf-8")
    return tomllib.loads(content)


@cache
def _template() -> Template:
    packaged = PackageLoader("documents")
    environment = Environment(
        loader=packaged, autoescape=True, undefined=StrictUndefined, finalize=_finalize, trim_blocks=True
    )
    return environment.get_template("form.html")


def _finalize(value: Any) -> Any:
    # Every value that the template prints passes here; Markup is what its macros have already printed.
    return value if hasattr(value, "__html__") else printable(str(value))
