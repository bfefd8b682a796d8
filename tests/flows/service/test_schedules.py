"""A schedule means what it says to its reader, or is refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flows.errors import ConfigurationError
from flows.platform.prefect_internals import next_times
from flows.platform.servers import free_port
from flows.service.schedules import check_name, need_server, parse_schedule


@pytest.mark.parametrize(
    "cron",
    [
        "0 0 3 * * *",  # meant with seconds first; Prefect reads them last and would run it every second
        "0 0 3 * * * 2030",
        "* * * *",
        "@daily",
        "",
        "60 * * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "R * * * *",
        "five words that mean nothing",
    ],
)
def test_a_cron_line_without_five_valid_fields_is_refused(cron):
    with pytest.raises(ConfigurationError, match=r"^--cron.*allowed: (five fields \(minute, hour|one of them)"):
        parse_schedule(cron, None, "UTC")


@pytest.mark.parametrize("cron", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_cron_line_that_matches_no_date_is_refused(cron):
    with pytest.raises(ConfigurationError, match=r"^--cron: .* given; allowed: a date that exists"):
        parse_schedule(cron, None, "UTC")


@pytest.mark.parametrize("every", ["0m", "30", "1.5h", "-1d", "1w", "100000d", "6 h"])
def test_an_invalid_interval_is_refused(every):
    with pytest.raises(ConfigurationError, match=r"^--every: .*such as 30m, 6h or 1d"):
        parse_schedule(None, every, "UTC")


@pytest.mark.parametrize(("cron", "every"), [(None, None), ("0 3 * * *", "1d")])
def test_a_schedule_needs_either_a_cron_line_or_an_interval(cron, every):
    with pytest.raises(ConfigurationError, match="allowed: one of them"):
        parse_schedule(cron, every, "UTC")


@pytest.mark.parametrize("timezone", ["Berlin", "CEST", "../UTC", "", "Europe"])
def test_an_unknown_time_zone_is_refused(timezone):
    with pytest.raises(ConfigurationError, match=r"^--timezone: .*such as UTC or Europe/Berlin"):
        parse_schedule("0 3 * * *", None, timezone)


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"])
def test_a_daily_schedule_runs_at_its_local_hour_on_the_next_three_days(timezone):
    times = next_times(parse_schedule("30 3 * * *", None, timezone))
    here = [time.astimezone(ZoneInfo(timezone)) for time in times]
    assert [(time.hour, time.minute, time.second) for time in here] == [(3, 30, 0)] * 3
    assert [here[i + 1].date() - here[i].date() for i in (0, 1)] == [timedelta(days=1)] * 2
    assert timedelta() < here[0] - datetime.now(UTC) <= timedelta(hours=25)
    assert [time.utcoffset() for time in times] == [time.utcoffset() for time in here], (
        "the times are not in that time zone"
    )


def test_the_local_hour_stays_the_same_when_the_clocks_change():
    # In June and in December Berlin is 2 and 1 hours ahead of UTC.
    times = next_times(parse_schedule("0 3 1 6,12 *", None, "Europe/Berlin"), 2)
    assert {time.month: time.astimezone(UTC).hour for time in times} == {6: 1, 12: 2}


def test_a_schedule_can_name_a_leap_day():
    assert [(time.month, time.day) for time in next_times(parse_schedule("0 0 29 2 *", None, "UTC"))] == [(2, 29)] * 3


@pytest.mark.parametrize(
    ("every", "interval"), [("30m", timedelta(minutes=30)), ("6h", timedelta(hours=6)), ("1d", timedelta(days=1))]
)
def test_an_interval_starts_now_and_repeats(every, interval):
    times = next_times(parse_schedule(None, every, "UTC"))
    assert abs(times[0] - datetime.now(UTC) - interval) < timedelta(minutes=1)
    assert [times[i + 1] - times[i] for i in (0, 1)] == [interval] * 2


@pytest.mark.parametrize("name", ["a/b", "a&b", "50%", "<b>", "a\nb", "", " ", " a", "form", "x" * 65])
def test_a_name_that_prefect_or_a_terminal_cannot_handle_is_refused(name):
    with pytest.raises(ConfigurationError, match=r"^--name: "):
        check_name(name)


@pytest.mark.parametrize("name", ["nightly", "often.v2", "every night", "übung-1", "x" * 64])
def test_other_names_are_accepted(name):
    check_name(name)


def test_scheduling_requires_a_running_server(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(ConfigurationError, match="start `mlp up`"):
        need_server()
    monkeypatch.setenv("PREFECT_API_URL", f"http://me:secret@127.0.0.1:{free_port()}/api")
    with pytest.raises(ConfigurationError, match=r"no answer from http://127.0.0.1:\d+/api \(.*refused"):
        need_server()
