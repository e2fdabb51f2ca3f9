import math
import os
import pickle
import struct
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets import (
    IdxDataset,
    IdxFormatError,
    ImageDataGenerator,
    load_mnist,
    open_idx,
    scale_to_unit,
    write_idx,
)


@pytest.fixture
def files(tmp_path):
    """Twenty images, number i full of i, and the labels 2 * i."""
    images = np.arange(20, dtype="uint8")[:, None, None] + np.zeros(
        (20, 3, 2), "uint8"
    )
    write_idx(tmp_path / "images", images)
    write_idx(tmp_path / "labels", np.arange(0, 40, 2, dtype="int32"))
    return tmp_path / "images", tmp_path / "labels"


def labels_of(dataset):
    return [y.tolist() for _, y in dataset]


def flat(lists):
    return [item for part in lists for item in part]


def pixels(images):
    return images[:, 0, 0].astype(int)


def draw(images, rng):
    return images + rng.normal(size=images.shape)


# --- what a batch is ---------------------------------------------------------


@given(
    count=st.integers(1, 40),
    batch_size=st.integers(1, 45),
    shuffle=st.booleans(),
    seed=st.integers(0, 2**64),
)
def test_each_item_comes_once_an_epoch_with_its_label(
    count, batch_size, shuffle, seed
):
    images = np.arange(2 * count).reshape(count, 2)
    labels = images[:, 1] * 10
    dataset = IdxDataset(images, labels, batch_size, shuffle, seed)
    for _ in range(2):
        batches = list(dataset)
        x = np.concatenate([x for x, _ in batches])
        y = np.concatenate([y for _, y in batches])
        assert {len(x) for x, _ in batches[:-1]} <= {batch_size}
        np.testing.assert_array_equal(x[:, 1] * 10, y)
        np.testing.assert_array_equal(x[np.argsort(y)], images)
        if not shuffle:
            np.testing.assert_array_equal(x, images)
        dataset.on_epoch_end()
    assert len(dataset) == dataset.num_batches == -(-count // batch_size)


def test_batches_are_new_arrays_of_this_machine(files):
    x, y = IdxDataset(*files, batch_size=4)[1]

    assert pixels(x).tolist() == [4, 5, 6, 7]
    assert y.tolist() == [8, 10, 12, 14]
    assert x.dtype == np.uint8
    assert y.dtype == np.int32
    assert y.dtype.isnative
    for array in (x, y):
        assert array.flags.writeable
        assert array.flags.owndata or array.base is None


def test_batches_are_counted_as_in_a_list(files):
    dataset = IdxDataset(*files)
    for index in (-2, 1, 100):
        with pytest.raises(IndexError, match="there are 1 batches"):
            dataset[index]


def test_without_labels_a_batch_is_the_inputs(files):
    (x,) = IdxDataset(files[0], batch_size=3)[0]
    assert pixels(x).tolist() == [0, 1, 2]


# --- order -------------------------------------------------------------------


def test_same_seed_gives_the_same_order_in_each_epoch(files):
    first, second, other = (
        IdxDataset(*files, batch_size=4, shuffle=True, seed=seed)
        for seed in (3, 3, 4)
    )
    epochs = []
    for _ in range(3):
        epochs.append(labels_of(first))
        assert labels_of(second) == epochs[-1]
        assert labels_of(other) != epochs[-1]
        for dataset in (first, second, other):
            dataset.on_epoch_end()
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    second.epoch = 1
    assert labels_of(second) == epochs[1]


def test_seed_none_follows_the_seed_of_keras(files):
    orders = []
    for seed in (5, 5, 6):
        keras.utils.set_random_seed(seed)
        orders.append(labels_of(IdxDataset(*files, shuffle=True)))
    assert orders[0] == orders[1]
    assert orders[1] != orders[2]


def test_batches_do_not_depend_on_who_makes_them_and_when(files):
    dataset = IdxDataset(
        *files, batch_size=4, shuffle=True, seed=1, transform=draw
    )
    dataset.epoch = 3
    inputs = [x for x, _ in dataset]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(dataset.__getitem__, [4, 3, 2, 1, 0]))[::-1]
    copied = list(pickle.loads(pickle.dumps(dataset)))
    for x, (by_thread, _), (by_copy, _) in zip(
        inputs, threaded, copied, strict=True
    ):
        np.testing.assert_array_equal(x, by_thread)
        np.testing.assert_array_equal(x, by_copy)
    assert len(np.unique(np.concatenate(inputs) % 1)) == 120
    dataset.epoch = 4
    assert not np.array_equal(np.sort(dataset[0][0]), np.sort(inputs[0]))


