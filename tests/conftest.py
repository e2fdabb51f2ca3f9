"""How many examples property-based tests draw: HYPOTHESIS_PROFILE chooses.

`dev`, the default, draws few examples, always the same ones, so that a failure
is never a surprise to somebody else. `ci` is `dev` with more to read when it
fails. `full` draws many new ones; `make test-full` uses it.
"""

import os

from hypothesis import HealthCheck, settings

# On JAX every new shape compiles for a second or so: fewer examples there.
FEW, MANY = (6, 50) if os.environ.get("KERAS_BACKEND") == "jax" else (20, 100)

# The first example of a shape compiles; time limits per example mean nothing.
COMMON = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
}

settings.register_profile(
    "dev", **COMMON, max_examples=FEW, derandomize=True, database=None
)
settings.register_profile(
    "ci",
    **COMMON,
    max_examples=FEW,
    derandomize=True,
    database=None,
    print_blob=True,
)
settings.register_profile("full", **COMMON, max_examples=MANY)

default = "ci" if os.environ.get("CI") else "dev"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", default))
