"""Have Prefect call a webhook whenever a sweep fails or crashes: ``python tools/notify.py https://… [NAME]``.

Chat rooms (Slack, Mattermost, Teams) give such an address for a channel. Needs PREFECT_API_URL, the server of `mlp up`.
"""

import sys

from prefect.automations import Automation
from prefect.blocks.webhook import Webhook
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import EventTrigger, Posture

MESSAGE = '(flow_run.name ~ ": " ~ flow_run.state.name ~ ", " ~ flow_run.state.message)'  # in Prefect's templates

address, name = sys.argv[1], (sys.argv[2:] or ["sweep-failed"])[0]
webhook = Webhook(url=address)
automation = Automation(
    name=name,
    trigger=EventTrigger(
        match={"prefect.resource.id": "prefect.flow-run.*"},
        expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
        posture=Posture.Reactive,
        threshold=1,
    ),
    actions=[
        CallWebhook(
            block_document_id=webhook.save(name, overwrite=True),
            payload='{"text": {{ ' + MESSAGE + " | tojson }}}",
        )
    ],
)
automation.create()
print(f"{name}: {address} is called when a sweep fails. On Prefect's page: Automations.")
