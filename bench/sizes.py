"""How much is measured. `short` is for tests: its figures mean nothing."""

SIZES = {
    "short": {
        "life": {"runs": 200, "batch": 100, "workers": [2], "flags": [""]},
        "pure": {"runs": 100, "batch": 100, "added": 3},
        "latency": {"steps": 100, "commits": 100},
        "evaluator": {"rounds": 20, "loaded": 600, "restarts": 5},
        "starts": {"single": 100, "clients": 80, "batched": 500, "batch": 100},
        "claims": {"runs": 200, "flags": [""]},
        "takeover": {"runs": 50},
        "http": {"runs": 20, "pools": [[1, 16]], "wrk_seconds": 1, "wrk_connections": 16},
        "memory": {"in_flight": 50, "waiting": 200},
        "growth": {"runs": 100, "batch": 100, "claims": 100, "finished": [0, 1000]},
        "long": {"steps": 400, "window": 50},
        "timers": {"timers": 200, "window": 1, "lead": 3, "batch": 100},
        "idle": {"workers": 8, "seconds": 10, "settle": 1},
    },
    "full": {
        "life": {"runs": 40000, "batch": 500, "workers": [1, 2], "flags": ["", "--concurrency 1024"]},
        "pure": {"runs": 20000, "batch": 500, "added": 10},
        "latency": {"steps": 1000, "commits": 5000},
        "evaluator": {"rounds": 1000, "loaded": 60000, "restarts": 200},
        "starts": {"single": 10000, "clients": 40000, "batched": 100000, "batch": 500},
        "claims": {"runs": 10000, "flags": ["", "--concurrency 5000 --max-runs 20000"]},
        "takeover": {"runs": 10000},
        "http": {"runs": 10000, "pools": [[1, 64], [1, 256], [2, 256]], "wrk_seconds": 5,
                 "wrk_connections": 64},
        "memory": {"in_flight": 10000, "waiting": 100000},
        "growth": {"runs": 40000, "batch": 500, "claims": 10000, "finished": [0, 10**6, 10**7]},
        "long": {"steps": 100000, "window": 10000},
        "timers": {"timers": 100000, "window": 60, "lead": 90, "batch": 1000},
        "idle": {"workers": 8, "seconds": 60, "settle": 5},
    },
}


def set_value(size, text):
    """BENCH.NAME=VALUE, the value of the kind it replaces; a list is given with commas."""
    name, _, value = text.partition("=")
    bench, _, key = name.partition(".")
    if key not in size.get(bench, {}) or not value:
        raise SystemExit("bench: --set takes BENCH.NAME=VALUE, of %s" % ", ".join(
            "%s.%s" % (b, k) for b in size for k in size[b]))
    old = size[bench][key]
    try:
        if isinstance(old, list):
            size[bench][key] = [v if isinstance(old[0], str) else int(v) for v in value.split(",")]
            if isinstance(old[0], list):
                size[bench][key] = [[int(n) for n in v.split("x")] for v in value.split(",")]
        else:
            size[bench][key] = int(value)
    except ValueError:
        raise SystemExit("bench: --set %s: not a number" % text) from None
