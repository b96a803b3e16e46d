"""A network of our own, where any address can be ours: a thread in a network and a mount namespace. What it
starts is in them, too; nothing outside changes."""
import contextlib
import ctypes
import os
import socket
import struct
import subprocess
import tempfile
import threading

from checks import Missing, wait_for

NEWNS, NEWNET = 0x00020000, 0x40000000


def in_namespace(function, *arguments):
    """Calls it in a thread with namespaces of its own, and waits; its exception is ours."""
    failed = []

    def run():
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.unshare(NEWNET | NEWNS) != 0:
                raise Missing("no network namespace can be made here")
            order("mount", "--make-rprivate", "/")
            ip("link", "set", "lo", "up")
            function(*arguments)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def order(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing("%s: %s" % (" ".join(words), done.stderr.strip()))


def ip(*words):
    order("ip", *words)


def mount_file(path, text):
    """In place of the file PATH, for this thread and what it starts."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        os.chmod(file.name, 0o644)
        order("mount", "--bind", file.name, path)


class Sentinel:
    """Listens at ports of all addresses, and keeps where somebody has connected to: (address, port, the
    other one's port)."""

    def __init__(self, *ports):
        self.hits, self.sockets = [], []
        for port in ports:
            s = socket.socket(socket.AF_INET6)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            self.listen(s, "::", port)

    def listen(self, s, address, port):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        s.listen(512)
        self.sockets.append(s)
        threading.Thread(target=self.accept, args=(s,), daemon=True).start()

    def accept(self, s):
        with contextlib.suppress(OSError):
            while True:
                found, peer = s.accept()
                self.hits.append(found.getsockname()[:2] + peer[1:2])
                found.close()

    def take(self):
        """All hits until now."""
        for s in self.sockets:
            with socket.create_connection(s.getsockname()[:2]) as ours:
                own = ours.getsockname()[1]
                wait_for(lambda: any(hit[2] == own for hit in self.hits), 10, "the sentinel looks up", 0.002)
            self.hits = [hit for hit in self.hits if hit[2] != own]
        taken, self.hits = self.hits, []
        return taken

    def close(self):
        for s in self.sockets:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()


class Names:
    """A name server for UDP on 127.0.0.1; answer(name) gives the addresses, which nobody may keep."""

    def __init__(self, answer):
        self.answer = answer
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, sender = self.socket.recvfrom(4096)
                if not query:
                    return
                self.socket.sendto(self.reply(query), sender)

    def reply(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind, = struct.unpack(">H", query[at + 1:at + 3])
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        found = [socket.inet_pton(family, a) for a in self.answer(".".join(labels))
                 if family and (":" in a) == (kind == 28)]
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(a)) + a for a in found)
        return (query[:2] + struct.pack(">HHHHH", 0x8180, 1, len(found), 0, 0) + query[12:at + 5] + records)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
