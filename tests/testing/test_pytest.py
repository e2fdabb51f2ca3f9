"""`parametrize_with_layer_checks`, used as it is meant to be."""

import keras

from keras_extras.testing import parametrize_with_layer_checks
from keras_extras.testing._runner import LAYER_CHECKS
from tests.testing.broken_shapes import CentersBatch

NAME = "check_batch_independence"

CASES = parametrize_with_layer_checks(
    [keras.layers.ReLU(name="relu"), CentersBatch(name="centers")],
    expected_failures=lambda layer: (
        {NAME: "looks at the batch", "check_nan": "so too"}
        if layer.name == "centers"
        else {}
    ),
    max_examples=1,
)


@CASES
def test_as_pytest_does(layer, check):
    check(layer)


def test_pytest_ids_name_the_layer_and_the_check():
    ids = [case.id for case in CASES.args[1]]
    assert ids[0] == "relu-check_clone"
    assert len(ids) == 2 * len(LAYER_CHECKS)
