#!/usr/bin/env python3
"""What a container asks of the program and of the sources: a first process, a root that cannot be written to, and
a build of exactly what the Dockerfile copies.

    test_container.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs. script/image builds the image and runs it."""
import os
import pathlib
import re
import shutil
import signal
import subprocess

from cli_world import PATIENCE, WFCTL, main
from harness import ROOT, Missing, check, wait_for


def copied(w):
    """what the Dockerfile copies is all that its build asks for"""
    text = (ROOT / "Dockerfile").read_text()
    for words in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M):
        for name in words.split():
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, w.dir + "/" + name)
            else:
                shutil.copy(ROOT / name, w.dir)
    setup = re.search(r"^RUN (meson setup build [^&]*)&&", text, re.M).group(1).split()
    done = subprocess.run([*setup, "-Dwerror=false"], cwd=w.dir, capture_output=True, text=True, timeout=PATIENCE)
    check(done.returncode == 0, "%s", done.stdout[-2000:])
    # And what the sources include.
    folders = [pathlib.Path(w.dir, name) for name in ("engine", "steps", "cli")]
    headers = {path.relative_to(folder).as_posix() for folder in folders for path in folder.rglob("*.h")} | {"build_version.h", "queries.h"}
    for path in (path for folder in folders for path in folder.rglob("*.[ch]")):
        for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
            check(name in headers, "%s includes %s, which is not there", path.name, name)


def first_process(w):
    """as the first process of a container it waits for whatever has lost its parent, and passes signals on"""
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if subprocess.run([*unshare, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode:
        raise Missing("process namespaces cannot be made here")
    shell = {"run": {"shell": {"command": "true"}, "await": False}}
    run = w.expect(0, "start", w.file("background", [{"each": {"for": {"in": "${ [range(5)] }"}, "do": [{"t": shell}]}}])).id
    outer = subprocess.Popen([*unshare, WFCTL, "worker", "--allow-run", "--poll", "50ms"], env=w.environ(None),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    w.stack.callback(end, outer)
    w.wait_status(run, "completed")
    first = children(outer.pid)[0]
    wait_for(lambda: len(children(first)) == 1, PATIENCE, "only the worker is left")
    os.kill(first, signal.SIGTERM)
    check(outer.wait(PATIENCE) == 0, "it ended with %s", outer.returncode)


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return [int(child) for child in file.read().split()]


def no_folder(w):
    """where no file can be written, a script says which folder it wanted, and what helps"""
    path = w.file("script", [{"s": {"run": {"script": {"language": "python", "code": "print(1)"}}}}])
    w.expect(10, "run", path, "--allow-run", env={"TMPDIR": "/dev/null/none"},
             err="cannot be written below /dev/null/none: Not a directory; give the worker a TMPDIR")


if __name__ == "__main__":
    main([copied, first_process, no_folder])
