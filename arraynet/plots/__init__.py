"""Pictures of networks, data and results (extra ``plot``: matplotlib).

Every function takes ``ax=None``: it draws into the axes that it is given, or into those
of a new figure, and returns the axes. Nothing is shown or saved. The figure is
``ax.figure``: save it with ``ax.figure.savefig("picture.png")``; in a notebook, after
``%matplotlib inline``, make it the value of a cell. A picture of several panels has them in
``ax.child_axes``.

Pictures follow matplotlib's style, and can be read without colours. ``STYLES["light"]`` and
``STYLES["dark"]`` are arraynet's own: ``with matplotlib.style.context(STYLES["dark"]): …``
"""

from __future__ import annotations

from arraynet.plots.activations import activations
from arraynet.plots.canvas import STYLES
from arraynet.plots.evaluations import confusion, probabilities
from arraynet.plots.images import images, misclassified, weights
from arraynet.plots.nodes import graph, layers, parity

__all__ = [
    "STYLES",
    "activations",
    "confusion",
    "graph",
    "images",
    "layers",
    "misclassified",
    "parity",
    "probabilities",
    "weights",
]
