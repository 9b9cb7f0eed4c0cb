"""The test cases that ONNX publishes for its operators, as calls of arraynet's ops."""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """One node of ONNX, with inputs and the outputs that it should give."""

    name: str
    operator: str
    arrays: tuple[Any, ...]
    attributes: dict[str, Any]
    wanted: tuple[np.ndarray[Any, Any], ...]

    def __repr__(self) -> str:
        return self.name


def cases(modules: Sequence[str]) -> list[Case]:
    """Return the cases in some modules of ``onnx.backend.test.case.node``.

    Only models of a single node; an absent input is None in its place.
    """
    try:
        package = importlib.import_module("onnx.backend.test.case.node")
    except ImportError:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they divide by zero to show what comes out
        for module in modules:
            importlib.import_module(f"{package.__name__}.{module}")
    operators = {module.replace("_", "") for module in modules}
    return [
        case
        for found in package._NodeTestCases
        if len(found.model.graph.node) == 1
        for case in [_case(found)]
        if case.operator.lower() in operators
    ]


def _case(found: Any) -> Case:
    (node,) = found.model.graph.node
    ((inputs, outputs),) = found.data_sets
    values = iter(inputs)
    arrays = tuple(next(values) if name else None for name in node.input)
    attributes = {a.name: _attribute(node.op_type, a) for a in node.attribute}
    return Case(found.name, node.op_type, arrays, attributes, tuple(outputs))


FLAGS = ("ceil_mode", "count_include_pad", "training_mode")


def _attribute(operator: str, attribute: Any) -> Any:
    from onnx import helper

    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    if attribute.name in FLAGS:
        return bool(value)
    return tuple(value) if isinstance(value, list) else value


def snake(operator: str) -> str:
    """Return an operator's name as that of an op.

    Examples
    --------
    >>> snake("GlobalLpPool"), snake("LRN"), snake("RMSNormalization"), snake("Col2Im")
    ('global_lp_pool', 'lrn', 'rms_normalization', 'col2im')
    """
    split = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", operator).lower()
    return split.replace("col2_im", "col2im")
