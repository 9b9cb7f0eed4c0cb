"""onnxruntime, on a model made of the same weights."""

from __future__ import annotations

from functools import partial
from typing import Any

from bench.contestants.base import Timed, UnsupportedError, imported, versions
from bench.contestants.textbook import scaled
from bench.networks import HostArray, Layers
from bench.workloads import Workload

OPERATORS = {
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "relu": "Relu",
    "leaky_relu": "LeakyRelu",
    "elu": "Elu",
    "softmax": "Softmax",
}
"""ONNX's operators, by arraynet's names; their attributes have the same names."""

OPSET, IR_VERSION = 17, 9


def model_of(layers: Layers) -> bytes:
    """Return the network as an ONNX model: one Gemm for each layer, and its activation.

    Raises
    ------
    UnsupportedError
        For an activation that is not in the table.
    """
    onnx = imported("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    nodes, weights, value = [], [], "x"
    for number, layer in enumerate(layers, start=1):
        weights.append(numpy_helper.from_array(layer.weight, f"W{number}"))
        weights.append(numpy_helper.from_array(layer.bias, f"b{number}"))
        names = [value, f"W{number}", f"b{number}"]
        value = f"affine{number}"
        nodes.append(helper.make_node("Gemm", names, [value]))
        if layer.activation == "identity":
            continue
        if layer.activation not in OPERATORS:
            raise UnsupportedError(f"no operator is given for {layer.activation}")
        before, value = value, f"activation{number}"
        operator = OPERATORS[layer.activation]
        nodes.append(helper.make_node(operator, [before], [value], **layer.attributes))
    float32 = onnx.TensorProto.FLOAT
    inputs, outputs = layers[0].weight.shape[0], layers[-1].weight.shape[1]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", float32, ["batch", inputs])],
        [helper.make_tensor_value_info(value, float32, ["batch", outputs])],
        weights,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    serialized: bytes = model.SerializeToString()
    return serialized


class OnnxRuntime:
    """``InferenceSession.run``; bytes are converted and divided by 255 with NumPy."""

    def __init__(self, threads: int) -> None:
        imported("onnx")
        self._library, self._threads = imported("onnxruntime"), threads

    def facts(self) -> dict[str, Any]:
        """Return the versions."""
        return dict(versions(["onnxruntime", "onnx"]))

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        """Return the call."""
        options = self._library.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        session = self._library.InferenceSession(
            model_of(layers), options, providers=["CPUExecutionProvider"]
        )
        run = session.run
        if workload.dtype == "uint8":
            return {"whole": Timed(lambda: run(None, {"x": scaled(x)})[0])}
        return {"whole": Timed(partial(run, None, {"x": x}), lambda results: results[0])}
