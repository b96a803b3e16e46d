"""How a case says that something is wrong, that its fault did not land, or that it cannot run here."""
import os
import time


class Failure(Exception):
    """What was expected did not happen; the text says what and where. It stands for `count`
    violations."""

    def __init__(self, text, count=1):
        super().__init__(text)
        self.count = count


class Void(Exception):
    """The fault did not land, so that nothing was tested."""


class Missing(Exception):
    """This machine lacks what the case needs; the text says what."""


def check(condition, text, *arguments):
    if not condition:
        raise Failure(text % arguments if arguments else text)


def check_landed(condition, text, *arguments):
    if not condition:
        raise Void(text % arguments if arguments else text)


def some(items):
    """How many, and the first of them."""
    items = list(items)
    return "%d: %s" % (len(items), items[:5])


def stretch():
    """How many times as long as on a quiet machine things may take now: how many want a processor, for each that there is; ten at most."""
    with open("/proc/loadavg", encoding="ascii") as file:
        minute, _, _, now, _ = file.read().split()
    return min(10, max(1, max(float(minute), int(now.split("/")[0])) / (os.cpu_count() or 1)))


def wait_for(question, timeout, text, interval=0.05):
    """The first true answer; Failure if none comes in time, which is longer on a busy machine."""
    began = time.monotonic()
    while True:
        answer = question()
        if answer:
            return answer
        check(time.monotonic() - began < timeout * stretch(), "%s: not within %d s", text, timeout)
        time.sleep(interval)
