"""Who takes part. Each contestant runs in a process of its own, by `bench.worker`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.contestants.base import Contestant


@dataclass(frozen=True)
class Entry:
    """Where a contestant's class is found, and what to make it with.

    Parameters
    ----------
    title : str
        What the table prints.
    module, attribute : str
        Imported in the contestant's own process only.
    arguments : mapping
        Given to the class beside the number of threads.
    device : bool
        Whether it computes on a GPU, so that threads make no difference.
    """

    title: str
    module: str
    attribute: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    device: bool = False


_CUPY = {"library": "cupy"}

CONTESTANTS = {
    "arraynet": Entry("arraynet", "engine", "Arraynet"),
    "arraynet-gpu": Entry("arraynet gpu", "engine", "ArraynetDevice", {"backend": "gpu"}, True),
    "textbook": Entry("textbook NumPy", "textbook", "Textbook"),
    "products": Entry("bare products", "textbook", "Products"),
    "onnxruntime": Entry("onnxruntime", "onnx_runtime", "OnnxRuntime"),
    "torch": Entry("torch", "pytorch", "Torch"),
    "scikit-learn": Entry("scikit-learn", "scikit_learn", "ScikitLearn"),
}
"""Those of the ordinary table, by the names that ``--contestants`` takes."""

GPU_CONTESTANTS = {
    "arraynet-gpu": CONTESTANTS["arraynet-gpu"],
    "torch-cuda": Entry("torch cuda", "pytorch", "TorchDevice", {"device": "cuda"}, True),
    "cupy-textbook": Entry("textbook CuPy", "textbook", "DeviceTextbook", _CUPY, True),
    "cupy-products": Entry("bare products", "textbook", "DeviceProducts", _CUPY, True),
}
"""Those of ``--gpu-report``."""

ENTRIES = {**CONTESTANTS, **GPU_CONTESTANTS}


def make(name: str, threads: int) -> Contestant:
    """Make a contestant, in the process that it will run in.

    Raises
    ------
    UnavailableError
        If it cannot take part on this machine; it says why.
    """
    entry = ENTRIES[name]
    module = importlib.import_module(f"bench.contestants.{entry.module}")
    contestant: Contestant = getattr(module, entry.attribute)(threads, **entry.arguments)
    return contestant
