"""The entry point of `mlp`. Slow imports happen where they are used, so that `mlp --help` answers at once."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from flows.cli import claims, predict, report, results, run, service, transfer
from flows.cli.options import refuse
from flows.platform.environment import prepare_environment
from flows.platform.service_file import use_running_service
from flows.platform.startup import seldom_collect_garbage

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for family in (run, results, report, transfer, claims, predict, service):
    app.add_typer(family.app)


@app.callback()
def common(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version, and stop.")] = False,
) -> None:
    """What does a network learn, and what does it only memorize? MNIST perceptrons over seeds and label shuffles."""
    if show_version:
        print(f"mlp-flows {version('mlp-flows')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def store_errors() -> tuple[type[Exception], ...]:
    """The exceptions of a store; none if MLflow was not imported, and so can't have raised any."""
    if "mlflow" not in sys.modules:
        return ()
    from flows.store.failures import STORE_ERRORS

    return STORE_ERRORS


def main() -> None:
    """Run the command that was typed, and end the process with its exit code."""
    seldom_collect_garbage()
    sys.exit(answer())


def answer(arguments: list[str] | None = None) -> int:
    """Run a command; by default the one that was typed.

    Returns
    -------
    int
        Exit code. 2: the command, a file or a variable can't be used; 1: something failed. One line says why. Other
        exceptions are errors of the program, and keep their traceback.
    """
    try:
        prepare_environment()
        use_running_service()
        return app(arguments, prog_name="mlp", standalone_mode=False) or 0
    except typer.TyperException as error:  # an unknown option, for example
        message, context = error.format_message().replace("Value error, ", ""), getattr(error, "ctx", None)
        return refuse(f"{message.rstrip('.')}; see `{context.command_path if context else 'mlp'} --help`", 2)
    except ValueError as error:  # what `mlp`, `flows` and the libraries raise for input that they can't use
        return refuse(str(error), 2)
    except OSError as error:
        return refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)
    except store_errors() as error:
        from flows.store.failures import DAMAGED, is_damaged, shortened

        return refuse(f"store: {DAMAGED}", 2) if is_damaged(error) else refuse(f"MLflow failed ({shortened(error)})", 1)