def test_threads_make_the_same_batches_ahead(files):
    made = []

    def watched(images, rng):
        made.append(int(images[0, 0, 0]))
        return images + rng.normal(size=images.shape)

    arguments = {"batch_size": 2, "shuffle": True, "seed": 1}
    one = IdxDataset(*files, transform=watched, **arguments)
    four = IdxDataset(
        *files, transform=watched, workers=4, max_queue_size=3, **arguments
    )
    for _ in range(2):
        for (x, y), (x4, y4) in zip(one, four, strict=True):
            np.testing.assert_array_equal(x, x4)
            np.testing.assert_array_equal(y, y4)
        assert len(made) == 20  # each once by each of the two
        made.clear()
        one.on_epoch_end()
        four.on_epoch_end()
    # Out of turn nothing is made that nobody asked for.
    four[3], four[9], four[5]
    assert len(made) == 3
    # What a thread fails at is raised where the batch is asked for.
    failing = IdxDataset(
        files[0], batch_size=1, transform=lambda x: 1 / x.max(), workers=2
    )
    with (
        np.errstate(divide="raise"),
        pytest.raises((FloatingPointError, ZeroDivisionError)),
    ):
        failing[0]
    four.transform = None
    copied = pickle.loads(pickle.dumps(four))
    np.testing.assert_array_equal(copied[0][1], four[0][1])
    assert four.workers == 1  # those of Keras


