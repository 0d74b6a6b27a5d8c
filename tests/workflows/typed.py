"""What may be typed into the box of a signal: anything, and what is almost right."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

NOBODY = "Nobody We Know"

_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
_names = st.sampled_from(["operator", "reason", "Operator", "because", ""]) | st.text(max_size=10)
_objects = st.dictionaries(_names, _values | st.sampled_from([NOBODY, "they confirm"]), max_size=4)
_raw = st.binary(max_size=40) | st.sampled_from([b"", b"{", b'{"operator": ', b"\xff\xfe", b"[" * 2000])
_encodings = st.sampled_from([b"json/plain", b"binary/plain", b"binary/null", b"", b"json/protobuf"])
_payloads = st.builds(
    lambda encoding, data: RawValue(Payload(metadata={"encoding": encoding}, data=data)), _encodings, _raw
)
_anything = st.lists(_objects | _values | _payloads, max_size=1) | st.lists(_scalars, min_size=2, max_size=3)


def _almost(right: dict[str, Any]) -> st.SearchStrategy[list[Any]]:
    """A decision of nobody's, most of them with one field that is missing, wrong or too many."""
    decision = {**right, "operator": NOBODY}
    fields = st.sampled_from(sorted(decision))
    without = fields.map(lambda gone: {name: value for name, value in decision.items() if name != gone})
    wrong = st.builds(lambda name, value: {"operator": NOBODY} | {**right, name: value}, fields, _values)
    wrong = wrong.filter(lambda typed: typed["operator"] != right.get("operator"))
    more = st.builds(lambda name, value: {name: value} | decision, st.text(max_size=10), _values)
    return (st.just(decision) | without | wrong | more).map(lambda typed: [typed])


def typed(right: dict[str, Any], count: int) -> list[list[Any]]:
    """So many lists of arguments, none of them a decision of somebody who may take it."""
    found: list[list[Any]] = []

    @settings(max_examples=count, suppress_health_check=list(HealthCheck), database=None)
    @given(_anything | _almost(right))
    def collect(one: list[Any]) -> None:
        found.append(one)

    collect()
    assert len(found) >= count
    return found
