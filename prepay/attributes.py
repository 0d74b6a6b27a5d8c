"""The search attributes of Prepay's workflows: one list for servers, workers, tests and set-up."""

from temporalio.common import SearchAttributeIndexedValueType, SearchAttributeKey

STAGE = SearchAttributeKey.for_keyword("Stage")
CUSTOMER = SearchAttributeKey.for_keyword("Customer")
CURRENCY = SearchAttributeKey.for_keyword("Currency")
ENTITY = SearchAttributeKey.for_keyword("Entity")
WAITS_FOR_ROLE = SearchAttributeKey.for_keyword("WaitsForRole")
DECIDED_BY = SearchAttributeKey.for_keyword_list("DecidedBy")
NEEDS_HUMAN = SearchAttributeKey.for_bool("NeedsHuman")
ESCALATED = SearchAttributeKey.for_bool("Escalated")
AMOUNT_MINOR = SearchAttributeKey.for_int("AmountMinor")
DUE = SearchAttributeKey.for_datetime("Due")

ALL = (
    STAGE,
    CUSTOMER,
    CURRENCY,
    ENTITY,
    WAITS_FOR_ROLE,
    DECIDED_BY,
    NEEDS_HUMAN,
    ESCALATED,
    AMOUNT_MINOR,
    DUE,
)

# Temporal's own spelling of the types, as `temporal operator search-attribute create --type` takes them.
_TYPE_NAMES = {
    SearchAttributeIndexedValueType.KEYWORD: "Keyword",
    SearchAttributeIndexedValueType.KEYWORD_LIST: "KeywordList",
    SearchAttributeIndexedValueType.BOOL: "Bool",
    SearchAttributeIndexedValueType.INT: "Int",
    SearchAttributeIndexedValueType.DATETIME: "Datetime",
}

ATTRIBUTES: dict[str, str] = {key.name: _TYPE_NAMES[key.indexed_value_type] for key in ALL}
"""Name and type of each, for the servers' set-up."""
