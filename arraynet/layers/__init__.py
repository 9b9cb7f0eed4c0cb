"""Builders of graphs: layers, and chains of them."""

from __future__ import annotations

from arraynet.layers.layer import Layer
from arraynet.layers.sequential import (
    WEIGHTED,
    LayerLike,
    Sequential,
    layer_ops,
    perceptron,
    sequential_graph,
    weighted_layer,
)
from arraynet.layers.weighted import BatchNormalization, Conv, Dense, Scale
from arraynet.layers.windows import AveragePool, Flatten, MaxPool

__all__ = [
    "WEIGHTED",
    "AveragePool",
    "BatchNormalization",
    "Conv",
    "Dense",
    "Flatten",
    "Layer",
    "LayerLike",
    "MaxPool",
    "Scale",
    "Sequential",
    "layer_ops",
    "perceptron",
    "sequential_graph",
    "weighted_layer",
]
