"""On torch, `fit` plays the noted operations of a step, with its numbers."""

import sys

import keras
import numpy as np
import pytest

import keras_extras
from tests.fitting.both import (
    Net,
    check_same,
    compiled,
    data,
    dense,
    fitted,
)

if keras.backend.backend() != "torch":
    pytest.skip("about torch's steps", allow_module_level=True)

import torch
from torch.utils.flop_counter import FlopCounterMode

from keras_extras.fitting import _replay as replay


@pytest.fixture
def plays(monkeypatch):
    """A list with an entry for every step that was played."""
    calls = []
    play = replay.Tape.play
    monkeypatch.setattr(
        replay.Tape,
        "play",
        lambda tape, leaves: calls.append(1) or play(tape, leaves),
    )
    return calls


def reason_of(model, **options):
    """Returns why the first epoch of a fit was an ordinary one."""
    fitted(compiled(model), True, **options)
    return model.fit_path[0].reason


def convolutional():
    return Net(
        keras.layers.Reshape((5, 1)),
        keras_extras.layers.Conv1D(4, 3, padding="same"),
        keras.layers.BatchNormalization(),
        keras_extras.layers.MaxPooling1D(2),
        keras_extras.layers.Flatten(),
        keras.layers.Dense(3, activation="softmax"),
    )


def test_which_steps_are_played(plays):
    model = compiled(convolutional())
    fitted(model, True, epochs=3)
    # Of nine batches the first makes variables, the second is noted, the
    # third is compared, as is the first of each epoch; the last is smaller.
    assert len(plays) == 1 + 5 + 8 + 8
    assert [epoch.way for epoch in model.fit_path] == ["replayed"] * 3
    plays.clear()
    fitted(model, True)  # what was noted in the last fit is still right
    assert len(plays) == 8
    plays.clear()
    model.optimizer.momentum = 0.5
    fitted(model, True)
    assert len(plays) == 1 + 5


def test_another_batch_size_is_noted_anew(plays):
    model = compiled(dense())
    for batch_size, expected in [(8, 6), (16, 2), (8, 6)]:
        fitted(model, True, batch_size=batch_size)
        assert len(plays) == expected
        plays.clear()


def hook(*_):
    return None


def on_module(name):
    return lambda model: getattr(model.parts[0], name)(hook)


def on_weight(name):
    return lambda model: getattr(model.parts[0].kernel.value, name)(hook)


HOOKS = {
    "forward": on_module("register_forward_hook"),
    "pre": on_module("register_forward_pre_hook"),
    "backward": on_module("register_full_backward_hook"),
    "backward pre": on_module("register_full_backward_pre_hook"),
    "gradient": on_weight("register_hook"),
    "accumulated": on_weight("register_post_accumulate_grad_hook"),
}


@pytest.mark.filterwarnings("ignore:Full backward hook")
@pytest.mark.parametrize("name", HOOKS)
def test_hooks_are_called(name):
    model = dense()
    model.build((None, 5))
    assert reason_of(model) == ""
    HOOKS[name](model)
    assert "hooks" in reason_of(model)


def test_hooks_of_all_modules_are_called():
    handle = torch.nn.modules.module.register_module_forward_hook(hook)
    try:
        assert reason_of(dense()) == "all torch modules have a hook"
    finally:
        handle.remove()


def test_hooks_that_no_attribute_tells_of_are_called():
    """On the node that adds up a gradient, which the user has to hold."""
    nodes = []

    class Listens(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weight = self.model.parts[0].kernel.value
            node = weight.expand_as(weight).grad_fn.next_functions[0][0]
            node.register_prehook(lambda gradients: (2.0 * gradients[0],))
            nodes.append(node)

    def script(is_ours):
        nodes.clear()
        model = compiled(dense())
        return model, fitted(model, is_ours, epochs=2, callbacks=[Listens()])

    model = check_same(script, ["replayed", "ordinary"])
    assert "Listens" in model.fit_path[1].reason


class Warns(keras.layers.Layer):
    pure_call = True

    def call(self, inputs):
        import warnings

        warnings.warn("of each batch", stacklevel=2)
        return inputs


@pytest.mark.filterwarnings("ignore:of each batch")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Net(keras.layers.Dropout(0.5)), "random numbers"),
        (lambda: Net(keras.layers.Lambda(lambda x: 2 * x)), "<lambda>"),
        (lambda: Net(Warns()), "it warns"),
        (
            lambda: dense(activity_regularizer="l2"),
            "a layer adds a loss",
        ),
        (
            lambda: dense(activation=np.random.default_rng(0).random),
            "nobody can look into",
        ),
    ],
    ids=["random", "lambda", "warning", "loss", "opaque"],
)
def test_reasons(make, reason):
    model = make()
    model.parts.append(keras.layers.Dense(3, activation="softmax"))
    if "opaque" in reason or "look into" in reason:
        model = dense()
        model.secret = np.random.default_rng(0)
    assert reason in reason_of(model)


def test_what_watches_torch_itself():
    assert reason_of(dense()) == ""
    with torch.autograd.set_detect_anomaly(True):
        assert reason_of(dense()) == "torch looks for anomalies"
    with FlopCounterMode(display=False):
        assert reason_of(dense()) != ""  # by a mode, and by hooks
    sys.setprofile(lambda *_: None)
    try:
        assert reason_of(dense()) == "a profiler runs"
    finally:
        sys.setprofile(None)


def test_large_states_are_not_copied(monkeypatch):
    monkeypatch.setattr(replay, "MAX_BYTES", 100)
    assert "too large" in reason_of(dense())


