"""What `wfctl doctor` says of the way to the server: poolers and TLS."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess

from doctor_world import PATIENCE, free_port
from harness import wait_for


def pgbouncer(w, mode):
    port = free_port()
    config = w.dir + "/pgbouncer.ini"
    pathlib.Path(config).write_text(
        "[databases]\n%s = host=%s/socket dbname=%s user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        "listen_port = %d\nauth_type = any\npool_mode = %s\nunix_socket_dir =\n"
        % (w.name, w.cluster.dir, w.name, port, mode))
    os.chmod(w.dir, 0o755)
    who = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    w.background(*who, shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", config, stdin=subprocess.DEVNULL,
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        return False
    wait_for(answers, PATIENCE, "pgbouncer listens")
    return "host=127.0.0.1 port=%d dbname=%s user=x sslmode=disable" % (port, w.name)


def pooler_by_transaction(w):
    """a pooler in transaction mode is a problem"""
    w.doctor(db=pgbouncer(w, "transaction")).exits(7).expect("pooler", "problem", "by the transaction",
                                                             "pool_mode = session")


def pooler_by_session(w):
    """a pooler in session mode is a warning, and the probe works through it"""
    report = w.doctor("--probe", db=pgbouncer(w, "session")).exits(0)
    report.expect("pooler", "warning", "after its lease").expect("probe-run", "ok")
    report.expect("probe-notify", "ok")


def pooler_by_statement(w):
    """a pooler that knows no transactions cannot be used"""
    w.wfctl("doctor", db=pgbouncer(w, "statement"), expect=7)


def own_address():
    """An address of this host that is not loopback, or None. (Nothing is sent.)"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        with contextlib.suppress(OSError):
            s.connect(("192.0.2.1", 9))
            address = s.getsockname()[0]
            return None if address.startswith("127.") else address
    return None


def tls(w):
    """on the network TLS must be verified; loopback needs none"""
    c, port = w.cluster, free_port()
    key, certificate = c.data + "/server.key", c.data + "/server.crt"
    address = own_address() or "127.0.0.1"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=db.test"],
                   check=True, capture_output=True)
    public = w.dir + "/root.crt"
    shutil.copy(certificate, public)
    for path in (key, certificate):
        os.chmod(path, 0o600)
        if os.getuid() == 0:
            shutil.chown(path, "postgres", "postgres")
    configuration = pathlib.Path(c.data + "/postgresql.conf")
    before = configuration.read_text()

    def restore():
        configuration.write_text(before)
        c.restart("fast")
    configuration.write_text(before + "listen_addresses = '127.0.0.1,%s'\nport = %d\nssl = on\n"
                             % (address, port))
    with open(c.data + "/pg_hba.conf", "a") as hba:
        hba.write("host all all %s/32 trust\n" % address)
    w.stack.callback(restore)
    c.restart("fast")
    base = "dbname=%s user=postgres port=%d host=db.test hostaddr=" % (w.name, port)
    w.doctor(db=base + "127.0.0.1 sslmode=disable").exits(0).expect("tls", "ok", "this host itself")
    w.doctor(db=base + address + " sslmode=verify-full sslrootcert=" + public).exits(0).expect(
        "tls", "ok", "verified")
    if address != "127.0.0.1":
        w.doctor(db=base + address + " sslmode=disable").exits(0).expect("tls", "warning", "no TLS",
                                                                        "verify-full")
        w.doctor(db=base + address + " sslmode=require").exits(0).expect("tls", "warning", "unverified")


CASES = [pooler_by_transaction, pooler_by_session, pooler_by_statement]
ALONE = [tls]