@pytest.mark.skipif(os.name != "posix", reason="needs files with holes")
def test_file_larger_than_memory_is_shuffled_without_loading(tmp_path):
    count = 2**26  # 64 GiB of images, all of it holes
    for name, sizes in (("images", (count, 32, 32)), ("labels", (count,))):
        head = struct.pack(f">2x2B{len(sizes)}I", 8, len(sizes), *sizes)
        with (tmp_path / name).open("wb") as file:
            file.write(head)
            file.truncate(len(head) + math.prod(sizes))
    tracemalloc.start()
    dataset = IdxDataset(
        tmp_path / "images", tmp_path / "labels", shuffle=True, seed=0
    )
    part = dataset.shard(3, 1000)
    shapes = [part[index][0].shape for index in (0, 1000, len(part) - 1)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert shapes[:2] == [(32, 32, 32)] * 2
    assert peak < 2**20


# --- shards ------------------------------------------------------------------


@given(
    total=st.integers(1, 60),
    count=st.integers(1, 6),
    batch_size=st.integers(1, 20),
    shuffle=st.booleans(),
)
def test_shards_share_out_each_epoch_in_step(total, count, batch_size, shuffle):
    images = np.arange(2 * total).reshape(total, 2)
    whole = IdxDataset(images, images[:, 0], batch_size, shuffle, seed=2)
    most = -(-total // count)
    if total // count < -(-most // batch_size):
        with pytest.raises(ValueError, match=r"shard: count must be one that"):
            whole.shard(0, count)
        return
    shards = [whole.shard(index, count) for index in range(count)]
    orders = []
    for _ in range(2):
        parts = [list(shard) for shard in shards]
        assert {len(part) for part in parts} == {-(-most // batch_size)}
        sizes = [len(y) for part in parts for _, y in part]
        assert min(sizes) >= 1
        assert max(sizes) <= batch_size
        seen = np.concatenate([y for part in parts for _, y in part])
        np.testing.assert_array_equal(np.sort(seen), images[:, 0])
        orders.append(seen.tolist())
        assert sum(shard.num_items for shard in shards) == total
        for shard in shards:
            shard.on_epoch_end()
    if shuffle and total > 20:
        assert orders[0] != orders[1]
    assert whole.epoch == 0


def test_shards_take_turns_in_the_order_of_the_whole(files):
    whole = IdxDataset(*files, batch_size=4, shuffle=True, seed=1)
    order = flat(labels_of(whole))
    shards = [whole.shard(index, 3) for index in range(3)]
    assert [flat(labels_of(shard)) for shard in shards] == [
        order[0::3],
        order[1::3],
        order[2::3],
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3, 3), "index must be from 0 to 2"),
        ((-1, 3), "index must be an integer of at least 0"),
        ((0, 0), "count must be a positive integer"),
    ],
)
def test_shard_that_there_is_not_is_refused(arguments, words, files):
    with pytest.raises(ValueError, match=words):
        IdxDataset(*files).shard(*arguments)


def test_random_order_is_cut_with_a_seed_only(files):
    with pytest.raises(ValueError, match="seed must be an integer, the same"):
        IdxDataset(*files, shuffle=True).shard(0, 2)
    with pytest.raises(ValueError, match="a shard already"):
        IdxDataset(*files).shard(0, 2).shard(0, 2)


# --- fit ---------------------------------------------------------------------


def mnist_files(tmp_path, count=256):
    images, labels = load_mnist("train")
    write_idx(tmp_path / "images", images[:count])
    write_idx(tmp_path / "labels", labels[:count])
    return tmp_path / "images", tmp_path / "labels"


def small_model():
    model = keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    )
    model.build((None, 28, 28))
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def trained(files, epochs=2, **kwargs):
    keras.utils.set_random_seed(0)
    model = small_model()
    dataset = IdxDataset(
        *files,
        batch_size=60,
        shuffle=True,
        seed=1,
        transform=scale_to_unit,
        **kwargs,
    )
    history = model.fit(dataset, epochs=epochs, shuffle=False, verbose=0)
    return model, dataset, history.history


# Keras's torch trainer calls NumPy in an old way.
@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_fit_evaluate_and_predict_work_with_any_number_of_workers(tmp_path):
    files = mnist_files(tmp_path)
    model, _, history = trained(files, epochs=4)
    _, _, again = trained(files, epochs=4, workers=2, max_queue_size=3)

    assert history["accuracy"][-1] > 0.6
    np.testing.assert_allclose(history["loss"], again["loss"], rtol=1e-5)
    in_order = IdxDataset(*files, transform=scale_to_unit)
    images, labels = (np.asarray(open_idx(path)) for path in files)
    predicted = model.predict(
        IdxDataset(files[0], transform=scale_to_unit), verbose=0
    )
    expected = model.predict(scale_to_unit(images), verbose=0)
    np.testing.assert_allclose(predicted, expected, atol=1e-5)
    _, accuracy = model.evaluate(in_order, verbose=0)
    assert accuracy == pytest.approx((expected.argmax(1) == labels).mean())


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_run_goes_on_where_it_stopped(tmp_path):
    files = mnist_files(tmp_path)
    _, _, whole = trained(files, epochs=3)
    model, _, _ = trained(files, epochs=2)
    later = IdxDataset(
        *files, batch_size=60, shuffle=True, seed=1, transform=scale_to_unit
    )
    later.epoch = 2
    rest = model.fit(later, epochs=1, shuffle=False, verbose=0).history
    np.testing.assert_allclose(rest["loss"], whole["loss"][2:], rtol=1e-5)


# --- errors ------------------------------------------------------------------


