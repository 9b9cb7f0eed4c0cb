"""``arraynet draw``: draw a digit and see what the network sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from arraynet.cli.commands import say
from arraynet.cli.options import MODEL, RUN, Answer, command, count, flag, option
from arraynet.cli.samples import name_of, open_network
from arraynet.errors import ArraynetError, LoadError
from arraynet.scaling import starts_with_scale

if TYPE_CHECKING:
    from arraynet.network import Network
    from arraynet.web.neighbours import Neighbours


@command(
    "draw",
    "draw sample_weight.pkl --hidden sigmoid --output softmax",
    "draw model.safetensors --mnist data/mnist --backend gpu --port 0",
    options=[
        MODEL,
        RUN,
        count("--port", "Port of the page; 0: any free one.", default=8642, least=0, most=65535),
        option(
            "--host",
            "Address of the page. Any other than this one lets other machines in.",
            metavar="ADDRESS",
            default="127.0.0.1",
        ),
        flag("--no-open", "Open no browser: only print the address."),
        option(
            "--mnist",
            "MNIST's files, for the nearest test images. [default: what 'fetch mnist' brought]",
            metavar="FOLDER",
        ),
    ],
)
def draw(
    model: str | None,
    port: int,
    host: str,
    no_open: bool,
    mnist: str | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """Draw a digit, and see what MODEL sees, as you draw.

    Opens a page in your browser: the image as the network sees it, the probabilities,
    each layer, the time on each backend, the nearest test images. Ctrl-C stops it.

    MODEL is a .safetensors, .npz or .pkl file of a network with 64 inputs (8 × 8
    pixels) or 784 (28 × 28); without it, the network that comes with arraynet.
    """
    try:
        import uvicorn  # noqa: F401 (the server)
    except ModuleNotFoundError as error:
        raise ArraynetError(
            'draw: got no uvicorn, expected it installed (python -m pip install "arraynet[cli,web]"'
            '; in a clone: ".[cli,web]")'
        ) from error
    from arraynet.web import serving
    from arraynet.web.viewer import Viewer

    network = open_network(model, **reading)
    near, without = _neighbours(network, mnist)
    viewer = Viewer(
        network,
        name_of(model),
        scaled=starts_with_scale(network.graph),
        neighbours=near,
        without=without,
    )
    bound = serving.listen(host, port)
    url = serving.address(host, bound)

    def ready() -> None:
        facts = {"url": url, "model": model, "backend": network.backend.name}
        Answer(facts, [f"Draw on {url}  (Ctrl-C stops)"]).print(as_json)
        if not serving.is_loopback(bound):
            say(f"arraynet: whoever reaches {host} can use this page", err=True)
        if not no_open:
            serving.open_browser(url)

    serving.serve(viewer, host, bound, ready=ready)


def _neighbours(network: Network, folder: str | None) -> tuple[Neighbours | None, str]:
    """Return the test images to look for the nearest in, or why there are none."""
    from arraynet.web import neighbours
    from arraynet.web.viewer import preparation_for

    if preparation_for(network).side == 8:
        if folder is not None:
            raise click.UsageError("--mnist is for a network with 784 inputs; leave it out here.")
        return neighbours.embedded_digits(), ""
    if folder is not None:
        return neighbours.mnist(folder), ""
    try:
        return neighbours.mnist(), ""
    except LoadError as error:
        found = f"{error.file}: {error.found}"
    except ArraynetError as error:
        found = str(error)
    return None, (
        f"MNIST's test images are not here ({found}). Stop arraynet draw, run arraynet fetch "
        f"mnist, and start it again; or give --mnist FOLDER."
    )
