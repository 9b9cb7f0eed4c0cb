"""The page for everybody: keyboard, screen reader, small screens, dark, still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Open, serving
from tests.browser.page import Page


def focused(page: Page) -> str:
    """Return the id, value or text of what has the focus."""
    return page.run(
        "const e = document.activeElement; return e.id || e.value || e.textContent.trim()"
    )


def test_a_one_by_keyboard_alone(opened: Open, embedded_url: str) -> None:
    from selenium.webdriver.common.keys import Keys

    page = opened(embedded_url)
    page.press(Keys.TAB)
    assert focused(page) == "area"
    page.press(Keys.SPACE)
    assert page.text("#said") == "Pen down at 50 % across, 25 % down"
    page.press(*[Keys.ARROW_DOWN] * 14)
    page.press(Keys.SPACE)
    assert page.text("#said") == "Pen up at 50 % across, 75 % down"
    page.picture("keyboard")
    page.press(Keys.ARROW_LEFT)
    assert page.digit() == 1
    page.until(lambda: page.text("#said").startswith("I see a 1"))
    page.press(Keys.TAB, Keys.TAB)  # the words about the keyboard lie behind undo and clear
    assert focused(page) == "clear"
    page.press(Keys.ENTER)
    assert page.answer() == "I see nothing yet"
    assert focused(page) == "area"


def test_keys_undo_and_clear(opened: Open, embedded_url: str) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    page = opened(embedded_url)
    for key in (Keys.BACKSPACE, Keys.DELETE):
        page.draw(0)
        assert page.digit() == 0
        page.press(key)
        assert page.answer() == "I see nothing yet"
    page.draw(0)
    ActionChains(page.driver).key_down(Keys.CONTROL).send_keys("z").key_up(Keys.CONTROL).perform()
    assert page.answer() == "I see nothing yet"


def test_a_backend_by_keyboard(opened: Open, embedded_url: str) -> None:
    from selenium.webdriver.common.keys import Keys

    page = opened(embedded_url)
    page.run("document.querySelector('input:checked').focus()")
    assert focused(page) == "cpu"
    page.press(Keys.ARROW_DOWN)
    assert focused(page) != "cpu"
    assert page.run("return document.activeElement.checked")


def test_what_a_screen_reader_is_told(opened: Open, embedded_url: str) -> None:
    page = opened(embedded_url)
    page.draw(7)
    page.answer()
    nodes = page.accessible()

    def named(role: str) -> list[Any]:
        return [node["name"]["value"] for node in nodes if node["role"]["value"] == role]

    area = next(n for n in nodes if n["name"]["value"] == "Drawing area")
    assert area["role"]["value"] == "application"
    assert "arrow keys move the pen" in area["description"]["value"]
    assert named("button") == ["Undo", "Clear"]
    assert all(named("radio"))
    assert named("heading")[0] == "Draw a digit"
    assert any(name.startswith("I see a 7") for name in named("heading"))
    pictures = named("image")
    assert len(pictures) == 1 + 10 + 6  # as the network sees it, the nearest, the layers
    assert all(pictures)
    assert any(name.startswith("softmax1: mean 0.1, largest at number 7") for name in pictures)
    assert "Probabilities" in named("table")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("network", ["embedded_url", "deep_url"])
def test_at_360_pixels(
    opened: Open, request: pytest.FixtureRequest, network: str, dark: bool
) -> None:
    page = opened(request.getfixturevalue(network))
    page.draw(7)
    before = page.answer()
    page.view(360, 740, dark=dark)
    page.rest(0.2)
    assert page.run("return document.documentElement.scrollWidth") <= 360
    wide = page.run(
        "return [...document.querySelectorAll('body *')].filter(e => e.id !== 'said' && "
        "e.getBoundingClientRect().right > 360).map(e => e.outerHTML)"
    )
    assert wide == []
    assert page.answer() == before
    page.picture(f"narrow-{network}-{'dark' if dark else 'light'}")
    page.click("#clear")
    page.draw(0)
    assert page.digit() == 0
    small = page.run(
        "return [...document.querySelectorAll('button, fieldset label')]"
        ".filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"
    )
    assert small == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("network", ["embedded_url", "book_url", "deep_url"])
def test_nothing_jumps(
    opened: Open, request: pytest.FixtureRequest, network: str, width: int
) -> None:
    """Not when a drawing is looked at, nor is cleared, nor when something is wrong."""
    page = opened(request.getfixturevalue(network), width=width, height=800)
    before = page.places()
    assert set(before) == {"area", "drawing", "answers", "nearest", "layers", "backends"}
    for draw in (page.dot, lambda: page.draw(7), lambda: page.click("#clear")):
        draw()
        page.answer()
        assert page.places() == before
    page.run(
        'window.fetch = async () => new Response(\'{"error": "Something is wrong."}\', '
        "{ status: 500 })"
    )
    page.draw(1)
    page.until(lambda: page.text("#problem") == "Something is wrong.")
    assert page.run("return document.getElementById('problem').checkVisibility()")
    assert page.places() == before


def test_before_the_server_has_said_anything_everything_has_its_place(
    opened: Open, embedded_url: str
) -> None:
    for width in (360, 1280):
        page = opened(embedded_url, width=width, height=800)
        page.run("document.getElementById('network').textContent = '\\u00a0'")
        empty = page.places()["area"]
        page.open(embedded_url)
        assert page.places()["area"] == empty


@pytest.mark.parametrize("touch", [False, True])
def test_the_keyboard_is_explained_where_there_is_one(
    opened: Open, embedded_url: str, touch: bool
) -> None:
    page = opened(embedded_url)
    page.view(360, 740, touch=touch)
    visible = "return document.getElementById('keys').checkVisibility()"
    page.until(lambda: page.run(visible) is not touch)
    area = next(n for n in page.accessible() if n["name"]["value"] == "Drawing area")
    assert "arrow keys move the pen" in area["description"]["value"]


def test_where_to_draw_is_said_until_something_is_drawn(opened: Open, embedded_url: str) -> None:
    page = opened(embedded_url)
    visible = "return document.getElementById('hint').checkVisibility()"
    assert page.text("#hint") == "Draw here"
    assert page.run(visible)
    page.dot()  # through the words
    assert not page.run(visible)
    page.click("#undo")
    assert page.run(visible)


def luminance(color: str) -> float:
    """Return the relative luminance of a CSS color rgb(…), as WCAG defines it."""
    parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_in_light_and_dark(opened: Open, embedded_url: str, dark: bool) -> None:
    page = opened(embedded_url, dark=dark)
    page.draw(7)
    page.answer()
    page.picture("dark" if dark else "light")
    page_color = page.run("return getComputedStyle(document.body).backgroundColor")
    assert (luminance(page_color) < 0.05) is dark
    ink = page.run(
        "const c = document.getElementById('area'); const size = c.width;"
        "const at = [Math.round(size * 0.5), Math.round(size * 0.2)];"
        "return [...c.getContext('2d').getImageData(...at, 1, 1).data]"
    )
    assert (ink[0] > 128) is dark
    assert ink[3] == 255
    for selector in ("#answer", "#network", "figcaption", "td:last-child", "label small", "#hint"):
        color = page.run(
            "return getComputedStyle(document.querySelector(arguments[0])).color", selector
        )
        light, heavy = sorted([luminance(color), luminance(page_color)], reverse=True)
        assert (light + 0.05) / (heavy + 0.05) >= 4.5, selector


def test_the_colours_follow_at_once(opened: Open, embedded_url: str) -> None:
    page = opened(embedded_url)
    page.draw(7)
    page.answer()
    pixel = (
        "const copy = new OffscreenCanvas(8, 8).getContext('2d');"
        "copy.drawImage(document.getElementById('image'), 0, 0);"
        "return copy.getImageData(0, 7, 1, 1).data[0]"
    )
    assert page.run(pixel) > 200
    page.view(1280, 1000, dark=True)
    page.until(lambda: page.run(pixel) < 50)


def test_nothing_moves_for_who_wants_it_still(opened: Open, embedded_url: str) -> None:
    page = opened(embedded_url)
    moving = "return getComputedStyle(document.querySelector('.bar > div')).transitionDuration"
    assert page.run(moving) == "0.12s"
    page.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]},
    )
    assert page.run(moving) == "0s"


def test_a_server_that_has_stopped(opened: Open) -> None:
    with serving() as url:
        page = opened(url)
    page.draw(7)
    page.until(lambda: "does not answer" in page.text("#problem"))
    page.driver.get("about:blank")
    assert all("ERR_CONNECTION" in message for message in page.complaints())


def test_without_mnist_the_page_says_so(opened: Open, test_data: Path, tmp_path: Path) -> None:
    weights = str(test_data / "weights" / "sample_weight.pkl")
    network = ("--hidden", "sigmoid", "--output", "softmax")
    with serving(weights, *network, cache=tmp_path) as url:
        page = opened(url)
        assert "run arraynet fetch mnist" in page.text("#nearest-of")
        page.draw(1)
        assert page.digit() == 1
        assert page.texts("#nearest li") == []
