"""All commands, and how each of them ends: 0, 1 for a failure, 2 for wrong use or configuration."""

from collections.abc import Container, Sequence

import cyclopts
from cyclopts import CycloptsError
from rich.console import Console

from calbell import __version__
from calbell.cli.failures import Failure, Misuse
from calbell.config import ConfigError
from calbell.flows.restore import CannotRestore
from calbell.store.connection import StoreUnavailable
from calbell.store.migrate import SchemaMismatch

_ABOUT = """Rings the phone when somebody books, moves or cancels a meeting.

Calbell takes Cal.com's booking webhooks and brings each event to the phones of the people whom it
concerns, through the Expo Push Service. Apps register their push tokens as they do at Cal.com.

Start with `calbell demo`. Settings are environment variables CALBELL_..., a `.env` file in the
working directory is read as well; docs/reference/configuration.md lists them. `--debug` shows
where an error came from.
"""


WRONG_USE = (CycloptsError, Misuse, ConfigError)
EXPECTED = (Failure, StoreUnavailable, SchemaMismatch, CannotRestore)


COMMANDS = {
    "serve": ("serve:serve", "The whole service: HTTP API, event intake, delivery, receipts."),
    "worker": ("serve:worker", "Delivery, receipts and reminders only, on PostgreSQL."),
    "demo": ("demo:demo", "The main job on this machine alone: no account anywhere."),
    "expo-simulator": ("expo_simulator:expo_simulator", "A local Expo Push Service."),
    "connect": ("connect:connect", "Make or mend the webhook at Cal.com that tells of bookings."),
    "doctor": ("doctor:doctor", "What is wrong with this installation, and how to mend it."),
    "push": ("push:push", "Send a test push to a user's phones, or only show it."),
    "users": ("users:app", "Add, change, list and remove users."),
    "keys": ("keys:app", "Create, list and revoke keys of apps and operators."),
    "events": ("events:app", "List what came in, and take it in again."),
    "replay": ("replay:replay", "What this version would say of stored events, against what was."),
    "export": ("carry:export", "Write everything that another Calbell needs to a file."),
    "import": ("carry:import_", "Take in an export, or another system's push tokens."),
    "explain": ("explain:explain", "Why a user was told, or not, in words."),
    "status": ("database:status", "What waits, what was delivered, what went wrong."),
    "backup": ("backup:backup", "A consistent copy of a SQLite database, also while it serves."),
    "migrate": ("database:migrate", "Bring the database's schema up to date."),
}


def application(called: Container[str]) -> cyclopts.App:
    """All commands; of those that are `called` more is asked than their line in the list."""
    app = cyclopts.App(
        name="calbell",
        help=_ABOUT,
        version=__version__,
        help_format="markdown",
        print_error=False,
        exit_on_error=False,
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    for name, (target, about) in COMMANDS.items():
        # In the list of commands: a command of which more is asked tells it from its own text.
        said = None if name in called else about
        app.command(f"calbell.cli.{target}", name=name, help=said)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command; the code to exit with. Errors are one clear line on stderr, with a
    traceback only under `--debug`."""
    debug = "--debug" in arguments
    words = [word for word in arguments if word != "--debug"]
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        result = application(words[:1])(words)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if debug:
            errors.print_exception()
        errors.print(f"calbell: {_line(error)}", markup=False)
        return 2 if isinstance(error, WRONG_USE) else 1
    return result if isinstance(result, int) else 0


def _line(error: Exception) -> str:
    said = " ".join(str(error).split())
    if isinstance(error, CycloptsError):
        return f"{said} Try: calbell --help"
    if isinstance(error, (*WRONG_USE, *EXPECTED)):
        return said
    return f"unexpected {type(error).__name__}: {said} (--debug shows where)"
