"""The contents of the page: networks and their weights, test images, curves, the cost between two networks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from flows.errors import ConfigurationError
from flows.report.compare import Comparison, plain
from flows.report.explore.packing import exact, pack, rounded
from flows.report.image_answers import data_sets, evenly, read_networks, where
from flows.store.artifacts import load_snapshots
from mlp.data.randomness import generator
from mlp.data.sets import Dataset, class_name
from mlp.measures.confidence import answers_in_blocks
from mlp.measures.landscape import slice_costs
from mlp.nn.descent import scaled
from mlp.nn.network import Network, Parameters, flatten, unflatten
from mlp.nn.weights import Snapshots, snapshot

FEWEST_GROUPS, MAX_GROUPS = 2, 12
IMAGES, MISREAD = 200, 50  # test images, and how many of them are chosen because they are misread
COSTS = ("train/cost", "test/cost")  # the curves
MAX_POINTS = 200  # of a curve
LINE_POINTS, LINE_IMAGES = 21, 1000  # between two networks
# Characters for the weights: what the page needs beside them is some 200 kB, and it should have at most 3 MB. The final
# weights of the best networks are always in it, and it may have twice as many characters as these.
MAX_CHARACTERS = 2_700_000
MAX_WEIGHTS = 2_100_000  # of all best networks together, some 10 MB: for five groups with 512 hidden neurons


@dataclass(frozen=True)
class Shown:
    """A network of the page.

    Attributes
    ----------
    cell : Series
        A row of `Comparison.cells`.
    best : bool
        True if it has the best test accuracy of its group.
    """

    cell: pd.Series
    network: Network
    parameters: Parameters
    best: bool


def content(
    client: MlflowClient, comparison: Comparison, points: pd.DataFrame, test_rows: int | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The facts of the page, in types that JSON has, and its packed numbers by name.

    Parameters
    ----------
    points : DataFrame
        The curves of the cells, a result of `flows.load_curves`.
    test_rows : int or None
        Number of test images that the sweep used; None for all.

    Raises
    ------
    ConfigurationError
        If no network's weights, or not their test images, can be read.
    """
    shown, data = networks_and_data(client, comparison, test_rows)
    bests = [one for one in shown if one.best]
    rows = chosen_images(data, bests[0])
    packed = {"images": pack(data.test_images[rows].tobytes())}
    costs = points[points["metric"].isin(COSTS)].pivot(index="step", columns=["run_id", "metric"], values="value")
    described: list[dict[str, Any]] = []
    groups = {int(one.cell["group"]): number for number, one in enumerate(bests)}
    for one, (epochs, formats, text) in packed_networks(client, shown, costs):
        packed[f"network-{len(described)}"] = text
        accuracy = one.cell.get("test/accuracy")
        described.append(
            {
                "group": groups[int(one.cell["group"])],
                "seed": int(one.cell["seed"]),
                "run_id": one.cell["run_id"],
                "best": one.best,
                "sizes": one.network.sizes,
                "activation": one.network.activation,
                "cost": one.network.cost,
                "accuracy": None if accuracy is None else plain(accuracy),
                "epochs": epochs,
                "formats": formats,
                "curves": curve_of(costs, one.cell["run_id"], epochs),
            }
        )
    facts = {
        "preprocess": str(bests[0].cell["preprocess"]),
        "side": data.side,
        "classes": [class_name(data.name, label) for label in range(data.classes)],
        "groups": [comparison.title(group) for group in groups],
        "fractions": "fraction" in comparison.varying and len(groups) > 1,
        "networks": described,
        "left_out": len(comparison.cells) - len(described),
        "pixels": {"mean": float(data.test_images.mean()), "deviation": float(data.test_images.std(dtype=np.float32))},
        "images": {
            "numbers": rows.tolist(),
            "labels": data.test_labels[rows].tolist(),
            "answers": [answered(one, data.test_images[rows]).tolist() for one in bests],
        },
        **lines(shown, groups, data),
    }
    return facts, packed


