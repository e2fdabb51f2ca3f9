"""The checks over all layers of Keras, and over all of ours.

What fails in Keras's layers is known, with its evidence, in
`stock_failures.json`; what no longer fails there is a failure as well.
"""

import keras
import pytest

from keras_extras.testing import check_layer
from tests import samples
from tests.testing import stock
from tools import stock_page

BACKEND = keras.backend.backend()
# A few run each time: all take minutes.
QUICK = {"Dense", "Dropout", "LayerNormalization", "MaxPooling1D", "RandomFlip"}
OURS_QUICK = {"Dense", "Conv2D", "MaxPooling2D", "GeMPooling2D", "NoisyDense"}

# Ours that break a promise on purpose.
EXPECTED = {
    "NoisyDense": {
        "check_seeds": "the noise is held until reset_noise, as in TF-Addons"
    },
    **{
        f"PartialConv{rank}D": {
            "check_masks": "its mask has one value per position or channel"
        }
        for rank in (2, 3)
    },
}


def few(names, quick):
    return [
        name if name in quick else pytest.param(name, marks=pytest.mark.full)
        for name in names
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", few(stock.STOCK, QUICK))
def test_layer_of_keras_fails_where_it_is_known_to(name):
    if why := stock.KILLS.get(BACKEND, {}).get(name):
        pytest.skip(why)
    results = stock.run(name)
    assert not results.failed, str(results)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", few(samples.names(), OURS_QUICK))
def test_our_layer_keeps_every_promise(name):
    layer, shape = samples.make(name)
    check_layer(
        layer,
        input_shapes=shape,
        expected_failures=EXPECTED.get(name),
        max_examples=4,
        backends=(),
    )


def test_every_layer_of_keras_is_in_the_table():
    assert set(stock.public_names()) == set(stock.STOCK) | set(
        stock.NOT_CHECKED
    )


def test_the_page_is_up_to_date():
    assert stock_page.PAGE.read_text(encoding="utf-8") == stock_page.page(), (
        "docs/reference/stock.md is out of date. "
        "Run: python tools/stock_page.py"
    )
