"""What the figures shall reach, on the 2-core machine, medians. `where` says of which figures: the
parameters that they must have, a number meaning at least that many."""


class Goal:
    def __init__(self, bench, metric, least=None, most=None, of="value", where=None, text=""):
        self.bench, self.metric, self.least, self.most = bench, metric, least, most
        self.of, self.where, self.text = of, where or {}, text

    def concerns(self, line):
        return (line["bench"], line["metric"]) == (self.bench, self.metric) and all(
            line["parameters"].get(name, 0) >= wanted if isinstance(wanted, (int, float))
            else line["parameters"].get(name) == wanted for name, wanted in self.where.items())

    def is_met(self, line):
        """None where it was not measured."""
        value = line.get(self.of)
        if value is None:
            return None
        return value >= self.least if self.most is None else value <= self.most


GOALS = [
    Goal("life", "steps_per_second", least=60000, where={"runs": 10000, "how": "overlapped"},
         text="whole life >= 60,000 steps/s (stretch 100,000)"),
    Goal("life", "share_of_raw", least=0.45, where={"runs": 10000, "how": "overlapped"},
         text="whole life >= 0.45 of the raw insert with the same CPU"),
    Goal("life", "worker_cpu_per_step", most=10, where={"runs": 10000, "how": "overlapped"},
         text="engine CPU <= 10 us a checkpointed step"),
    Goal("pure", "worker_cpu_per_added_step", most=3, where={"runs": 10000},
         text="engine CPU <= 3 us a pure step"),
    Goal("latency", "step_p50", most=1.5, of="ratio", where={"steps": 1000},
         text="lone run p50 <= 1.5 bare commits"),
    Goal("evaluator", "added_alone", most=40, where={"evaluations": 1000},
         text="an evaluation alone <= 40 us above itself"),
    Goal("evaluator", "added_cpu", most=15, where={"evaluations": 10000},
         text="an evaluation under load <= 15 us above itself"),
    Goal("evaluator", "added_in_eight", most=12, where={"evaluations": 1000},
         text="eight evaluations in one message <= 12 us each above themselves"),
    Goal("evaluator", "restart", most=1000, where={"evaluations": 100},
         text="an evaluator's copy is replaced <= 1 ms"),
    Goal("http", "steps_per_second", least=15000, where={"runs": 1000},
         text="HTTP >= 15,000 steps/s where the stub does 30,000"),
    Goal("starts", "starts_per_second", least=20000, where={"how": "batched", "starts": 10000},
         text="batched starts >= 20,000/s"),
    Goal("claims", "claimed_all", most=250, where={"runs": 10000},
         text="10,000 due runs claimed <= 250 ms"),
    Goal("growth", "steps_per_second", least=0.9, of="ratio", where={"finished": 10**7},
         text="throughput with 10 M finished runs >= 0.9 of empty"),
    Goal("long", "resume", most=100, where={"steps": 100000},
         text="a run of 100,000 steps resumes <= 100 ms"),
    Goal("idle", "statements_per_worker", most=2, where={"workers": 8},
         text="idle pool <= 2 statements per worker and second"),
    Goal("idle", "worker_cpu_each", most=0.049, where={"workers": 8},
         text="idle worker 0.0 % CPU"),
    Goal("idle", "cpu", most=0.49, where={"workers": 8},
         text="idle pool of 8 and what it costs Postgres: 0 % CPU"),
    Goal("memory", "worker_rss", most=64, where={"runs": 10000},
         text="worker <= 64 MiB with 10,000 runs in flight"),
    Goal("memory", "bytes_per_waiting_run", most=1024, where={"runs": 10000},
         text="<= 1 KiB a waiting run"),
    Goal("memory", "worker_bytes_per_waiting_run", most=8, where={"runs": 10000},
         text="0 bytes of the worker a waiting run"),
]


def goal_of(line):
    return next((goal for goal in GOALS if goal.concerns(line)), None)
