"""Endpoints below HTTP, for what the recorder cannot do: they accept nothing, break off, fall silent, or
speak a TLS that nobody should trust."""
import contextlib
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def refusing_port(host, ends):
    """One that nobody else gets and where nobody listens, until the case ends. Without SO_REUSEADDR: two that have
    it may be given the same port."""
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    ends.append(s.close)
    s.bind((host, 0))
    return s.getsockname()[1]


def certificate(folder):
    """A self-signed one for 127.0.0.1: (certificate, key)."""
    names = folder + "/cert.pem", folder + "/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-out", names[0], "-keyout", names[1]], check=True, capture_output=True)
    return names


class Endpoint:
    """A listening socket and what happens to those who connect, by name:

    full         nobody accepts, and the queue is full: no handshake of TCP comes to an end
    plain        answers 200 to whatever it reads
    self-signed  TLS, with a certificate of its own; then like plain
    close        closes (FIN) before it has read anything
    reset        resets (RST) before it has read anything
    silent       reads, and says nothing
    read-close   reads a request, then closes
    read-reset   reads a request, then resets
    answer-reset reads a request, answers it, and resets at once
    half         closes its side at once, and reads on
    """

    def __init__(self, name, ends):
        self.name, self.open, self.context = name, True, None
        self.served = 0
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(0 if name == "full" else 512)
        address = self.socket.getsockname()
        self.url = "http%s://127.0.0.1:%d" % ("s" if name == "self-signed" else "", address[1])
        self.kept = []
        if name == "self-signed":
            with tempfile.TemporaryDirectory() as folder:
                self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self.context.load_cert_chain(*certificate(folder))
        ends.append(self.close)
        if name == "full":
            self.fill(address)
        else:
            threading.Thread(target=self.accept, daemon=True).start()

    def fill(self, address):
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(address)
            self.kept.append(s)

    def accept(self):
        with contextlib.suppress(OSError):
            while self.open:
                s, _ = self.socket.accept()
                self.served += 1
                threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        with contextlib.suppress(OSError), s:
            s.settimeout(30)
            if self.context:
                s = self.context.wrap_socket(s, server_side=True)
            getattr(self, "do_" + self.name.replace("-", "_"))(s)

    def do_plain(self, s):
        while s.recv(65536):
            s.sendall(ANSWER)

    do_self_signed = do_plain

    def do_close(self, s):
        pass

    def do_reset(self, s):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def do_silent(self, s):
        while s.recv(65536):
            pass

    def do_read_close(self, s):
        s.recv(65536)

    def do_read_reset(self, s):
        s.recv(65536)
        self.do_reset(s)

    def do_answer_reset(self, s):
        s.recv(65536)
        s.sendall(ANSWER)
        self.do_reset(s)

    def do_half(self, s):
        s.shutdown(socket.SHUT_WR)
        self.do_silent(s)

    def close(self):
        self.open = False
        for s in [self.socket] + self.kept:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()
