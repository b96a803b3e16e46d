"""What an expression reaches of the machine that evaluates it: nothing (row 60). The worker and all that it starts run under `strace`, so that it counts what is
asked of the kernel, also in vain; words in files, in the environment and at a port must not come back."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

from catalogue import case
from harness import Missing, check
from judges import journal_is_whole

WORD = "sentinel-%s-5f1c"
# What jq 1.6 has that looks out of its program, and what resembles it; %s is a path.
EXPRESSIONS = [
    "input_filename", "$__loc__", "$__prog_args", "input", "[inputs]", "[limit(1; inputs)]", "$ENV", "$ENV.SENTINEL", "env", "env.SENTINEL", "get_search_list", "now", "now | localtime",
    "now | strflocaltime(\"%%Z %%c\")", "0 | strftime(\"%%Z\")", "\"2015\" | strptime(\"%%Y\") | mktime", "halt", "halt_error", "\"x\" | halt_error(3)", "error", "error(\"x\")",
    "error(null)", "debug", "[debug]", "debug(\"x\")", "stderr", "[stderr]", "input_line_number", "modulemeta", "\"sentinel\" | modulemeta", "getpath([\"a\", \"b\"])",
    "ltrimstr(\"x\")", "\"a,b\" | [splits(\",\")]", "\"%s\" | @sh", "@sh \"cat \\(\"%s\")\"", "@uri \"file://\\(\"%s\")\"", "import \"sentinel\" as s; s::sentinel",
    "include \"sentinel\"; sentinel", "import \"%s\" as $s; $s", "import \"./sentinel\" as s {search: \"%s\"}; 1", "sentinel", "builtins | map(select(test(\"env|input\"))) | length",
    "$__prog_name", "_match_impl(\".\"; null; false)", "_plus(1; 2)", "_nwise(2)", "splits(\"x\")", "input_filename | tojson", "\"\\(env)\"", "[., env?] | length", "path(env)",
    "try env catch .", "def env: 7; env", "def input: 7; input", "{env} | .env", "\"now\" | now", "todate", "1e1000 | todate", "\"%s\" | ltrimstr(\"/\") | test(\"sentinel\")",
    "limit(1; env)", "@base64d", "getpath([\"/etc/passwd\"])", "$__loc__.file", "tojson | fromjson", "\"/etc/localtime\" | strptime(\"%%Z\")", "gmtime | mktime",
    "\"TZ=:/etc/passwd\" | localtime", "[localtime | strflocaltime(\"%%Z\")]", "get_search_list[0]", "$sentinel", "splits(\"a\"; \"gx\")", "ascii", "@json", "ltrimstr(env)"]
# Files that a program of ours may ask for: what it is made of, what describes it to itself, the server's socket, its certificates.
OWN = re.compile(r"^/(lib|lib64|usr/lib|usr/local/lib)/|^/etc/ld\.so\.|^/proc/(self|\d+|sys/(vm|kernel)|meminfo|cpuinfo|stat)\b|^/sys/|^/dev/(null|urandom)$|^/etc/(ssl|localtime|"
                 r"gnutls|nsswitch\.conf|passwd|group|host\.conf|hosts|resolv\.conf|gai\.conf|services|krb5\.conf)|^/usr/(share|lib)/(zoneinfo|locale|ca-certificates)|^/var/run/nscd|^/tmp$|^/(usr/)?bin/setpriv$")
LOADED = re.compile(r"^/(lib|lib64|usr/lib|usr/local/lib)/|^/etc/ld\.so\.|^/etc/(ssl|gnutls|crypto-policies)|^/proc/(self|\d+|sys/vm|sys/kernel|meminfo|cpuinfo)\b|^/sys/|^/dev/null$|^/usr/share/zoneinfo/UTC0$")
FILE = re.compile(r'^\d+ +((?!send|recv)\w+)\((?:AT_FDCWD, |\d+, )?"([^"]*)"(.*)$')
CONNECT = re.compile(r"^\d+ +(connect|bind|listen|accept4?)\(")
EVALUATOR = re.compile(r'^(\d+) +execve\("[^"]*", \["wfctl", "--evaluator"\]')


def plant(world):
    """A home with what jq would read there, a port that nobody has to know, and a word in the environment."""
    home = pathlib.Path(world.cluster.dir, "home")
    home.mkdir()
    (home / ".jq").write_text("def sentinel: \"%s\";\ndef length: \"%s\";\n" % (WORD % "home", WORD % "home"))
    (home / "sentinel.jq").write_text("def sentinel: \"%s\";\n" % (WORD % "module"))
    (home / "sentinel.json").write_text("[\"%s\"]" % (WORD % "data"))
    port = socket.create_server(("127.0.0.1", 0))
    port.setblocking(False)
    world.ends.append(port.close)
    return home, port


def register(world, home):
    """Those that are taken; those that are not are refused with a reason."""
    taken, refused = [], 0
    chosen = world.random.sample(EXPRESSIONS, world.size(16, len(EXPRESSIONS), len(EXPRESSIONS)))
    for number, text in enumerate(chosen):
        text = text.replace("%s", str(home / "sentinel")).replace("%%", "%")
        name = "outside%d" % number
        path = world.db.write(name, [{"a": {"try": [{"b": {"set": {"v": "${ %s }" % text}}}], "catch": {"as": "e", "do": [{"c": {"set": "${ {e: $e} }"}}]}}}])
        code, _, said = world.db.cli("apply", path, env={"HOME": str(home), "SENTINEL": WORD % "environment"})
        check(code == 0 or said.strip(), "apply of %s: exit %d without a reason", text, code)
        check("sentinel-" not in said, "I9: apply of %s shows %s", text, said)
        refused += code != 0
        if code == 0:
            taken.append(name)
        world.plan("%s: %s", text, "refused" if code else "taken")
        world.inject()
        world.land()
    return taken, refused


def is_strange(line, pid, evaluators, home, dirs):
    """Whether that was asked of the kernel by who has no business there."""
    file = FILE.match(line)
    if re.search(r"socket\(AF_(INET|PACKET)|sendto\(.*AF_INET", line) or (CONNECT.match(line) and "AF_UNIX" not in line):
        return True
    if not file:
        return bool(pid in evaluators and CONNECT.match(line))
    path, there = file.group(2), " = -1 " not in file.group(3)
    if path.startswith(str(home)):  # the worker's libpq looks for a password, and finds none
        return pid in evaluators or not path.startswith((str(home / ".pgpass"), str(home / ".postgresql")))
    if pid in evaluators:
        return there and path and not LOADED.match(path) and not path.startswith(dirs[1])
    return there and path.startswith("/") and not OWN.match(path) and not path.startswith(dirs)


def strangers(lines, home, dirs):
    """The lines of those calls, and which processes evaluated."""
    found, evaluators = [], set()
    for line in lines:
        pid = line.partition(" ")[0]
        if EVALUATOR.match(line):
            evaluators.add(pid)
        copy = re.search(r" clone\(.*\) = (\d+)$", line)
        if copy and pid in evaluators:
            evaluators.add(copy.group(1))
        if is_strange(line, pid, evaluators, home, dirs):
            found.append(line)
    return found, evaluators


@case(60)
def sentinels(world):
    """Whatever an expression says: no file is there for it, no address, and no word of ours."""
    if not shutil.which("strace"):
        raise Missing("strace is not installed")
    db = world.db
    home, port = plant(world)
    trace = pathlib.Path(world.cluster.dir, "sentinels.strace")
    if subprocess.run(["strace", "-D", "-f", "-o", os.devnull, "true"], capture_output=True).returncode:
        raise Missing("strace may trace nothing here")
    taken, refused = register(world, home)
    check(len(taken) > world.size(1, 15, 15) and refused > world.size(1, 15, 15), "%d taken, %d refused", len(taken), refused)
    worker = world.worker("--poll", "100ms", by=["strace", "-D", "-f", "-qq", "-s", "300", "-e", "trace=file,network,clone", "-o", str(trace)], env={
        "HOME": str(home), "SENTINEL": WORD % "environment", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0", "SENTINEL_PORT": str(port.getsockname()[1])})
    for name in taken:
        db.start(name, 1)
    db.wait_idle(120)
    said = json.dumps(db.rows("select status, output, error from stepwell.runs") + db.rows("select data from stepwell.entry")) + worker.output()
    check("sentinel-" not in said, "I9: a word came back: %s", re.findall(r".{80}sentinel-.{30}", said)[:3])
    with contextlib.suppress(BlockingIOError):
        port.accept()
        check(False, "I9: somebody has connected")
    lines = trace.read_text("utf-8", "replace").splitlines()
    found, evaluators = strangers(lines, home, (world.cluster.dir, str(pathlib.Path(db.wfctl).resolve().parent)))
    check(evaluators, "no evaluator was seen")
    check(not found, "I9: %d calls: %s", len(found), found[:5])
    ends = db.statuses()
    check(set(ends) <= {"completed", "faulted"}, "I5: %s", ends)
    journal_is_whole(db)
    world.checked(len(taken))
    world.note("%d taken, %d refused, %d evaluators, %d calls", len(taken), refused, len(evaluators), len(lines))
