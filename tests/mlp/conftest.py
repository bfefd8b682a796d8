"""A fake OpenML, so that the real fetch_openml can be tested without a network."""

import hashlib
import io
import json
from email.message import Message
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse

import numpy as np
import pytest

import mlp.data.sets


class Response(io.BytesIO):
    def info(self):
        return {}


class OpenML:
    """A fake OpenML server that answers the requests of fetch_openml and counts them.

    Its mnist_784 consists of `images` (70, 784) and `labels` (70,).
    """

    def __init__(self):
        self.answers, self.requests, self.online = {}, 0, True
        self.images = np.random.default_rng(0).integers(256, size=(70, 784), dtype=np.uint8)
        self.labels = np.arange(70, dtype=np.uint8) % 10
        self.add("mnist_784", self.images, self.labels.astype(str))

    def add(self, name, images, labels):
        """Publish a data set."""
        number, pixels = len(self.answers) + 1, [f"pixel{i}" for i in range(images.shape[1])]
        lines = [f"@RELATION {name}", *(f"@ATTRIBUTE {pixel} real" for pixel in pixels)]
        lines += [f"@ATTRIBUTE class {{{','.join(sorted(set(labels)))}}}", "@DATA"]
        lines += [",".join([*map(str, image), label]) for image, label in zip(images, labels, strict=True)]
        table = "\n".join(lines).encode()
        file = f"data/v1/download/{number}/{name}.arff"
        info = {"did": number, "name": name, "version": 1, "status": "active", "format": "ARFF"}
        about = {
            **info,
            "id": str(number),
            "description": "Random images.",
            "version": "1",
            "file_id": str(number),
            "url": f"https://www.openml.org/{file}",
            "md5_checksum": hashlib.md5(table).hexdigest(),
            "default_target_attribute": "class",
        }
        flags = {"is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"}
        columns = [(pixel, "numeric") for pixel in pixels] + [("class", "nominal")]
        features = [
            {"index": str(i), "name": column, "data_type": kind, "is_target": str(column == "class").lower(), **flags}
            for i, (column, kind) in enumerate(columns)
        ]
        qualities = [{"name": "NumberOfInstances", "value": str(len(images))}]
        api = "api/v1/json/data"
        for path, answer in {
            f"{api}/list/data_name/{name.lower()}/limit/2/data_version/1": {"data": {"dataset": [info]}},
            f"{api}/{number}": {"data_set_description": about},
            f"{api}/features/{number}": {"data_features": {"feature": features}},
            f"{api}/qualities/{number}": {"data_qualities": {"quality": qualities}},
        }.items():
            self.answers[path] = json.dumps(answer).encode()
        self.answers[file] = table

    def urlopen(self, request):
        self.requests += 1
        path = urlparse(request.full_url).path.lstrip("/")
        if not self.online:
            raise URLError("no network")
        if path not in self.answers:
            raise HTTPError(request.full_url, 412, "Precondition Failed", Message(), None)
        return Response(self.answers[path])


@pytest.fixture
def openml(monkeypatch, tmp_path):
    """A fake OpenML with a small MNIST, whose canonical split is 60 rows to 10, and a data home of its own."""
    server = OpenML()
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr("sklearn.datasets._openml.urlopen", server.urlopen)
    monkeypatch.setattr(mlp.data.sets, "TRAIN", 60)
    monkeypatch.setattr(mlp.data.sets, "ROWS", 70)
    return server


@pytest.fixture
def offline(openml):
    openml.online = False
