"""Pages, as Chromium lays them out: how wide they are, what they ask for."""

import html
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

# What a page tells its frame about itself, when it has been laid out.
_PROBE = """<script>
addEventListener("load", () => requestAnimationFrame(() => {
  const page = document.documentElement;
  const out = [...document.querySelectorAll("body *")].filter(one =>
    one.getBoundingClientRect().right > innerWidth + 0.5
    && !one.closest(".wide, .drawing, pre, svg"));
  parent.postMessage(JSON.stringify({
    inner: innerWidth,
    scroll: page.scrollWidth,
    out: out.map(one => one.outerHTML.slice(0, 80)),
    broken: [...document.images].filter(one => !one.naturalWidth).length,
    images: document.images.length,
  }), "*");
}));
</script>"""

# Chromium's own window is never less than 500 pixels wide; a frame may be.
_FRAME = """<!doctype html><body><script>
addEventListener("message", event => {
  const pre = document.createElement("pre");
  pre.id = "measured";
  pre.textContent = event.data;
  document.body.append(pre);
});
</script><iframe src="probed.html" style="border:0; width:%dpx; height:900px">
</iframe></body>"""


def find_chromium() -> str:
    """Returns the path of Chromium, or skips the test."""
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("needs Chromium (Debian: apt-get install chromium)")


def dump(
    page: str | Path, folder: Path, *options: str, seconds: float = 2
) -> str:
    """Opens a page and returns its document after so many virtual seconds."""
    # As root, as in a container, its sandbox does not start.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    process = subprocess.run(
        [
            find_chromium(),
            "--headless",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-dev-shm-usage",
            "--no-first-run",
            f"--user-data-dir={folder / 'profile'}",
            f"--virtual-time-budget={1000 * seconds}",
            *sandbox,
            *options,
            "--dump-dom",
            Path(page).as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    return process.stdout


def measure(text: str, width: int, folder: Path) -> dict[str, Any]:
    """Returns what the probe says of a page, shown `width` pixels wide."""
    policy = "default-src 'none';"
    assert policy in text
    allowed = text.replace(policy, policy + " script-src 'unsafe-inline';")
    (folder / "probed.html").write_text(
        allowed.replace("</body>", _PROBE + "</body>"), encoding="utf-8"
    )
    frame = folder / "frame.html"
    frame.write_text(_FRAME % width)
    document = ""
    for seconds in (2, 10, 50):  # a busy machine answers later
        document = dump(
            frame, folder, "--window-size=1400,1000", seconds=seconds
        )
        rest = document.partition('id="measured">')[2]
        if rest:
            return json.loads(html.unescape(rest.partition("</pre>")[0]))
    raise AssertionError(document[-2000:])
