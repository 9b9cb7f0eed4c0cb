"""Fuzz the graph in the metadata: ``python tests/fuzz/fuzz_graph.py -max_total_time=600``."""

from __future__ import annotations

import json

import harness
import numpy as np

from arraynet.chains import graph_from_contents
from arraynet.formats.graph_json import KEY
from tests.formats.archives import archive, npy, shape_of

WEIGHTS = {"W1": np.ones((2, 3), "f4"), "b1": np.ones(3, "f4")}

GRAPH = (
    '{"version":1,"inputs":[{"name":"x","shape":["batch",2]}],"nodes":['
    '{"op":"affine","inputs":["x","W1","b1"],"outputs":["a"],"attributes":{}},'
    '{"op":"leaky_relu","inputs":["a"],"outputs":["r"],"attributes":{"alpha":0.1}},'
    '{"op":"softmax","inputs":["r"],"outputs":["s"],"attributes":{"axis":-1}}],"outputs":["s"]}'
)


def build(data: bytes) -> bytes:
    """Put the fuzzer's bytes where an archive holds its graph."""
    text = json.dumps({KEY: data.decode("latin-1")}).encode()
    members = [
        (f"{name}.npy", npy(shape_of(*array.shape, descr="<f4"), array.tobytes()))
        for name, array in WEIGHTS.items()
    ]
    return archive([*members, ("__metadata__.npy", npy(shape_of(len(text)), text))])


def load(path: str) -> harness.Arrays:
    contents = harness.formats.read(path)
    return dict(graph_from_contents(contents, file=path).weights)


if __name__ == "__main__":
    harness.fuzz(load, ".npz", [GRAPH.encode()], build=build)
