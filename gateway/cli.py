"""The command line: reads arguments and configuration, runs one command, turns errors into a line and an exit code.

Exit codes: 0 well, 1 failed, 2 wrong arguments or configuration, 130 interrupted.
"""

# Only the standard library up here, and little of it: `hide_cameras` has to run before anything slow does.
from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from gateway import __version__, log
from gateway.concealment import hide_cameras, read_cameras
from gateway.errors import ConfigError, PortInUse
from gateway.redaction import redact

if TYPE_CHECKING:
    from gateway.access_commands import Printed
    from gateway.config import Loaded

_EXIT_FAILED: Final = 1
_EXIT_USAGE: Final = 2
_EXIT_INTERRUPTED: Final = 130
_EXIT_BROKEN_PIPE: Final = 141
_HEALTH_TIMEOUT_S: Final = 3.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `arguments` (by default the process's own) and returns the exit code."""
    if arguments is None:
        hide_cameras()
        arguments = sys.argv[1:]
    try:
        return _run(_parser().parse_args(arguments))
    except ConfigError as error:
        for line in error.lines:
            print(f"camera-gateway: {line}", file=sys.stderr)  # noqa: T201 (a command line speaks by printing)
        return error.exit_code
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output is gone; without this Python complains once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_BROKEN_PIPE


class _Parser(argparse.ArgumentParser):
    """Repeats no secret that stood in a wrong argument, and puts errors on one line."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Notices here, not while Python exits, that nobody reads the help any more."""
        sys.stdout.flush()
        super().exit(status, message)

    def error(self, message: str) -> NoReturn:
        self.exit(_EXIT_USAGE, f"{self.prog}: {redact(message)}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="camera-gateway", description="Any RTSP camera in any browser.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"camera-gateway {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve the configured cameras", allow_abbrev=False)
    _add_file(serve)
    _add_logging(serve)
    serve.add_argument("--listen", metavar="HOST:PORT", help="address of the page (default 127.0.0.1:8080)")
    serve.add_argument("--cameras-fd", type=int, help=argparse.SUPPRESS)
    serve.add_argument("cameras", nargs="*", metavar="NAME=rtsp://…", help="cameras; hidden from ps at once")
    serve.set_defaults(run=_serve)

    demo = commands.add_parser("demo", help="serve built-in cameras, open to everybody", allow_abbrev=False)
    _add_logging(demo)
    demo.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:8080", help="default %(default)s")
    demo.add_argument("--webrtc-port", metavar="PORT", default="8190", help="UDP and TCP port (default %(default)s)")
    demo.set_defaults(run=_demo)

    validate = commands.add_parser("validate", help="check the configuration", allow_abbrev=False)
    _add_file(validate)
    _add_logging(validate)
    validate.set_defaults(run=_validate)

    _add_access(commands)

    health = commands.add_parser("healthcheck", help="ask a running gateway if it is well", allow_abbrev=False)
    _add_file(health)
    _add_logging(health)
    health.add_argument("url", nargs="?", metavar="URL", help="default: the configured listen address")
    health.set_defaults(run=_healthcheck)
    return parser


def _add_access(commands: argparse._SubParsersAction[_Parser]) -> None:
    sign = commands.add_parser("sign", help="print signed addresses, good for anybody who has them", allow_abbrev=False)
    _add_file(sign)
    _add_logging(sign)
    sign.add_argument(
        "--expires", metavar="TIME", help="for how long, such as 5m (default and longest: access.max_age)"
    )
    sign.add_argument("--url", metavar="URL", help="the gateway's address for viewers (default: public_url, or listen)")
    sign.add_argument("name", metavar="NAME", help="a camera, a site with a slash at its end (site1/), or / for all")
    sign.set_defaults(run=_sign)

    keys = commands.add_parser("keys", help="signing keys, password hashes, API keys", allow_abbrev=False)
    actions = keys.add_subparsers(title="actions", dest="action", required=True, metavar="ACTION")
    for name, run, words in (
        ("rotate", _rotate_keys, "sign with a new key; the one before stays good for what it has signed"),
        ("list", _list_keys, "show the signing keys' ids and ages"),
        ("hash-password", _hash_password, "read a password and print its hash for access.users"),
        ("new-api-key", _new_api_key, "make an API key and its hash for access.api_keys"),
    ):
        action = actions.add_parser(name, help=words, allow_abbrev=False)
        _add_logging(action)
        if name in ("rotate", "list"):
            _add_file(action)
        action.set_defaults(run=run)


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c", "--config", type=Path, metavar="FILE", help="default: $GATEWAY_CONFIG, else gateway.yml if there is one"
    )


