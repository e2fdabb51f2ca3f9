"""The whole page: of stock models, on real digits, in a real browser."""

import http.server
import threading

import keras
import numpy as np
import pytest

from keras_extras import datasets
from keras_extras.callbacks import HistoryRecorder
from keras_extras.history import history_frame
from keras_extras.models import MLP
from keras_extras.reports import report
from keras_extras.reports._report import _same as same
from tests.chromium import dump, find_chromium, measure
from tests.reports.test_page import Page

IMAGES, LABELS = (part[:200] for part in datasets.load_mnist(kind="test"))
X = datasets.scale_to_unit(IMAGES)
ROWS = X.reshape(len(X), -1)
MARKUP = '<img src="http://x"> & "quoted"'


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(10, "softmax")

    def call(self, inputs):
        return self.dense(self.flatten(inputs))


def sequential(*last, shape=(28, 28)):
    return keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(*last)]
    )


def functional():
    inputs = keras.Input((28, 28))
    outputs = keras.layers.Dense(10, "softmax")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, outputs)


def trained(model, x=X, y=LABELS, loss="sparse_categorical_crossentropy"):
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    history = model.fit(
        x, y, batch_size=50, epochs=2, verbose=0, validation_split=0.25
    )
    return model, history


def read(path):
    return Page(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "make",
    [functional, Subclassed, lambda: MLP([8])],
    ids=["functional", "subclassed", "MLP"],
)
def test_any_classifier_of_images(make, tmp_path):
    model, history = trained(make())
    names = [f"digit {number}" for number in range(10)]
    page = read(
        report(
            model,
            history,
            (X, LABELS),
            tmp_path / "report.html",
            title=MARKUP,
            author=MARKUP,
            text=MARKUP,
            settings={MARKUP: MARKUP},
            class_names=names,
            train_data=(X[:50], LABELS[:50]),
        )
    )
    guess = model.predict(X, verbose=0).argmax(axis=1)
    right = int(np.sum(guess == LABELS))
    assert page.texts_of("h1") == [MARKUP]
    assert page.texts_of("p")[0].startswith(
        f"{right / 200:.1%} of 200 test examples are classified right."
    )
    assert page.texts_of("p")[1:3] == [f"By {MARKUP}", MARKUP]
    cells = dict(zip(page.texts_of("th"), page.texts_of("td"), strict=False))
    assert cells["test accuracy"] == f"{right / 200:.4f}"
    assert page.texts_of("td").count(MARKUP) == 1
    assert f"{model.count_params():,}" in page.texts_of("td")
    alts = [image["alt"] for image in page.images]
    assert f"Confusion matrix: {right} of 200 right." in alts
    assert sum(", not digit" in alt for alt in alts) == min(200 - right, 24)
    assert alts[-11:-1] == names
    assert alts[-1].startswith("Drawing of: ")
    frame = history_frame(history)
    assert f"{frame['val_loss'].iloc[1]:.4f}" in page.texts_of("td")
    assert all(link.startswith("data:image/png;base64,") for link in page.links)


def test_vectors_have_no_pictures_unless_given(tmp_path):
    model, history = trained(sequential(10, "softmax", shape=(784,)), ROWS)
    path = tmp_path / "report.html"
    page = read(report(model, history, (ROWS, LABELS), path))
    assert len(page.images) == 4  # loss, accuracy, confusions, drawing
    assert page.texts_of("h2").count("What it gets wrong") == 1
    page = read(report(model, history, (ROWS, LABELS), path, images=IMAGES))
    assert len(page.images) == 4 + 24 + 10


def test_a_regression_says_what_is_left_out(tmp_path):
    y = ROWS.mean(axis=1)
    model, _ = trained(sequential(1), X, y, "mse")
    page = read(report(model, None, (X, y), tmp_path / "report.html"))
    error = np.abs(model.predict(X, verbose=0)[:, 0] - y).mean()
    assert f"off by {error:.4g} on average" in page.texts_of("p")[0]
    headings = page.texts_of("h2")
    assert "Where it is most wrong" in headings
    assert "Which class is taken for which" not in headings
    assert "There is no record of the training." in page.texts_of("p")
    assert any("no confusion matrix" in t for t in page.texts_of("figcaption"))


def test_several_outputs_are_told_by_evaluate(tmp_path):
    inputs = keras.Input((784,))
    heads = [keras.layers.Dense(2, name=name)(inputs) for name in "ab"]
    model = keras.Model(inputs, heads)
    model.compile("sgd", ["mse", "mse"])
    y = [np.zeros((200, 2)), np.ones((200, 2))]
    page = read(report(model, None, (ROWS, y), tmp_path / "report.html"))
    loss = model.evaluate(ROWS, y, verbose=0)[0]
    assert f"loss {loss:.4g}" in page.texts_of("p")[0]
    assert any("not compared" in text for text in page.texts_of("p"))


