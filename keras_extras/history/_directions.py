"""Which metrics get better by growing, and which by shrinking.

    "val_head_auc_1"  ->  "val_" + output "head_" + metric "auc" + number "_1"

Keras puts the name of an output before a metric and a number after a repeated
one, so the end of a log's name says what was measured. The longest known name
that it ends with decides; a name that is not known has no direction.
"""

import re
from typing import Literal

from keras_extras import _checks
from keras_extras._errors import invalid_argument

_LARGE = """
    acc accuracy
    auc auroc auprc aupr pr_auc roc_auc gini
    precision average_precision ap map ppv npv
    recall sensitivity specificity tpr tnr
    true_positives true_negatives true_positive_rate true_negative_rate tp tn
    f1 f2 f_1 f_2 f_beta fbeta f_score fscore
    iou io_u miou jaccard dice tversky
    cosine_similarity correlation mcc kappa explained_variance r2 r_2 r_squared
    ndcg mrr mar hit_rate top_k exact_match
    bleu rouge rouge_l rouge_lsum meteor chrf cider
    psnr ssim ms_ssim structural_similarity inception_score
    log_likelihood elbo reward
"""

_SMALL = """
    loss
    error error_rate mse rmse mae mape msle rmsle smape mase
    crossentropy cross_entropy bce cce scce divergence kld
    hinge huber poisson logcosh log_cosh circle ctc
    false_positives false_negatives false_positive_rate false_negative_rate
    fp fn fpr fnr
    negative_log_likelihood neg_log_likelihood nll deviance
    perplexity ppl bits_per_character bits_per_dim bpc bpd
    wer cer ter edit_distance hausdorff hausdorff_distance
    fid kid lpips brier ece
"""

_DIRECTIONS: dict[str, Literal["max", "min"]] = {
    **dict.fromkeys(_LARGE.split(), "max"),
    **dict.fromkeys(_SMALL.split(), "min"),
}

# What may follow a metric's name: a number, its average, the kind of value.
_AFTER = re.compile(
    r"(_?\d+|_at|_k|_score|_index|_coef|_coefficient|_macro|_micro|_weighted)$"
)
# What turns a metric into something else.
_TURNS = {"neg", "negative", "minus", "inverse", "delta"}


def metric_direction(name: str) -> Literal["max", "min"] | None:
    """Returns whether a metric gets better by growing or by shrinking.

    It goes by the name alone and knows Keras's metrics and losses, and the
    common ones that Keras does not have. `cosine_similarity`, `dice` and
    `tversky` are taken for the metrics, which grow: Keras has losses of the
    same names, but logs these as `loss`.

    Args:
        name: as Keras logs it, with or without `val_`, the name of an output
            in front, and a number behind.

    Returns:
        `"max"` if larger is better, `"min"` if smaller is better, `None` if
        the name does not say.

    Raises:
        TypeError: if `name` is not a text.

    Examples:
        >>> metric_direction("val_auc_1"), metric_direction("head_loss")
        ('max', 'min')
        >>> metric_direction("learning_rate") is None
        True
    """
    if not isinstance(name, str):
        raise invalid_argument(
            "metric_direction",
            "name",
            "the name of a metric",
            name,
            error=TypeError,
        )
    rest = _snake_case(name)
    while rest:
        rest = re.sub(r"(^|_)top_?\d+$", r"\1top_k", rest)
        parts = rest.split("_")
        for start in range(len(parts)):
            found = _DIRECTIONS.get("_".join(parts[start:]))
            if found:
                return None if _TURNS & set(parts[:start]) else found
        shorter = _AFTER.sub("", rest)
        rest = shorter if shorter != rest else ""
    return None


def sign_of(owner: object, metric: str, mode: str) -> int:
    """Returns 1 if a larger number is better, -1 if a smaller one is.

    Args:
        owner: see `invalid_argument`.
        metric: the name of the metric, as Keras logs it.
        mode: `"min"`, `"max"`, or `"auto"`, which goes by the name.

    Raises:
        ValueError: if `mode` is none of them, or `"auto"` and the name does
            not say.
    """
    _checks.choice(owner, "mode", mode, ("auto", "min", "max"))
    known = metric_direction(metric) if mode == "auto" else mode
    if known is None:
        raise invalid_argument(
            owner,
            "mode",
            "'min' or 'max' for this metric",
            mode,
            context=f"The name {metric!r} does not say which is better.",
        )
    return 1 if known == "max" else -1


def _snake_case(name: str) -> str:
    """Returns `mean_io_u` for `MeanIoU`, `f1_score` for `val/f1-score[0]`."""
    name = re.sub(r"\[[\d,]*\]$", "", name)  # one number of several
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"\W+|_+", "_", name).strip("_").lower()
