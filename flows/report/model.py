"""The registered model, as one of MLflow's models from code: this file is copied into the model and runs from there."""

from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from mlp import PREPROCESSES, Network, read_weights


class DigitReader(PythonModel):
    """For images (n, pixels) in [0, 1]: one row each with the digit, its activation, and all activations."""

    def load_context(self, context: PythonModelContext) -> None:
        self.parameters = read_weights(context.artifacts["weights"])
        settings = dict(context.model_config)
        self.preprocess = PREPROCESSES[settings.pop("preprocess")]
        self.network = Network(**settings | {"sizes": tuple(settings["sizes"])})

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        images = np.asarray(model_input, dtype=np.float32)
        if not (images >= 0).all() or not (images <= 1).all():
            raise mlflow.MlflowException.invalid_parameter_value("pixels: values outside 0 to 1 given")
        answers = self.network.answers(self.parameters, self.preprocess(images))
        table = pd.DataFrame(answers, columns=[f"activation_{digit}" for digit in range(answers.shape[1])])
        table.insert(0, "digit", answers.argmax(axis=1))
        table.insert(1, "confidence", answers.max(axis=1))
        return table


mlflow.models.set_model(DigitReader())
