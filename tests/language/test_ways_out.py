#!/usr/bin/env python3
"""How requests get out: certificates that are trusted, and a proxy.

    test_ways_out.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs."""
import http.server
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from types import SimpleNamespace

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from cli_world import main  # noqa: E402
from harness import Missing, check, preload, shim  # noqa: E402


FUNCTION = b'{"set": {"a": 1}}'


class Answering(http.server.BaseHTTPRequestHandler):
    """An endpoint, or, for whoever names a whole URL, a proxy that answers by itself."""

    def do_POST(self):
        self.server.seen.append((self.path, self.headers.get("Idempotency-Key")))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        leads = self.server.leads
        self.send_response(302 if leads else 200)
        if leads:
            self.send_header("Location", leads)
        self.send_header("Content-Length", str(len(self.server.page)))
        self.end_headers()
        self.wfile.write(self.server.page)

    do_GET = do_POST

    def log_message(self, *_):
        pass


def endpoint(w, certificate=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.seen, server.leads, server.page = [], None, FUNCTION
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


def certify(w):
    """-> (certificate, key) of 127.0.0.1, signed by nobody else"""
    if not shutil.which("openssl"):
        raise Missing("openssl is not installed")
    key, certificate = w.dir + "/key.pem", w.dir + "/certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=private",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return certificate, key


def function_by(w, url, version="1.0.0"):
    return w.file("called", [{"a": {"call": url}}], version=version)


def authorities(w):
    """a private authority is trusted where it is named, by --ca-file or SSL_CERT_FILE, and nowhere else"""
    certificate, key = certify(w)
    server = endpoint(w, (certificate, key))
    path = definition(w, "https://127.0.0.1:%d/a" % server.server_port)
    w.expect(10, "run", path, err="certificate")
    w.expect(0, "run", path, "--ca-file", certificate)
    w.expect(0, "run", path, env={"SSL_CERT_FILE": certificate})
    w.expect(10, "run", path, env={"SSL_CERT_FILE": ""}, err="certificate")
    check(len(server.seen) == 2, "%s", server.seen)
    called = function_by(w, "https://127.0.0.1:%d/f.json" % server.server_port)
    w.fails(6, "certificate", "run", called)
    w.expect(0, "run", called, "--ca-file", certificate)
    w.expect(0, "apply", called, env={"SSL_CERT_FILE": certificate})
    for verb in ("apply", "start"):
        w.fails(2, "SSL_CERT_FILE: /dev/null holds no certificate", verb, called, env={"SSL_CERT_FILE": "/dev/null"})


def no_authorities(w):
    """a file without a certificate is refused by whoever works, before there is any work"""
    path = w.file("p", [{"a": {"set": {"n": 1}}}])
    broken = w.text("broken.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    for verb, file, text in ((["run", path], w.dir + "/none", "No such file"), (["run", path], path, "holds no certificate"),
                             (["run", path], broken, "holds no certificate"), (["run", path], w.dir, "holds no certificate"),
                             (["worker", "--until-idle"], "/dev/null", "holds no certificate"), (["dev"], "/dev/null", "holds no certificate")):
        for named, words, env in (("--ca-file", ["--ca-file", file], {}), ("SSL_CERT_FILE", [], {"SSL_CERT_FILE": file})):
            refused = w.fails(2, "%s: %s" % (named, file), *verb, *words, env=env)
            check(text in refused.err, "%s", refused)


def https_leads_to_https(w):
    """neither a redirect nor what came by https leads to http, in steps and in what is read at registration"""
    certificate = certify(w)
    safe, plain = endpoint(w, certificate), endpoint(w)
    url, insecure = "https://127.0.0.1:%d/a" % safe.server_port, "http://127.0.0.1:%d/b" % plain.server_port
    env = {"SSL_CERT_FILE": certificate[0]}
    step = w.file("step", [{"a": {"call": "http", "with": {"method": "get", "endpoint": url, "redirect": True}}}])
    safe.leads = insecure
    w.expect(10, "run", step, env=env, err="a redirect from https to http is refused")
    w.fails(6, "a redirect from https to http is refused", "apply", function_by(w, url), env=env)
    safe.leads, safe.page = None, ('{"call": "%s"}' % insecure).encode()
    w.fails(6, "comes by https: it may refer to https only", "apply", function_by(w, url), env=env)
    check(len(safe.seen) == 3 and not plain.seen, "%s, %s", safe.seen, plain.seen)
    plain.leads, safe.page = url, FUNCTION
    w.expect(0, "apply", function_by(w, insecure), env=env)
    check(len(safe.seen) == 4 and len(plain.seen) == 1, "%s, %s", safe.seen, plain.seen)


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
    for name, url in (("a", "http://169.254.169.254/a"), ("b", "http://[fe80::1]/a"), ("c", "http://2852039166/a"), ("d", "http://169.254.169.254./a"),
                      ("e", "http://0xa9fea9fe./a"), ("f", "http://[::ffff:a9fe:a9fe]/a"), ("g", "http://[64:ff9b::a9fe:a9fe]/a")):
        w.expect(10, "run", definition(w, url, name), "--proxy", through, err="link-local")
    check(len(proxy.seen) == 2, "%s", proxy.seen)
    called = function_by(w, "http://127.0.0.1:%d/f.json" % server.server_port)
    w.expect(0, "run", called, "--proxy", through)
    check(len(proxy.seen) == 3 and len(server.seen) == 1, "a function came past the proxy: %s", server.seen)
    w.fails(2, "--proxy takes a URL", "run", path, "--proxy", "proxy:3128")
    for more in ({"env": {"STEPWELL_PROXY": through}}, {}):
        w.fails(2, "a proxy resolves the names", "run", path, "--http-deny", "private", *([] if more else ["--proxy", through]), **more)
    far = definition(w, "http://far.test/a", "far")
    w.expect(10, "run", far, "--proxy", through, "--http-deny", "all", "--http-allow", "*.near.test", err="far.test is denied")
    w.expect(10, "run", far, "--proxy", through, "--http-deny", "*.test", err="far.test is denied")
    w.expect(0, "run", far, "--proxy", through, "--http-deny", "all", "--http-allow", "*.test:80")
    check(len(proxy.seen) == 4, "%s", proxy.seen)


def where_requests_may_go(w):
    """--http-deny and --http-allow, for steps and for what is read at registration"""
    server = endpoint(w)
    port = server.server_port
    path, named = (definition(w, "http://%s:%d/a" % (host, port), name) for host, name in (("127.0.0.1", "p"), ("localhost", "n")))
    called = w.text("called.json", '{"document": {"dsl": "1.0.3", "namespace": "cli", "name": "called", "version": "1.0.0"}, '
                    '"do": [{"a": {"call": "http://localhost:%d/f.json"}}]}' % port)
    refused, passes = (10, "is denied here (--http-deny)"), (0, "")
    for what, words, (code, text) in (
            (path, ["--http-deny", "loopback"], refused), (named, ["--http-deny", "private,loopback"], refused),
            (path, ["--http-deny", "private"], passes), (path, ["--http-deny", "10.0.0.0/8,127.0.0.0/24"], refused),
            (named, ["--http-deny", "LocalHost."], refused), (path, ["--http-deny", "localhost"], passes),
            (path, ["--http-deny", "loopback", "--http-allow", "127.0.0.1:%d" % port], passes),
            (path, ["--http-deny", "loopback", "--http-allow", "127.0.0.1:%d" % (port - 1)], refused),
            (named, ["--http-deny", "all", "--http-allow", "localhost"], passes),
            (path, ["--http-deny", "all", "--http-allow", "localhost"], refused),
            (named, ["--http-deny", "loopback", "--http-allow", "x.test", "--http-allow", "localhost:%d" % port], passes)):
        before = len(server.seen)
        w.expect(code, "run", what, *words, err=text)
        check(len(server.seen) - before == (code == 0), "%s: %s", words, server.seen[before:])
    before = len(server.seen)
    for verb in ("apply", "start", "run"):
        w.fails(6, "is denied here (--http-deny)", verb, called, "--http-deny", "loopback")
    check(len(server.seen) == before, "%s", server.seen[before:])
    w.expect(0, "apply", called, "--http-deny", "all", "--http-allow", "localhost:%d" % port)
    for words in (["--http-deny", "10.0.0.0/33"], ["--http-deny", "a b"], ["--http-allow", "x:0"],
                  ["--http-deny", "x:80"], ["--http-allow", "all"], ["--http-allow", ""], ["--http-deny", "300.1.1.1"]):
        w.fails(2, words[0], "run", path, *words)


def a_name_that_changes(w):
    """a name that leads elsewhere at its second turn leads nowhere: in steps and in what is read at registration"""
    first, then = endpoint(w), endpoint(w)
    then.server_close()
    then.socket = socket.create_server(("127.0.0.2", 0))
    then_port = then.socket.getsockname()[1]
    first.leads = "http://turns.test:%d/b" % then_port
    env = preload(shim(SimpleNamespace(dir=w.dir), "turns"), TURNS_NAME="turns.test", TURNS_FIRST="127.0.0.1",
                  TURNS_THEN="127.0.0.2")
    url = "http://turns.test:%d/a" % first.server_port
    step = w.file("step", [{"a": {"call": "http", "with": {"method": "get", "endpoint": url, "redirect": True}}}])
    called = w.file("called", [{"a": {"call": url}}])
    w.expect(0, "run", step, env=env)
    w.expect(0, "apply", called, env=env)
    check([len(s.seen) for s in (first, then)] == [2, 2], "%s, %s", first.seen, then.seen)
    for code, words in ((10, ["run", step]), (6, ["apply", called])):
        w.expect(code, *words, "--http-deny", "127.0.0.2", env=env, err="127.0.0.2 is denied here")
    check([len(s.seen) for s in (first, then)] == [4, 2], "%s, %s", first.seen, then.seen)
    w.expect(10, "run", step, env=dict(env, TURNS_THEN="169.254.169.254"), err="link-local")


if __name__ == "__main__":
    main([authorities, no_authorities, https_leads_to_https, proxies, where_requests_may_go, a_name_that_changes])
