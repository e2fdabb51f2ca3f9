"""Kills a recorder again and again, at random moments; says what it had done.

    python killed_journal.py FOLDER FILES KILLS

A child process of this one begins with the record in a file, adds epochs to it
without end, and says of each that it is done. It is killed with SIGKILL after
a random time, and the next one goes on. After each kill the file is copied.
Printed is a line per kill: the copy, and the last epoch said to be done.

Keras's callbacks are called as `fit` calls them; nothing is computed, so that
nearly all of the time is spent in the journal.
"""

import os
import random
import shutil
import signal
import sys
import time

from keras_extras.callbacks import HistoryRecorder

SIZES = (1, 100, 3_000)  # numbers of an epoch: bytes, a page, many pages


def numbers_of(epoch: int) -> dict[str, list[float]]:
    """Returns what is logged in an epoch; the test computes it again."""
    size = SIZES[epoch % len(SIZES)]
    return {"loss": [epoch + number / 7 for number in range(size)]}


def train(path: str, said: int) -> None:
    """Trains for ever, and says after each epoch that it is done."""
    recorder = HistoryRecorder(path)
    recorder.on_train_begin()
    os.write(said, b"%d\n" % recorder.last_epoch)
    while True:
        epoch = recorder.last_epoch
        recorder.on_epoch_begin(epoch)
        recorder.on_epoch_end(epoch, numbers_of(epoch + 1))
        os.write(said, b"%d\n" % (epoch + 1))


def kill(path: str, seconds: float) -> int:
    """Kills a training after a time; returns the last epoch it had done."""
    hear, said = os.pipe()
    child = os.fork()
    if not child:
        try:
            train(path, said)
        finally:
            os._exit(1)
    os.close(said)
    with os.fdopen(hear, "rb", buffering=0) as lines:
        begun = lines.readline()
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            raise SystemExit("a child ended by itself")
        return int((begun + lines.read()).split()[-1])


def main(folder: str, files: int, kills: int) -> None:
    """Prints a line per kill."""
    generator = random.Random(0)
    for file in range(files):
        path, done = os.path.join(folder, f"{file}.jsonl"), 0
        for number in range(kills):
            done = max(done, kill(path, generator.uniform(0, 0.06)))
            copy = os.path.join(folder, f"{file}-{number}.jsonl")
            if os.path.exists(path):
                shutil.copy(path, copy)
            print(copy, done)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
