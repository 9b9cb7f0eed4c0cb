"""What every test shares: the backends, the folder of test data, Hypothesis's profiles."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from arraynet.backends import Backend, get_backend
from arraynet.errors import BackendUnavailableError

# The same examples in each run, and no limit of time, which a slow machine would not keep.
# More, and new ones each time: --hypothesis-profile=thorough, as `nox -s thorough` has it.
COMMON = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}
settings.register_profile("quick", **COMMON, max_examples=40, derandomize=True)
settings.register_profile("thorough", **COMMON, max_examples=500)
settings.load_profile("quick")

BACKENDS = {
    "numpy": "cpu",
    "strict": "array_api_strict",
    "strict-device1": "array_api_strict:device1",
    "torch": "torch",
    "jax": "jax",
    "cupy": "gpu",
}
"""The name of the backend behind each test id."""


def _listed(variable: str, known: list[str]) -> set[str]:
    """Return the comma-separated words of an environment variable; refuse unknown ones."""
    words = {word.strip() for word in os.environ.get(variable, "").split(",")} - {""}
    unknown = sorted(words - set(known))
    if unknown:
        raise pytest.UsageError(
            f"{variable}: got {', '.join(unknown)}, expected some of {', '.join(known)}"
        )
    return words


CHOSEN = _listed("ARRAYNET_TEST_BACKENDS", list(BACKENDS)) or set(BACKENDS)
REQUIRED = _listed("ARRAYNET_REQUIRE", [*BACKENDS, *BACKENDS.values()])


def obtain(test_id: str) -> Backend:
    """Return the backend behind a test id; skip, or fail where it is required."""
    try:
        return get_backend(BACKENDS[test_id])
    except BackendUnavailableError as error:
        if {test_id, BACKENDS[test_id]} & REQUIRED:
            pytest.fail(f"ARRAYNET_REQUIRE asks for it: {error}", pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(params=[test_id for test_id in BACKENDS if test_id in CHOSEN])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Give each backend that this machine has; `ARRAYNET_TEST_BACKENDS` narrows them."""
    return obtain(request.param)


@pytest.fixture(scope="module", autouse=True)
def _fresh_objects_alone_are_collected() -> None:
    """Keep the collector, which many tests call, from what all modules before have loaded."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Give the folder with ``mnist/`` and ``weights/``, or skip the test."""
    folder = os.environ.get("ARRAYNET_TEST_DATA")
    if not folder:
        pytest.skip("ARRAYNET_TEST_DATA is not set to the folder with mnist/ and weights/")
    if not Path(folder).is_dir():
        pytest.fail(f"ARRAYNET_TEST_DATA: got {folder!r}, expected a folder", pytrace=False)
    return Path(folder)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs no chosen backend, unless NumPy is chosen: it runs there.

    A test without the fixture that belongs to one backend all the same says so:
    ``@pytest.mark.needs("torch")``.
    """
    if "numpy" in CHOSEN:
        return
    kept = [item for item in items if _concerns_chosen(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _concerns_chosen(item)])
    items[:] = kept


def _concerns_chosen(item: pytest.Item) -> bool:
    """Return whether a test runs on a chosen backend, or is marked with one."""
    marker = item.get_closest_marker("needs")
    named = set(marker.args) if marker else set()
    if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
        named.add(item.callspec.params.get("backend"))
    return bool(CHOSEN & named)
