"""Train the embedded network, 64-50-100-10, and write arraynet/datasets/digits_mlp.safetensors.

Development only: ``python bench/train_digits.py`` (about half a minute; ``--check`` compares
with the file in the tree instead of writing it). NumPy alone.

Anyone who reruns this gets the same file. Random numbers come from NumPy's `RandomState`,
whose streams are frozen. The new images are computed with elementwise operations that
IEEE 754 defines to the last bit, and are whole numbers. Matrix products and exp differ
between processors in their last bits, so gradients are rounded to multiples of 2**-20
before they are used, which removes such differences: for one of them to get through, a
gradient must lie within about 1e-17 of the border between two multiples.

The test split is used only to print the accuracy: nothing was chosen by it.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from arraynet import Dense, Network, Sequential
from arraynet.datasets import load_digits
from arraynet.formats import graph_to_metadata, write

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.uint8]

TARGET = Path(__file__).parents[1] / "arraynet" / "datasets" / "digits_mlp.safetensors"
SIZES = (64, 50, 100, 10)
SEED = 1998
EPOCHS = 120
AVERAGED_EPOCHS = 20
BATCH = 64
LEARNING_RATE = 0.004
WEIGHT_DECAY = 1e-5
GRADIENT_GRID = 2.0**20
NOTICE = {"license": "CC BY 4.0; trained on UCI digits, see digits.LICENSE.md"}


def varied(images: Floats, labels: Labels, random: np.random.RandomState) -> Floats:
    """Return each image (n, 8, 8), 0 to 16, a little moved, turned, stretched, thickened.

    An image is looked up at the points of a slightly wrong 32 × 32 grid; a point is ink
    where the interpolated image exceeds a random level; blocks of 4 × 4 are counted.
    Ones come narrower too, as a plain vertical stroke is: the data set's have serifs.
    """
    count = len(images)
    one = (count, 1, 1)
    grid = (np.arange(32) - 15.5) / 4
    stretch, shear = random.uniform(-0.15, 0.15, (2, *one)), random.uniform(-0.2, 0.2, (2, *one))
    narrowed = random.uniform(0.0, 0.6, one) * (labels == 1).reshape(one)
    shift = random.uniform(-0.5, 0.5, (2, *one)) + 3.5
    down = grid[:, np.newaxis]
    rows = down * (1 + stretch[0]) + grid * shear[0] + shift[0]
    columns = down * shear[1] + grid * (1 + stretch[1] + narrowed) + shift[1]
    level = random.uniform(5.0, 11.0, one)
    bitmap = _interpolated(images, rows, columns) > level
    counts: Floats = bitmap.reshape(count, 8, 4, 8, 4).sum(axis=(2, 4)).astype(np.float64)
    return counts


def _interpolated(images: Floats, rows: Floats, columns: Floats) -> Floats:
    """Return the images at fractional places, linearly interpolated, 0 outside."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    rows, columns = np.clip(rows + 1, 0, 8.999), np.clip(columns + 1, 0, 8.999)
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    down, right = rows - top, columns - left
    which = np.arange(len(images))[:, np.newaxis, np.newaxis]
    above = padded[which, top, left] * (1 - right) + padded[which, top, left + 1] * right
    below = padded[which, top + 1, left] * (1 - right) + padded[which, top + 1, left + 1] * right
    result: Floats = above * (1 - down) + below * down
    return result


def initial(random: np.random.RandomState) -> list[Floats]:
    """Return W1, b1, W2, b2, W3, b3: Glorot's uniform weights, biases of 0."""
    parameters: list[Floats] = []
    for rows, columns in itertools.pairwise(SIZES):
        bound = float(np.sqrt(6.0 / (rows + columns)))
        parameters += [random.uniform(-bound, bound, (rows, columns)), np.zeros(columns)]
    return parameters


def forward(parameters: list[Floats], x: Floats) -> list[Floats]:
    """Return the input, both hidden layers' outputs and the probabilities."""
    w1, b1, w2, b2, w3, b3 = parameters
    first = 1 / (1 + np.exp(-(x @ w1 + b1)))
    second = 1 / (1 + np.exp(-(first @ w2 + b2)))
    scores = second @ w3 + b3
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return [x, first, second, powers / powers.sum(axis=1, keepdims=True)]


