"""``arraynet draw``: draw a digit and see what the network sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from arraynet.cli.networks import open_network
from arraynet.cli.options import BACKEND, DTYPE, JSON, NETWORK, count, examples, options
from arraynet.cli.printing import print_json, say
from arraynet.errors import ArraynetError, LoadError
from arraynet.scaling import starts_with_scale

if TYPE_CHECKING:
    from arraynet.network import Network
    from arraynet.web.neighbours import Neighbours

PORT = 8642


@click.command(
    epilog=examples(
        "arraynet draw",
        "arraynet draw sample_weight.pkl --hidden sigmoid --output softmax",
        "arraynet draw model.safetensors --mnist data/mnist --backend gpu --port 0",
    )
)
@click.argument("model", required=False)
@options(
    *NETWORK,
    *DTYPE,
    *BACKEND,
    count("--port", "Port of the page; 0: any free one.", default=PORT, least=0, most=65535),
    click.option(
        "--host",
        default="127.0.0.1",
        show_default=True,
        metavar="ADDRESS",
        help="Address of the page. Any other than this one lets other machines in.",
    ),
    click.option("--no-open", is_flag=True, help="Open no browser: only print the address."),
    click.option(
        "--mnist",
        metavar="FOLDER",
        help="MNIST's files, for the nearest test images. [default: what 'fetch mnist' brought]",
    ),
    *JSON,
)
def draw(
    model: str | None,
    port: int,
    host: str,
    no_open: bool,
    mnist: str | None,
    as_json: bool,
    **network_options: Any,
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

    network = open_network(model, **network_options)
    near, without = _neighbours(network, mnist)
    viewer = Viewer(
        network,
        model or "the embedded network",
        scaled=starts_with_scale(network.graph),
        neighbours=near,
        without=without,
    )
    bound = serving.listen(host, port)
    url = serving.address(host, bound)

    def ready() -> None:
        if as_json:
            print_json({"url": url, "model": model, "backend": network.backend.name})
        else:
            say(f"Draw on {url}  (Ctrl-C stops)")
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
