"""Pack scikit-learn's copy of the UCI digits into arraynet/datasets/digits.npz.

Development only, run once: ``python bench/pack_digits.py`` (dependency group
``data``). The archive holds ``images`` (1797, 8, 8) uint8 from 0 to 16 and ``labels``
(1797,) uint8, in the data set's order. The same zlib gives the same bytes; another
zlib gives the same arrays.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).parents[1] / "arraynet" / "datasets" / "digits.npz"


def main() -> None:
    """Write the archive, and say how large it is."""
    bunch = load_digits()
    images = bunch.images.astype(np.uint8)
    if not np.array_equal(images, bunch.images) or images.max() > 16:
        raise SystemExit("scikit-learn's images are not whole numbers from 0 to 16")
    np.savez_compressed(TARGET, images=images, labels=bunch.target.astype(np.uint8))
    print(f"{TARGET.name}: {len(images)} images, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
