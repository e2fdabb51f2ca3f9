"""Batches: determinism, epochs, workers, pictures of them."""

import pickle
import threading

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest

from keras_extras.datasets import ImageDataGenerator

IMAGES = np.random.default_rng(0).uniform(0, 255, (10, 6, 6, 1))
LABELS = np.arange(10)


def flow(seed=0, **arguments):
    generator = ImageDataGenerator(rotation_range=40, zoom_range=0.3)
    return generator.flow(
        IMAGES, LABELS, seed=seed, **{"batch_size": 4, **arguments}
    )


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_batch_depends_on_seed_epoch_and_number_only():
    there, back = flow(), flow()
    forward = [there[k] for k in range(3)]
    backward = [back[k] for k in reversed(range(3))][::-1]
    assert all(map(same, forward, backward))
    assert same(there[1], forward[1])
    assert not same(flow(seed=1)[1], forward[1])
    there.on_epoch_end()
    assert not same(there[1], forward[1])
    back.epoch = 1
    assert same(there[1], back[1])


def test_threads_do_not_show():
    expected = [flow()[k % 3] for k in range(60)]
    shared, got = flow(), [None] * 60

    def work(numbers):
        for k in numbers:
            got[k] = shared[k % 3]

    threads = [
        threading.Thread(target=work, args=(range(k, 60, 4),)) for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(map(same, got, expected))


def test_the_global_random_state_is_left_alone_with_a_seed():
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    given = flow()
    given[0]
    next(given)
    assert np.random.random() == expected


def test_without_a_seed_the_seed_of_keras_decides():
    keras.utils.set_random_seed(5)
    first = flow(seed=None)[0]
    assert not same(flow(seed=None)[0], first)
    keras.utils.set_random_seed(5)
    assert same(flow(seed=None)[0], first)


def test_each_image_comes_once_an_epoch_in_a_new_order():
    given = flow()
    epochs = []
    for _ in range(3):
        labels = np.concatenate([given[k][1] for k in range(len(given))])
        assert sorted(labels) == sorted(LABELS)
        epochs.append(labels.tolist())
        given.on_epoch_end()
    assert epochs[0] != epochs[1] != epochs[2]
    still = flow(shuffle=False)
    assert np.concatenate([still[k][1] for k in range(3)]).tolist() == list(
        range(10)
    )


def test_each_epoch_changes_the_images_anew():
    still = flow(shuffle=False)
    first = still[0][0]
    still.on_epoch_end()
    assert not np.allclose(still[0][0], first)
    assert not np.allclose(flow(shuffle=False)[1][0], first)


def test_next_goes_on_from_epoch_to_epoch():
    given = flow()
    sizes = [len(next(given)[1]) for _ in range(7)]
    assert sizes == [4, 4, 2, 4, 4, 2, 4]
    assert given.epoch == 2
    given.reset()
    assert len(given.next()[1]) == 4
    seen = [batch for _, batch in zip(range(5), given, strict=False)]
    assert len(seen) == 5


@pytest.mark.parametrize("workers", [1, 2])
def test_fit_gets_the_same_with_any_number_of_workers(workers):
    class Watched(type(flow())):
        def __getitem__(self, index):
            batch = super().__getitem__(index)
            seen[self.epoch, index] = batch
            return batch

    seen = {}
    given = flow(workers=workers)
    given.__class__ = Watched
    model = keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(given, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    epochs = sorted({epoch for epoch, _ in seen})[-2:]
    again = flow()
    for epoch in epochs:
        again.epoch = epoch
        for index in range(3):
            assert same(seen[epoch, index], again[index])


def test_a_copy_in_another_process_gives_the_same():
    given = flow()
    copy = pickle.loads(pickle.dumps(given))
    assert same(copy[2], given[2])
    assert same(next(copy), next(given))


@pytest.mark.parametrize("save_format", ["png", "jpeg", "bmp", "webp"])
def test_saved_pictures_can_be_read(tmp_path, save_format):
    folder = tmp_path / "new"
    given = flow(
        save_to_dir=folder, save_prefix="digit", save_format=save_format
    )
    given[0]
    given[0]  # the same pictures, under the same names
    files = sorted(folder.iterdir())
    assert len(files) == 4
    for file in files:
        assert file.name.startswith("digit_")
        assert file.suffix == f".{save_format}"
        assert keras.utils.load_img(file).size == (6, 6)


def test_rgba_is_saved_as_jpeg_too(tmp_path):
    images = np.random.default_rng(0).uniform(0, 255, (2, 5, 5, 4))
    ImageDataGenerator().flow(images, save_to_dir=tmp_path, save_format="jpg")[
        0
    ]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("scale", [1 / 255, 1, -2])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_plot_draws_the_batch(channels, scale, data_format):
    images = np.random.default_rng(0).uniform(0, 255, (5, 6, 7, channels))
    if data_format == "channels_first":
        images = np.moveaxis(images, -1, 1)
    generator = ImageDataGenerator(rescale=scale, data_format=data_format)
    if channels == 2:
        with pytest.warns(UserWarning, match="2 channels"):
            given = generator.flow(images, np.eye(5), shuffle=False)
    else:
        given = generator.flow(images, np.eye(5), shuffle=False)
    axes = given.plot(columns=3)
    assert len(axes) == 5
    assert [one.get_title() for one in axes] == list("01234")
    shown = axes[0].images[0].get_array()
    assert shown.shape[:2] == (6, 7)
    assert shown.min() >= 0
    assert 0.5 < shown.max() <= 1
    plt.close("all")


def test_plot_leaves_the_flow_alone():
    given = flow()
    given.plot()
    plt.close("all")
    assert given.epoch == given.batch_index == 0


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be a positive int"),
        ({"batch_size": 2.0}, TypeError, "batch_size must be"),
        ({"seed": -1}, ValueError, "seed must be an integer of 0 or more"),
        ({"seed": "a"}, TypeError, "seed must be"),
        ({"save_format": "exe"}, ValueError, "save_format must be 'png'"),
        ({"subset": "test"}, ValueError, "subset must be 'training'"),
        ({"subset": "validation"}, ValueError, "validation_split=0.2"),
    ],
)
def test_a_wrong_argument_is_named(arguments, error, words):
    with pytest.raises(error, match=words):
        flow(**arguments)


def test_there_is_no_batch_behind_the_last():
    with pytest.raises(IndexError, match="there are 3 batches"):
        flow()[3]
    assert same(flow()[-1], flow()[2])


def test_the_bases_know_no_images():
    from keras_extras.datasets import ImageFlow

    with pytest.raises(NotImplementedError):
        ImageFlow(ImageDataGenerator(), 3)[0]


def test_repr_says_what_there_is():
    assert repr(flow()) == "<ArrayFlow: 10 images, 3 batches of 4>"
