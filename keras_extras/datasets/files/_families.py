"""The files of MNIST and its relatives, as they are published.

    name, size and SHA-256 of each file; the addresses that give it

What is done with them is in `_locate` and `_loaders`.
"""

import string
from dataclasses import dataclass
from typing import NamedTuple

from keras_extras import _checks as checks


class Published(NamedTuple):
    """A file as it is published."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Family:
    """The files of one data set.

    `prefixes` are the beginnings of the file names, by kind. `mirrors` end in
    a slash. With an `archive` that one file is published, and holds the four
    in its folder `gzip/`.
    """

    title: str
    folder: str
    prefixes: dict[str, tuple[str, ...]]
    mirrors: tuple[str, ...]
    files: tuple[Published, ...] = ()
    archive: Published | None = None
    labels: str = "idx1-ubyte"
    label_rank: int = 1
    label_dtype: str = "uint8"

    def names(self, kind: str, content: str) -> list[str]:
        """Returns the names that a file goes by, the first one first."""
        end = "idx3-ubyte" if content == "images" else self.labels
        return [
            f"{prefix}-{content}{joint}{end}{packed}"
            for prefix in self.prefixes[kind]
            for joint in "-."
            for packed in ("", *COMPRESSIONS)
        ]

    def published(self, kind: str, content: str) -> Published:
        """Returns the file that has to be fetched for this content."""
        if self.archive:
            return self.archive
        (file,) = [
            file
            for file in self.files
            if file.name in self.names(kind, content)
        ]
        return file


# Sizes and SHA-256: https://github.com/tensorflow/datasets, in the files
# tensorflow_datasets/url_checksums/mnist.txt (commit 31f1255e),
# fashion_mnist.txt, kmnist.txt, emnist.txt (333639b3) and qmnist.txt
# (67aba811). Addresses: those files; torchvision/datasets/mnist.py (ossci,
# nist.gov, qmnist); keras/src/datasets/fashion_mnist.py (tf-keras-datasets);
# the repository zalandoresearch/fashion-mnist. Addresses without https are
# left out. codh.rois.ac.jp is given with http there; with https in torch.rb.
_USUAL = {"train": ("train",), "test": ("t10k", "test")}
COMPRESSIONS = (".gz", ".xz", ".bz2")


def _published(table: str) -> tuple[Published, ...]:
    """Returns the files of a table: name, size and SHA-256, one by one."""
    fields = table.split()
    rows = zip(fields[::3], fields[1::3], fields[2::3], strict=True)
    return tuple(Published(name, int(size), sha) for name, size, sha in rows)


MNIST = Family(
    title="MNIST",
    folder="mnist",
    prefixes=_USUAL,
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    files=_published("""
        train-images-idx3-ubyte.gz 9912422
        440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
        train-labels-idx1-ubyte.gz 28881
        3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
        t10k-images-idx3-ubyte.gz 1648877
        8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
        t10k-labels-idx1-ubyte.gz 4542
        f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6
        """),
)

# keras/src/datasets/mnist.py (Keras 3.15.1), which does not give the size.
KERAS_MNIST = "mnist.npz"
KERAS_MNIST_SHA256 = (
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
)

FASHION_MNIST = Family(
    title="Fashion-MNIST",
    folder="fashion-mnist",  # where Keras's own loader puts the same files
    prefixes=_USUAL,
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
        "master/data/fashion/",
    ),
    files=_published("""
        train-images-idx3-ubyte.gz 26421880
        3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84
        train-labels-idx1-ubyte.gz 29515
        a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845
        t10k-images-idx3-ubyte.gz 4422102
        346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073
        t10k-labels-idx1-ubyte.gz 5148
        67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5
        """),
)

KMNIST = Family(
    title="Kuzushiji-MNIST",
    folder="kmnist",
    prefixes=_USUAL,
    mirrors=("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    files=_published("""
        train-images-idx3-ubyte.gz 18165135
        51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4
        train-labels-idx1-ubyte.gz 29497
        e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17
        t10k-images-idx3-ubyte.gz 3041136
        edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5
        t10k-labels-idx1-ubyte.gz 5120
        20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c
        """),
)

QMNIST = Family(
    title="QMNIST",
    folder="qmnist",
    prefixes={"train": ("qmnist-train",), "test": ("qmnist-test",)},
    labels="idx2-int",
    label_rank=2,
    label_dtype="int32",
    mirrors=(
        "https://raw.githubusercontent.com/facebookresearch/qmnist/master/",
    ),
    files=_published("""
        qmnist-train-images-idx3-ubyte.gz 9704059
        9e26a7bf1683614e065d7b76460ccd52807165b3f22561fb782bd9f38c52b51d
        qmnist-train-labels-idx2-int.gz 463024
        2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f
        qmnist-test-images-idx3-ubyte.gz 9742279
        43fc22bf7498b8fc98de98369d72f752d0deabc280a43a7bcc364ab19e57b375
        qmnist-test-labels-idx2-int.gz 526800
        9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06
        """),
)

(EMNIST_ARCHIVE,) = _published("""
    gzip.zip 561753746
    fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e
    """)


def emnist(split: str) -> Family:
    """Returns the files of one of the six data sets that EMNIST is."""
    return Family(
        title="EMNIST",
        folder="emnist",
        prefixes={
            kind: (f"emnist-{split}-{kind}",) for kind in ("train", "test")
        },
        mirrors=(
            "https://biometrics.nist.gov/cs_links/EMNIST/",
            "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
        ),
        archive=EMNIST_ARCHIVE,
    )


# The classes as in torchvision/datasets/mnist.py, which has them from the
# papers. Small letters that look like their capitals:
_MERGED = set("cijklmopsuvwxyz")
_CHARACTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_DISTINCT = tuple(c for c in _CHARACTERS if c not in _MERGED)
_DIGITS = tuple(string.digits)
# Numbers as in the files, where the letters begin with 1.
EMNIST_CLASSES = {
    "balanced": _DISTINCT,
    "byclass": tuple(_CHARACTERS),
    "bymerge": _DISTINCT,
    "digits": _DIGITS,
    "letters": ("N/A", *string.ascii_lowercase),
    "mnist": _DIGITS,
}
_CLASSES: dict[str, tuple[str, ...]] = {
    "mnist": _DIGITS,
    "fashion_mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "kmnist": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    "qmnist": _DIGITS,
} | {f"emnist/{split}": names for split, names in EMNIST_CLASSES.items()}


def class_names(dataset: str) -> tuple[str, ...]:
    """Names the classes of a data set, in the order of their numbers.

        class_names(dataset)[label]      says what an image with label shows

    Args:
        dataset: `"mnist"`, `"fashion_mnist"`, `"kmnist"`, `"qmnist"`, or
            `"emnist/"` with a split: `"emnist/letters"`, whose first name is
            `"N/A"`, since its labels begin with 1.

    Returns:
        Tuple of names.

    Raises:
        TypeError: if `dataset` is not a string.
        ValueError: if there is no such data set here.

    Examples:
        >>> from keras_extras.datasets import class_names
        >>> class_names("fashion_mnist")[:3]
        ('T-shirt/top', 'Trouser', 'Pullover')
    """
    return _CLASSES[
        checks.choice("class_names", "dataset", dataset, tuple(_CLASSES))
    ]
