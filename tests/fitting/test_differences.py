"""What could make our `fit` differ from Keras's in silence, case by case.

Each changes what a step does, by a way that is not an argument of `fit`, and at
a time when a step may have been recorded or several be joined.
"""

import functools
import itertools
import warnings

import keras
import numpy as np
import pytest

import keras_extras
from tests.fitting.both import (
    BACKEND,
    FAST,
    Net,
    check_same,
    compiled,
    data,
    dense,
    fitted,
)

torch = pytest.importorskip("torch") if BACKEND == "torch" else None
ops = keras.ops


class At(keras.callbacks.Callback):
    """Does something once, at a hook of an epoch."""

    def __init__(self, hook, epoch, action):
        super().__init__()
        self.wanted, self.action = (hook, epoch), action

    def on_train_begin(self, logs=None):
        self._at("train_begin", 0)

    def on_epoch_begin(self, epoch, logs=None):
        self._at("epoch_begin", epoch)

    def on_epoch_end(self, epoch, logs=None):
        self._at("epoch_end", epoch)

    def _at(self, *place):
        if place == self.wanted:
            self.action(self.model)


PLACES = {
    "train_begin": ("train_begin", 0),
    "first_begin": ("epoch_begin", 0),
    "second_begin": ("epoch_begin", 1),
    "first_end": ("epoch_end", 0),
}


def changed(action, place, make=dense, compile_options=None):
    """Returns a script: a fit in which, or between two, something changes."""

    def script(is_ours):
        model = compiled(make(), **(compile_options or {}))
        if place == "between":
            histories = [fitted(model, is_ours, epochs=2)]
            action(model)
            histories.append(fitted(model, is_ours, epochs=2))
            return model, histories
        callback = At(*PLACES[place], action)
        fitted(model, is_ours, epochs=1)
        return model, fitted(model, is_ours, epochs=3, callbacks=[callback])

    return script


# --- changes of plain attributes ---------------------------------------------


def set_on(path, value):
    *owners, name = path.split(".")

    def action(model):
        owner = model
        for part in owners:
            owner = owner[int(part)] if part.isdigit() else getattr(owner, part)
        setattr(owner, name, value)

    return action


