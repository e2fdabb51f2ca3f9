"""The page on speed has the numbers that were measured."""

import pytest

from benchmarks.__main__ import failed, floor, ratio
from benchmarks._cases import CASES
from keras_extras import layers
from tools import speed_page


def test_page_is_up_to_date():
    page = speed_page.PAGE.read_text(encoding="utf-8")
    assert page == speed_page.updated(page), (
        "docs/guides/speed.md is out of date. Run: python tools/speed_page.py"
    )


def test_every_layer_that_keras_has_is_measured_twice():
    import keras

    both = {
        getattr(layers, name).__name__
        for name in layers.__all__
        if hasattr(keras.layers, name) and name != "Layer"
    }
    measured = [name for name, *_ in CASES]
    assert both == set(measured)
    assert all(measured.count(name) >= 2 for name in both)


@pytest.mark.parametrize(
    ("ours", "again", "slow"),
    [(1.0, 1.0, False), (1.04, 1.0, False), (1.2, 1.0, True),
     (1.2, 1.3, False)],
)  # fmt: skip
def test_only_what_is_slower_than_the_noise_fails(ours, again, slow):
    times = {"ours_s": ours, "stock_s": 1.0, "stock_again_s": again}
    times |= {"limit": 1.05, "allowance_s": 0.01}
    assert floor(times) == pytest.approx(again - 1)
    assert ratio(times) == pytest.approx(2 * ours / (1 + again))
    assert failed(times) is slow
    assert not failed(times | {"allowance_s": 1.0})
