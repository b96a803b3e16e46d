"""The rows of the campaign: which faults there are, which invariants they are judged by, and what
counts as a hit. Cases register themselves with @case(ROW) in the files rows_*.py."""
import dataclasses


@dataclasses.dataclass
class Row:
    number: int
    title: str
    invariants: str
    hit: str = ""    # what "landed" means; "" where each fault lands by its nature
    later: str = ""  # why there is no case
    cases: list = dataclasses.field(default_factory=list)


ROWS = {row.number: row for row in (
    # Process
    Row(1, "Worker crash", "I1-I8, I11", "the worker had an attempt or a transaction under way"),
    Row(2, "Crash at every point", "I1-I7, I11", "the worker died at that call"),
    Row(3, "Crash during recovery", "I1-I8, I11", "the worker had taken runs over"),
    Row(4, "Whole fleet dies", "I1-I8, I11", "the run's attempt was under way"),
    Row(5, "Takeover time", "I5, I7", "the worker owned runs"),
    Row(6, "Zombie", "I2-I8", "the worker's runs were taken over while it was frozen"),
    Row(7, "Graceful stop", "I1-I8, I11", "the worker owned runs"),
    Row(8, "Rude signals", "I1, I7, I8", "the worker owned runs"),
    Row(9, "Poison run", "I1, I5, I8"),
    Row(10, "Out of memory", "I1, I7, I8, I10", "the worker was killed by the kernel"),
    Row(11, "Orphan children", "I3, I8", "the step's processes were running"),
    Row(12, "Mixed versions", "I1-I8, I11"),
    # Database
    Row(13, "Server crash", "I1-I8, I11", "runs were under way"),
    Row(14, "Backend crash", "I1-I8, I11", "runs were under way"),
    Row(15, "Cut sessions", "I1-I8, I11"),
    Row(16, "Commit outcome unknown", "I2-I7"),
    Row(17, "Commit not replicated", "I1-I4, I7", "the server warned"),
    Row(18, "Synchronous failover", "I1-I5, I7, I11", "runs were under way"),
    Row(19, "Lost commits", "I2-I7, I11"),
    Row(20, "Demoted primary", "I1-I8", "runs were under way"),
    Row(21, "Relaxed durability", "I1, I4", "the server lost a plain commit"),
    Row(22, "Poolers", "I1-I8, I11", "wfctl was refused, or the worker had an attempt under way"),
    Row(23, "Old snapshots", "I1, I5, I7, I10", "the dead rows stayed"),
    Row(24, "Lock holder", "I2, I5, I7, I8"),
    Row(25, "Timeouts from above", "I2-I5, I8"),
    Row(26, "Refused writes", "I1-I5, I7"),
    Row(27, "Connections exhausted", "I2, I5, I8, I10", "runs were under way"),
    Row(28, "Disk full", "I1-I8, I11", "the server found no space"),
    Row(29, "Rights and drift", "I1-I4, I8"),
    Row(30, "Big numbers", "I1-I8, I11", "runs were under way"),
    Row(31, "Herd after an outage", "I1, I5, I7, I8, I10", "all the runs were due"),
    Row(32, "Lost wake-ups", "I5"),
    Row(33, "Notification load", "I1, I7, I10"),
    # Network
    Row(34, "Connection reset anywhere", "I1-I7"),
    Row(35, "Black hole", "I3, I5, I7"),
    Row(36, "Idle connections forgotten", "I1, I2, I5", "the connection was used again"),
    Row(37, "Database gone, endpoint alive", "I3, I6", "effects were waiting for a slot"),
    Row(38, "Slow trickle", "I1-I4, I8", "a batch of the worker's"),
    # Time
    Row(39, "Worker's clock wrong", "I2, I5, I6"),
    Row(40, "Clock jumps", "I6"),
    Row(41, "Calendar", "I2", later="schedules are not built yet"),
    Row(42, "Timer mass", "I2, I5-I7, I10", "the timer was asleep before it was due"),
    # HTTP effects
    Row(43, "Response lost", "I2-I4, I11"),
    Row(44, "Never applied", "I4"),
    Row(45, "Broken responses", "I8, I10"),
    Row(46, "Key protocol", "I2, I10"),
    Row(47, "Key window passed", "I3"),
    Row(48, "Request drift", "I11"),
    Row(49, "Key uniqueness", "I2"),
    Row(50, "At-most-once steps", "I3", "the worker had an attempt under way"),
    Row(51, "Races of orders and starts", "I1-I4, I7"),
    # Input and resources
    Row(52, "Hostile JSON", "I8, I10"),
    Row(53, "Number and text fidelity", "I4"),
    Row(54, "Expressions that run away", "I5, I10"),
    Row(55, "Fuzz", "I8"),
    Row(56, "Allocation and I/O failure", "I1, I4, I8"),
    Row(57, "Oversize", "I8, I10"),
    # Security
    Row(58, "Requests to forbidden addresses", "I9"),
    Row(59, "Secret canaries", "I9"),
    Row(60, "Injection and access", "I8, I9"),
    # Ours
    Row(61, "Many listeners", "I10"),
    Row(63, "Listeners in loops", "I1, I2, I4, I5, I7", "runs of the worker were taken over"),
    Row(64, "Time zones", "I1, I2, I6", "the zone's offset changes within the week"),
    Row(65, "Settings and isolation", "I1-I8, I11"),
    Row(62, "Losses that nobody caused", "I1-I8, I11", "the worker owned runs"),
    Row(66, "Different logins of workers", "I1-I8, I11", "the frozen worker owned the run"),
    Row(67, "Sizes by bytes", "I1, I5, I10"),
    Row(68, "Names with every escape", "I1, I7"),
    Row(70, "What holds the loop", "I10"),
    Row(69, "Planner statistics", "I1, I7, I10", "runs were looked at with them"),
)}


@dataclasses.dataclass
class Case:
    row: int
    function: object
    alone: bool       # it compares rates, which mean something only on a machine that is not busy
    alone_in_full: bool  # the same above the short size, whose limits of time are wide
    long: bool        # so that it begins first
    own_server: bool  # it stops or reconfigures the server
    void_below: float  # the share of faults that must land

    @property
    def name(self):
        return self.function.__name__.replace("_", "-")


def case(row, alone=False, alone_in_full=False, long=False, own_server=False, void_below=0.3):
    def register(function):
        ROWS[row].cases.append(Case(row, function, alone, alone_in_full, long, own_server, void_below))
        return function
    return register
