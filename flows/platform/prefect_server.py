"""Prefect's server as one sweep at the prompt needs it: an application for uvicorn.

It has no pages, no scheduler and no blocks, and migrates its database only if it is not the newest; the server of
`mlp up` has all of them. Prefect reads its settings when it is imported, hence the import inside the function.
"""

import gc
import os
from typing import TYPE_CHECKING

from flows.platform.prefect_database import create_database, database_file, is_current

if TYPE_CHECKING:
    from fastapi import FastAPI


def create() -> "FastAPI":
    """The application; `PREFECT_HOME` or `PREFECT_API_DATABASE_CONNECTION_URL` names its database."""
    os.environ["PREFECT_API_BLOCKS_REGISTER_ON_START"] = "false"
    if path := database_file(os.environ):
        create_database(path)
        if is_current(path):
            os.environ["PREFECT_API_DATABASE_MIGRATE_ON_START"] = "false"
    gc.disable()  # the imports make objects that stay: searching them for garbage would take a tenth of the time
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True)
    gc.freeze()
    gc.enable()
    return app
