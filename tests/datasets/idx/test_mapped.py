import copy
import gc
import gzip
import io
import operator
import os
import pickle
import struct
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets import (
    IdxArray,
    IdxFormatError,
    open_idx,
    read_idx,
    write_idx,
)

TYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("map")


def keys():
    """Whatever stands between brackets for an array (5, 3, 2)."""
    one = st.one_of(
        st.integers(-2, 1),
        st.slices(2),
        st.just(...),
        st.none(),
        st.lists(st.integers(-2, 1), min_size=1, max_size=3),
    )
    return st.one_of(one, st.tuples(st.slices(5), one))


@given(dtype=st.sampled_from(TYPES), key=keys())
def test_slices_are_those_of_the_array(folder, dtype, key):
    array = np.arange(-5, 25).reshape(5, 3, 2).astype(dtype)
    write_idx(folder / "file", array)
    mapped = open_idx(folder / "file")

    part = mapped[key]
    np.testing.assert_array_equal(part, array[key])
    assert part.dtype == array.dtype
    assert part.dtype.isnative
    assert (mapped.shape, mapped.dtype) == (array.shape, array.dtype)
    assert (mapped.ndim, mapped.size) == (array.ndim, array.size)
    assert (mapped.nbytes, len(mapped)) == (array.nbytes, len(array))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,) * 32, (7,)])
def test_every_shape_is_mapped(dtype, shape, tmp_path):
    array = np.ones(shape, dtype)
    write_idx(tmp_path / "file", array)
    mapped = open_idx(tmp_path / "file")

    np.testing.assert_array_equal(np.asarray(mapped), array)
    np.testing.assert_array_equal(mapped[...], array)
    assert mapped.shape == shape
    if not shape:
        with pytest.raises(TypeError, match="no length"):
            len(mapped)


@pytest.fixture
def pair(tmp_path):
    """Writes an array; returns the function that gives it and its map."""

    def write(dtype, shape=(5, 3, 2)):
        array = np.arange(-7, np.prod(shape, dtype=int) - 7).reshape(shape)
        array = array.astype(dtype)
        write_idx(tmp_path / "file", array)
        return array, open_idx(tmp_path / "file")

    return write


def check_same(actual, expected):
    """Checks values, dtype and byte order, whatever a function returns."""
    if isinstance(expected, tuple | list):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            check_same(one, other)
        return
    np.testing.assert_array_equal(actual, expected, strict=False)
    assert np.shape(actual) == np.shape(expected)
    if isinstance(expected, np.ndarray | np.generic):
        assert actual.dtype == expected.dtype
        assert actual.dtype.isnative


