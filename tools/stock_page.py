"""Writes docs/reference/stock.md: what the checks find in Keras's own layers.

    python tools/stock_page.py

The findings are those of `tests/testing/stock_failures.json`; a test asserts
that the page is up to date.
"""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
FAILURES = ROOT / "tests" / "testing" / "stock_failures.json"
PAGE = ROOT / "docs" / "reference" / "stock.md"

HEAD = """\
# What the checks find in Keras

<!-- Written by tools/stock_page.py from tests/testing/stock_failures.json. -->

[`check_layer`](testing.md) over every public layer of `keras.layers`, Keras
3.15.1, on TensorFlow 2.21, JAX 0.10.2 and torch 2.13, each layer with one set
of arguments, without the checks that start other processes. A row is a promise
that the layer does not keep there, with what the check saw. The tests of this
library hold the list as expected failures: a row that no longer fails fails
them. Not every row is a defect of Keras: what is meant so is said at its check.

Not in the table, since it cannot be reported from within: on TensorFlow,
`AdaptiveMaxPooling1D`, `2D` and `3D` end the process if an output window is
wider than the input."""

# What a row under the check means for a user, or why it is meant so.
REMARKS = {
    "check_batch_sizes": "An empty batch raises, or comes out with the shape "
    "of the input.",
    "check_building_twice": "A second `build` harms the layer. Where a seed is "
    "named, the call in between has moved it without training.",
    "check_clone": "The layer cannot be saved or cloned.",
    "check_compiled": "It works eagerly only.",
    "check_config_holds_arguments": "The argument is lost when a model is "
    "saved: it loads with the default.",
    "check_config_is_stable": "Meant so: building writes a negative axis or a "
    "missing one as what it stands for.",
    "check_data_formats": "The two formats give different numbers, or one of "
    "them fails.",
    "check_dtype_policies": "The policy is not obeyed.",
    "check_export": "The layer works, a model with it is not exported.",
    "check_freezing": "Meant so in part: power iteration goes on in a frozen "
    "layer, and with it the kernel moves.",
    "check_global_random_state": "Random numbers come from a state that no "
    "seed of the layer governs.",
    "check_gradients_are_derivatives": "Training follows another slope than "
    "the outputs have.",
    "check_gradients_are_finite": "One such sample makes all weights NaN.",
    "check_half_precision_is_finite": "In float16, large inputs overflow where "
    "the result would fit.",
    "check_masks": "In a model with masked time steps it raises.",
    "check_nan": "A diverged network goes on unnoticed, or NaN spreads to "
    "other samples.",
    "check_output_shape": "`compute_output_shape` is wrong, less exact than "
    "it could be, or right where a call raises.",
    "check_retracing": "Slow: each batch size is traced anew.",
    "check_saving": "A saved model does not come back as it was.",
    "check_seeds": "The same seed does not give the same numbers.",
    "check_stateless_call": "JAX code that trains with it gets other numbers.",
    "check_symbolic_output": "A functional model is built with another shape "
    "than it gives, or is built where a call raises.",
    "check_training_flag": "Outside training a variable moves, or outputs are "
    "random.",
    "check_unknown_sizes": "A model with sizes of `None` is built, and fails "
    "or gives other numbers when used.",
    "check_wrong_input": "The error does not say which layer or which shape.",
}


def page() -> str:
    """Returns the page."""
    known = json.loads(FAILURES.read_text(encoding="utf-8"))
    rows: dict[str, dict[tuple[str, str], list[str]]] = {}
    for backend in sorted(known):
        for layer, failures in known[backend].items():
            for check, reason in failures.items():
                places = rows.setdefault(check, {})
                places.setdefault((layer, reason), []).append(backend)
    parts = [HEAD]
    for check in sorted(rows):
        lines = [f"## {check}", "", REMARKS.get(check, ""), ""]
        lines += ["| layer | backend | what it saw |", "|---|---|---|"]
        for (layer, reason), backends in sorted(rows[check].items()):
            words = reason.replace("|", "\\|").replace("<", "&lt;")
            words = words.replace("[", "\\[").replace("*", "\\*")
            words = words.replace("_", "\\_").replace("`", "'")
            lines.append(f"| `{layer}` | {', '.join(backends)} | {words} |")
        parts.append("\n".join(lines).replace("\n\n\n", "\n\n"))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
