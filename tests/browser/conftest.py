"""A headless Chromium, and the page of a network in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser.page import Page
from tests.test_convolutional import TYPED

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-device-scale-factor=1",
)

Open = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the browser to its own session of nox."""
    if os.environ.get("ARRAYNET_BROWSER"):
        return
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="nox -s browser sets ARRAYNET_BROWSER=1"))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start a browser with a new profile; fail where there is none."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        pytest.fail("no chromium or chromedriver: apt-get install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = programs[0]
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(programs[1]))
    driver.set_script_timeout(20)
    yield driver
    driver.quit()


@contextmanager
def serving(*arguments: str, cache: Path | None = None) -> Iterator[str]:
    """Run ``arraynet draw`` as people do, and give its address."""
    command = [sys.executable, "-m", "arraynet", "draw", *arguments]
    changed = {} if cache is None else {"ARRAYNET_CACHE": str(cache)}
    with subprocess.Popen(
        [*command, "--no-open", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **changed},
    ) as process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, "arraynet draw ended"
            text += line
        try:
            yield json.loads(text)["url"]
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def embedded_url() -> Iterator[str]:
    """Serve the embedded network."""
    with serving() as url:
        yield url


@pytest.fixture(scope="session")
def book_url(test_data: Path) -> Iterator[str]:
    """Serve the book's network, with MNIST beside it."""
    weights = str(test_data / "weights" / "sample_weight.pkl")
    network = ("--hidden", "sigmoid", "--output", "softmax")
    with serving(weights, *network, "--mnist", str(test_data / "mnist")) as url:
        yield url


@pytest.fixture(scope="session")
def deep_url(test_data: Path) -> Iterator[str]:
    """Serve the book's network of chapter 8, of six convolutions, with MNIST beside it."""
    weights = str(test_data / "weights" / "deep_convnet_params.pkl")
    layers = TYPED["deep_convnet_params"]
    with serving(weights, "--layers", layers, "--mnist", str(test_data / "mnist")) as url:
        yield url


@pytest.fixture
def opened(chromium: Any) -> Iterator[Open]:
    """Open an address; at the end, the browser must have complained of nothing."""
    page = Page(chromium)

    def open_page(url: str, *, width: int = 1280, height: int = 1000, dark: bool = False) -> Page:
        page.view(width, height, dark=dark)
        page.open(url)
        return page

    yield open_page
    assert page.complaints() == []
