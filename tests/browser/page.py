"""The page as a person uses it: the pointer, the keyboard, what can be read."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.drawings import STROKES

HEIGHT = 0.6
"""Of a digit, as a share of the drawing area."""


class Page:
    """The page in a driven Chromium."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def view(self, width: int, height: int, *, dark: bool = False, touch: bool = False) -> None:
        """Set the size of the window, the colours and whether there is a touch screen."""
        self._command(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        scheme = "dark" if dark else "light"
        self._command(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        self._command("Emulation.setTouchEmulationEnabled", {"enabled": touch})
        self._command("Emulation.setScrollbarsHidden", {"hidden": True})

    def open(self, url: str) -> None:
        """Load the page and wait for the server's first words."""
        self.driver.get(url)
        self.until(lambda: self.text("#timing").startswith("Time of one image"))

    def draw(self, digit: int, **how: Any) -> None:
        """Draw a digit by pointer events."""
        box = self.box("#area")
        for stroke in STROKES[digit]:
            points = [
                (
                    box["x"] + box["width"] * (0.5 + HEIGHT * 0.8 * (x - 0.5)),
                    box["y"] + box["height"] * (0.5 + HEIGHT * (y - 0.5)),
                )
                for x, y in stroke
            ]
            self.stroke(points, **how)

    def dot(self) -> None:
        """Click into the middle of the drawing area."""
        box = self.box("#area")
        self.stroke([(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)])

    def places(self) -> dict[str, list[float]]:
        """Return where everything above the backends is, from the top of the page."""
        return self.run(
            "return Object.fromEntries([...document.querySelectorAll('#area, main > section')]"
            ".map(e => [e.id || e.className, e.getBoundingClientRect()]).map(([name, box]) => "
            "[name, [box.x, box.y + scrollY, box.width, name === 'backends' || box.height]]))"
        )

    def stroke(self, points: list[tuple[float, float]], pointer: str = "mouse") -> None:
        """Draw one line with the mouse, a pen or a finger."""
        if pointer == "touch":
            self._touch(points)
            return
        state = {"button": "left", "clickCount": 1, "pointerType": pointer}
        if pointer == "pen":
            state["force"] = 0.7
        self._mouse("mousePressed", points[0], state)
        for point in points[1:]:
            self._mouse("mouseMoved", point, {**state, "buttons": 1})
        self._mouse("mouseReleased", points[-1], state)

    def answer(self) -> str:
        """Return the answer, once the whole drawing has been looked at."""
        self.rest(0.05)
        self.until(lambda: self.run("return document.body.dataset.state") == "resting")
        return self.text("#answer")

    def digit(self) -> int | None:
        """Return the digit that the network sees."""
        found = re.match(r"I see a (\d)", self.answer())
        return int(found[1]) if found else None

    def text(self, selector: str) -> str:
        """Return the text of the first element."""
        return self.run("return document.querySelector(arguments[0]).textContent.trim()", selector)

    def texts(self, selector: str) -> list[str]:
        """Return the text of every such element."""
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
        return self.run(script, selector)

    def click(self, selector: str) -> None:
        """Click on an element."""
        self.driver.find_element("css selector", selector).click()

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def box(self, selector: str) -> dict[str, float]:
        """Return the place and size of an element in the window, once it can be seen."""
        return self.run(
            "const e = document.querySelector(arguments[0]);"
            "e.scrollIntoView({block: 'nearest', behavior: 'instant'});"
            "return e.getBoundingClientRect().toJSON()",
            selector,
        )

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script in the page returns."""
        return self.driver.execute_script(script, *arguments)

    def until(self, true: Callable[[], Any], seconds: float = 20) -> None:
        """Wait until something is true."""
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.driver, seconds, 0.05).until(lambda _: true())

    def rest(self, seconds: float) -> None:
        """Do nothing for a while."""
        self.driver.execute_async_script(
            "setTimeout(arguments[1], arguments[0])", round(1000 * seconds)
        )

    def picture(self, name: str) -> None:
        """Keep a picture of the whole page, where ARRAYNET_SCREENSHOTS names a folder."""
        folder = os.environ.get("ARRAYNET_SCREENSHOTS")
        if not folder:
            return
        width, height = self.run(
            "const e = document.documentElement; return [e.scrollWidth, e.scrollHeight]"
        )
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self._command(
            "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip}
        )
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, f"{name}.png").write_bytes(base64.b64decode(shot["data"]))

    def accessible(self) -> list[dict[str, Any]]:
        """Return what a screen reader is given: nodes with role, name and description."""
        tree = self._command("Accessibility.getFullAXTree", {})
        empty = {"value": ""}
        return [
            {"role": empty, "name": empty, "description": empty, **node}
            for node in tree["nodes"]
            if not node["ignored"]
        ]

    def complaints(self) -> list[str]:
        """Return the warnings and errors of the browser's console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def _touch(self, points: list[tuple[float, float]]) -> None:
        kinds = ["touchStart", *["touchMove"] * (len(points) - 1)]
        for kind, (x, y) in zip(kinds, points, strict=True):
            state = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            self._command("Input.dispatchTouchEvent", state)
        self._command("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def _mouse(self, kind: str, point: tuple[float, float], state: dict[str, Any]) -> None:
        x, y = point
        self._command("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **state})

    def _command(self, name: str, parameters: dict[str, Any]) -> Any:
        """Give a command of Chromium's DevTools."""
        return self.driver.execute_cdp_cmd(name, parameters)