class Counting:
    """An activation, regularizer or constraint that counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return x * (1.0 + 0.01 * self.calls)


def patched_call(model):
    layer, own = model.parts[0], model.parts[0].call
    layer.call = lambda inputs, **_: 2.0 * own(inputs)


def patched_loss(model):
    own = model.compute_loss
    model.compute_loss = lambda *args, **options: 3.0 * own(*args, **options)


def patched_model(model):
    own = model.call
    model.call = lambda inputs, **_: own(2.0 * inputs)


def patched_apply(model):
    own = model.optimizer.apply
    model.optimizer.apply = lambda gradients, variables: own(
        [2.0 * gradient for gradient in gradients], variables
    )


def frozen(model):
    model.parts[0].trainable = False


def new_schedule(model):
    model.optimizer.learning_rate = 0.05


def assigned(model):
    kernel = model.parts[0].kernel
    kernel.assign(0.5 * kernel)


def other_dtype(model):
    model.parts[0].dtype_policy = keras.DTypePolicy("mixed_bfloat16")


def other_metric(model):
    (metric,) = model.metrics[1].metrics
    metric._fn = keras.losses.sparse_categorical_crossentropy


def own_train_step(model):
    own = model.train_step
    calls = itertools.count()

    def train_step(*args):
        next(calls)
        return own(*args)

    model.train_step = train_step


def recompiled(model):
    compiled(model, "adam")


CHANGES = {
    "clipnorm": set_on("optimizer.clipnorm", 0.001),
    "clipvalue": set_on("optimizer.clipvalue", 0.001),
    "global_clipnorm": set_on("optimizer.global_clipnorm", 0.001),
    "weight_decay": set_on("optimizer.weight_decay", 0.1),
    "momentum": set_on("optimizer.momentum", 0.5),
    "nesterov": set_on("optimizer.nesterov", True),
    "activation": set_on("parts.0.activation", keras.activations.relu),
    "own activation": set_on(
        "parts.0.activation", lambda x: 0.5 * keras.ops.relu(x)
    ),
    "stateful activation": lambda model: set_on(
        "parts.0.activation", Counting()
    )(model),
    "use_bias": set_on("parts.0.use_bias", False),
    "layers exchanged": set_on("parts.1.activation", keras.activations.relu6),
    "loss reduction": set_on("_compile_loss.reduction", "sum"),
    "call": patched_call,
    "call of the model": patched_model,
    "compute_loss": patched_loss,
    "apply": patched_apply,
    "train_step": own_train_step,
    "frozen": frozen,
    "learning rate": new_schedule,
    "weights": assigned,
    "dtype": other_dtype,
    "metric": other_metric,
}


def some(names, few):
    """All names on torch, a few where each of them is compiled."""
    return [
        pytest.param(
            name,
            marks=()
            if BACKEND == "torch" or name in few.split()
            else pytest.mark.full,
        )
        for name in names
    ]


ALL_PLACES = [*PLACES, "between"]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        pytest.param(
            name,
            place,
            # One place each, another one for each; all in the long run.
            marks=()
            if (number + other) % len(ALL_PLACES) == 0
            and (BACKEND == "torch" or number % 5 == 0)
            else pytest.mark.full,
        )
        for number, name in enumerate(CHANGES)
        for other, place in enumerate(ALL_PLACES)
    ],
)
def test_something_changes(name, place):
    check_same(changed(CHANGES[name], place))


def test_recompiled_between_fits():
    check_same(changed(recompiled, "between"), [FAST] * 2)


@pytest.mark.parametrize("place", some(PLACES, "first_end"))
def test_nothing_changes_and_it_is_fast(place):
    check_same(changed(lambda model: None, place), [FAST] * 3)


def test_a_class_is_patched(monkeypatch):
    own = keras.layers.Dense.call

    def patch(model):
        monkeypatch.setattr(
            keras.layers.Dense,
            "call",
            lambda layer, inputs, training=None: 0.5 * own(layer, inputs),
        )

    def script(is_ours):
        result = changed(patch, "first_end")(is_ours)
        monkeypatch.undo()
        return result

    check_same(script)


def test_a_class_attribute_changes():
    class Scaled(keras.layers.Dense):
        factor = 1.0
        pure_call = True

        def call(self, inputs):
            return self.factor * super().call(inputs)

    def make():
        Scaled.factor = 1.0
        return Net(Scaled(3, activation="softmax"))

    def change(model):
        Scaled.factor = 0.5

    for place in ("first_end", "between"):
        check_same(changed(change, place, make))


# --- code with a state of its own --------------------------------------------


class Declared(keras.layers.Layer):
    """Says that it is pure, and reads numbers from a tensor all the same."""

    pure_call = True

    def __init__(self, how):
        super().__init__()
        self.how = how

    def call(self, inputs):
        if self.how == "tolist":
            return inputs * (1.0 + abs(inputs[0, 0].tolist()))
        if self.how == "numpy":
            first = inputs.detach().numpy()[0, 0]
            return inputs * (1.0 + abs(float(first)))
        if self.how == "array":
            return inputs * (1.0 + abs(float(np.array(inputs.detach())[0, 0])))
        if self.how == "item":
            return inputs * (1.0 + abs(inputs[0, 0].item()))
        if self.how == "if":
            return 2.0 * inputs if inputs[0, 0] > 0 else inputs
        if self.how == "nonzero":
            return inputs / (1.0 + (inputs > 0).nonzero().shape[0])
        return inputs / (1.0 + inputs[inputs > 0].shape[0])


@pytest.mark.skipif(BACKEND != "torch", reason="others are compiled")
@pytest.mark.parametrize(
    "how", ["tolist", "numpy", "array", "item", "if", "nonzero", "mask"]
)
def test_numbers_read_from_tensors(how):
    def script(is_ours):
        model = compiled(
            Net(Declared(how), keras.layers.Dense(3, activation="softmax"))
        )
        return model, fitted(model, is_ours, epochs=2)

    check_same(script, ["ordinary"] * 2)


@pytest.mark.parametrize(
    "argument", ["activation", "kernel_regularizer", "kernel_constraint"]
)
def test_pieces_with_a_state(argument):
    class Piece(Counting):
        def __call__(self, x):
            x = super().__call__(x)
            return ops.sum(x * x) if "regularizer" in argument else x

    def script(is_ours):
        model = compiled(dense(**{argument: Piece()}))
        return model, fitted(model, is_ours, epochs=3)

    check_same(script, ["ordinary" if BACKEND == "torch" else FAST] * 3)


class Inherits(Net):
    """Has a `train_step` of its own, and a promise that is not about it."""

    def train_step(self, *args):
        if BACKEND == "torch":
            with torch.no_grad():
                self.parts[0].bias.value.add_(0.01)
        return super().train_step(*args)


def test_a_promise_is_not_inherited():
    def script(is_ours):
        model = Inherits(
            keras.layers.Dense(4), keras.layers.Dense(3, activation="softmax")
        )
        return model, fitted(compiled(model), is_ours, epochs=2)

    check_same(script, ["ordinary" if BACKEND == "torch" else FAST] * 2)


class Rising(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self):
        self.calls = 0

    def __call__(self, step):
        self.calls += 1
        return 0.001 * self.calls

    def get_config(self):
        return {}


RATES = {
    "own": Rising,
    "iterator": lambda: functools.partial(
        next, itertools.cycle([0.1, 0.2, 0.3])
    ),
    "exponential": lambda: keras.optimizers.schedules.ExponentialDecay(
        0.1, 5, 0.9
    ),
    "cosine": lambda: keras.optimizers.schedules.CosineDecay(
        0.1, 20, warmup_target=0.2, warmup_steps=3
    ),
    "piecewise": lambda: keras.optimizers.schedules.PiecewiseConstantDecay(
        [3, 12], [0.1, 0.05, 0.01]
    ),
}


@pytest.mark.parametrize("name", some(RATES, "cosine"))
def test_learning_rates(name):
    def script(is_ours):
        model = compiled(dense(), keras.optimizers.SGD(RATES[name]()))
        return model, fitted(model, is_ours, epochs=3)

    check_same(script)


def test_a_rate_that_equals_another_number():
    """A number that torch reads from a tensor is told from one like it."""

    def script(is_ours):
        optimizer = keras.optimizers.SGD(0.5, momentum=0.5, nesterov=True)
        model = compiled(dense(), optimizer)
        callback = keras.callbacks.LearningRateScheduler(
            lambda epoch: 0.5 / (1 + epoch)
        )
        return model, fitted(model, is_ours, epochs=3, callbacks=[callback])

    check_same(script, [FAST] * 3)


def test_gradients_of_the_first_batch_are_zero():
    def script(is_ours):
        x, y = data()
        x[:16] = 0.0  # what is recorded, and what it is compared with
        model = compiled(dense(use_bias=False))
        histories = [fitted(model, is_ours, x, y, epochs=2)]
        model.parts[0].trainable = False
        histories.append(fitted(model, is_ours, x, y, epochs=2))
        return model, histories

    check_same(script)


# --- arguments of compile ----------------------------------------------------


def named(name, **options):
    return lambda: getattr(keras.optimizers, name)(0.01, **options)


OPTIMIZERS = {
    **{
        name: named(name)
        for name in (
            "SGD", "Adam", "AdamW", "Adamax", "Adadelta", "Adagrad", "Ftrl",
            "Lamb", "Lion", "Muon", "Nadam", "RMSprop",
        )
    },
    "clipped": named("Adam", clipnorm=0.1),
    "clipped values": named("RMSprop", clipvalue=0.01, centered=True),
    "clipped all": named("AdamW", global_clipnorm=0.1, amsgrad=True),
    "averaged": named("Adam", use_ema=True, ema_overwrite_frequency=4),
    "averaged at the end": named("SGD", use_ema=True),
    "accumulated": named("Adam", gradient_accumulation_steps=3),
    "decayed": named("SGD", weight_decay=0.01, momentum=0.9, nesterov=True),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.01), dynamic_growth_steps=3
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", some(OPTIMIZERS, "Adam scaled"))
def test_optimizers(name):
    def script(is_ours):
        model = compiled(dense(), OPTIMIZERS[name]())
        histories = [fitted(model, is_ours, epochs=2)]
        model.optimizer.learning_rate = 0.002
        histories.append(fitted(model, is_ours, epochs=2))
        return model, histories

    check_same(script)


@pytest.mark.parametrize(
    "policy", some(["mixed_float16", "mixed_bfloat16"], "mixed_float16")
)
def test_mixed_precision(policy):
    def script(is_ours):
        keras.config.set_dtype_policy(policy)
        try:
            model = compiled(dense())
        finally:
            keras.config.set_dtype_policy("float32")
        return model, fitted(model, is_ours, epochs=2)

    check_same(script)


LAYERS = {
    "dropout": lambda: keras.layers.Dropout(0.3, seed=1),
    "noise": lambda: keras.layers.GaussianNoise(0.1, seed=1),
    "normalized": keras.layers.BatchNormalization,
    "layer normalized": keras.layers.LayerNormalization,
    "activity": lambda: keras.layers.ActivityRegularization(0.1),
    "lambda": lambda: keras.layers.Lambda(lambda x: 2 * x),
    "lambda of Keras's": lambda: keras.layers.Lambda(keras.ops.tanh),
    "spectral": lambda: keras.layers.SpectralNormalization(
        keras.layers.Dense(4)
    ),
    "ours": lambda: keras_extras.layers.Dense(4, activation="relu"),
    "model": lambda: keras.Sequential([keras.layers.Dense(4)]),
    "leaky": lambda: keras.layers.LeakyReLU(0.1),
    "unit norm": lambda: keras.layers.UnitNormalization(),
    "masking": lambda: keras.layers.Masking(),
}


@pytest.mark.parametrize("name", some(LAYERS, "dropout normalized"))
def test_layers(name):
    def script(is_ours):
        model = compiled(
            Net(LAYERS[name](), keras.layers.Dense(3, activation="softmax"))
        )
        return model, fitted(model, is_ours, epochs=2)

    check_same(script)


def test_losses_and_metrics_of_ones_own():
    calls = []

    def loss(y_true, y_pred):
        calls.append(1)
        return ops.mean(ops.square(y_pred), -1) * (1.0 + len(calls))

    def metric(y_true, y_pred):
        calls.append(1)
        return ops.mean(y_pred) * len(calls)

    for options in ({"loss": loss}, {"metrics": [metric]}):

        def script(is_ours, options=options):
            calls.clear()
            model = compiled(dense(), **options)
            return model, fitted(model, is_ours, epochs=2), len(calls)

        check_same(script)


def test_weights_of_examples_and_classes():
    for options in (
        {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}},
        {"sample_weight": np.linspace(0, 1, 70).astype("float32")},
        {"validation_split": 0.2},
        {"validation_data": data(16), "validation_freq": 2},
        {"shuffle": True},
        {"shuffle": "batch"},
        {"batch_size": 7},
        {"batch_size": 100},
        {"initial_epoch": 1},
    )[:: 1 if BACKEND == "torch" else 4]:

        def script(is_ours, options=options):
            model = compiled(dense(), weighted_metrics=["accuracy"])
            return model, fitted(model, is_ours, epochs=3, **options)

        check_same(script)


# --- who looks at batches, and other fits ------------------------------------


class Nested(keras.callbacks.Callback):
    """Fits, evaluates and trains again within an epoch's hooks."""

    def __init__(self, is_ours, how):
        super().__init__()
        self.is_ours, self.how, self.results = is_ours, how, []

    def on_epoch_begin(self, epoch, logs=None):
        self._go(epoch)

    def on_epoch_end(self, epoch, logs=None):
        self._go(epoch)

    def _go(self, epoch):
        x, y = data()
        if self.how == "evaluate":
            options = {"batch_size": 4, "verbose": 0}
            result = self.model.evaluate(x, y, steps=3, **options)
        elif self.how == "fit":
            history = fitted(self.model, self.is_ours, steps_per_epoch=3)
            result = history["loss"]
        elif self.how == "fast fit":
            result = fitted(self.model, self.is_ours)["loss"]
        elif self.how == "train_on_batch":
            result = self.model.train_on_batch(x[:8], y[:8])
        else:
            result = self.model.predict(x, verbose=0, steps=2)
        self.results.append(np.array(result, "float64").tolist())


