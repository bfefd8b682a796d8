"""The accuracy that the lesson's number of parameters can reach."""

from typing import Any

from mlp import figures
from mlp.claims.findings import Findings, Networks
from mlp.nn.network import flatten


def measure(sigmoid: Networks, raw: Networks, deskewed: Networks) -> Findings:
    """The accuracy that 13,002 parameters reach, by an earlier recipe, and on raw and on deskewed images."""
    recipes = {"sigmoid": sigmoid, "raw": raw, "deskewed": deskewed}
    quantities: dict[str, Any] = {}
    for name, networks in recipes.items():
        quantities |= {
            f"{name}_parameters": networks.over_seeds(lambda net: flatten(net.parameters).size),
            f"{name}_accuracy": networks.over_seeds("test/accuracy"),
            f"{name}_train": networks.over_seeds("train/accuracy"),
        }
    # On a logarithmic scale the last tenths of a point, which the recipes are about, can be told apart.
    errors = {name: 1 - networks.curves("test/accuracy") for name, networks in recipes.items()}
    return Findings(quantities, {"error": figures.curves_figure(errors, "error on the test images", "log")})
