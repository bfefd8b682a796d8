"""The registered model, as MLflow's models from code want it: this file is copied into the model and run from there."""

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel

from mlp.network import Layer, Network


class DigitReader(PythonModel):
    """Answers images (n, pixels) in [0, 1] with the digit, its activation, and all activations, a row an image."""

    def load_context(self, context):
        with np.load(context.artifacts["weights"], allow_pickle=False) as arrays:
            depth = len(arrays.files) // 2
            self.parameters = [Layer(arrays[f"W{i}"], arrays[f"b{i}"]) for i in range(depth)]
        self.network = Network(**{name: value for name, value in context.model_config.items() if name != "sizes"},
                               sizes=tuple(context.model_config["sizes"]))  # fmt: skip

    def predict(self, context, model_input: np.ndarray, params=None):
        images = np.asarray(model_input, dtype=np.float32)
        if not (images >= 0).all() or not (images <= 1).all():
            raise mlflow.MlflowException.invalid_parameter_value("pixels: values outside 0 to 1 given")
        answers = self.network.answers(self.parameters, images)
        table = pd.DataFrame(answers, columns=[f"activation_{digit}" for digit in range(answers.shape[1])])
        table.insert(0, "digit", answers.argmax(axis=1))
        table.insert(1, "confidence", answers.max(axis=1))
        return table


mlflow.models.set_model(DigitReader())
