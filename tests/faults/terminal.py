"""Terminals of our own. Standard library only."""
import os
import pty
import subprocess
import threading

from checks import Missing, check


def open_terminal():
    """-> the descriptors of its two ends, ours and that of a program"""
    try:
        return pty.openpty()
    except OSError as error:
        raise Missing("this machine has no terminals: %s" % error) from None


def on_terminal(command, timeout=60, stderr=None, **more):
    """Runs it with a terminal for stdout, and for stderr if that is not given: its exit code, and the
    bytes that came."""
    ours, theirs = open_terminal()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs,
                               stderr=theirs if stderr is None else stderr, **more)
    os.close(theirs)
    late = threading.Event()

    def stop():
        late.set()
        process.kill()
    timer, found = threading.Timer(timeout, stop), b""
    timer.start()
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the end, on Linux
            part = b""
        if not part:
            break
        found += part
    os.close(ours)
    code = process.wait()
    timer.cancel()
    check(not late.is_set(), "%s: no end within %d s", " ".join(command), timeout)
    return code, found
