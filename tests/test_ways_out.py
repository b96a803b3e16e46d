#!/usr/bin/env python3
"""How requests get out: certificates that are trusted, and a proxy.

    test_ways_out.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs."""
import http.server
import shutil
import ssl
import subprocess
import threading

from cli_world import main
from harness import Missing, check


FUNCTION = b'{"set": {"a": 1}}'


class Answering(http.server.BaseHTTPRequestHandler):
    """An endpoint, or, for whoever names a whole URL, a proxy that answers by itself."""

    def do_POST(self):
        self.server.seen.append((self.path, self.headers.get("Idempotency-Key")))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(FUNCTION)))
        self.end_headers()
        self.wfile.write(FUNCTION)

    do_GET = do_POST

    def log_message(self, *_):
        pass


def endpoint(w, certificate=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.seen = []
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    w.stack.callback(lambda: (server.shutdown(), thread.join(), server.server_close()))
    return server


def definition(w, url, name="out"):
    return w.file(name, [{"a": {"call": "http", "with": {"method": "post", "endpoint": url, "body": {}}}}])


def authorities(w):
    """a private authority is trusted where it is named, by --ca-file or SSL_CERT_FILE, and nowhere else"""
    if not shutil.which("openssl"):
        raise Missing("openssl is not installed")
    key, certificate = w.dir + "/key.pem", w.dir + "/certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=private",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    server = endpoint(w, (certificate, key))
    path = definition(w, "https://127.0.0.1:%d/a" % server.server_port)
    w.expect(10, "run", path, err="certificate")
    w.expect(0, "run", path, "--ca-file", certificate)
    w.expect(0, "run", path, env={"SSL_CERT_FILE": certificate})
    check(len(server.seen) == 2, "%s", server.seen)
    w.fails(2, "--ca-file: %s/none: No such file" % w.dir, "run", path, "--ca-file", w.dir + "/none")
    w.expect(0, "apply", w.text("one.json", '{"document": {"dsl": "1.0.3", "namespace": "cli", "name": "one", "version":'
                                '"1.0.0"}, "do": [{"a": {"call": "https://127.0.0.1:%d/f.json"}}]}' % server.server_port),
             env={"SSL_CERT_FILE": certificate})


def proxies(w):
    """requests go through the proxy that was named, and no other; a refused address stays refused"""
    proxy, server = endpoint(w), endpoint(w)
    through = "http://127.0.0.1:%d" % proxy.server_port
    path = definition(w, "http://127.0.0.1:%d/a" % server.server_port)
    w.expect(0, "run", path, env={"http_proxy": through, "HTTP_PROXY": through, "all_proxy": through})
    check(len(server.seen) == 1 and not proxy.seen, "%s", proxy.seen)
    w.expect(0, "run", path, "--proxy", through)
    w.expect(0, "run", path, env={"STEPWELL_PROXY": through})
    check(len(server.seen) == 1 and [seen[0] for seen in proxy.seen] == 2 * ["http://127.0.0.1:%d/a" % server.server_port],
          "%s", proxy.seen)
    check(proxy.seen[0][1] and proxy.seen[0][1] != proxy.seen[1][1], "no key")
    for name, url in (("a", "http://169.254.169.254/a"), ("b", "http://[fe80::1]/a"), ("c", "http://2852039166/a")):
        w.expect(10, "run", definition(w, url, name), "--proxy", through, err="link-local")
    check(len(proxy.seen) == 2, "%s", proxy.seen)
    w.fails(2, "--proxy takes a URL", "run", path, "--proxy", "proxy:3128")


if __name__ == "__main__":
    main([authorities, proxies])
