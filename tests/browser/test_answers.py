"""What is drawn is recognised and shown: every pointer, every layer, both networks."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Open

DIGITS = [1, 0, 7]


@pytest.mark.parametrize("digit", DIGITS)
def test_the_embedded_network_sees_the_digit(opened: Open, embedded_url: str, digit: int) -> None:
    page = opened(embedded_url)
    page.draw(digit)
    assert page.digit() == digit
    page.picture(f"embedded-{digit}")


@pytest.mark.parametrize("digit", DIGITS)
def test_the_books_network_sees_the_digit(opened: Open, book_url: str, digit: int) -> None:
    page = opened(book_url)
    page.draw(digit)
    assert page.digit() == digit
    page.picture(f"book-{digit}")


@pytest.mark.parametrize("pointer", ["pen", "touch"])
def test_pen_and_finger(opened: Open, embedded_url: str, pointer: str) -> None:
    page = opened(embedded_url)
    page.view(600, 900, touch=pointer == "touch")
    page.run("window.kinds = []; addEventListener('pointermove', e => kinds.push(e.pointerType))")
    page.draw(7, pointer=pointer)
    assert page.digit() == 7
    assert set(page.run("return kinds")) == {pointer}


def test_what_is_shown_of_a_seven(opened: Open, embedded_url: str) -> None:
    page = opened(embedded_url)
    page.draw(7)
    answer = page.answer()
    numbers = [float(text.removesuffix(" %")) for text in page.texts("#bars td:last-child")]
    assert page.texts("#bars th") == [str(digit) for digit in range(10)]
    assert sum(numbers) == pytest.approx(100, abs=0.5)
    assert numbers.index(max(numbers)) == 7
    assert page.texts("tr.best th") == ["7"]
    share = page.run(
        "return Number(document.querySelector('.best .bar > div').style"
        ".getPropertyValue('--share'))"
    )
    assert 100 * share == pytest.approx(max(numbers), abs=0.05)
    assert answer == ("I see a 7, over 99 %" if share > 0.99 else f"I see a 7, {100 * share:.0f} %")
    names = [caption.split(" ")[0] for caption in page.texts("#layers figcaption")]
    assert names == ["affine1", "sigmoid1", "affine2", "sigmoid2", "affine3", "softmax1"]
    assert "50 values" in page.texts("#layers figcaption")[0]
    assert len(page.texts("#nearest li")) == 10
    assert page.run("const c = document.getElementById('image'); return [c.width, c.height]") == [
        8,
        8,
    ]


def test_what_is_shown_of_the_books_network(opened: Open, book_url: str) -> None:
    page = opened(book_url)
    assert "784 → 50 → 100 → 10" in page.text("#network")
    assert "MNIST's 10,000 test images" in page.text("#nearest-of")
    page.draw(0)
    page.answer()
    labels = page.texts("#nearest strong")
    assert len(labels) == 10
    assert labels.count("0") >= 8
    assert page.run("const c = document.getElementById('image'); return [c.width, c.height]") == [
        28,
        28,
    ]


@pytest.mark.parametrize("digit", DIGITS)
def test_the_deep_network_sees_the_digit(opened: Open, deep_url: str, digit: int) -> None:
    page = opened(deep_url)
    page.draw(digit)
    assert page.digit() == digit
    page.picture(f"deep-{digit}")


def test_feature_maps_are_small_pictures(opened: Open, deep_url: str) -> None:
    page = opened(deep_url)
    captions = page.texts("#layers figcaption span")[::2]
    assert captions[0] == "conv1 (conv): 16 maps of 28 × 28"
    assert "conv6 (conv): the first 16 of 64 maps of 8 × 8" in captions
    sizes = (
        "return [...document.querySelectorAll('.maps')]"
        ".map(e => [...e.children].map(c => [c.width, c.height]))"
    )
    maps = page.run(sizes)
    assert len(maps) == 15  # of six convolutions, six rectifiers and three poolings
    assert maps[0] == [[28, 28]] * 16
    assert maps[-1] == [[4, 4]] * 16
    colors = (
        "const copy = new OffscreenCanvas(28, 28).getContext('2d', { willReadFrequently: true });"
        "return [...document.querySelectorAll('.maps')].map(e => new Set([...e.children].flatMap("
        "c => { copy.drawImage(c, 0, 0);"
        "  return [...copy.getImageData(0, 0, c.width, c.height).data]; })).size)"
    )
    assert max(page.run(colors)) <= 4  # the colour of 0 alone
    page.draw(7)
    page.answer()
    assert min(page.run(colors)) > 20
    assert page.run("return document.querySelector('.maps').getAttribute('aria-label')").startswith(
        "conv1: from -"
    )
    page.click("#clear")
    page.answer()
    assert max(page.run(colors)) <= 4


def test_another_backend(opened: Open, embedded_url: str) -> None:
    page = opened(embedded_url)
    page.draw(7)
    first = page.answer()
    page.click("input[value=array_api_strict]")
    assert page.answer() == first
    asked = page.run("return performance.getEntriesByType('resource').map(e => e.name)")
    assert "/api/look" in asked[-1]
    assert asked[-1].endswith("backend=array_api_strict")
    page.until(lambda: page.run("return document.getElementById('said').textContent") == first)
    times = page.texts("fieldset .time")
    assert len(times) >= 2
    assert all(text.endswith(" µs") or text.endswith(" ms") for text in times)


@pytest.mark.parametrize("pointer", ["mouse", "keyboard"])
def test_a_dot_is_a_drawing(opened: Open, embedded_url: str, pointer: str) -> None:
    page = opened(embedded_url)
    if pointer == "mouse":
        page.dot()
    else:
        page.run("document.getElementById('area').focus()")
        page.press(" ")
    assert page.digit() in range(10)
    assert all(text.endswith(" %") for text in page.texts("#bars td:last-child"))


def test_what_lies_beside_the_paper_is_no_number_and_no_mistake(
    opened: Open, embedded_url: str
) -> None:
    page = opened(embedded_url)
    page.run(
        "const { x, y, width } = document.getElementById('area').getBoundingClientRect();"
        "const send = (kind, left) => area.dispatchEvent(new PointerEvent(kind, { pointerId: 1,"
        "  isPrimary: true, button: 0, clientX: left, clientY: y - width }));"
        "area.setPointerCapture = () => {};"
        "send('pointerdown', x - width); send('pointerup', x - width);"
    )
    assert page.answer() == "I see nothing yet"
    assert page.texts("#bars td:last-child") == ["–"] * 10


def test_undo_and_clear(opened: Open, embedded_url: str) -> None:
    page = opened(embedded_url)
    assert page.run("return [undo.disabled, clear.disabled]") == [True, True]
    page.draw(4)
    assert page.digit() == 4
    page.click("#undo")
    page.click("#undo")
    assert page.answer() == "I see nothing yet"
    assert page.texts("#bars td:last-child") == ["–"] * 10
    assert page.texts("#layers figcaption span")[:2] == ["affine1 (affine): 50 values", ""]
    page.draw(0)
    assert page.digit() == 0
    page.click("#clear")
    assert page.answer() == "I see nothing yet"
    assert page.run("return document.activeElement.id") == "area"


def test_nothing_comes_from_elsewhere(opened: Open, embedded_url: str) -> None:
    page = opened(embedded_url)
    page.draw(7)
    page.answer()
    asked = page.run("return performance.getEntriesByType('resource').map(e => e.name)")
    assert asked
    assert all(name.startswith(embedded_url) for name in asked)