def test_files_that_do_not_belong_together_are_named(files, tmp_path):
    images, labels = files
    write_idx(tmp_path / "fewer", np.zeros(19, "uint8"))
    for arguments, words in [
        ((images, tmp_path / "fewer"), r"fewer: byte 4 .* 20 labels, one for "),
        ((labels, images), r"labels: byte 3 .* swapped: pass them the other"),
        ((labels,), r"labels: byte 3 .* looks like the labels"),
        ((labels, labels), r"labels: byte 3 .* looks like the labels"),
    ]:
        with pytest.raises(IdxFormatError, match=words):
            IdxDataset(*arguments)


def test_arrays_that_do_not_belong_together_are_named():
    with pytest.raises(ValueError, match=r"labels\.shape must be of 3 labels"):
        IdxDataset(np.zeros((3, 2)), np.zeros(2))
    with pytest.raises(ValueError, match=r"images\.shape must be of two dim"):
        IdxDataset(np.zeros(3))
    with pytest.raises(ValueError, match=r"labels\.shape must be of 3 labels"):
        IdxDataset(np.zeros((3, 2)), np.zeros(()))


def test_files_of_a_list_follow_each_other(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (9, 3, 2), "uint8")
    for name, part in (("a", slice(0, 4)), ("b", slice(4, 9))):
        write_idx(tmp_path / name, images[part])
    paths = [tmp_path / "a", str(tmp_path / "b")]
    dataset = IdxDataset(paths, np.arange(9), batch_size=9)
    np.testing.assert_array_equal(dataset[0][0], images)
    dataset = IdxDataset(paths, np.arange(9), 4, shuffle=True, seed=0)
    for x, y in dataset:
        np.testing.assert_array_equal(x, images[y])
    write_idx(tmp_path / "c", np.zeros((2, 3, 3), "uint8"))
    with pytest.raises(ValueError, match="items of one shape and dtype"):
        IdxDataset([tmp_path / "a", tmp_path / "c"])


@pytest.mark.parametrize("workers", [1, 3])
def test_weights_and_transforms_follow_the_images(workers):
    images = np.arange(10.0)[:, None]

    def mix(x, y, rng):
        share = rng.uniform(size=len(x))
        return np.concatenate([x, share[:, None]], axis=1), -y

    dataset = IdxDataset(
        images,
        np.arange(10),
        4,
        shuffle=True,
        seed=0,
        label_transform=lambda y: y * 2,
        batch_transform=mix,
        sample_weight=np.arange(10) / 10,
        workers=workers,
    )
    again = [batch for batch in dataset]
    dataset.epoch = 0
    seen = []
    for batch, expected in zip(dataset, again, strict=True):
        x, y, weight = batch
        np.testing.assert_array_equal(y, -2 * x[:, 0])
        np.testing.assert_allclose(weight, x[:, 0] / 10)
        np.testing.assert_array_equal(x, expected[0])
        seen += x[:, 1].tolist()
    assert len(set(seen)) == 10


def test_layers_of_keras_mix_images_and_labels():
    mixup = keras.layers.MixUp(seed=0)

    def mix(images, labels):
        mixed = mixup({"images": images, "labels": labels}, training=True)
        return mixed["images"], mixed["labels"]

    images = np.random.default_rng(0).uniform(size=(6, 4, 4, 1))
    flow = ImageDataGenerator().flow(
        images, np.eye(2)[[0, 1] * 3], batch_transform=mix
    )
    x, y = flow[0]
    assert keras.ops.shape(x) == (6, 4, 4, 1)
    np.testing.assert_allclose(keras.ops.sum(y, -1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("labels", "function", "error", "words"),
    [
        (None, lambda x, y: (x, y), ValueError, "None without targets"),
        (np.zeros(3), lambda x, y: x, TypeError, "inputs and targets"),
    ],
)
def test_a_batch_transform_gives_inputs_and_targets(
    labels, function, error, words
):
    dataset = IdxDataset(np.zeros((3, 2)), labels, batch_transform=function)
    with pytest.raises(error, match=words):
        dataset[0]
