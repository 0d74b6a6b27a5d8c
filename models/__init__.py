"""The database at a glance: a module a noun. The book's own tables are in `ledger/`."""

from models.bank import (
    BankEntry,
    BankEntryPart,
    BankFile,
    BankFileDecision,
    BankFileDelivery,
    BankPageMoney,
    BankQuarantine,
    BankResolution,
    BankSighting,
    BankStatement,
)
from models.change import Change
from models.claim import Claim, ClaimProof
from models.credit import Credit
from models.credit_move import CreditMove
from models.customer import Customer
from models.deposit import Deposit
from models.document import Document
from models.eligibility import EligibilityRule
from models.entity import CollectionAccount, ContractingEntity
from models.event import StageEvent
from models.notice import Notice
from models.operator import Attestation, Operator, OperatorLimit, OperatorRole
from models.outbox import Outbox
from models.payer import PayerLink, PayerPause
from models.receipt import Receipt, ReceiptApplication, ReceiptDecision, ReceiptReturn
from models.screening import Freeze, FreezeRelease, ScreeningSubject
from models.statement import Statement, StatementClose
from models.virtual_account import VirtualAccount
from models.virtual_account_application import VirtualAccountApplication

__all__ = [
    "Attestation",
    "BankEntry",
    "BankEntryPart",
    "BankFile",
    "BankFileDecision",
    "BankFileDelivery",
    "BankPageMoney",
    "BankQuarantine",
    "BankResolution",
    "BankSighting",
    "BankStatement",
    "Change",
    "Claim",
    "ClaimProof",
    "CollectionAccount",
    "ContractingEntity",
    "Credit",
    "CreditMove",
    "Customer",
    "Deposit",
    "Document",
    "EligibilityRule",
    "Freeze",
    "FreezeRelease",
    "Notice",
    "Operator",
    "OperatorLimit",
    "OperatorRole",
    "Outbox",
    "PayerLink",
    "PayerPause",
    "Receipt",
    "ReceiptApplication",
    "ReceiptDecision",
    "ReceiptReturn",
    "ScreeningSubject",
    "StageEvent",
    "Statement",
    "StatementClose",
    "VirtualAccount",
    "VirtualAccountApplication",
]
