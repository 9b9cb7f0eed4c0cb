"""Where MNIST is looked for: what `fetch_mnist` brought, torchvision's folders, half a set."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet.datasets import fetch_mnist, load_mnist, mnist
from arraynet.errors import ArraynetError, LoadError
from tests.datasets.test_mnist import IMAGES, LABELS, write

TRAIN = "train-images-idx3-ubyte"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the cache folder one of the test's own."""
    monkeypatch.setenv("ARRAYNET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mnist"


def check(parts: Any) -> None:
    (_, t_train), (x_test, t_test) = parts
    assert np.array_equal(t_train, LABELS["train"])
    assert np.array_equal(t_test, LABELS["t10k"])
    assert np.array_equal(x_test, IMAGES["t10k"].reshape(3, 784))


def test_what_fetch_brought_is_the_default(home: Path) -> None:
    home.mkdir(parents=True)
    write(home)
    check(load_mnist(normalize=False))


def test_without_a_download_the_default_says_what_brings_it(home: Path) -> None:
    with pytest.raises(LoadError) as caught:
        load_mnist()
    assert caught.value.file == str(home)
    assert "arraynet fetch mnist" in str(caught.value)
    assert "fetch_mnist()" in str(caught.value)


def test_the_advice_for_a_folder_fills_that_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the message says to call, called, brings the files to where they were missed."""
    wanted = tmp_path / "my mnist"
    with pytest.raises(LoadError) as caught:
        load_mnist(wanted)
    call = f"fetch_mnist({str(wanted)!r})"
    assert f"arraynet.datasets.{call}" in str(caught.value)
    monkeypatch.setattr("arraynet.datasets.fetch.FILES", ())
    assert eval(call, {"fetch_mnist": fetch_mnist}) == wanted


@pytest.mark.parametrize("below", ["MNIST/raw", "raw"])
def test_torchvisions_folders(tmp_path: Path, below: str) -> None:
    """What torchvision keeps is in root/MNIST/raw, each file as it came and unpacked."""
    raw = tmp_path / below
    raw.mkdir(parents=True)
    write(raw)
    write(raw, zipped=False)
    check(load_mnist(tmp_path, normalize=False))
    check(load_mnist(raw, normalize=False))


def test_one_part_needs_only_its_own_files(tmp_path: Path) -> None:
    write(tmp_path)
    for kind in ("images-idx3", "labels-idx1"):
        (tmp_path / f"train-{kind}-ubyte.gz").unlink()
    x, t = load_mnist(tmp_path, part="test", flatten=False, normalize=False)
    assert np.array_equal(x[:, 0], IMAGES["t10k"])
    assert np.array_equal(t, LABELS["t10k"])
    with pytest.raises(LoadError, match=TRAIN) as caught:
        load_mnist(tmp_path)
    assert "part='test'" in str(caught.value)
    with pytest.raises(LoadError) as caught:
        load_mnist(tmp_path, part="train")
    assert "part='test'" in str(caught.value)


def test_the_training_part_alone(tmp_path: Path) -> None:
    write(tmp_path)
    for kind in ("images-idx3", "labels-idx1"):
        (tmp_path / f"t10k-{kind}-ubyte.gz").unlink()
    _, t = load_mnist(tmp_path, part="train", one_hot_label=True)
    assert np.array_equal(t, np.eye(10)[LABELS["train"]])
    with pytest.raises(LoadError, match="part='train'"):
        load_mnist(tmp_path)


@pytest.mark.parametrize("part", ["tests", "t10k", 3, np.ones(3)])
def test_parts_that_are_none(tmp_path: Path, part: Any) -> None:
    with pytest.raises(ArraynetError, match=r"load_mnist: got part=.*test"):
        load_mnist(write(tmp_path), part=part)


@pytest.mark.parametrize("value", ["~nosuchuser/x", "~nosuchuser"])
@pytest.mark.parametrize("function", [load_mnist, fetch_mnist])
def test_a_cache_folder_that_cannot_be(
    value: str, function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARRAYNET_CACHE", value)
    with pytest.raises(ArraynetError) as caught:
        function()
    assert str(caught.value).startswith(f"ARRAYNET_CACHE: got '{value}', expected a folder")


def test_the_cache_folder_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is platformdirs' folder, and needs no platformdirs."""
    platformdirs = pytest.importorskip("platformdirs")
    monkeypatch.delenv("ARRAYNET_CACHE", raising=False)
    expected = Path(platformdirs.user_cache_dir("arraynet", appauthor=False))
    assert mnist.cache_folder() == expected
    monkeypatch.setenv("XDG_CACHE_HOME", str(expected.parent / "else"))
    expected = Path(platformdirs.user_cache_dir("arraynet", appauthor=False))
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert mnist.cache_folder() == expected


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_the_cache_folder_of_other_systems(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Apple's and Microsoft's guides have it, and as platformdirs does."""
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.delenv("ARRAYNET_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/home/x")
    monkeypatch.setenv("LOCALAPPDATA", "/home/x/Local")
    expected = {
        "darwin": "/home/x/Library/Caches/arraynet",
        "win32": "/home/x/Local/arraynet/Cache",
    }
    assert mnist.cache_folder() == Path(expected[system])


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ARRAYNET_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)
    with pytest.raises(ArraynetError, match="set ARRAYNET_CACHE"):
        mnist.cache_folder()


def test_the_real_files_in_torchvisions_folders(test_data: Path, tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in (test_data / "mnist").glob("t10k-*"):
        shutil.copy(path, raw)
    x, t = load_mnist(tmp_path, part="test")
    assert (x.shape, t[:5].tolist()) == ((10_000, 784), [7, 2, 1, 0, 4])
