"""The database at a glance: a module a noun. The book's own tables are in `ledger/`."""

from models.bank import (
    BankEntry,
    BankEntryPart,
    BankFile,
    BankFileDecision,
    BankFileDelivery,
    BankPageMoney,
    BankQuarantine,
    BankSighting,
    BankStatement,
)
from models.customer import Customer
from models.deposit import Deposit
from models.document import Document
from models.entity import CollectionAccount, ContractingEntity
from models.notice import Notice
from models.outbox import Outbox

__all__ = [
    "BankEntry",
    "BankEntryPart",
    "BankFile",
    "BankFileDecision",
    "BankFileDelivery",
    "BankPageMoney",
    "BankQuarantine",
    "BankSighting",
    "BankStatement",
    "CollectionAccount",
    "ContractingEntity",
    "Customer",
    "Deposit",
    "Document",
    "Notice",
    "Outbox",
]
