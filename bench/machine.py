"""What the kernel says of processes and of the machine: CPU in seconds, memory in bytes."""
import os
import pathlib
import platform

TICK = os.sysconf("SC_CLK_TCK")
NOT_A_DISK = ("tmpfs", "ramfs")


def read(path):
    try:
        return pathlib.Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stat_fields(pid):
    """The fields of /proc/PID/stat after the name (state is the first), [] if it is gone."""
    return read("/proc/%d/stat" % pid).rpartition(") ")[2].split()


def cpu_of(pid):
    """CPU of the threads that a process has, by the scheduler's clock."""
    total = 0
    for task in pathlib.Path("/proc/%d/task" % pid).glob("*"):
        total += int((read(task / "schedstat").split() or ["0"])[0])
    return total / 1e9


def children_of(pid):
    return [int(p) for p in read("/proc/%d/task/%d/children" % (pid, pid)).split()]


def reaped_cpu_of(pid):
    """CPU of the children that have ended and were waited for."""
    fields = stat_fields(pid)
    return (int(fields[13]) + int(fields[14])) / TICK if fields else 0


def family_cpu_of(pid):
    """CPU of a process and its children, those that have ended included: of a Postgres, given its
    postmaster. Asked again when one ended meanwhile, so that none is counted twice or not at all."""
    while True:
        reaped = reaped_cpu_of(pid)
        total = cpu_of(pid) + sum(cpu_of(child) for child in children_of(pid))
        if reaped_cpu_of(pid) == reaped:
            return total + reaped


def memory_of(pid, what="VmRSS"):
    for line in read("/proc/%d/status" % pid).splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024
    return 0


def total_memory():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def filesystem_of(path):
    """(type, device) of the file system that a folder lies on."""
    path, best = os.path.realpath(path), ("", "unknown", "unknown")
    for line in read("/proc/self/mounts").splitlines():
        device, at, kind = line.split()[:3]
        inside = path == at or path.startswith(at.rstrip("/") + "/")
        if inside and len(at) >= len(best[0]):
            best = (at, kind, device)
    return best[1], best[2]


def disk_folder():
    """Where the throw-away cluster lies: TMPDIR, else /var/tmp; a real disk, or it measures nothing."""
    for folder in (os.environ.get("TMPDIR"), "/var/tmp"):
        if folder and os.path.isdir(folder) and filesystem_of(folder)[0] not in NOT_A_DISK:
            return folder
    raise SystemExit("bench: neither TMPDIR nor /var/tmp is on a disk: set TMPDIR to a folder that is")


def free_disk(path):
    s = os.statvfs(path)
    return s.f_bavail * s.f_frsize


def description():
    model = next((line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").splitlines()
                  if line.startswith("model name")), platform.machine())
    return {"cpus": len(os.sched_getaffinity(0)), "cpu": model,
            "memory_gib": round(total_memory() / 2**30, 1), "kernel": platform.release(),
            "load_before": round(os.getloadavg()[0], 2)}
