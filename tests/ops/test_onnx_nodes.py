"""The onnx package's own node tests, on every backend."""

from __future__ import annotations

import numpy as np
import pytest

from arraynet.backends import Backend
from arraynet.ops import OPS
from tests.ops.applied import close, outputs
from tests.ops.onnx_nodes import NAMED, SEVERAL, cases, left_out, snake_case

DIGITS = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 1000}
"""What ONNX states to four digits only, in eps."""


@pytest.mark.parametrize("title", sorted(cases()))
def test_node(backend: Backend, title: str) -> None:
    case = cases()[title]
    got = outputs(backend, case.name, case.inputs, **case.attributes)
    for one, wanted in zip(got, case.wanted, strict=False):
        if wanted is None:
            continue
        wanted = np.asarray(wanted)
        if one.dtype != wanted.dtype:
            assert (wanted.dtype.name, one.dtype.name) in {
                ("int64", "int32"), ("uint64", "uint32")
            }  # fmt: skip
        close(one, wanted, ulps=DIGITS.get(title, 32))


def test_every_operator_is_tried() -> None:
    pytest.importorskip("onnx")
    assert {case.name for case in cases().values()} == NAMED
    assert len(cases()) > 500


@pytest.mark.parametrize("name", sorted(NAMED))
def test_attributes_and_defaults_are_those_of_the_newest_operator(name: str) -> None:
    onnx = pytest.importorskip("onnx")
    known = {snake_case(schema.name): schema for schema in onnx.defs.get_all_schemas()}
    operator = {op: one for one, op in SEVERAL.items()}.get(name, name)
    schema = known[operator]
    wanted = {snake_case(key): value for key, value in schema.attributes.items()}
    defaults = OPS[name].defaults
    assert set(defaults) == set(wanted) - left_out(name) | set(ADDED.get(name, ()))
    for key, value in wanted.items():
        if key in defaults and value.default_value.name:
            stated = onnx.helper.get_attribute_value(value.default_value)
            stated = stated.decode() if isinstance(stated, bytes) else stated
            if key != "activations":  # one for each direction
                if isinstance(stated, float):  # in float32
                    stated = pytest.approx(stated, rel=1e-7)
                assert defaults[key] == (tuple(stated) if isinstance(stated, list) else stated)


ADDED: dict[str, tuple[str, ...]] = {}
"""Attributes that ONNX's operator does not have."""
