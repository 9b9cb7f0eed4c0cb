"""What a caller may hand over to be told of progress."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet.errors import ArraynetError
from arraynet.progress import advancing

ODD = [np.ones(3), np.array([]), [1, 2], "yes", 3, object()]


@pytest.mark.parametrize("progress", ODD, ids=lambda value: type(value).__name__)
def test_what_cannot_be_told_anything(progress: Any) -> None:
    with (
        pytest.raises(ArraynetError, match=r"progress: got .*, expected True, False or a func"),
        advancing(progress, 3),
    ):
        pass
    network = arraynet.load_pretrained("digits")
    x = np.zeros((3, 64), "float32")
    for call in (network.predict, network.classify):
        with pytest.raises(ArraynetError, match="progress: got"):
            call(x, progress=progress)
    with pytest.raises(ArraynetError, match="progress: got"):
        network.evaluate(x, [0, 1, 2], progress=progress)
    with pytest.raises(ArraynetError, match="progress: got"):
        arraynet.datasets.fetch_mnist("nowhere", offline=True, progress=progress)


@pytest.mark.parametrize("progress", [None, False])
def test_no_progress(progress: Any) -> None:
    with advancing(progress, 3) as advance:
        assert advance is None
    network = arraynet.load_pretrained("digits")
    assert network.predict(np.zeros((3, 64)), progress=progress).shape == (3, 10)


def test_a_function_is_told() -> None:
    seen: list[int] = []
    arraynet.load_pretrained("digits").predict(np.zeros((3, 64)), progress=seen.append)
    assert sum(seen) == 3
