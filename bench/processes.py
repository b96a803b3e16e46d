"""Child processes, ended by their pid whatever happens: they are in sessions of their own, so that
Ctrl-C reaches only the benchmark, and the kernel ends them if it dies."""
import itertools
import os
import select
import signal
import subprocess
import time

from machine import cpu_of


class Failure(Exception):
    """Something did not come out as it must; the text says what."""


def check(condition, text, *arguments):
    if not condition:
        raise Failure(text % arguments if arguments else text)


def wait_for(question, timeout, text, interval=0.02, watched=()):
    """The first true answer; Failure if none comes in time, or when a watched child has ended."""
    end = time.monotonic() + timeout
    while True:
        answer = question()
        if answer:
            return answer
        for child in watched:
            check(not child.has_ended(), "%s: %s ended: %s", text, child.name, child.said())
        check(time.monotonic() < end, "%s: not within %d s", text, timeout)
        time.sleep(interval)


class Child:
    running = []  # all of this process
    numbers = itertools.count(1)

    def __init__(self, name, command, log, death="KILL", user=None, **more):
        who = ["--reuid=" + user, "--regid=" + user, "--init-groups"] if user else []
        self.name, self.log, self.usage, self.code = name, log, None, None
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", death, *who, *command], start_new_session=True,
                **{"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out, **more})
        self.pid = self.process.pid
        self.running.append(self)

    def has_ended(self):
        if self.code is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.code = self.process.returncode = os.waitstatus_to_exitcode(status)
                self.usage = usage
                self.running.remove(self)
        return self.code is not None

    def wait(self, timeout):
        """Its exit code (negative: the signal that ended it)."""
        if not self.has_ended():
            fd = os.pidfd_open(self.pid)
            try:
                poll = select.poll()
                poll.register(fd, select.POLLIN)
                poll.poll(timeout * 1000)
            finally:
                os.close(fd)
            check(self.has_ended(), "%s did not end within %d s: %s", self.name, timeout, self.said())
        return self.code

    def end(self, number=signal.SIGTERM, timeout=60):
        if not self.has_ended():
            os.kill(self.pid, number)
        return self.wait(timeout)

    def cpu(self):
        """Of its whole life, once it has ended; seconds."""
        return self.usage.ru_utime + self.usage.ru_stime

    def cpu_so_far(self):
        return cpu_of(self.pid)

    def said(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-2000:].strip()

    @classmethod
    def count_next(cls):
        """A number for the names of a child's files."""
        return next(cls.numbers)

    @classmethod
    def end_all_but(cls, kept):
        """The youngest first."""
        for child in [c for c in reversed(cls.running) if c not in kept]:
            child.end(signal.SIGKILL)


def finish(name, command, log, timeout, allowed=(0,)):
    """Runs a program to its end; what it wrote on standard output."""
    with open(log + ".out", "w+") as out, open(log, "ab") as err:
        child = Child(name, command, log, stdout=out, stderr=err)
        try:
            code = child.wait(timeout)
        except BaseException:
            child.end(signal.SIGKILL)
            raise
        check(code in allowed, "%s: exit %d: %s", name, code, child.said())
        out.seek(0)
        return out.read()
