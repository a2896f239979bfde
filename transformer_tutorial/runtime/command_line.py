"""The manners of every command line here: flags from dataclasses, one-line errors, exit codes.

A command is a frozen dataclass (its fields are the flags, parsed by tyro) and the module whose `run(options)` does
the work. Modules are imported after parsing, so that `--help` and a mistyped flag answer without TensorFlow.

Exit codes: 0 done, 1 failure, 2 wrong usage, 130 after Ctrl-C, 143 after SIGTERM.
"""

import contextlib
import dataclasses
import difflib
import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from transformer_tutorial.runtime.errors import UsageError
from transformer_tutorial.runtime.quiet import import_quietly


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Flags that every command has."""

    debug: bool = False
    """Show the full traceback of an error."""


class Command(NamedTuple):
    """One subcommand.

    Attributes:
        options: the frozen dataclass whose fields are the flags; its docstring is the help text.
        module: dotted name of the module with `run(options) -> int | None`.
        default: from the raw arguments to an instance that holds the defaults; None uses the class's own.
    """

    options: type[Options]
    module: str
    default: Callable[[Sequence[str]], Options] | None = None


def main(program: str, commands: Mapping[str, Command], arguments: Sequence[str] | None = None) -> int:
    """Parses `arguments` (default: the process's own), runs one command and returns the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(program, commands, arguments)
        sys.stdout.flush()  # here, where a reader that has left can be dealt with
        return code
    except SystemExit as finished:  # --help
        return int(finished.code or 0)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our stdout, `head` perhaps, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain when it exits
        return 0
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        print(f"Error: {one_line(error)}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


def _run(program: str, commands: Mapping[str, Command], arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview(program, commands))
        return 0 if arguments else 2
    name = known(arguments[0], commands, "command")
    options = parse(f"{program} {name}", commands[name], arguments[1:])
    return import_quietly(commands[name].module, quiet=not options.debug).run(options) or 0


def parse(program: str, command: Command, arguments: Sequence[str]) -> Options:
    """Arguments -> an instance of the command's options; a wrong flag or value becomes a UsageError."""
    import tyro

    default = command.default(arguments) if command.default else tyro.MISSING_NONPROP
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(command.options, prog=program, args=arguments, default=default)
    except SystemExit as finished:
        if not finished.code:
            raise
        raise UsageError(_without_box(complaint.getvalue(), program)) from None


def known(name: str, names: Mapping[str, Any] | Sequence[str], kind: str) -> str:
    """Returns `name` if it is one of `names`; otherwise raises a UsageError that says which are nearest."""
    if name in names:
        return name
    folded = {one.casefold(): one for one in names}
    near = [folded[one] for one in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Choose from: {', '.join(names)}."
    raise UsageError(f"unknown {kind} {name!r}. {hint}")


def overview(program: str, commands: Mapping[str, Command]) -> str:
    """The text of `program --help`: one line a command."""
    width = max(map(len, commands))
    lines = [f"usage: {program} {{{','.join(commands)}}} [flags]", ""]
    for name, command in commands.items():
        lines.append(f"  {name:<{width}}  {(command.options.__doc__ or '').strip().splitlines()[0]}")
    return "\n".join([*lines, "", f"Flags of a command: {program} COMMAND --help"])


def one_line(error: BaseException) -> str:
    """The error's message without line breaks, with the class's name where the message alone says little."""
    text = " ".join(str(error).split())
    if isinstance(error, (UsageError, RuntimeError)) and text:
        return text
    return f"{type(error).__name__}: {text}. Add --debug for the traceback."


def _without_box(text: str, program: str) -> str:
    """tyro's framed message -> one line: what is wrong, and the flags it might have been."""
    lines = [re.sub(r"[│╭╮╰╯]", " ", line).strip() for line in text.splitlines()]
    blocks = re.split(r"(?m)^[─-]{3,}$", "\n".join(lines[1:]).strip())  # of ruled lines, "-" where there is no UTF-8
    message, *rest = (block for block in blocks if block.strip())
    flags = re.findall(r"(?m)^(--[a-z0-9-]+)", "\n".join(rest))
    message = re.sub(r"^Error parsing \w+: ", "", " ".join(message.split()))  # of our own check of the values
    if flags and "nrecognized" in message:
        message += f". Did you mean {' or '.join(dict.fromkeys(flags))}?"
    return f"{message.rstrip('.?')}{'?' if message.endswith('?') else '.'} All flags: {program} --help"
