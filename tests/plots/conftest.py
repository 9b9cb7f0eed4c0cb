"""The embedded network and its test images, for pictures of them."""

from __future__ import annotations

import numpy as np
import pytest

import arraynet


@pytest.fixture(scope="session")
def net() -> arraynet.Network:
    return arraynet.load_pretrained("digits")


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    return arraynet.datasets.load_digits()[1]