def test_operations_that_give_other_numbers_are_dropped(monkeypatch):
    play = replay.Tape.play

    def wrong(tape, leaves):
        with torch.no_grad():
            tape.state[0].add_(1.0)
        return play(tape, leaves)

    def script(is_ours):
        model = compiled(dense())
        return model, fitted(model, is_ours, epochs=2)

    monkeypatch.setattr(replay.Tape, "play", wrong)
    model = check_same(script, ["ordinary"] * 2)
    assert "other numbers" in model.fit_path[0].reason


def test_ctrl_c_while_it_is_compared_leaves_the_step_done(monkeypatch):
    def interrupted(tape, leaves):
        with torch.no_grad():
            tape.state[0].add_(100.0)
        raise KeyboardInterrupt

    x, y = data(24)
    models = []
    for is_ours in (False, True):
        keras.utils.set_random_seed(0)
        models.append(compiled(dense()))
        if is_ours:
            monkeypatch.setattr(replay.Tape, "play", interrupted)
            with pytest.raises(KeyboardInterrupt):
                fitted(models[-1], is_ours, x, y)
        else:
            fitted(models[-1], is_ours, x, y)
    for one, other in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_array_equal(one, other)


# --- the recorder itself -----------------------------------------------------


def recorded(step, state=(), batch=None):
    """Returns a tape of the step, and why it cannot be played."""
    leaves = [torch.ones(3) if batch is None else batch]
    tape = replay.Tape(leaves, list(state))
    with tape:
        logs = step(leaves[0])
    return tape, tape.finish(logs)


def test_random_numbers_from_constants_are_random():
    _, why = recorded(
        lambda x: {"mean": torch.bernoulli(torch.tensor([0.5] * 8)).mean()}
    )
    assert why == "it draws random numbers"


@pytest.mark.parametrize("how", ["written", "out"])
def test_constants_that_are_written_are_not_shared_by_steps(how):
    def step(x):
        constant = torch.tensor([1.0, 2.0, 3.0])
        if how == "written":
            constant.add_(x)
        else:
            torch.add(x, 1.0, out=constant)
        return {"sum": constant.sum()}

    assert recorded(step)[1] == "a constant is written"


@pytest.mark.parametrize("written", ["copy", "source", "view", "state"])
def test_copies_that_are_written_stay_copies(written):
    state = torch.ones(3)

    def step(x):
        base = state if written == "state" else 2.0 * x
        copy = base.new_empty_strided(base.shape, base.stride())
        copy.copy_(base)
        target = {"copy": copy, "source": base, "view": copy[:1]}
        target.get(written, copy).add_(1.0)
        return {"sum": (base + copy).sum()}

    tape, why = recorded(step, [state])
    if written != "state":
        assert why == "a constant is written"
        return
    assert why == ""
    assert float(tape.play([torch.ones(3)])["sum"]) == 9.0


def test_a_number_that_torch_reads_itself():
    rate = torch.tensor(0.25)

    def step(x):
        total = torch._foreach_add([x], [x], alpha=rate)[0]
        return {"sum": torch._foreach_mul([total], 0.25)[0].sum()}

    tape, why = recorded(step, [rate])
    assert why == ""
    rate.fill_(0.5)
    played = tape.play([torch.ones(3)])["sum"]
    assert float(played) == 3 * 1.5 * 0.25  # not 0.5, which was 0.25 as well


@pytest.mark.parametrize(
    "step",
    [
        lambda x: x * float(x.sum()) * 2.0,
        lambda x: x + x if float(x.sum()) > 0 else x,
        lambda x: x[: int(x.sum())],
        lambda x: x * x.sum().item(),
        lambda x: x[x > 0],
        lambda x: torch.nonzero(x),
        lambda x: torch.unique(x),
        lambda x: torch.equal(x, x) * x,
    ],
)
def test_numbers_that_python_reads(step):
    def logs(x):
        result = step(x)
        return {"sum": (result + torch.full((), 3.0)).sum()}

    # A number is taken to be torch's own if the very next operation takes it
    # once. Then it is right to do so, whoever has read it.
    tape, why = recorded(logs)
    if why == "":
        x = torch.tensor([1.0, 5.0, 3.0])
        assert torch.equal(tape.play([x])["sum"], logs(x)["sum"])
    else:
        assert why == "Python reads what a tensor holds"


def test_positions_are_no_masks():
    positions = torch.tensor([2, 0])
    tape, why = recorded(lambda x: {"sum": x[positions].sum()}, [positions])
    assert why == ""
    assert float(tape.play([torch.tensor([1.0, 2.0, 4.0])])["sum"]) == 5.0


def test_tensors_that_nobody_knows():
    other = torch.ones(3)
    _, why = recorded(lambda x: {"sum": (x + other).sum()})
    assert why == "a tensor comes from elsewhere"


@pytest.mark.parametrize("logs", [{"loss": 1.0}, None])
def test_logs_that_are_no_tensors(logs):
    assert recorded(lambda x: logs)[1] == "the logs of a step are not tensors"


def test_gradients_are_left_as_a_step_leaves_them():
    weight = torch.nn.Parameter(torch.ones(3))

    def step(x):
        weight.grad = None
        loss = (x * x * weight).sum()
        loss.backward()
        return {"loss": loss.detach()}

    tape, why = recorded(step, [weight])
    assert why == ""
    tape.play([torch.tensor([1.0, 2.0, 3.0])])
    assert weight.grad.tolist() == [1.0, 4.0, 9.0]
