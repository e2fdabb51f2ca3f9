"""What `import keras_extras` costs, what it loads, and how it fails.

Each test starts a new Python, since this one has imported everything.
"""

import json
import os
import subprocess
import sys

import keras
import pytest

MODULES_NOT_NEEDED = ["pandas", "matplotlib", "sklearn", "PIL"]
# What holds classes that files name; the rest is imported when it is used.
FLOORS = {"fitting", "inspection", "layers", "models", "ops", "transforms"}

# Makes some packages look as if they were not installed, and notes who asks.
HIDE = """
import sys

class Hide:
    asked = []

    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            self.asked.append(name)
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path = [Hide(finder) for finder in sys.meta_path]
"""

MEASURE = """
import json
import sys

import keras

Hide.asked.clear()
before = set(sys.modules)
import keras_extras

print(json.dumps([sorted(set(sys.modules) - before), Hide.asked]))
"""


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def test_import_loads_only_what_saved_models_need():
    process = run_python(HIDE.format(names=MODULES_NOT_NEEDED) + MEASURE)
    assert process.returncode == 0, process.stderr
    loaded, asked = json.loads(process.stdout.splitlines()[-1])
    assert asked == []
    tops = {name.partition(".")[0] for name in loaded}
    # The fast paths use parts of JAX that Keras does not: 2 ms.
    backend = {keras.backend.backend()}
    assert tops - sys.stdlib_module_names - backend == {"keras_extras"}
    ours = [name for name in loaded if name.startswith("keras_extras.")]
    floors = {name.split(".")[1] for name in ours}
    public = {name for name in floors if not name.startswith("_")}
    assert public == FLOORS


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_import_without_a_backend_says_what_to_install(backend):
    code = HIDE.format(names=["tensorflow", "jax", "jaxlib", "torch"])
    process = run_python(code + "import keras_extras", KERAS_BACKEND=backend)
    assert process.returncode == 1
    traceback = process.stderr.strip().splitlines()
    what, mend = traceback[-2:]
    assert what.startswith("ModuleNotFoundError: Keras needs a backend")
    assert f"{backend!r} is not installed" in what
    assert "pip install 'keras-extras[" in mend
    assert f"[{backend}]" in mend
    assert "KERAS_BACKEND" in mend


def test_backend_asked_for_is_the_one_that_runs():
    requested = os.environ.get("KERAS_BACKEND", keras.backend.backend())
    code = "import keras_extras, keras; print(keras.backend.backend())"
    process = run_python(code, KERAS_BACKEND=requested)
    assert process.stdout.split()[-1:] == [requested], process.stderr