@pytest.mark.parametrize(
    "how",
    some(
        ["evaluate", "fit", "fast fit", "train_on_batch", "predict"],
        "evaluate fit",
    ),
)
def test_nested(how):
    def script(is_ours):
        model = compiled(dense())
        callback = Nested(is_ours, how)
        history = fitted(model, is_ours, epochs=3, callbacks=[callback])
        return model, history, callback.results

    check_same(script, [FAST] * 3)


def test_max_steps_per_epoch():
    def script(is_ours):
        model = compiled(dense())
        keras.config.set_max_steps_per_epoch(4)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                history = fitted(model, is_ours, epochs=2)
        finally:
            keras.config.set_max_steps_per_epoch(None)
        return model, history, int(model.optimizer.iterations)

    model = check_same(script, ["ordinary"] * 2)
    assert "max_steps_per_epoch" in model.fit_path[0].reason


class Duck:
    """No callback of Keras's, but with all the hooks of one."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        if not name.startswith(("on_", "set_")):
            raise AttributeError(name)
        return lambda *args, **_: self.calls.append((name, args[:1]))


class Batches(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append((batch, dict(logs)))


def late_hook(callback):
    """A callback that is given a hook of batches while it trains."""
    calls = callback.calls = []

    def begin(epoch, logs=None):
        if epoch == 1:
            callback.on_train_batch_end = lambda batch, logs=None: calls.append(
                (batch, dict(logs))
            )

    callback.on_epoch_begin = begin
    return callback


@pytest.mark.parametrize(
    ("make", "ways"),
    [
        (Duck, ["ordinary"] * 2),
        (Batches, ["ordinary"] * 2),
        (
            lambda: late_hook(keras.callbacks.Callback()),
            [FAST, "ordinary"],
        ),
    ],
    ids=["duck", "batches", "late"],
)
def test_callbacks_that_look_at_batches(make, ways):
    def script(is_ours):
        model = compiled(dense())
        callback = make()
        history = fitted(model, is_ours, epochs=2, callbacks=[callback])
        # Keras may call from several threads.
        calls = sorted(callback.calls, key=repr)
        return model, history, len(callback.calls), repr(calls)[:2000]

    if make is Duck:  # with the dict of the parameters and the model in it
        check_same(lambda is_ours: script(is_ours)[:3], ways)
    else:
        check_same(script, ways)


def test_stopped_before_the_first_batch():
    """Keras looks at `stop_training` after a batch only."""

    class Stops(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    def script(is_ours):
        model = compiled(dense())
        history = fitted(model, is_ours, epochs=3, callbacks=[Stops()])
        return model, history, int(model.optimizer.iterations)

    assert check_same(script).optimizer.iterations == 10


def test_a_hook_of_all_callbacks(monkeypatch):
    for owner in (keras.callbacks.Callback, keras.callbacks.ModelCheckpoint):
        calls = []

        def hook(self, batch, logs=None, calls=calls):
            calls.append(batch)

        monkeypatch.setattr(owner, "on_train_batch_end", hook)
        callback = keras.callbacks.ModelCheckpoint("unused.keras")
        callback.on_epoch_end = lambda epoch, logs: None
        model = compiled(dense())
        fitted(model, True, callbacks=[callback])
        assert model.fit_path[0].way == "ordinary"
        assert sorted(set(calls)) == list(range(9))
        monkeypatch.undo()


def test_a_wrapped_train_function():
    def script(is_ours):
        model = compiled(dense())
        fitted(model, is_ours)
        own, calls = model.train_function, []

        @functools.wraps(own)
        def wrapped(*args):
            calls.append(1)
            return own(*args)

        model.train_function = wrapped
        return model, fitted(model, is_ours), len(calls)

    check_same(script)


@pytest.mark.parametrize(
    "callbacks",
    [[keras.callbacks.History], [int]],
    ids=["class", "type"],
)
def test_what_is_no_callback_is_refused_as_in_keras(callbacks):
    errors = []
    for is_ours in (False, True):
        model = compiled(dense())
        try:
            fitted(model, is_ours, callbacks=callbacks)
        except Exception as error:
            errors.append((type(error), str(error)))
    assert len(errors) == 2
    assert errors[0] == errors[1]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("place", some(PLACES, "second_begin"))
def test_errors_in_callbacks(place, error):
    def fail(model):
        raise error("stop")

    def script(is_ours):
        model = compiled(dense())
        with pytest.raises(error):
            fitted(
                model, is_ours, epochs=3, callbacks=[At(*PLACES[place], fail)]
            )
        history = fitted(model, is_ours)
        return model, history, int(model.optimizer.iterations)

    check_same(script)
