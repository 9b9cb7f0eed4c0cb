"""Pictures as people have them: transparent, dark on light, of another size, blank, JPEG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from arraynet.datasets import read_images, to_digits, to_mnist
from tests.drawings import VARIANTS, draw

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]

INK = (draw(3, VARIANTS[0], 60) * 255).astype(np.uint8)
"""A three, bright on dark, with grey edges."""


def save(path: Path, pixels: np.ndarray, mode: str = "L", **options: Any) -> Path:
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def transparent(path: Path, colour: int) -> Path:
    """Write ink of one colour, which only the alpha channel shapes."""
    pixels = np.full((*INK.shape, 4), colour, np.uint8)
    pixels[..., 3] = INK
    Image.fromarray(pixels, "RGBA").save(path)
    return path


def label(run_json: RunJson, path: Path, *options: str) -> int:
    (row,) = run_json("predict", "digits", path, "--fit", *options)["predictions"]
    return int(row["label"])


def test_what_is_drawn_is_a_three() -> None:
    import arraynet

    x = to_digits(INK).reshape(1, 64) / np.float32(16)
    assert arraynet.load_pretrained("digits").classify(x).tolist() == [3]


def test_ink_in_the_alpha_channel(run_json: RunJson, tmp_path: Path) -> None:
    assert label(run_json, transparent(tmp_path / "dark.png", 0), "--invert") == 3
    assert label(run_json, transparent(tmp_path / "light.png", 255)) == 3


def test_transparency_is_put_on_the_ground(tmp_path: Path) -> None:
    light = read_images(transparent(tmp_path / "light.png", 255))
    assert np.array_equal(light[0], INK)
    dark = read_images(transparent(tmp_path / "dark.png", 0), ground=255)
    assert np.array_equal(dark[0], 255 - INK)
    assert not read_images(tmp_path / "dark.png").any()


@pytest.mark.parametrize("mode", ["LA", "P", "RGB", "L", "1"])
def test_every_kind_of_transparency(mode: str, tmp_path: Path) -> None:
    """A left half that is transparent and a right half that is grey, in each mode."""
    pixels = np.zeros((4, 6, 4), np.uint8)
    pixels[:, 3:] = 255
    picture = Image.fromarray(pixels, "RGBA")
    path = tmp_path / "a.png"
    if mode in ("LA", "P"):
        picture.convert(mode).save(path, **({"transparency": 0} if mode == "P" else {}))
        if mode == "P":
            palette = Image.fromarray((pixels[..., 0] > 0).astype("u1"), "P")
            palette.putpalette([0, 0, 0, 255, 255, 255])
            palette.save(path, transparency=0)
    else:
        picture.convert("RGB").convert(mode).save(
            path, transparency=(0, 0, 0) if mode == "RGB" else 0
        )
    expected = np.repeat([[0, 255]], 3, axis=1).repeat(4, axis=0)
    assert np.array_equal(read_images(path)[0], expected)
    assert (read_images(path, ground=255) == 255).all()


@pytest.mark.parametrize("kind", ["jpg", "png", "bmp", "webp"])
def test_dark_on_light_in_every_format(kind: str, run_json: RunJson, tmp_path: Path) -> None:
    features = pytest.importorskip("PIL.features")
    if kind == "webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    path = save(tmp_path / f"a.{kind}", 255 - INK, "RGB")
    assert label(run_json, path, "--invert") == 3
    assert read_images(path).shape == (1, *INK.shape)


def test_a_jpeg_by_another_name(run_json: RunJson, tmp_path: Path) -> None:
    path = tmp_path / "three.png"
    save(path, INK, "RGB", format="JPEG")
    assert label(run_json, path) == 3


def test_a_photo_that_lies_on_its_side(tmp_path: Path) -> None:
    """Cameras note how they were held: 6 says that the picture is to be turned clockwise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.rot90(INK)).save(path, exif=exif, quality=95)
    found = read_images(path)[0].astype(int)
    assert np.abs(found - INK).max() < 60


def test_paper_is_grey_on_photos(run_json: RunJson, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 4, INK.shape)
    photo = np.clip(175 - INK * 0.5 + noise, 0, 255).astype(np.uint8)
    assert label(run_json, save(tmp_path / "a.jpg", photo), "--invert") == 3


def test_a_bright_border_hints_at_invert(run: Run, tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", 255 - INK)
    stderr = run("predict", "digits", path, "--fit").stderr
    assert f"{path}: " in stderr
    assert "--invert" in stderr
    assert run("predict", "digits", path, "--fit", "--invert").stderr == ""
    stderr = run("predict", "digits", save(path, INK), "--fit", "--invert").stderr
    assert "without --invert" in stderr
    assert run("predict", "digits", path, "--fit").stderr == ""


@pytest.mark.parametrize("value", [0, 255])
def test_no_ink_is_said(value: int, run: Run, tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.full((8, 8), value, np.uint8))
    assert "no ink" in run("predict", "digits", path).stderr
    path = transparent(tmp_path / "dark.png", 0)
    stderr = run("predict", "digits", path, "--fit").stderr
    assert "no ink" in stderr
    assert "--invert" in stderr


def test_another_size_names_fit(run: Run, tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", INK)
    stderr = run("predict", "digits", path, status=1).stderr
    assert "60 × 60" in stderr
    assert "--fit" in stderr


def test_fit_is_what_the_page_does(run_json: RunJson, test_data: Path, tmp_path: Path) -> None:
    """In the command as in Python, for both sizes."""
    import arraynet

    weights = test_data / "weights" / "sample_weight.pkl"
    book = ("--hidden", "sigmoid", "--output", "softmax")
    network = arraynet.load(weights, hidden="sigmoid", output="softmax")
    path = save(tmp_path / "a.png", INK)
    expected = network.predict(to_mnist(INK).reshape(1, 784) / np.float32(255))
    for options in ((), ("--scale", "1/255")):
        (row,) = run_json("predict", weights, path, *book, "--fit", *options)["predictions"]
        assert row["probabilities"] == pytest.approx(expected[0].tolist(), abs=1e-5)
    several = tmp_path / "several.npy"
    np.save(several, np.stack([INK, INK[:, ::-1]]))
    rows = run_json("predict", weights, several, *book, "--fit")["predictions"]
    assert len(rows) == 2
    assert rows[0]["probabilities"] == pytest.approx(expected[0].tolist(), abs=1e-5)


def test_fit_is_for_digits(run: Run, brightest: Path, tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", INK)
    stderr = run("predict", brightest, path, "--output", "softmax", "--fit", status=1).stderr
    assert "4 inputs, expected 64 (8 × 8 pixels) or 784 (28 × 28)" in stderr


def test_without_pillow_it_says_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.jpg", INK)
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    stderr = run("predict", "digits", path, status=1).stderr
    assert "a JPEG image" in stderr
    assert "arraynet[png]" in stderr
