"""The embedded network and its test images, for pictures of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet import plots
from arraynet.parity import compare

Draw = Callable[..., Any]


@pytest.fixture(scope="session")
def net() -> arraynet.Network:
    return arraynet.load_pretrained("digits")


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    return arraynet.datasets.load_digits()[1]


@pytest.fixture
def draw(
    request: pytest.FixtureRequest, net: arraynet.Network, digits: tuple[np.ndarray, np.ndarray]
) -> Draw:
    """Give one of the functions, with something to draw."""
    x, t = digits
    arguments = {
        "activations": (),
        "confusion": (net.evaluate(x, t),),
        "graph": (net,),
        "images": (x[:12], t[:12]),
        "layers": (net, x[:50]),
        "misclassified": (net, x, t),
        "parity": (compare(net, x[:50]),),
        "probabilities": (net, x[0]),
        "weights": (net,),
    }[request.param]
    return lambda **given: getattr(plots, request.param)(*arguments, **given)
