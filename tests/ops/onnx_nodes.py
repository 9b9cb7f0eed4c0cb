"""The node tests of the onnx package, each as an op of arraynet with inputs and outputs."""

from __future__ import annotations

import re
import warnings
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from arraynet.admission import DTYPES
from arraynet.ops import OPS

FAMILIES = (
    "arithmetic",
    "attention",
    "bits",
    "casting",
    "comparison",
    "convolution",
    "creation",
    "einsum",
    "elementary",
    "global_pooling",
    "indexing",
    "joining",
    "layer_normalisation",
    "linear",
    "lstm",
    "normalisation",
    "norms",
    "padding",
    "pooling",
    "products",
    "ranking",
    "rearranging",
    "recurrent",
    "reductions",
    "response_normalisation",
    "rotary",
    "scattering",
    "shaping",
    "transposed_convolution",
    "sizes",
    "trigonometry",
    "unpooling",
    "variadic",
)
"""The modules of ops whose operators are tried."""

WITHOUT_TESTS = (
    "affine",
    "dropout",
    "embedding",
    "global_lp_pool",
    "scale_shift",
    "scaled_dot_product_attention",
)
"""Their ops that ONNX does not have, or tests in training."""

NAMES = {
    "Col2Im": "col2im",
    "And": "logical_and",
    "IsNaN": "is_nan",
    "MatMul": "matmul",
    "Not": "logical_not",
    "Or": "logical_or",
    "RMSNormalization": "rms_normalization",
    "Xor": "logical_xor",
}

TYPES = {
    onnx_number: name
    for onnx_number, name in enumerate(
        (
            *("float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "", "bool"),
            *("float16", "float64", "uint32", "uint64", "", "", "bfloat16"),
        ),
        1,
    )
    if name
}
"""The dtypes of ONNX's numbers for them."""

IGNORED = ("round_mode", "saturate", "stash_type")
"""Attributes of dtypes that arraynet does not have."""

SEVERAL = {
    "layer_normalization": "layer_normalization_with_statistics",
    "max_pool": "max_pool_with_indices",
}
"""The op for an operator of which more than the first output is asked for."""

LEFT_OUT: dict[str, tuple[str, ...]] = {
    "batch_normalization": ("momentum", "training_mode"),
    "max_pool": ("storage_order",),
}
"""Attributes of training, and of outputs that are another op's."""

_FLAGS = {
    key for op in OPS.values() for key, default in op.defaults.items() if isinstance(default, bool)
}
"""Attributes that are integers in ONNX and truth values here."""


NAMED = {
    op.name for op in OPS.values() if op.formula.__module__.rpartition(".")[2] in FAMILIES
} - set(WITHOUT_TESTS)
"""The ops whose operators are tried."""


class Case(NamedTuple):
    """One node test."""

    title: str
    name: str
    inputs: list[np.ndarray[Any, Any] | None]
    attributes: dict[str, Any]
    wanted: list[np.ndarray[Any, Any] | None]


def snake_case(name: str) -> str:
    """Return ONNX's name of an operator or attribute as arraynet's ops have it."""
    if name in NAMES:
        return NAMES[name]
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"^(RNN|GRU|LSTM)$", lambda m: m[0], apart).lower()


def left_out(name: str) -> set[str]:
    """Return the attributes of an operator that its op does not have."""
    return {*IGNORED, *LEFT_OUT.get(name, ())}


@cache
def cases() -> dict[str, Case]:
    """Return the node tests of one node whose dtypes arraynet knows."""
    try:
        import onnx
        from onnx.backend.test.case.node import collect_testcases
    except ImportError:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collected = collect_testcases(None)
    found = {}
    for test in collected:
        nodes = test.model.graph.node if test.model else []
        if len(nodes) != 1 or snake_case(nodes[0].op_type) not in NAMED or nodes[0].domain:
            continue
        version = max(o.version for o in test.model.opset_import if not o.domain)
        schema = onnx.defs.get_schema(nodes[0].op_type, version)
        if _form(schema) != _form(onnx.defs.get_schema(nodes[0].op_type)):
            continue
        case = _case(onnx, test, nodes[0])
        if case is not None:
            found[test.name] = case
            if case.name in SEVERAL.values():
                found[f"{test.name} of one output"] = _of_one_output(case)
    return found


def _of_one_output(case: Case) -> Case:
    name = next(one for one, several in SEVERAL.items() if several == case.name)
    attributes = {k: v for k, v in case.attributes.items() if k not in left_out(name)}
    return case._replace(name=name, attributes=attributes, wanted=case.wanted[:1])


def _form(schema: Any) -> Any:
    """Return what must be as in the newest version: the inputs."""
    return tuple(i.name for i in schema.inputs)[:6]


def _case(onnx: Any, test: Any, node: Any) -> Case | None:
    arrays = [[_array(onnx, x) for x in side] for side in test.data_sets[0]]
    if not all(
        isinstance(x, np.ndarray | np.generic) and x.dtype.name in DTYPES
        for side in arrays
        for x in side
    ):
        return None
    given = {i.name: x for i, x in zip(test.model.graph.input, arrays[0], strict=True)}
    made = {o.name: x for o, x in zip(test.model.graph.output, arrays[1], strict=True)}
    kinds = [
        v.type.tensor_type.elem_type for v in (*test.model.graph.input, *test.model.graph.output)
    ]
    if not all(kind in TYPES for kind in kinds):
        return None
    attributes = {snake_case(a.name): _attribute(onnx, a) for a in node.attribute}
    if attributes.get("training_mode"):
        return None
    name = snake_case(node.op_type)
    name = SEVERAL.get(name, name) if len(node.output) > 1 else name
    if node.op_type == "Split" and len(node.input) == 1:
        attributes.setdefault("num_outputs", len(node.output))  # so it was before opset 18
    return Case(
        test.name,
        name,
        [given[key] if key else None for key in node.input],
        {key: value for key, value in attributes.items() if key not in left_out(name)},
        [made[key] if key else None for key in node.output],
    )


def _array(onnx: Any, x: Any) -> Any:
    return onnx.numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else x


def _attribute(onnx: Any, attribute: Any) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    name = snake_case(attribute.name)
    if name in ("to", "dtype", "softmax_precision"):
        return TYPES.get(value, str(value))
    if name in _FLAGS:
        return bool(value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    if isinstance(value, list):
        return tuple(v.decode() if isinstance(v, bytes) else v for v in value)
    return value