def networks_and_data(
    client: MlflowClient, comparison: Comparison, test_rows: int | None
) -> tuple[list[Shown], Dataset]:
    """The networks of some groups, the best of each first, and the data set of the first of them.

    Networks for images of another data set, or for images that were preprocessed in another way, are left out.
    """
    some_groups = evenly(np.unique(comparison.cells["group"]), MAX_GROUPS)
    cells = comparison.cells[comparison.cells["group"].isin(some_groups)]
    if "test/accuracy" in cells:
        cells = cells.sort_values("test/accuracy", ascending=False, kind="stable")
    cells = cells.sort_values("group", kind="stable")
    home = where(cells.iloc[0])
    cells = cells[[where(cell)[:4] == home[:4] for _, cell in cells.iterrows()]]
    sets, _ = data_sets(cells.head(1), test_rows)
    if not sets:
        raise ConfigurationError("explore: a sweep given whose data set is not available here; allowed: one with it")
    if sets[home].channels > 1:
        raise ConfigurationError("explore: a sweep given whose images have colours; allowed: one of grey images")
    networks, _ = read_networks(client, cells)
    if not networks:
        raise ConfigurationError("explore: a sweep given whose weights are gone or damaged; allowed: one with them")
    shown: list[Shown] = []
    for _, cell in cells[cells["run_id"].isin(networks)].iterrows():
        best = not any(one.cell["group"] == cell["group"] for one in shown)
        shown.append(Shown(cell, *networks[cell["run_id"]], best))
    # All networks have the inputs of the first.
    shown = [one for one in shown if one.network.sizes[0] == shown[0].network.sizes[0]]
    bests = {one.cell["group"]: one.network.parameter_count for one in shown if one.best}
    room = evenly(np.array(list(bests)), max(len(bests) * MAX_WEIGHTS // sum(bests.values()), FEWEST_GROUPS))
    shown = [one for one in shown if one.cell["group"] in room]
    return sorted(shown, key=lambda one: not one.best), sets[home]


def packed_networks(
    client: MlflowClient, shown: list[Shown], costs: pd.DataFrame
) -> Iterator[tuple[Shown, tuple[list[int], list[str], str]]]:
    """The networks that the page has room for, with their epochs, the formats and the packed weights of these."""
    finals = {one.cell["run_id"]: pack(exact(one.parameters)) for one in shown if one.best}
    room = max(MAX_CHARACTERS, 2 * sum(map(len, finals.values()))) - sum(map(len, finals.values()))
    for one in shown:
        # A cell may have ended before the planned epoch.
        curve = costs.get((one.cell["run_id"], COSTS[0]), pd.Series(dtype=float)).dropna()
        last = int(curve.index[-1] if len(curve) else one.cell["epochs"])
        if not one.best:
            text = pack(rounded(one.parameters))
            if len(text) <= room:
                room -= len(text)
                yield one, ([last], ["f2"], text)
            continue
        final, snapshots = finals[one.cell["run_id"]], history(client, one, last)
        earlier = b"".join(exact(parameters, np.float16) for parameters in snapshots.values())
        text = pack(earlier + exact(one.parameters)) if snapshots else final
        if len(text) - len(final) > room:
            snapshots, text = {}, final
        room -= len(text) - len(final)
        yield one, ([*snapshots, last], ["f2"] * len(snapshots) + ["f4"], text)


def history(client: MlflowClient, one: Shown, last: int) -> Snapshots:
    """The weights of a network before its last epoch; only those before the training if no others were kept."""
    kept = {epoch: weights for epoch, weights in load_snapshots(client, one.cell["run_id"]).items() if epoch < last}
    # With a centred start, the first biases hold the mean image.
    if kept or last == 0 or str(one.cell["center"]) == "True":
        return kept
    network = Network(one.network.sizes, one.network.activation, one.network.cost, one.cell["start"])
    return {0: snapshot(network.initialize(generator(int(one.cell["seed"]), "start")))}


def chosen_images(data: Dataset, best: Shown) -> NDArray:
    """Rows in the test set of the images to show: the first, and some that the best of the first group misreads."""
    misread = np.flatnonzero(answered(best, data.test_images) != data.test_labels)
    everything, first = np.arange(len(data.test_labels)), IMAGES - MISREAD
    wanted = np.concatenate([everything[:first], misread[misread >= first][:MISREAD], everything])
    return pd.unique(wanted)[:IMAGES]


def answered(one: Shown, images: NDArray) -> NDArray:
    """The answers of a network to images, (n,) int."""
    with threadpool_limits(1, "blas"):  # the products are too small to gain from threads
        return answers_in_blocks(one.network, one.parameters, images).argmax(axis=1)


def curve_of(costs: pd.DataFrame, run_id: str, kept: list[int]) -> dict[str, list]:
    """The cost by epoch: all epochs of a short training, some of a long one, and those whose weights are kept.

    Parameters
    ----------
    costs : DataFrame
        A row for each step, a column for each run and metric.
    """
    table = pd.DataFrame({name: costs.get((run_id, name), np.nan) for name in COSTS}, costs.index).dropna(how="all")
    table = table[table.index.isin([*evenly(table.index.to_numpy(), MAX_POINTS), *kept])]
    train, test = ([round(cost, 4) if np.isfinite(cost) else None for cost in table[name]] for name in table)
    return {"epochs": table.index.tolist(), "train": train, "test": test}


def lines(shown: list[Shown], groups: dict[int, int], data: Dataset) -> dict[str, Any]:
    """The average cost of test images along the line between the two best networks of each group."""
    images = int(np.clip(20_000_000 // max(one.network.parameter_count for one in shown), 100, LINE_IMAGES))
    inputs, labels = scaled(data.test_images[:images]), data.test_labels[:images]
    measured = []
    for group, number in groups.items():
        first, *others = (one for one in shown if one.cell["group"] == group)
        second = next((one for one in others if one.network.sizes == first.network.sizes), None)
        if second is None:
            continue
        start, end = flatten(first.parameters), flatten(second.parameters)
        with threadpool_limits(1, "blas"):
            costs = slice_costs(
                lambda vector, network=first.network: network.average_cost(  # type: ignore[misc]
                    unflatten(vector, network.sizes), inputs, labels
                ),
                start,
                [end - start],
                np.linspace(0, 1, LINE_POINTS),
            )
        seeds = [int(one.cell["seed"]) for one in (first, second)]
        measured.append({"group": number, "seeds": seeds, "costs": [round(float(cost), 5) for cost in costs]})
    return {"lines": measured, "line_images": len(labels)}
