"""Input at random, to all that reads what comes from outside (row 55): the targets of tests/fuzz."""
import os
import pathlib
import re
import shutil
import subprocess

from catalogue import case
from harness import Missing, ROOT, check

CORPUS = ROOT / "tests" / "fuzz" / "corpus"


def targets():
    return sorted(path.name for path in CORPUS.iterdir())


@case(55, long=True)
def changed_corpus(world):
    """Changed copies of what is kept of a target, without clang. (`script/test` gives each half a second of its own.)"""
    replay = next((p for p in (pathlib.Path(world.wfctl).parent / "fuzz_replay", ROOT / "build-test" / "fuzz_replay") if p.exists()), None)
    if not replay:
        raise Missing("script/build --test makes fuzz_replay")
    for target in world.random.sample(targets(), world.size(2, len(targets()), len(targets()))):
        seed, seconds = world.random.randrange(1, 1 << 31), world.size(1, 20, 60)
        world.plan("%s, seed %d", target, seed)
        done = subprocess.run([str(replay), "--seconds", str(seconds), "--seed", str(seed), str(CORPUS), target],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=dict(
                                  os.environ, LSAN_OPTIONS="suppressions=%s:print_suppressions=0" % (ROOT / "tests" / "fuzz" / "lsan.supp"),
                                  UBSAN_OPTIONS="halt_on_error=1", ASAN_OPTIONS="detect_stack_use_after_return=0"))
        found = re.search(r"^ok 1 - \S+: (\d+) files, (\d+) changed ones", done.stdout, re.M)
        check(done.returncode == 0 and found, "I8: %s: exit %d\n%s", target, done.returncode, (done.stdout + done.stderr)[-3000:])
        executed = int(found.group(1)) + int(found.group(2))
        world.inject(executed)
        world.land(executed)
        world.checked(executed)


@case(55, alone_in_full=True)
def fuzzed(world):
    """By libFuzzer, guided by what an input reaches. Nightly an hour in all; release an hour for each target, a
    twenty-fourth of what the catalogue wants: it takes weeks one after the other."""
    if world.size(True, False, False):
        raise Missing("libFuzzer is for the sizes above short")
    if not shutil.which("clang"):
        raise Missing("clang is not installed")
    for target in targets():
        seconds = world.size(0, 3600 // len(targets()), 3600)
        world.plan("%s, %d s", target, seconds)
        done = subprocess.run([str(ROOT / "tests" / "fuzz" / "run"), "--seconds", str(seconds), target], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace")
        log = (ROOT / "build-fuzz" / (target + ".log")).read_text("utf-8", "replace")
        executed = re.search(r"^stat::number_of_executed_units: *(\d+)", log, re.M)
        check(done.returncode == 0 and executed, "I8: %s: %s\n%s", target, done.stdout[-1000:], log[-3000:])
        world.inject(int(executed.group(1)))
        world.land(int(executed.group(1)))
        world.checked(int(executed.group(1)))
