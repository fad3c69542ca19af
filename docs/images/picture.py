"""The picture of a report that the README shows, taken by a headless Chromium.

    python docs/images/picture.py REPORT.html docs/images/report.png

Sections that are not in SHOWN are hidden, so the picture stays readable at the width of a page.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

SHOWN = ("In short", "The best molecules", "All measured molecules against the objectives")
WIDTH, TALLEST, MARGIN = 1200, 6000, 28
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_SECTION = re.compile(r"<section([^>]*)>(?=\s*<h2>(.*?)</h2>)", re.DOTALL)


def shortened(html: str) -> str:
    """The report with only its head and the sections in SHOWN."""

    def keep(match: re.Match[str]) -> str:
        return match[0] if match[2].strip() in SHOWN else f'<section style="display:none"{match[1]}>'

    found = {match[2].strip() for match in _SECTION.finditer(html)}
    missing = [title for title in SHOWN if title not in found]
    if missing:
        raise SystemExit(f"the report has no section '{missing[0]}'")
    return _SECTION.sub(keep, html).replace("<footer", '<footer style="display:none"')


def screenshot(html: str, folder: Path) -> Image.Image:
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise SystemExit("needs Chromium: install Debian's package chromium")
    page, shot = folder / "page.html", folder / "shot.png"
    page.write_text(html, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={WIDTH},{TALLEST}"]
    subprocess.run([browser, *options, f"--screenshot={shot}", page.as_uri()], check=True, capture_output=True)
    with Image.open(shot) as image:
        return image.convert("RGB")


def trimmed(image: Image.Image) -> Image.Image:
    """Without the empty page below the last section."""
    pixels = np.asarray(image)
    used = np.flatnonzero((pixels != pixels[-1, 0]).any(axis=(1, 2)))
    return image.crop((0, 0, image.width, min(int(used[-1]) + MARGIN, image.height)))


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit("usage: python docs/images/picture.py REPORT.html PICTURE.png")
    report, picture = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        image = trimmed(screenshot(shortened(report.read_text(encoding="utf-8")), Path(folder)))
    image.quantize(128).save(picture, optimize=True)


if __name__ == "__main__":
    main()
