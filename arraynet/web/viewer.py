"""What is to be seen of a drawing: by one network, on any of this machine's backends."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet import doctor
from arraynet.backends import get_backend
from arraynet.classification import checked_classes
from arraynet.datasets import preprocess
from arraynet.errors import ArraynetError, BackendUnavailableError, ShapeError, shape_text
from arraynet.labels import labels_from_scores
from arraynet.network import Network
from arraynet.web.neighbours import Neighbours

HostArray = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]

LAYERS = 40  # at most
SHOWN = 1024  # values of a layer at most
MAPS = 16  # feature maps of a layer at most
PIXELS = 16 * 1024  # of all of them
STEPS = 127  # of a pixel, from 0 to the largest value of a layer
NO_NUMBER = -128  # a pixel that is NaN or infinite
NEAREST = 10  # test images
RUNS = 15  # passes that a time is the median of


class Viewer:
    """What a network of 64 or 784 inputs and 10 outputs sees in drawings.

    Any number of threads may use it at once. A network that is ``scaled`` divides pixels by
    their largest value itself; for another that is done before. The nearest test images are
    looked for among the neighbours; ``without`` says why there are none, and what to do.
    """

    def __init__(
        self,
        network: Network,
        name: str,
        *,
        scaled: bool = False,
        neighbours: Neighbours | None = None,
        without: str = "",
    ) -> None:
        self.preparation = preparation_for(network)
        self._name, self._scaled = name, scaled
        self._neighbours, self._without = neighbours, without
        self._first = network.backend.name
        self._moving, self._examining = threading.Lock(), threading.Lock()
        self._networks = {self._first: network}
        self._examined: dict[str, dict[str, str]] | None = None

    def describe(self) -> dict[str, Any]:
        """Return what the page says before anything is drawn."""
        network = self._networks[self._first]
        return {
            "name": self._name,
            "network": repr(network).removeprefix("<arraynet network ").removesuffix(">"),
            "backend": self._first,
            "side": self.preparation.side,
            "preparation": self.preparation.text,
            "tests": self._neighbours.name if self._neighbours else None,
            "without": self._without,
            "nearest": NEAREST if self._neighbours else 0,
            "layers": [
                {"name": node.name, "op": node.op, **_form(network.graph.shapes[node.name])}
                for node in network.graph.nodes[:LAYERS]
            ],
            "more": max(0, len(network.graph.nodes) - LAYERS),
        }

    def backends(self) -> list[dict[str, str]]:
        """Return the backends with ``name``, ``text`` and ``error`` ("" where usable).

        The first call imports the libraries, which takes a moment.
        """
        with self._examining:
            if self._examined is None:
                self._examined = {name: self._facts(name) for name in self._names()}
            return [{"name": name, **facts} for name, facts in self._examined.items()]

    def _facts(self, name: str) -> dict[str, str]:
        """Return what there is to say of a backend, on which this network must run too."""
        facts = _examined(name)
        if not facts["error"]:
            try:
                self._network(name)
            except ArraynetError as error:  # such as one without float64
                return {"text": "", "error": str(error)}
        return facts

    def look(self, drawing: Bytes, backend: str | None = None) -> dict[str, Any]:
        """Return what one drawing is to the network, in types that JSON has.

        A drawing is uint8 (height, width), its ink brighter than the ground; without a
        backend, the network runs where it was loaded. Without ink there is only the
        ``image``; ``label`` is None if the outputs hold NaN, and ``probable`` says whether
        those are probabilities.
        """
        network = self._network(backend)
        image = self.preparation.prepare(drawing)
        seen: dict[str, Any] = {
            "backend": network.backend.name,
            "image": _picture(image, self.preparation.largest),
            "ink": bool(image.any()),
        }
        if not seen["ink"]:
            return seen
        with np.errstate(over="ignore", invalid="ignore"):  # the page says what is no number
            values = network.activations(self._input(network, image))
        wanted = [node.name for node in network.graph.nodes[:LAYERS]]
        host = {
            name: network.backend.to_host(values[name])
            for name in (*wanted, *network.graph.outputs)
        }
        outputs = host[network.graph.outputs[0]].astype(np.float64)
        label = int(labels_from_scores(outputs)[0])
        return seen | {
            "label": label if label >= 0 else None,
            "outputs": _numbers(outputs),
            "probable": network.gives_probabilities,
            "layers": [
                {"name": node.name, "op": node.op, **_layer(host[node.name])}
                for node in network.graph.nodes[:LAYERS]
            ],
            "nearest": self._nearest(image),
        }

    def times(self, drawing: Bytes, backend: str | None = None) -> dict[str, Any]:
        """Return how long one pass of a drawing takes on a backend, in ``microseconds``.

        It is the median of `RUNS` passes after one that is not counted, from an input on
        the device to a result on the device, waited for.
        """
        network = self._network(backend)
        home = network.backend
        image = self._input(network, self.preparation.prepare(drawing))
        durations = []
        with home.active():
            x = home.asarray(image, network.dtype)
            for _ in range(RUNS + 1):
                home.synchronize()
                start = time.perf_counter_ns()
                network(x)
                home.synchronize()
                durations.append(time.perf_counter_ns() - start)
        median = statistics.median(durations[1:])
        return {"backend": home.name, "microseconds": round(median / 1000, 1), "runs": RUNS}

    def _network(self, backend: str | None) -> Network:
        """Return the network on a backend; each is made once."""
        name = self._first if backend is None else backend
        if name not in self._names():
            known = ", ".join(self._names())
            raise BackendUnavailableError(f"backend: got {name!r}, expected one of {known}")
        with self._moving:
            if name not in self._networks:
                self._networks[name] = self._networks[self._first].to(get_backend(name))
            return self._networks[name]

    def _names(self) -> list[str]:
        """Return the backends to choose from, the first one first."""
        # "gpu" and "gpu:0" are one.
        others = [name for name in doctor.BACKENDS if name != self._first.removesuffix(":0")]
        return [self._first, *others]

    def _input(self, network: Network, image: Bytes) -> HostArray:
        """Return an image as a batch of one, in the network's shape and range."""
        shape = tuple(size for size in network.input_shape[1:] if isinstance(size, int))
        batch: HostArray = image.reshape(1, *shape)
        if self._scaled:
            return batch
        return batch.astype(np.float32) / np.float32(self.preparation.largest)

    def _nearest(self, image: Bytes) -> list[dict[str, Any]]:
        if self._neighbours is None:
            return []
        side = self.preparation.side
        return [
            {
                "label": near.label,
                "distance": round(near.distance, 3),
                "image": _picture(near.pixels.reshape(side, side), self._neighbours.largest),
            }
            for near in self._neighbours.nearest(image, NEAREST)
        ]


