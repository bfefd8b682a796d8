"""A sweep at the prompt uses Prefect without what would only delay it."""

from prefect.settings import get_current_settings

from flows.sweep.flow_at_prompt import without_heartbeats


def test_prefect_sends_no_heartbeats_during_a_sweep_and_does_afterwards():
    usual = get_current_settings().flows.heartbeat_frequency
    assert usual is not None, "else the sweep need not change it"
    with without_heartbeats():
        assert get_current_settings().flows.heartbeat_frequency is None
    assert get_current_settings().flows.heartbeat_frequency == usual
