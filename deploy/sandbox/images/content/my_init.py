#!/usr/bin/env python3
"""The first process of a container: starts the program, passes signals on to it, and reaps orphans.

    my_init [--] PROGRAM [ARGUMENT...]

A program that is process 1 ignores signals it has no handler for and collects zombies; under this init it is an
ordinary process. The exit code is the program's, 128+N where signal N ended it, 127 where it is missing and 126 where
it cannot be run.
"""

import contextlib
import os
import signal
import sys

NOT_PASSED_ON = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}


def start(arguments):
    """Start the program in a process group of its own (a terminal's Ctrl-C reaches it once) and return its id."""
    child = os.fork()
    if child:
        return child
    os.setpgid(0, 0)
    for number in signal.valid_signals() - NOT_PASSED_ON:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        os.execvp(arguments[0], arguments)  # noqa: S606 - that is what an init is for
    except OSError as exc:
        sys.stderr.write(f"my_init: {arguments[0]}: {exc.strerror}\n")
        sys.stderr.flush()
        os._exit(127 if isinstance(exc, FileNotFoundError) else 126)


def take_terminal(child):
    """Let the program be the terminal's foreground group where there is a terminal, so that it may read from it."""
    with contextlib.suppress(OSError):  # it has done so itself, or has already started the program
        os.setpgid(child, child)
    if sys.stdin and sys.stdin.isatty():
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(sys.stdin.fileno(), child)


def wait_for(child):
    """Reap every process that ends here until the program does, and return its exit code."""
    while True:
        try:
            ended, status = os.wait()
        except ChildProcessError:
            return 1
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def main(arguments):
    """Run the program."""
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        sys.stderr.write(__doc__)
        return 64
    passed_on = signal.valid_signals() - NOT_PASSED_ON
    # Nothing may arrive between the fork and the handlers, or it would be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, passed_on)
    child = start(arguments)
    take_terminal(child)

    def pass_on(number, _frame):
        with contextlib.suppress(ProcessLookupError):  # it has just ended; wait_for() is about to tell
            os.kill(child, number)

    for number in passed_on:
        try:
            signal.signal(number, pass_on)
        except OSError:
            continue  # reserved by the C library
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, passed_on)
    return wait_for(child)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
