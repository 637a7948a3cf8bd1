"""Read the command line of `./slipway` and run the command."""

from __future__ import annotations

import argparse
import os
import sys

from .errors import Refusal
from .home import Home

EPILOG = "State, logs and secrets are in .slipway/ (or $SLIPWAY_HOME). Settings come from the environment or .env."


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="./slipway", description="From a commit to running pods and back.", epilog=EPILOG
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="install, start or repair everything, and print the address and the first login")
    demo = commands.add_parser("demo", help="up, then watch a commit become running pods and back")
    demo.add_argument(
        "--exit", action="store_true", help="stop everything afterwards; fail unless every step was confirmed"
    )
    commands.add_parser("env", help="print addresses and credentials as shell exports")
    commands.add_parser("status", help="show what runs")
    logs = commands.add_parser("logs", help="show logs")
    logs.add_argument("service", nargs="?", help="only this service")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as lines are added")
    commands.add_parser("down", help="stop everything, keep the data")
    reset = commands.add_parser("reset", help="stop everything and remove the data")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    commands.add_parser("check", help="check format, lint, types, import rules, templates and migrations")
    commands.add_parser("test", help="run the tests; further arguments are pytest's", add_help=False)
    return top


def dispatch(arguments: argparse.Namespace, home: Home) -> int:
    """Run the command. Modules are imported late: `status` needs none of `up`'s."""
    match arguments.command:
        case "up":
            from .commands import up

            return up.run(home)
        case "demo":
            from .commands import demo

            return demo.run(home, exit_after=arguments.exit)
        case "env":
            from .commands import env

            return env.run(home)
        case "status":
            from .commands import status

            return status.run(home)
        case "logs":
            from .commands import logs

            return logs.run(home, arguments.service, follow=arguments.follow)
        case "down" | "reset":
            from .commands import down

            return down.run(home) if arguments.command == "down" else down.reset(home, confirmed=arguments.yes)
        case "check":
            from .commands import check

            return check.run(home)
        case _:
            from .commands import test

            return test.run(home, arguments.arguments)


def main() -> int:
    """Return the exit code: 0 done, 1 not well or refused, 130 interrupted."""
    given = sys.argv[1:]
    # What follows `test` is pytest's own, options included.
    arguments = parser().parse_args(given[:1] if given[:1] == ["test"] else given)
    arguments.arguments = given[1:]
    if not sys.platform.startswith("linux"):
        print("slipway: this set-up runs on Linux only", file=sys.stderr)
        return 1
    try:
        return dispatch(arguments, Home.locate(os.environ))
    except Refusal as exc:
        print(f"slipway: {exc}", file=sys.stderr)
        return 1
    except PermissionError as exc:
        print(f"slipway: no permission for {exc.filename}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nslipway: interrupted; run the command again to go on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
