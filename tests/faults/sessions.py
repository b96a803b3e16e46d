"""What cases need that meet a worker's sessions one by one: their names, the statements by which
they are recognised, and workers whose leases are short."""
LEASE = 2.0
SOON = ["--heartbeat", "500ms", "--lease", "2s", "--poll", "200ms"]
JOURNAL, CONTROL, HEARTBEAT, SQL = NAMES = ("stepwell journal", "stepwell control", "stepwell heartbeat",
                                            "stepwell sql")
APPEND = "insert into stepwell.entry (run_id, seq, at, kind, path"
CLAIM = "insert into stepwell.entry (run_id, seq, at, kind, data)"
