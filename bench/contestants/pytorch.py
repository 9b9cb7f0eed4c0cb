"""PyTorch, eager, in inference mode."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bench.contestants.base import Phases, Timed, UnavailableError, UnsupportedError, imported
from bench.networks import HostArray, Layer, Layers
from bench.workloads import Workload


def model_of(torch: Any, layers: Layers) -> Any:
    """Return the network as a `torch.nn.Sequential` on the CPU."""
    modules = []
    for layer in layers:
        inputs, outputs = layer.weight.shape
        linear = torch.nn.utils.skip_init(torch.nn.Linear, inputs, outputs)
        linear.weight.copy_(torch.tensor(layer.weight.T.copy()))
        linear.bias.copy_(torch.tensor(layer.bias))
        modules += [linear, *_activation(torch.nn, layer)]
    return torch.nn.Sequential(*modules).eval()


def _activation(nn: Any, layer: Layer) -> list[Any]:
    alpha = layer.attributes.get("alpha", 1.0)
    makers: dict[str, Callable[[], list[Any]]] = {
        "identity": lambda: [],
        "sigmoid": lambda: [nn.Sigmoid()],
        "tanh": lambda: [nn.Tanh()],
        "relu": lambda: [nn.ReLU()],
        "leaky_relu": lambda: [nn.LeakyReLU(alpha)],
        "elu": lambda: [nn.ELU(alpha)],
        "softmax": lambda: [nn.Softmax(dim=-1)],
    }
    if layer.activation not in makers:
        raise UnsupportedError(f"no module is given for {layer.activation}")
    return makers[layer.activation]()


def _forward(model: Any, dtype: str) -> Any:
    """Return the model, made to take bytes where there are any."""
    return model if dtype == "float32" else lambda x: model(x.float().div_(255))


class Torch:
    """The model called on a tensor over the same memory as the NumPy array."""

    def __init__(self, threads: int) -> None:
        self._torch = imported("torch")
        self._torch.set_num_threads(threads)
        self._torch.set_num_interop_threads(1)
        # Entered once, for the whole process: each call is then as cheap as it can be.
        self.mode = self._torch.inference_mode()
        self.mode.__enter__()

    def facts(self) -> dict[str, Any]:
        """Return the version."""
        return {"torch": self._torch.__version__}

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        """Return the call."""
        predict = _forward(model_of(self._torch, layers), workload.dtype)
        return {"whole": Timed(partial(predict, self._torch.from_numpy(x)))}


class TorchDevice(Torch):
    """The model on a device that PyTorch knows by name."""

    def __init__(self, threads: int, device: str) -> None:
        super().__init__(threads)
        self._device = device
        if device == "cuda" and not self._torch.cuda.is_available():
            raise UnavailableError(f"torch {self._torch.__version__} finds no usable CUDA device")

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        """Return the phases."""
        model = model_of(self._torch, layers).to(self._device)
        return Phases(self, _forward(model, workload.dtype), x).timed()

    def to_device(self, x: HostArray) -> Any:
        """Return the array on the device."""
        return self._torch.from_numpy(x).to(self._device)

    def to_host(self, x: Any) -> HostArray:
        """Return the array on the host."""
        host: HostArray = x.cpu().numpy()
        return host

    def wait(self) -> None:
        """Return when the device has done everything."""
        if self._device == "cuda":
            self._torch.cuda.synchronize()