BINARY = [
    operator.eq,
    operator.ne,
    operator.lt,
    operator.ge,
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    np.maximum,
    np.equal,
]
FUNCTIONS = {
    "abs": abs,
    "neg": operator.neg,
    "any": lambda a: (a.any(), a.any(0), np.any(a, axis=(0, 2))),
    "all": lambda a: (a.all(), np.all(a, axis=-1, keepdims=True)),
    "argmax": lambda a: (a.argmax(), a.argmax(1), np.argmin(a, axis=0)),
    "argsort": lambda a: (a.argsort(0), np.sort(a, 1)),
    "astype": lambda a: (a.astype("float32"), a.astype("uint8", copy=False)),
    "bincount": lambda a: np.bincount((a[..., 0] > 1).ravel()),
    "boolean": lambda a: (a[a == 3], a[a != 3], a[np.nonzero(a > 2)]),
    "clip": lambda a: (a.clip(1, 5), np.clip(a, None, 2)),
    "concatenate": lambda a: np.concatenate([a, a[:1]], axis=0),
    "contains": lambda a: (3 in a, 10_000 in a),
    "copy": lambda a: (a.copy(), a.flatten(), np.copy(a)),
    "cumsum": lambda a: (a.cumsum(), a.cumsum(0), np.cumprod(a[:2], 1)),
    "divmod": lambda a: divmod(a, 3),
    "dot": lambda a: (a.dot(np.ones(2)), a @ np.ones((2, 4)), np.ones(3) @ a.T),
    "einsum": lambda a: np.einsum("ijk->kj", a),
    "histogram": lambda a: np.histogram(a, bins=4),
    "in place": lambda a: operator.iadd(np.ones(a.shape, "float64"), a),
    "isin": lambda a: np.isin(a, [1, 3]),
    "item": lambda a: (a.item(3), a.item((1, 2, 0)), a.tolist()),
    "like": lambda a: (np.zeros_like(a), np.full_like(a, 3)),
    "max": lambda a: (a.max(), a.max(0), np.max(a, (1, 2)), np.ptp(a, 0)),
    "mean": lambda a: (a.mean(), a.mean(0), np.mean(a, axis=(1, 2))),
    "median": lambda a: (np.median(a), np.percentile(a, 30, axis=0)),
    "min": lambda a: (a.min(), a.min(axis=1, keepdims=True), np.min(a, 2)),
    "out": lambda a: np.add(a, 1, out=np.zeros(a.shape, "float64")),
    "outer": lambda a: np.add.outer(a[0, 0], a),
    "prod": lambda a: (a.prod(), np.prod(a[:2], axis=0)),
    "reduce": lambda a: (np.add.reduce(a, axis=1), np.maximum.reduce(a)),
    "accumulate": lambda a: np.add.accumulate(a, 1),
    "repeat": lambda a: (a.repeat(2, 0), np.tile(a, 2)),
    "reshape": lambda a: (a.reshape(3, 10)[1:], a.reshape((-1, 2))[...]),
    "result": lambda a: np.zeros(3, np.result_type(a)),
    "round": lambda a: (a.round(), np.round(a, -1), round(float(a[0, 0, 0]))),
    "same": lambda a: (np.array_equal(a, a), np.allclose(a, a)),
    "searchsorted": lambda a: a.ravel().searchsorted([1, 4]),
    "split": lambda a: np.split(a, 5),
    "stack": lambda a: (np.stack([a, a]), np.vstack([a, a])),
    "sum": lambda a: (a.sum(), a.sum((0, -1)), np.sum(a, where=a > 2)),
    "sum dtype": lambda a: (a.sum(dtype="int64"), a.mean(0, "float32")),
    "swap": lambda a: (a.swapaxes(0, 2)[1], np.moveaxis(a, 0, -1)[...]),
    "take": lambda a: (a.take([1, 0], 1), np.take(a, 3), a.diagonal()),
    "tobytes": lambda a: np.frombuffer(a.tobytes(), a.dtype),
    "transpose": lambda a: (a.T[0], a.transpose(1, 0, 2)[:], a.transpose()[1]),
    "unique": lambda a: np.unique(a, return_counts=True),
    "where": lambda a: (np.where(a > 2, a, 0), *np.where(a == 3)),
    "with itself": lambda a: (a + a, a * a.mean(), a == a, a[a[..., 0] == 3]),
}  # fmt: skip


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_it_computes_as_the_array_does(name, dtype, pair):
    array, mapped = pair(dtype)
    check_same(FUNCTIONS[name](mapped), FUNCTIONS[name](array))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(
    dtype=st.sampled_from(TYPES),
    function=st.sampled_from(BINARY),
    other=st.sampled_from([3, 2.5, np.float32(2), TYPES, None]),
    swapped=st.booleans(),
)
def test_operators_are_those_of_the_array(
    folder, dtype, function, other, swapped
):
    array = np.arange(-5, 25).reshape(5, 3, 2).astype(dtype)
    write_idx(folder / "file", array)
    mapped = open_idx(folder / "file")
    if other is TYPES:  # an array of another type
        other = array[:, :1].astype("int16")
    if other is None:
        other = mapped

    def call(value):
        pair = (value, array if other is mapped and value is array else other)
        return function(*(pair[::-1] if swapped else pair))

    check_same(call(mapped), call(array))


@given(
    dtype=st.sampled_from(["uint8", "int32", "float32", "float64"]),
    name=st.sampled_from(["var", "std", "mean", "sum"]),
    axis=st.sampled_from([None, 0, 1, -1, (0, 2), (1, 2), (0, 1, 2), ()]),
    ddof=st.sampled_from([0, 1]),
    keepdims=st.booleans(),
)
def test_statistics_are_those_in_float64(
    folder, dtype, name, axis, ddof, keepdims
):
    array = np.random.default_rng(0).normal(50, 20, (40, 3, 2)).astype(dtype)
    write_idx(folder / "file", array)
    mapped = open_idx(folder / "file")
    options = {"keepdims": keepdims}
    if name in ("var", "std") and axis != ():
        options["ddof"] = ddof
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_extras.datasets.idx._mapped._BLOCK", 50)
        actual = getattr(np, name)(mapped, axis=axis, **options)
        check_same(getattr(mapped, name)(axis, **options), actual)
    expected = getattr(np, name)(array.astype("float64"), axis=axis, **options)
    usual = getattr(np, name)(array, axis=axis, **options)
    assert actual.dtype == usual.dtype
    assert np.shape(actual) == np.shape(usual)
    exact = 1e-7 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(actual, expected, rtol=exact)