def _add_logging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log-level", choices=log.LEVELS, default=log.DEFAULT_LEVEL, help="default %(default)s")


def _run(arguments: argparse.Namespace) -> int:
    log.setup(arguments.log_level)
    code: int = arguments.run(arguments)
    sys.stdout.flush()
    return code


def _serve(arguments: argparse.Namespace) -> int:
    # Options come before pairs that were hidden, so a pair typed wrongly is reported with the rest.
    pairs = [*arguments.cameras, *(read_cameras(arguments.cameras_fd) if arguments.cameras_fd is not None else ())]
    return _start(_load(arguments.config, pairs=pairs, listen=arguments.listen), demo=False)


def _demo(arguments: argparse.Namespace) -> int:
    from gateway.config import load_config

    # Nothing of a real installation's file or environment takes part in the demo.
    settings = {
        ("access", "mode"): "open",
        ("listen",): arguments.listen,
        ("webrtc", "port"): arguments.webrtc_port,
    }
    return _start(load_config(None, environment={}, settings=settings), demo=True)


def _start(loaded: Loaded, *, demo: bool) -> int:
    from gateway import running

    try:
        return running.run(loaded.config, demo=demo)
    except PortInUse as error:
        where = loaded.where(error.key)
        if where is None:
            raise
        raise ConfigError(f"{where}: {error.message}") from None


def _validate(arguments: argparse.Namespace) -> int:
    from gateway.config import find_file

    config = _load(arguments.config).config
    file = find_file(arguments.config, os.environ)
    enabled = sum(camera.enabled for camera in config.cameras.values())
    total = len(config.cameras)
    cameras = f"{total} camera{'' if total == 1 else 's'}" + (f" ({enabled} enabled)" if enabled != total else "")
    source = f"{file}: " if file else "no file; "
    print(f"{source}OK: {cameras}, page on {config.listen}, WebRTC on port {config.webrtc.port}")  # noqa: T201
    return 0


def _healthcheck(arguments: argparse.Namespace) -> int:
    from gateway import health

    url = arguments.url
    if url is None:
        config = _load(arguments.config).config
        url = health.local_url(config.listen, scheme="http" if config.tls.files is None else "https")
    problem = health.probe(url, timeout_s=_HEALTH_TIMEOUT_S)
    if problem is None:
        return 0
    print(f"camera-gateway: {problem}", file=sys.stderr)  # noqa: T201
    return _EXIT_FAILED


def _sign(arguments: argparse.Namespace) -> int:
    from gateway import access_commands, health
    from gateway.clock import SYSTEM_CLOCK

    config = _load(arguments.config).config
    scheme = "http" if config.tls.files is None else "https"
    public = None if config.public_url is None else str(config.public_url)
    url = arguments.url or public or health.local_url(config.listen, scheme=scheme).removesuffix("/healthz")
    return _print(
        access_commands.sign(
            config,
            name=arguments.name,
            expires=arguments.expires,
            url=url,
            environment=os.environ,
            now=SYSTEM_CLOCK.now(),
        )
    )


def _rotate_keys(arguments: argparse.Namespace) -> int:
    from gateway import access_commands
    from gateway.clock import SYSTEM_CLOCK

    config = _load(arguments.config).config
    return _print(access_commands.rotate(config, environment=os.environ, now=SYSTEM_CLOCK.now()))


def _list_keys(arguments: argparse.Namespace) -> int:
    from gateway import access_commands
    from gateway.clock import SYSTEM_CLOCK

    config = _load(arguments.config).config
    return _print(access_commands.list_keys(config, environment=os.environ, now=SYSTEM_CLOCK.now()))


def _hash_password(_: argparse.Namespace) -> int:
    import getpass

    from gateway import access_commands

    # A terminal must not show it; a program writes it as one line.
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().removesuffix("\n")
    return _print(access_commands.hashed_password(password))


def _new_api_key(_: argparse.Namespace) -> int:
    from gateway import access_commands

    return _print(access_commands.api_key())


def _print(printed: Printed) -> int:
    for line in printed.lines:
        print(line)  # noqa: T201
    for note in printed.notes:
        print(f"camera-gateway: {note}", file=sys.stderr)  # noqa: T201
    return 0


def _load(file: Path | None, *, pairs: Sequence[str] = (), listen: str | None = None) -> Loaded:
    from gateway.config import find_file, load_config

    settings: Mapping[tuple[str, ...], str] = {("listen",): listen} if listen is not None else {}
    return load_config(find_file(file, os.environ), environment=os.environ, pairs=pairs, settings=settings)
