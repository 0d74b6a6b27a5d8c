"""The database at a glance: a module a noun. The book's own tables are in `ledger/`."""

from models.bank import (
    BankEntry,
    BankEntryPart,
    BankFile,
    BankFileDecision,
    BankFileDelivery,
    BankPageMoney,
    BankSighting,
    BankStatement,
)
from models.bank_unread import BankQuarantine, BankResolution
from models.bill import Bill, BillLine, BillPayment, BillQueue, UsageReport
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
from models.intended_use import IntendedUse
from models.low_balance import LowBalance
from models.notice import Notice
from models.operator import Attestation, Operator, OperatorLimit, OperatorRole
from models.outbox import Outbox
from models.payer import PayerLink, PayerPause
from models.payout import Payee, PaymentFile, PaymentFileDecision, Payout
from models.receipt import Receipt, ReceiptApplication, ReceiptDecision, ReceiptReturn
from models.refund import Refund, RefundApproval, RefundEvent, RefundPolicy
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
    "Bill",
    "BillLine",
    "BillPayment",
    "BillQueue",
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
    "IntendedUse",
    "LowBalance",
    "Notice",
    "Operator",
    "OperatorLimit",
    "OperatorRole",
    "Outbox",
    "Payee",
    "PayerLink",
    "PayerPause",
    "PaymentFile",
    "PaymentFileDecision",
    "Payout",
    "Receipt",
    "ReceiptApplication",
    "ReceiptDecision",
    "ReceiptReturn",
    "Refund",
    "RefundApproval",
    "RefundEvent",
    "RefundPolicy",
    "ScreeningSubject",
    "StageEvent",
    "Statement",
    "StatementClose",
    "UsageReport",
    "VirtualAccount",
    "VirtualAccountApplication",
]