def test_models_are_compared_on_the_same_data(tmp_path):
    recorder = HistoryRecorder()
    model = sequential(10, "softmax")
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, LABELS, verbose=0, callbacks=[recorder])
    other, history = trained(functional())
    path = tmp_path / "report.html"
    others = {"functional": (other, history), model.name: (model, recorder)}
    page = read(report(model, recorder, (X, LABELS), path, compare_with=others))
    right = int((other.predict(X, verbose=0).argmax(axis=1) == LABELS).sum())
    assert page.texts_of("td").count(f"{right:,}") >= 1
    assert "this model" in page.texts_of("th")
    assert "functional" in page.texts_of("th")
    assert f"Epoch by epoch: {model.name}" in page.texts_of("h2")
    assert page.texts_of("p")[0].startswith("this model: ")
    del others[model.name]
    page = read(report(model, recorder, (X, LABELS), path, compare_with=others))
    assert page.texts_of("p")[0].startswith(f"{model.name}: ")
    text = path.read_text(encoding="utf-8")
    assert "the true accuracy is between" in text
    for unchecked in ("not seen", "not trained on"):
        assert unchecked not in text


def test_inputs_of_several_arrays_are_told_apart():
    lists, again = [X, LABELS], [X + 0, LABELS]
    assert same(lists, again)
    assert same({"a": X}, {"a": X + 0})
    assert not same(lists, [X, LABELS + 1])
    assert not same(lists, [X])
    assert not same({"a": X}, {"b": X})
    assert not same(X, X[:50])
    assert not same(X, lists)


def test_a_diverged_model_is_called_so(tmp_path):
    model = sequential(10, "softmax")
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    page = read(report(model, None, (X, LABELS), tmp_path / "report.html"))
    assert any("(NaN)" in text for text in page.texts_of("p"))


@pytest.mark.parametrize(
    ("changes", "words", "error"),
    [
        ({"data": X}, "data must be a pair", TypeError),
        ({"class_names": ["a"]}, "each of the 10 classes", ValueError),
        ({"data": (X, LABELS[:5])}, "data must be inputs and as", ValueError),
        ({"images": ROWS}, "images must be an array", ValueError),
        ({"train_data": (X, LABELS)}, "train_data must be other", ValueError),
        ({"train_data": (X + 0, 1)}, "train_data must be other", ValueError),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_wrong_arguments_are_named(changes, words, error, tmp_path):
    model = sequential(10, "softmax")
    path = tmp_path / "report.html"
    given = {"data": (X, LABELS), **changes}
    with pytest.raises(error, match=words):
        report(model, None, path=path, **given)
    assert not path.exists()


# --- in a browser ------------------------------------------------------------


@pytest.fixture(scope="module")
def longest(tmp_path_factory):
    """A page with everything in it, and with words that do not break."""
    find_chromium()
    folder = tmp_path_factory.mktemp("report")
    model, history = trained(functional())
    return report(
        model,
        history,
        (X, LABELS),
        folder / "report.html",
        title="Donaudampfschifffahrtsgesellschaftskapitaen" * 3,
        text="https://example.org/" + "x" * 200,
        settings={"s" * 90: "t" * 200},
        class_names=[f"class_with_a_long_name_{n}" * 2 for n in range(10)],
        compare_with={"o" * 60: (model, history)},
        train_data=(X[:50], LABELS[:50]),
    )


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_nothing_overflows(longest, width, tmp_path):
    text = longest.read_text(encoding="utf-8")
    measured = measure(text, width, tmp_path)
    assert measured["inner"] == width
    assert measured["scroll"] <= width
    assert measured["out"] == []
    assert measured["images"] > 30
    assert measured["broken"] == 0


def test_the_measure_sees_what_overflows(longest, tmp_path):
    text = longest.read_text(encoding="utf-8")
    wide = '<p style="width: 500px">wide</p></main>'
    measured = measure(text.replace("</main>", wide), 390, tmp_path)
    assert measured["scroll"] > 390
    assert measured["out"]


@pytest.mark.parametrize("allowed", [True, False])
def test_no_request_leaves_the_page(longest, allowed, tmp_path):
    """What would be loaded is not, unless the page's policy is taken out."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        text = longest.read_text(encoding="utf-8").replace(
            "</main>",
            f'<img src="{address}/image"><script src="{address}/script">'
            f'</script><link rel="stylesheet" href="{address}/style">'
            f'<iframe src="{address}/frame"></iframe></main>',
        )
        if allowed:
            text = text.replace("Content-Security-Policy", "no-policy")
        page = tmp_path / "page.html"
        page.write_text(text, encoding="utf-8")
        dump(page, tmp_path)
    finally:
        server.shutdown()
        server.server_close()
    everything = {"/image", "/script", "/style", "/frame"}
    assert set(asked) >= everything if allowed else asked == []
