"""The onnx package's own node tests, on every backend."""

from __future__ import annotations

import numpy as np
import pytest

from arraynet.backends import Backend
from tests.ops.applied import close, outputs
from tests.ops.onnx_nodes import NAMED, cases


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
        close(one, wanted, ulps=32)


def test_every_operator_is_tried() -> None:
    pytest.importorskip("onnx")
    assert {case.name for case in cases().values()} == NAMED
    assert len(cases()) > 500
