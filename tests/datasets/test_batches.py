"""What all data sets for `fit` share: epochs, shards, what is left out."""

import os
import pickle
import signal
import threading
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets import IdxDataset, ImageDataGenerator


def numbered(kind, count, **arguments):
    """A data set whose image and label number i are full of i."""
    numbers = np.arange(count)
    images = numbers[:, None, None, None] + np.zeros((count, 2, 2, 1))
    if kind == "idx":
        return IdxDataset(images, numbers, **arguments)
    generator = ImageDataGenerator(horizontal_flip=True)
    return generator.flow(images, numbers, **arguments)


def epoch_of(dataset):
    """The numbers in each batch; images and labels must agree."""
    batches = [dataset[index] for index in range(len(dataset))]
    for x, y in batches:
        np.testing.assert_array_equal(x[:, 0, 0, 0], y)
    return [y.tolist() for _, y in batches]


def flat(lists):
    return [item for part in lists for item in part]


KINDS = pytest.mark.parametrize("kind", ["idx", "flow"])


@KINDS
@given(
    total=st.integers(1, 60),
    count=st.integers(1, 5),
    batch_size=st.integers(1, 12),
    shuffle=st.booleans(),
    drop_remainder=st.booleans(),
)
def test_shards_share_out_each_epoch_in_step(
    kind, total, count, batch_size, shuffle, drop_remainder
):
    arguments = {
        "batch_size": batch_size,
        "shuffle": shuffle,
        "seed": 4,
        "drop_remainder": drop_remainder,
    }
    if drop_remainder and batch_size > total:
        with pytest.raises(ValueError, match=f"number of items, {total}, with"):
            numbered(kind, total, **arguments)
        return
    whole = numbered(kind, total, **arguments)
    most = -(-total // count)
    fewest = batch_size if drop_remainder else -(-most // batch_size)
    if total < count * fewest:
        with pytest.raises(ValueError, match="shard: count must be one that"):
            whole.shard(0, count)
        return
    shards = [whole.shard(index, count) for index in range(count)]
    for _ in range(2):
        order = flat(epoch_of(whole))
        parts = [epoch_of(shard) for shard in shards]
        assert len({len(part) for part in parts}) == 1
        sizes = [len(batch) for part in parts for batch in part]
        seen = flat(flat(parts))
        assert [shard.num_items for shard in shards] == [
            len(flat(part)) for part in parts
        ]
        assert len(set(seen)) == len(seen)
        if drop_remainder:
            assert set(sizes) == {batch_size}
            assert total - len(seen) < count * batch_size
        else:
            assert len(seen) == total
            assert max(sizes) <= batch_size
        for index, part in enumerate(parts):
            taken = order[index::count][: len(flat(part))]
            assert flat(part)[: len(taken)] == taken
        for dataset in (whole, *shards):
            dataset.on_epoch_end()


@KINDS
def test_what_is_left_out_is_another_in_each_epoch(kind):
    dataset = numbered(
        kind, 10, batch_size=4, shuffle=True, seed=0, drop_remainder=True
    )
    left = set()
    for _ in range(30):
        left |= set(range(10)) - set(flat(epoch_of(dataset)))
        dataset.on_epoch_end()
    assert left == set(range(10))


@KINDS
def test_copies_of_a_shard_are_the_shard(kind):
    shard = numbered(
        kind, 23, batch_size=4, shuffle=True, seed=1, workers=2
    ).shard(1, 3)
    shard[0]
    copied = pickle.loads(pickle.dumps(shard))
    assert epoch_of(copied) == epoch_of(shard)
    assert shard.epoch == 0


def test_augmentation_differs_between_shards_and_batches():
    images = np.random.default_rng(0).uniform(0, 255, (1, 9, 9, 1))
    images = np.repeat(images, 8, 0)
    flow = ImageDataGenerator(rotation_range=90).flow(
        images, seed=0, batch_size=2
    )
    batches = [
        flow.shard(index, 2)[batch] for index in range(2) for batch in range(2)
    ]
    again = flow.shard(1, 2)[0]
    np.testing.assert_array_equal(again, batches[2])
    assert len(np.unique(np.concatenate(batches), axis=0)) == 8


def test_order_of_a_flow_is_that_of_its_shard():
    flow = numbered("flow", 11, seed=0, batch_size=3)
    whole = flow.order(2).tolist()
    shard = flow.shard(1, 2)
    assert shard.order(2).tolist() == whole[1::2]
    assert (flow.samples, flow.n, shard.samples) == (11, 11, 5)


@KINDS
def test_seeds_and_shards_that_do_not_go_together_are_refused(kind):
    with pytest.raises(ValueError, match="seed must be an integer, the same"):
        numbered(kind, 9, shuffle=True).shard(0, 2)
    with pytest.raises(ValueError, match="a shard already"):
        numbered(kind, 9, shuffle=False).shard(0, 2).shard(0, 2)
    with pytest.raises(ValueError, match="index must be from 0 to 1"):
        numbered(kind, 9, shuffle=False).shard(2, 2)


def test_processes_of_keras_are_refused():
    for wanted in (False, 0):
        numbered("flow", 9, use_multiprocessing=wanted)
    with pytest.raises(ValueError, match=r"must be False.*workers=4"):
        numbered("flow", 9, workers=2, use_multiprocessing=True)


class Count(keras.layers.Layer):
    """Counts the numbers in the images that it is trained on."""

    def build(self, input_shape):
        self.counts = self.add_weight(
            shape=(24,), initializer="zeros", trainable=False
        )

    def call(self, inputs, training=None):
        if training:
            numbers = keras.ops.cast(inputs[:, 0, 0, 0] + 0.5, "int32")
            seen = keras.ops.sum(keras.ops.one_hot(numbers, 24), 0)
            self.counts.assign(self.counts + seen)
        return inputs


@pytest.mark.filterwarnings("ignore:__array__ implementation")
@KINDS
def test_model_that_is_built_by_fit_gets_each_item_once_an_epoch(kind):
    # Keras's own workers keep the batches that the model was built with.
    dataset = numbered(
        kind,
        24,
        batch_size=4,
        shuffle=True,
        seed=0,
        workers=3,
        max_queue_size=2,
    )
    layer = Count()
    model = keras.Sequential(
        [layer, keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(1e-4), "mse")
    model.fit(dataset, epochs=3, shuffle=False, verbose=0)
    counts = keras.ops.convert_to_numpy(layer.counts.value)
    assert counts.tolist() == [3.0] * 24


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", ["flow", "dataset"])
def test_a_forked_child_makes_its_own_batches(kind):
    images = np.random.default_rng(0).random((40, 4, 4, 1), "float32")
    options = {"batch_size": 4, "workers": 3, "shuffle": True, "seed": 1}
    data: Any = (
        ImageDataGenerator(rotation_range=90).flow(images, **options)
        if kind == "flow"
        else IdxDataset(images, **options)
    )
    expected = [np.asarray(data[index][0]) for index in range(len(data))]
    data[0], data[1]  # its threads are at work
    stop = threading.Event()

    def take():
        while not stop.is_set():
            next(iter(data))

    taker = threading.Thread(target=take)
    taker.start()
    try:
        for _ in range(5):
            child = os.fork()
            if not child:
                try:
                    signal.alarm(20)
                    data.epoch = 0
                    same = all(
                        np.array_equal(data[index][0], expected[index])
                        for index in range(len(data))
                    )
                    next(iter(data))
                    os._exit(0 if same else 1)
                finally:
                    os._exit(2)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 0
    finally:
        stop.set()
        taker.join()
    assert len(data) == 10  # and goes on in the parent
    data[3]