def preparation_for(network: Network) -> preprocess.Preparation:
    """Return how drawings are prepared for a network, by the size of its input."""
    single = len(network.inputs) == 1
    if single and not all(isinstance(size, int) for size in network.input_shape[1:]):
        raise ShapeError(
            f"draw: got a network that takes {shape_text(network.input_shape)}, expected numbers "
            f"after the first axis (a network for images has their size in its graph)"
        )
    outputs = checked_classes(network.graph, "draw", rank=2)
    preparation = preprocess.preparation_for(_size(network.input_shape), "draw")
    if outputs != 10:
        raise ShapeError(
            f"draw: got a network with {outputs} outputs, expected 10, one for each digit"
        )
    return preparation


def _size(shape: tuple[int | str, ...]) -> int:
    """Return how many values one example has."""
    return math.prod(size for size in shape[1:] if isinstance(size, int))


def _form(shape: Sequence[int | str]) -> dict[str, Any]:
    """Return how a layer of that shape is shown: as a strip of values, or as feature maps.

    Those are images, as many as the layer has channels.
    """
    one = [size for size in shape[1:] if isinstance(size, int)]
    size = math.prod(one)
    if len(shape) == len(one) + 1 == 4:
        channels, rows, columns = one
        pixels = rows * columns
        if 1 < pixels <= PIXELS and channels:
            shown = min(channels, MAPS, PIXELS // pixels)
            maps = {"count": channels, "rows": rows, "columns": columns}
            return {"size": size, "shown": shown * pixels, "maps": maps}
    return {"size": size, "shown": min(size, SHOWN), "maps": None}


def _layer(value: HostArray) -> dict[str, Any]:
    """Return what is shown of the values of a layer, and their range.

    Those of a strip are themselves. Pixels of feature maps are whole numbers, of which
    `STEPS` stand for the largest value of all that are shown.
    """
    form = _form(value.shape)
    shown = value.ravel()[: form["shown"]].astype(np.float64)
    finite = np.isfinite(shown)
    numbers = shown[finite]
    ends = [numbers.min(), numbers.max()] if numbers.size else [np.nan, np.nan]
    facts = {**form, "range": _numbers(np.asarray(ends))}
    if form["maps"] is None:
        return {**facts, "values": _numbers(shown)}
    largest = float(np.abs(numbers).max(initial=0.0))
    steps = np.rint(STEPS * (np.where(finite, shown, 0.0) / (largest or 1.0)))
    return {**facts, "values": np.where(finite, steps, NO_NUMBER).astype(np.int64).tolist()}


def _examined(name: str) -> dict[str, str]:
    """Return what there is to say of a backend, after a small computation on it."""
    facts = doctor.examine(name)
    if facts["status"] == "PASS":
        return {"text": f"{facts['library']} {facts['version']}, {facts['device']}", "error": ""}
    return {"text": "", "error": facts["error"]}


def _picture(image: Bytes, largest: int) -> dict[str, Any]:
    return {
        "rows": image.shape[0],
        "columns": image.shape[1],
        "largest": largest,
        "pixels": image.ravel().tolist(),
    }


def _numbers(values: HostArray) -> list[float | None]:
    """Return values as JSON has them: six digits; NaN and infinity are None."""
    return [
        float(f"{value:.6g}") if math.isfinite(value) else None
        for value in values.ravel().astype(np.float64).tolist()
    ]
