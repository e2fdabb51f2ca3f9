"""Batches made beforehand: the right ones, each once, by whoever asks."""

import threading
import time
import warnings

import pytest

from keras_extras.datasets._prefetch import Prefetcher


def watched(most=3, threads=2, seconds=0.0):
    made = []

    def make(epoch, index):
        made.append((epoch, index))
        time.sleep(seconds)
        return epoch, index

    return Prefetcher(make, threads, most, "Data"), made


def wait_for(made, count):
    end = time.monotonic() + 20
    while len(made) < count and time.monotonic() < end:
        time.sleep(0.001)
    time.sleep(0.01)
    return sorted(made)


def test_those_that_follow_are_made_while_nobody_asks():
    ahead, made = watched()
    assert ahead.get(5, 0, 6) == (5, 0)
    assert wait_for(made, 4) == [(5, 0), (5, 1), (5, 2), (5, 3)]
    assert ahead.get(5, 1, 6) == (5, 1)
    assert wait_for(made, 5) == [(5, k) for k in range(5)]


def test_nothing_is_made_beyond_the_epoch_or_twice():
    ahead, made = watched(most=10)
    for epoch in range(3):
        for index in range(4):
            assert ahead.get(epoch, index, 4) == (epoch, index)
    assert wait_for(made, 12) == [(e, k) for e in range(3) for k in range(4)]


def test_a_new_epoch_gets_its_own_batches():
    # A look at the first batch, as Keras takes to build a model, and then
    # training in another epoch: nothing of the first is handed over.
    ahead, _ = watched()
    ahead.get(0, 0, 4)
    assert [ahead.get(1, k, 4) for k in range(4)] == [(1, k) for k in range(4)]


def test_a_random_order_makes_nothing_ahead_and_is_named_once():
    ahead, made = watched()
    order = [4, 1, 9, 3, 7, 5, 2, 8, 6, 11, 10, 13, 12, 15, 14, 17]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        got = [ahead.get(0, index, 20)[1] for index in order]
    assert got == order
    (one,) = said
    assert "2 threads cannot work ahead" in str(one.message)
    assert "fit(..., shuffle=False)" in str(one.message)
    assert len(made) == len(order)


def test_a_few_looks_out_of_turn_are_no_reason_to_warn():
    ahead, _ = watched()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for index in (3, 5, 9, 0, 1, 2, 8, 4, 0, 1):
            ahead.get(0, index, 10)


def test_many_may_ask_at_once():
    ahead, _ = watched(most=4, seconds=0.0005)
    wrong = []

    def ask():
        for epoch in range(3):
            for index in range(30):
                if ahead.get(epoch, index, 30) != (epoch, index):
                    wrong.append((epoch, index))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # four in turn are out of turn
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_an_error_is_raised_where_the_batch_is_asked_for():
    def make(epoch, index):
        if index == 2:
            raise OSError("the disk")
        return index

    ahead = Prefetcher(make, 2, 5, "Data")
    assert [ahead.get(0, 0, 4), ahead.get(0, 1, 4)] == [0, 1]
    with pytest.raises(OSError, match="the disk"):
        ahead.get(0, 2, 4)
    assert ahead.get(0, 3, 4) == 3