def gradients(parameters: list[Floats], x: Floats, t: Floats) -> list[Floats]:
    """Return the rounded gradient of the mean cross-entropy with weight decay."""
    *layers, probabilities = forward(parameters, x)
    found: list[Floats] = []
    slope = (probabilities - t) / len(x)
    for index in (2, 1, 0):
        weights, values = parameters[2 * index], layers[index]
        found = [values.T @ slope + WEIGHT_DECAY * weights, slope.sum(axis=0), *found]
        slope = (slope @ weights.T) * values * (1 - values)
    return [np.rint(gradient * GRADIENT_GRID) / GRADIENT_GRID for gradient in found]


class Adam:
    """Kingma and Ba's optimiser, in operations that every machine rounds alike."""

    def __init__(self, parameters: list[Floats]) -> None:
        self.parameters = parameters
        self.mean = [np.zeros_like(parameter) for parameter in parameters]
        self.spread = [np.zeros_like(parameter) for parameter in parameters]
        self.mean_left = self.spread_left = 1.0

    def step(self, found: list[Floats], rate: float) -> None:
        """Change the parameters, in place, by one step down the gradients."""
        self.mean_left *= 0.9
        self.spread_left *= 0.999
        for index, gradient in enumerate(found):
            self.mean[index] = 0.9 * self.mean[index] + 0.1 * gradient
            self.spread[index] = 0.999 * self.spread[index] + 0.001 * gradient * gradient
            scale = np.sqrt(self.spread[index] / (1 - self.spread_left)) + 1e-6
            self.parameters[index] -= rate * self.mean[index] / (1 - self.mean_left) / scale


def train() -> list[Floats]:
    """Return the trained W1, b1, … b3: the average over the last epochs."""
    random = np.random.RandomState(SEED)
    (pixels, labels), _ = load_digits(normalize=False)
    images = pixels.reshape(-1, 8, 8).astype(np.float64)
    targets = np.tile(np.eye(10)[labels], (3, 1))
    parameters = initial(random)
    average = [np.zeros_like(parameter) for parameter in parameters]
    adam = Adam(parameters)
    for epoch in range(EPOCHS):
        copies = [images, *(varied(images, labels, random) for _ in range(2))]
        x = np.concatenate(copies).reshape(-1, 64) / 16
        order = random.permutation(len(x))
        for begin in range(0, len(x), BATCH):
            rows = order[begin : begin + BATCH]
            rate = LEARNING_RATE * (1 - epoch / EPOCHS)
            adam.step(gradients(parameters, x[rows], targets[rows]), rate)
        if epoch >= EPOCHS - AVERAGED_EPOCHS:
            for total, parameter in zip(average, parameters, strict=True):
                total += parameter / AVERAGED_EPOCHS
    return average


def network(parameters: list[Floats]) -> Network:
    """Return the network with W1, b1, W2, b2, W3, b3, in float32."""
    w1, b1, w2, b2, w3, b3 = (values.astype(np.float32) for values in parameters)
    return Sequential(Dense(w1, b1), "sigmoid", Dense(w2, b2), "sigmoid", Dense(w3, b3), "softmax")


def stored(net: Network) -> bytes:
    """Return the bytes of the network's file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, TARGET.name)
        write(path, net.graph.weights, {**graph_to_metadata(net.graph), **NOTICE})
        return path.read_bytes()


def main() -> None:
    """Train; print the accuracies; write the file, or compare it."""
    parser = argparse.ArgumentParser(description="Train the embedded network.")
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    check = parser.parse_args().check
    net = network(train())
    for part, (x, t) in zip(("training", "test"), load_digits(), strict=True):
        print(f"{part}: {net.evaluate(x, t)}")
    content = stored(net)
    if not check:
        TARGET.write_bytes(content)
    elif TARGET.read_bytes() != content:
        raise SystemExit(f"{TARGET.name} differs from what was trained now")
    print(f"{TARGET.name}: sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
