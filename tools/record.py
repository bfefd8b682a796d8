"""What each step adds on the way to the best 784-16-16-10: the table behind the choice of the claim `best`.

The test images are not touched: ten networks a step are trained on the first 50,000 training images and measured on the
last 10,000. Prints a table in Markdown; `python tools/record.py STEP ...` prints the rows of some steps.
"""

import sys
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mlp.data.randomness import generator
from mlp.data.sets import Dataset, load
from mlp.engine.stack import train_stack
from mlp.nn.descent import CellJob, Descent
from mlp.nn.network import Network

TRAINED_ON, SEEDS = 50_000, range(100, 110)  # other seeds than those of the claim
SIGMOID = Network(cost="cross_entropy")
RELU = replace(SIGMOID, activation="relu")


class Recipe(NamedTuple):
    """How the networks of a step are trained."""

    network: Network
    descent: Descent
    preprocess: str = "none"


SHORT = Descent(learning_rate=0.2, batch_size=64, epochs=25, momentum=0.9, schedule="cosine", center=True)
TUNED = replace(SHORT, batch_size=128, weight_decay=0.00025, shift=1)
LONGEST = replace(TUNED, epochs=300, weight_decay=0.001)
STEPS = {
    "sigmoid": Recipe(SIGMOID, SHORT),
    "shifts": Recipe(SIGMOID, replace(SHORT, shift=1)),
    "relu": Recipe(RELU, TUNED),
    "longer": Recipe(RELU, replace(TUNED, epochs=100)),
    "longest, weight decay 0.001": Recipe(RELU, LONGEST),
    "deskewed": Recipe(RELU, TUNED, "deskew"),
    "deskewed, longer": Recipe(RELU, replace(TUNED, epochs=100), "deskew"),
    "deskewed, longest, weight decay 0.001": Recipe(RELU, LONGEST, "deskew"),
}


def accuracies(recipe: Recipe) -> np.ndarray:
    """Accuracy of each seed on the training images that were held out, in %."""
    data = load("mnist", preprocess=recipe.preprocess, test_rows=10)
    images, labels = data.train_images, data.train_labels
    parts = images[:TRAINED_ON], labels[:TRAINED_ON], images[TRAINED_ON:], labels[TRAINED_ON:]
    starts = [recipe.network.initialize(generator(seed, "start")) for seed in SEEDS]
    jobs = [CellJob(start, parts[1], recipe.descent) for start in starts]
    data = Dataset("validation", *parts, "")
    history = train_stack(recipe.network, jobs, data, generator(0, "order"), evaluation_rows=1000)
    return 100 * history.metrics["test/accuracy"][-1]


if __name__ == "__main__":
    print("| step | epochs | accuracy, % |\n| --- | ---: | ---: |")
    for step in sys.argv[1:] or STEPS:
        measured, epochs = accuracies(STEPS[step]), STEPS[step].descent.epochs
        print(f"| {step} | {epochs} | {measured.mean():.2f} ± {measured.std(ddof=1):.2f} |", flush=True)
