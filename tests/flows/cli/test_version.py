"""The version at the prompt."""

from importlib.metadata import version

from flows.cli.main import answer


def test_the_version_is_that_of_the_installed_package(capsys):
    assert answer(["--version"]) == 0
    assert capsys.readouterr().out == f"mlp-flows {version('mlp-flows')}\n"