def test_variance_of_too_few_is_nan(pair):
    _, mapped = pair("float64", (1, 2))
    with pytest.warns(RuntimeWarning):
        assert np.isnan(mapped.var(0, ddof=1)).all()
    with pytest.raises(np.exceptions.AxisError):
        mapped.std(3)


def test_the_sum_of_many_float32_is_exact_to_the_last_digits(tmp_path):
    many = np.random.default_rng(0).random(2_000_000, dtype="float32")
    write_idx(tmp_path / "file", many)
    mapped = open_idx(tmp_path / "file")
    assert mapped.sum() == np.float32(many.sum(dtype="float64"))
    assert np.mean(mapped) == np.float32(many.mean(dtype="float64"))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_reductions_take_no_memory_of_the_size_of_the_file(dtype, pair):
    _, mapped = pair(dtype, (60_000, 784 // np.dtype(dtype).itemsize))
    for function in (np.sum, np.mean, np.std, np.var, np.min, np.max, np.any):
        for axis in (None, 0):
            tracemalloc.start()
            function(mapped, axis=axis)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            # Of 47 MB; the squares of a block are arrays of 2 MiB.
            assert peak < 8e6, (function, axis, peak)
    tracemalloc.start()
    chosen = (mapped == 3).sum()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert chosen
    assert peak < mapped.size + 1e6


def test_views_stay_on_the_disk_and_are_sent_by_their_path(pair, tmp_path):
    array, mapped = pair("int32", (6, 4))
    for view, expected in (
        (mapped.T, array.T),
        (mapped.reshape(-1, 2, 2), array.reshape(-1, 2, 2)),
        (mapped.ravel(), array.ravel()),
        (np.expand_dims(mapped, -1).squeeze(axis=-1), array),
    ):
        assert isinstance(view, IdxArray)
        again = pickle.loads(pickle.dumps(view))
        for same in (view, again):
            check_same(same[...], expected)
            assert (same.shape, same.dtype) == (expected.shape, expected.dtype)
            assert (same.nbytes, same.ndim) == (expected.nbytes, expected.ndim)
    data = pickle.dumps(np.moveaxis(mapped.reshape(3, 2, 4), 0, -1).T)
    assert len(data) < 1000
    check_same(
        pickle.loads(data)[...],
        np.moveaxis(array.reshape(3, 2, 4), 0, -1).T,
    )
    # A shape that its numbers have to be moved for.
    check_same(mapped.T.reshape(-1), array.T.reshape(-1))
    view = mapped.T
    mapped.close()
    check_same(view[0], array.T[0])


def test_it_is_one_number_or_no_number(pair):
    assert not open_idx(_number(pair, 0))
    mapped = open_idx(_number(pair, 7))
    assert (int(mapped), float(mapped), [*range(9)][mapped]) == (7, 7.0, 7)
    assert bool(mapped)
    _, mapped = pair("uint8")
    with pytest.raises(ValueError, match="ambiguous"):
        bool(mapped)
    with pytest.raises(TypeError, match="unhashable"):
        hash(mapped)
    with pytest.raises(AttributeError, match="'IdxArray' object has no"):
        mapped.fill(3)
    assert {"mean", "reshape", "T", "path"} <= set(dir(mapped))


def _number(pair, value):
    _, mapped = pair("int16", ())
    write_idx(mapped.path, np.array(value, "int16"))
    return mapped.path


def test_it_is_never_written_to(pair):
    array, mapped = pair("int32")
    with pytest.raises(ValueError, match="read-only"):
        mapped += 1
    with pytest.raises(ValueError, match="read-only"):
        np.add(array, 1, out=mapped)
    with pytest.raises(TypeError, match="item assignment"):
        mapped[0] = 1
    check_same(mapped[...], array)


def test_it_is_added_to_an_array_in_place(pair):
    array, mapped = pair("int32")
    total = original = array.astype(">i4")
    total += mapped
    assert total is original
    np.testing.assert_array_equal(original, 2 * array)
    assert np.cumsum(mapped, 0, out=original) is original


def test_it_becomes_an_array(pair):
    array, mapped = pair("int16", (3, 2))
    assert [row.tolist() for row in mapped] == array.tolist()
    assert np.asarray(mapped, "float64").dtype == np.float64
    copied = np.array(mapped)
    copied[0] = 7  # a copy may be written to
    assert mapped[0, 0] == -7
    with pytest.raises(ValueError, match=r"without a copy\. Use np\.asarray"):
        mapped.__array__(copy=False)


def test_bytes_are_views_that_cannot_be_written_to(tmp_path):
    write_idx(tmp_path / "file", np.zeros((3, 2), "uint8"))
    mapped = open_idx(tmp_path / "file")

    part = mapped[1:]
    assert not part.flags.owndata
    assert np.shares_memory(part, np.asarray(mapped))
    with pytest.raises(ValueError, match="read-only"):
        part[0] = 1


def test_opening_takes_less_than_a_millisecond(tmp_path):
    # A gigabyte of holes: nothing is read, and nothing is on the disk.
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(struct.pack(">2x2B3I", 8, 3, 2**20, 32, 32))
        file.truncate(16 + 2**30)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        mapped = open_idx(path)
        times.append(time.perf_counter() - start)
    assert min(times) < 1e-3
    assert mapped.shape == (2**20, 32, 32)
    assert not mapped[-1].any()


def test_map_outlives_its_file_object_and_slices_outlive_the_map(tmp_path):
    write_idx(tmp_path / "file", np.arange(4, dtype="uint8"))
    with (tmp_path / "file").open("rb") as file:
        mapped = open_idx(file)
    with mapped:
        part = mapped[1:]
    gc.collect()

    assert part.tolist() == [1, 2, 3]
    assert "closed" in repr(mapped)
    mapped.close()  # again
    with pytest.raises(ValueError, match="closed: open it again"):
        mapped[0]
    with pytest.raises(ValueError, match="closed: open it again"):
        np.asarray(mapped)


def test_file_object_is_mapped_from_its_position(tmp_path):
    path = tmp_path / "file"
    write_idx(path, np.arange(4, dtype="int32"))
    path.write_bytes(b"before" + path.read_bytes())
    with path.open("rb") as file:
        file.seek(6)
        mapped = open_idx(file)

    assert mapped[:].tolist() == [0, 1, 2, 3]
    with pytest.raises(TypeError, match="another process"):
        pickle.dumps(mapped)


def test_map_is_sent_to_other_processes_by_its_path(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    write_idx(tmp_path / "other" / "file", np.arange(9, dtype="int32"))
    monkeypatch.chdir(tmp_path)
    write_idx("file", np.arange(4, dtype="int32"))
    mapped = open_idx("file")
    before = pickle.dumps(mapped)
    monkeypatch.chdir(tmp_path / "other")

    for data in (before, pickle.dumps(mapped)):
        assert pickle.loads(data)[:].tolist() == [0, 1, 2, 3]
        assert len(data) < 1000
    assert copy.deepcopy(mapped).shape == (4,)


def test_map_of_a_file_that_was_replaced_is_not_sent(tmp_path):
    write_idx(tmp_path / "file", np.arange(4, dtype="int32"))
    mapped = open_idx(tmp_path / "file")
    write_idx(tmp_path / "file", np.arange(4, 8, dtype="int32"))
    assert mapped[0] == 0
    with pytest.raises(TypeError, match=r"another process.*replaced"):
        pickle.dumps(mapped)


def test_gzip_is_named_with_the_way_to_unpack_it(tmp_path):
    write_idx(tmp_path / "file.gz", np.zeros(3, "uint8"))

    with pytest.raises(IdxFormatError, match=r"idx convert FILE\.gz FILE"):
        open_idx(tmp_path / "file.gz")


def test_file_must_be_the_array_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    write_idx(path, np.arange(4, dtype="int16"))
    whole = path.read_bytes()
    for data in [*(whole[:end] for end in range(len(whole))), whole + b"\0"]:
        path.write_bytes(data)
        with pytest.raises(IdxFormatError):
            open_idx(path)
        with pytest.raises(IdxFormatError):
            read_idx(path)


def test_error_of_an_interrupted_append_tells_how_to_mend_it(tmp_path):
    path = tmp_path / "file"
    write_idx(path, np.arange(4, dtype="int16"))
    path.write_bytes(path.read_bytes() + b"\0\1\0")
    for reader in (open_idx, read_idx):
        with pytest.raises(
            IdxFormatError, match=r"found 3 bytes more.*os\.truncate\(path, 16"
        ):
            reader(path)
    os.truncate(path, 16)
    assert open_idx(path)[:].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("path", [3, None, b"name", io.BytesIO(b"\0\0\x08\0")])
def test_what_cannot_be_mapped_is_refused(path):
    with pytest.raises(TypeError, match=r"open_idx: path must be"):
        open_idx(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_device_is_refused():
    with pytest.raises(OSError, match="not a regular file"):
        open_idx("/dev/zero")
    with gzip.open(io.BytesIO(), "w") as file, pytest.raises(TypeError):
        open_idx(file)
    with pytest.raises(FileNotFoundError):
        open_idx("missing")
