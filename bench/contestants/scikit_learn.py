"""scikit-learn's MLPClassifier (MLPRegressor without a softmax), given the weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bench.contestants.base import Timed, UnsupportedError, imported, versions
from bench.contestants.textbook import scaled
from bench.networks import HostArray, Layers
from bench.workloads import Workload

HIDDEN = {"sigmoid": "logistic", "tanh": "tanh", "relu": "relu", "identity": "identity"}


def predictor_of(layers: Layers) -> Any:
    """Return ``predict_proba`` of a classifier, or ``predict`` of a regressor.

    Raises
    ------
    UnsupportedError
        For hidden layers with different activations, or one that it does not have.
    """
    neural_network = imported("sklearn.neural_network", "scikit-learn")
    hidden = {layer.activation for layer in layers[:-1]}
    output = layers[-1].activation
    if len(hidden) != 1 or not hidden <= set(HIDDEN):
        raise UnsupportedError("all hidden layers have one activation there")
    if output not in ("softmax", "identity"):
        raise UnsupportedError(f"{output} is no output activation there")
    classifies = output == "softmax"
    kind = neural_network.MLPClassifier if classifies else neural_network.MLPRegressor
    sizes = [layer.weight.shape[1] for layer in layers]
    model = kind(hidden_layer_sizes=sizes[:-1], activation=HIDDEN[hidden.pop()])
    # What fitting would have set.
    model.coefs_ = [layer.weight for layer in layers]
    model.intercepts_ = [layer.bias for layer in layers]
    model.n_layers_, model.n_outputs_ = len(layers) + 1, sizes[-1]
    model.n_features_in_ = layers[0].weight.shape[0]
    model.out_activation_ = output
    if classifies:
        model.classes_ = np.arange(sizes[-1])
        return model.predict_proba
    return model.predict


class ScikitLearn:
    """The prediction; bytes are converted and divided by 255 with NumPy."""

    def __init__(self, threads: int) -> None:
        imported("sklearn", "scikit-learn")

    def facts(self) -> dict[str, Any]:
        """Return the version."""
        return dict(versions(["scikit-learn"]))

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        """Return the call."""
        predict = predictor_of(layers)
        if workload.dtype == "uint8":
            return {"whole": Timed(lambda: predict(scaled(x)))}
        return {"whole": Timed(partial(predict, x))}
