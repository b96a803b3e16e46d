#!/usr/bin/env python3
"""Functions of catalogs, functions by URL, API descriptions and schemas: read when a definition
is registered, pinned with it, and never read again.

    test_reuse.py [NAME...]    only the cases with NAME in their name

Finds the program in WFCTL and an empty database in DATABASE_URL. Prints TAP lines."""
import contextlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
WFCTL = os.path.abspath(os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))


class Site:
    """An HTTP server whose pages may change; it remembers what it was asked for. Below /echo it
    answers with the request."""

    def __init__(self):
        self.pages, self.asked, self.leads = {}, [], {}
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                site.asked.append(self.path)
                site.authorization = self.headers.get("Authorization")
                page = site.pages.get(self.path)
                if self.path.startswith("/echo"):
                    page = self.echo()
                body = page or "nothing here"
                body = body.encode() if isinstance(body, str) else body
                leads = site.leads.get(self.path)
                self.send_response(302 if leads else 200 if page else 404)
                if leads:
                    self.send_header("Location", leads)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def echo(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                shown = ("x-trace", "cookie", "content-type")
                return json.dumps({"method": self.command, "path": self.path, "body": body,
                                   "key": bool(self.headers.get("Idempotency-Key")),
                                   "headers": {k.lower(): v for k, v in self.headers.items()
                                               if k.lower() in shown}})

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class World:
    def __init__(self, name, folder, site):
        self.name, self.folder, self.site = name, pathlib.Path(folder), site

    def wfctl(self, *words, expect=0):
        done = subprocess.run([WFCTL, *map(str, words)], capture_output=True, text=True,
                              cwd=self.folder, timeout=300, stdin=subprocess.DEVNULL)
        assert done.returncode == expect, "wfctl %s: exit %s, not %s\n%s%s" % (
            words, done.returncode, expect, done.stdout, done.stderr)
        return done

    def file(self, path, content):
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content if isinstance(content, str) else json.dumps(content))
        return target

    def definition(self, tasks, use=None, version="1.0.0"):
        return self.file("wf.json", {
            "document": {"dsl": "1.0.3", "namespace": "reuse", "name": self.name,
                         "version": version}, "use": use or {}, "do": tasks})

    def output(self, what):
        return json.loads(self.wfctl("run", what).stdout)


CALL = [{"x": {"call": "greet:1.0.0@shop", "with": {"who": "Ada"}}}]
GREET = "set:\n  said: ${ \"Hello \" + .who }\n"


def catalog_in_a_folder(w):
    w.file("catalog/functions/greet/1.0.0/function.yaml", GREET)
    use = {"catalogs": {"shop": {"endpoint": {"uri": "file://%s/catalog" % w.folder}}}}
    path = w.definition(CALL, use)
    w.wfctl("validate", path)
    assert w.output(path) == {"said": "Hello Ada"}


def a_changed_catalog_changes_no_registered_definition(w):
    page = "/functions/greet/1.0.0/function.yaml"
    w.site.pages[page] = GREET
    use = {"catalogs": {"shop": {"endpoint": w.site.url + "/"}}}
    path = w.definition(CALL, use)
    w.wfctl("validate", path)
    assert w.site.asked == [], "validate asked the network"
    assert "registered" in w.wfctl("apply", path).stdout
    w.site.pages[page] = "# reformatted\n" + GREET
    assert "unchanged" in w.wfctl("apply", path).stdout
    w.site.pages[page] = GREET.replace("Hello", "Bye")
    w.site.asked.clear()
    assert w.output("reuse/" + w.name) == {"said": "Hello Ada"}
    assert w.site.asked == [], "a run asked the catalog"
    done = w.wfctl("apply", path, expect=5)
    assert "other content" in done.stderr, done.stderr
    assert w.output("reuse/" + w.name) == {"said": "Hello Ada"}
    assert w.output(w.definition(CALL, use, "1.1.0")) == {"said": "Bye Ada"}
    del w.site.pages[page]
    done = w.wfctl("apply", path, expect=6)
    assert "greet:1.0.0@shop" in done.stderr and "status 404" in done.stderr, done.stderr


def a_catalog_may_ask_for_credentials(w):
    w.site.pages["/functions/greet/1.0.0/function.yaml"] = GREET
    for authentication, header in (
            ({"basic": {"username": "user", "password": "012345"}}, "Basic dXNlcjowMTIzNDU="),
            ({"use": "tok"}, "Bearer t0k")):
        use = {"authentications": {"tok": {"bearer": {"token": "t0k"}}}, "catalogs": {
            "shop": {"endpoint": {"uri": w.site.url, "authentication": authentication}}}}
        w.wfctl("validate", w.definition(CALL, use, "1.0.%d" % len(header)))
        w.wfctl("apply", w.folder / "wf.json")
        assert w.site.authorization == header, w.site.authorization
    use["authentications"]["tok"]["bearer"]["token"] = "${ .x }"
    path = w.definition(CALL, use, "2.0.0")
    done = w.wfctl("apply", path, expect=6)
    assert "without expressions" in done.stderr, done.stderr


def a_function_by_url_may_call_others(w):
    w.site.pages["/f.json"] = json.dumps(
        {"do": [{"g": {"call": w.site.url + "/g.yaml", "with": {"n": "${ .n + 1 }"}}}]})
    w.site.pages["/g.yaml"] = "set: { n: '${ .n * 2 }' }\n"
    path = w.definition([{"x": {"call": w.site.url + "/f.json", "with": {"n": 2}}}])
    assert w.output(path) == {"n": 6}


def functions_that_call_each_other_are_refused(w):
    w.site.pages["/a.yaml"] = "do: [ { b: { call: '%s/b.yaml' } } ]\n" % w.site.url
    w.site.pages["/b.yaml"] = "do: [ { a: { call: '%s/a.yaml' } } ]\n" % w.site.url
    path = w.definition([{"x": {"call": w.site.url + "/a.yaml"}}])
    done = w.wfctl("run", path, expect=6)
    assert "calls itself" in done.stderr, done.stderr


def the_default_catalog_is_in_the_database(w):
    path = w.definition([{"x": {"call": "double:1.0.0@default", "with": {"n": 4}}}])
    done = w.wfctl("apply", path, expect=6)
    assert "wfctl apply --function double:1.0.0" in done.stderr, done.stderr
    f = w.file("f.yaml", "set: { n: '${ .n * 2 }' }\n")
    assert "registered" in w.wfctl("apply", "--function", "double:1.0.0", f).stdout
    assert "unchanged" in w.wfctl("apply", "--function", "double:1.0.0", f).stdout
    assert w.output(path) == {"n": 8}
    f.write_text("set: { n: 0 }\n")
    w.wfctl("apply", "--function", "double:1.0.0", f, expect=5)
    f.write_text("set: 3\n")
    w.wfctl("apply", "--function", "double:2.0.0", f, expect=6)
    w.wfctl("apply", "--function", "double", f, expect=2)


API = {
    "openapi": "3.0.3",
    "servers": [{"url": "/echo/{v}", "variables": {"v": {"default": "v1"}}}],
    "components": {"parameters": {"trace": {"name": "X-Trace", "in": "header"}}},
    "paths": {"/pet/{id}": {
        "parameters": [{"name": "id", "in": "path", "required": True}],
        "post": {"operationId": "save", "parameters": [
            {"$ref": "#/components/parameters/trace"}, {"name": "tags", "in": "query"},
            {"name": "csv", "in": "query", "explode": False},
            {"name": "f", "in": "query", "style": "deepObject", "explode": True},
            {"name": "sid", "in": "cookie"}],
            "requestBody": {"required": True, "content": {
                "application/xml": {}, "application/json": {}}}},
        "get": {"operationId": "load"}}},
}


def openapi(w, operation, parameters):
    return [{"x": {"call": "openapi", "with": {
        "document": {"endpoint": {"uri": w.site.url + "/api.json"}},
        "operationId": operation, "parameters": parameters}, "output": {"as": "."}}}]


def openapi_parameters_go_where_they_belong(w):
    w.site.pages["/api.json"] = json.dumps(API)
    path = w.definition(openapi(w, "save", {
        "id": "a/b", "X-Trace": "${ .trace }", "tags": [1, 2], "csv": ["a", "b"], "f": {"k": "v"},
        "sid": "s1", "body": {"n": "${ .n }"}}))
    w.wfctl("validate", path)
    assert w.site.asked == [], "validate asked the network"
    done = w.wfctl("run", path, "--input", '{"trace": "t1", "n": 9007199254740993}')
    got = json.loads(done.stdout)
    assert got == {
        "method": "POST", "key": True, "body": '{"n":9007199254740993}',
        "path": "/echo/v1/pet/a%2Fb?tags=1&tags=2&csv=a%2Cb&f%5Bk%5D=v",
        "headers": {"x-trace": "t1", "cookie": "sid=s1", "content-type": "application/json"}}, got


def a_parameter_stays_one(w):
    """a value begins no other cookie, an element no other element"""
    w.site.pages["/api.json"] = json.dumps(API)
    path = w.definition(openapi(w, "save", {"id": 1, "body": {}, "sid": "${ .sid }", "csv": "${ .csv }"}))
    values = {"sid": 'a; admin=1, "b\\c" \u00e9%3D', "csv": ["a", "b"]}
    done = w.wfctl("run", path, "--input", json.dumps(values))
    cookie = json.loads(done.stdout)["headers"]["cookie"]
    assert cookie == "sid=a%3B%20admin=1%2C%20%22b%5Cc%22%20%C3%A9%3D", cookie
    done = w.wfctl("run", path, "-o", "json", "--input", json.dumps(dict(values, csv=["a", "b,c"])), expect=10)
    error = json.loads(done.stdout)["error"]
    assert error["detail"] == 'parameters: an element of "csv" holds ",", which separates its elements', error
    api = json.loads(json.dumps(API).replace('"sid"', '"sid=1; admin"'))
    w.site.pages["/api.json"] = json.dumps(api)
    done = w.wfctl("apply", w.definition(openapi(w, "save", {"id": 1, "body": {}}), version="1.1.0"), expect=6)
    assert "no cookie can be called" in done.stderr, done.stderr


def an_openapi_document_is_pinned(w):
    w.site.pages["/api.json"] = json.dumps(API)
    path = w.definition(openapi(w, "load", {"id": 7}))
    w.wfctl("apply", path)
    w.site.pages["/api.json"] = json.dumps(API).replace("/pet/", "/dog/")
    w.site.asked.clear()
    w.wfctl("run", "reuse/" + w.name)
    assert w.site.asked == ["/echo/v1/pet/7"], w.site.asked
    w.wfctl("apply", path, expect=5)


def swagger_2(w):
    w.site.pages["/api.json"] = json.dumps({
        "swagger": "2.0", "host": w.site.url.split("//")[1], "basePath": "/echo",
        "schemes": ["http"], "paths": {"/form": {"post": {
            "operationId": "send", "consumes": ["application/x-www-form-urlencoded"],
            "parameters": [{"name": "a", "in": "formData", "required": True},
                           {"name": "b", "in": "formData", "collectionFormat": "multi"},
                           {"name": "q", "in": "query", "collectionFormat": "pipes"}]}}}})
    w.wfctl("run", w.definition(openapi(w, "send", {"a": "x y", "b": [1, 2], "q": [3, 4]})))
    assert w.site.asked[-1] == "/echo/form?q=3%7C4", w.site.asked


def script(w, **more):
    return [{"x": {"run": {"script": dict({
        "language": "python", "arguments": ["${ .n }"],
        "source": {"endpoint": {"uri": w.site.url + "/double.py"}}}, **more)},
        "output": {"as": "tonumber"}}}]


def the_source_of_a_script_is_pinned(w):
    w.site.pages["/double.py"] = "import sys\n# ${ .n } \u00e9\nprint(2 * int(sys.argv[1]))\n"
    path = w.definition(script(w))
    w.wfctl("validate", path)
    assert w.site.asked == [], "validate asked the network"
    w.wfctl("apply", path)
    w.site.pages["/double.py"] = "print(0)"
    w.site.asked.clear()
    done = w.wfctl("run", "reuse/" + w.name, "--input", '{"n": 21}', "--allow-run")
    assert json.loads(done.stdout) == 42, done.stdout
    assert w.site.asked == [], "a run asked for the script"
    w.wfctl("apply", path, expect=5)
    del w.site.pages["/double.py"]
    done = w.wfctl("apply", w.definition(script(w), version="1.0.1"), expect=6)
    assert "/double.py" in done.stderr and "status 404" in done.stderr, done.stderr


def the_source_of_a_script_is_text(w):
    w.site.pages["/double.py"] = b"print('\xe9')"
    done = w.wfctl("apply", w.definition(script(w)), expect=6)
    assert "not a text in UTF-8" in done.stderr, done.stderr


def arguments_of_a_script_may_have_names(w):
    """in functions alone: the schema takes an array in a document"""
    values = {"n": "${ .n }", "s": "\u00e9\u2028\"'%s\\\n\0", "list": [1, "${ .n }", {"a": None}], "no": False, "yes": True,
              "none": None, "big": "x" * 200000, "format": "hides what was there"}
    read = {"python": "from __future__ import annotations\nimport json, os, pickle, sys\nclass C: pass\n"
            "pickle.loads(pickle.dumps(C()))\nassert __name__ == '__main__' and sys.argv[0] == __file__\n"
            "def main():\n  print(json.dumps([[n, s, list, no, yes, none, format], len(big), [a for a in sys.argv[1:] if len(a) < 99],\n"
            "    os.listdir(sys.path[0])]))\nmain()\n",
            "js": "import { readdirSync } from 'node:fs'; import { dirname } from 'node:path';\n"
            "const folder = dirname(process.argv[1]); { const yes = 0; }\n"
            "console.log(JSON.stringify([[n, s, list, no, yes, none, format], big.length,\n"
            "  process.argv.slice(2).filter(a => a.length < 99), readdirSync(folder)]))\n"}
    for language, code in read.items():
        if not shutil.which({"js": "node"}.get(language, "python3")):
            continue
        script = {"run": {"script": {"language": language, "arguments": values, "code": code}}, "output": {"as": "fromjson"}}
        w.site.pages["/%s.json" % language] = json.dumps({"do": [{"in": script}]})
        path = w.definition([{"x": {"call": "%s/%s.json" % (w.site.url, language), "with": {"n": 3}}}], version="1.0.%d" % len(language))
        done = json.loads(w.wfctl("run", path, "--allow-run").stdout)
        assert done[0] == [3, values["s"], [1, 3, {"a": None}], False, True, None, values["format"]], done
        assert done[1] == 200000, done
        assert [a.replace(" ", "") for a in done[2]] == ["--format=" + values["format"].replace(" ", ""), '--list=[1,3,{"a":null}]',
                                                         "--n=3", "--s=" + values["s"], "--yes"], done
        assert len(done[3]) == 2, done
        w.wfctl("validate", w.definition([{"x": script}]), expect=6)
    for name, text in (("a-b", "letters, digits and _"), ("__name__", "letters, digits and _"), ("1a", "letters, digits and _"),
                       ("lambda", "reserved word of Python")):
        w.site.pages["/bad.json"] = json.dumps({"run": {"script": {"language": "python", "code": "", "arguments": {name: 1}}}})
        done = w.wfctl("apply", w.definition([{"x": {"call": w.site.url + "/bad.json"}}]), expect=6)
        assert "/run/script/arguments/%s: " % name in done.stderr and text in done.stderr, done.stderr


def openapi_mistakes_are_seen_at_registration(w):
    w.site.pages["/api.json"] = json.dumps(API)
    for operation, parameters, text in (
            ("sav", {}, 'no operation "sav"'), ("load", {}, '"id" is required'),
            ("load", {"id": 1, "idd": 2}, 'no parameter "idd"'),
            ("save", {"id": 1}, '"body" is required')):
        done = w.wfctl("apply", w.definition(openapi(w, operation, parameters)), expect=6)
        assert text in done.stderr, done.stderr
    path = w.definition(openapi(w, "load", {"id": "${ .none }"}))
    done = w.wfctl("run", path, "-o", "json", expect=10)
    assert json.loads(done.stdout)["error"]["detail"] == 'parameters: "id" is required', done.stdout
    w.site.pages["/api.json"] = '{"openapi": "4.0.0"}'
    done = w.wfctl("apply", w.definition(openapi(w, "load", {"id": 1}), version="1.0.1"), expect=6)
    assert "OpenAPI 3 or Swagger 2" in done.stderr, done.stderr


def schema_by_url(w, page, at="output", version="1.0.0"):
    resource = {"schema": {"resource": {"endpoint": {"uri": w.site.url + page}}}}
    return w.definition([{"x": {"set": {"n": 3}, at: resource}}], version=version)


def a_schema_by_url_is_pinned(w):
    w.site.pages["/s.json"] = json.dumps({"properties": {"n": {"maximum": 3}}})
    path = schema_by_url(w, "/s.json")
    w.wfctl("validate", path)
    assert w.site.asked == [], "validate asked the network"
    w.wfctl("apply", path)
    assert w.site.asked == ["/s.json"], w.site.asked
    w.site.pages["/s.json"] = json.dumps({"properties": {"n": {"maximum": 2}}})
    w.site.asked.clear()
    assert w.output("reuse/" + w.name) == {"n": 3}
    assert w.site.asked == [], "a run asked for its schema"
    done = w.wfctl("apply", path, expect=5)
    assert "other content" in done.stderr, done.stderr
    done = w.wfctl("run", schema_by_url(w, "/s.json", version="1.1.0"), expect=10)
    assert "/n: maximum: 3 is above 2" in done.stderr, done.stderr


def a_schema_may_refer_to_others(w):
    w.site.pages["/a.yaml"] = "properties: { n: { $ref: 'sub/b.json#/$defs/small' } }\n"
    w.site.pages["/sub/b.json"] = json.dumps(
        {"$defs": {"small": {"allOf": [{"$ref": "../c.json"}, {"$ref": "b.json#/$defs/number"}]},
                   "number": {"type": "number"}}})
    w.site.pages["/c.json"] = json.dumps({"maximum": 2})
    done = w.wfctl("run", schema_by_url(w, "/a.yaml"), expect=10)
    assert "/n: maximum: 3 is above 2" in done.stderr, done.stderr
    assert sorted(w.site.asked) == ["/a.yaml", "/c.json", "/sub/b.json"], w.site.asked
    inline = {"schema": {"document": {"$ref": w.site.url + "/a.yaml"}}}
    path = w.definition([{"x": {"set": {"n": 3}, "output": inline}}], version="2.0.0")
    w.wfctl("validate", path)
    w.site.asked.clear()
    w.wfctl("apply", path)
    w.wfctl("run", "reuse/" + w.name, expect=10)
    assert sorted(w.site.asked) == ["/a.yaml", "/c.json", "/sub/b.json"], w.site.asked


def the_input_is_checked_by_the_schema_that_is_pinned(w):
    w.site.pages["/s.json"] = json.dumps({"required": ["n"]})
    path = w.file("wf.json", {
        "document": {"dsl": "1.0.3", "namespace": "reuse", "name": w.name, "version": "1.0.0"},
        "input": {"schema": {"resource": {"endpoint": w.site.url + "/s.json"}}},
        "do": [{"x": {"set": {"n": 3}}}]})
    w.wfctl("apply", path)
    w.site.pages["/s.json"] = "true"
    done = w.wfctl("start", "reuse/" + w.name, "--input", "{}", expect=6)
    assert '"n" is missing' in done.stderr, done.stderr


def wrong_schemas_are_refused(w):
    w.site.pages["/bad.json"] = json.dumps({"properties": {"n": {"type": "int"}}})
    w.site.pages["/refers.json"] = json.dumps({"$ref": "none.json"})
    w.site.pages["/nowhere.json"] = json.dumps({"$ref": "bad.json#/none"})
    w.site.pages["/list.json"] = "- 1\n"
    for page, text in (("/bad.json", w.site.url + "/bad.json#/properties/n: type: must be"),
                       ("/refers.json", "/none.json: "), ("/none.json", "status 404"),
                       ("/list.json", "a schema must be an object, true or false"),
                       ("/s.json#/$defs/a", "fragment")):
        for at in "input", "output", "export":
            path = schema_by_url(w, page, at)
            w.wfctl("validate", "--spec", path)
            for verb in "apply", "run", "start":
                done = w.wfctl(verb, path, expect=6)
                assert text in done.stderr, done.stderr
    w.wfctl("run", "reuse/" + w.name, expect=3)  # nothing was registered


def wrong_references_are_refused(w):
    for call, text in (("greet:1.0.0@nowhere", "no catalog"), ("greet@shop", "NAME:VERSION"),
                       ("ftp://x/f.yaml", "no URL"), ("http://169.254.1.1/f.yaml", "link-local")):
        path = w.definition([{"x": {"call": call}}])
        w.wfctl("validate", "--spec", path)  # a warning
        done = w.wfctl("apply", path, expect=6)
        assert text in done.stderr, done.stderr
    w.site.pages["/bad.yaml"] = "sett: { n: 1 }\n"
    done = w.wfctl("apply", w.definition([{"x": {"call": w.site.url + "/bad.yaml"}}]), expect=6)
    assert "did you mean" in done.stderr, done.stderr


def what_comes_from_elsewhere_reads_no_file(w):
    """a function or schema by http, or of the default catalog, names http and https only; one in a file may name files"""
    secret = w.file("secret.py", "print('hunter2')\n")
    w.file("s.json", {"type": "object"})
    local = "file://%s/" % w.folder
    script = {"run": {"script": {"language": "python", "source": {"endpoint": local + "secret.py"}}}}
    w.site.pages["/f.json"] = json.dumps(script)
    w.site.pages["/g.json"] = json.dumps({"call": local + "local.json"})
    w.site.pages["/s.json"] = json.dumps({"$id": local + "x.json", "allOf": [{"$ref": "s.json"}]})
    w.site.pages["/t.json"] = json.dumps({"set": {"n": 1}, "output": {"schema": {"resource": {"endpoint": local + "s.json"}}}})
    w.file("local.json", script)
    w.file("f.yaml", json.dumps(script))
    w.wfctl("apply", "--function", "reads:1.0.0", w.folder / "f.yaml")
    for number, call in enumerate([w.site.url + "/f.json", w.site.url + "/g.json", w.site.url + "/t.json", "reads:1.0.0@default"]):
        path = w.definition([{"x": {"call": call}}], version="1.0.%d" % number)
        for verb in "apply", "run", "start":
            done = w.wfctl(verb, path, expect=6)
            assert "comes from elsewhere: it may refer to http and https only" in done.stderr, done.stderr
    done = w.wfctl("apply", schema_by_url(w, "/s.json", version="1.1.0"), expect=6)
    assert "comes from elsewhere" in done.stderr, done.stderr
    w.wfctl("apply", w.definition([{"x": {"call": local + "local.json"}}], version="1.2.0"))
    both = [{"x": {"call": w.site.url + "/f.json"}}, {"y": {"run": {"script": script["run"]["script"]}}}]
    w.wfctl("apply", w.definition(both, version="1.3.0"))  # the document itself names it
    secret.unlink()


def only_regular_files_of_the_folder(w):
    """nothing outside of the definition's folder, no pipe, no device, no folder is read"""
    with tempfile.TemporaryDirectory(prefix="reuse.") as outside:
        pathlib.Path(outside, "f.json").write_text('{"set": {"n": 1}}')
        inside = w.file("defs/sub/f.json", '{"set": {"n": 1}}').parent
        (inside / "near").symlink_to("f.json")
        (inside / "far").symlink_to(outside + "/f.json")
        (inside / "up").symlink_to(outside)
        os.mkfifo(inside / "fifo")
        (w.folder / "same").symlink_to(w.folder / "defs")

        def definition(path, version="1.0.0", at="defs/wf.json"):
            return w.file(at, {"document": {"dsl": "1.0.3", "namespace": "reuse", "name": w.name, "version": version},
                               "do": [{"x": {"call": "file://%s" % path}}]})
        for path, text in ((outside + "/f.json", "not below the definition's folder"), (inside / "far", "leads out of"),
                           (inside / "up/f.json", "leads out of"), ("%s/../../../etc/passwd" % inside, "leads out of"),
                           (inside / "fifo", "not a regular file"), (inside, "not a regular file"), ("/dev/zero", "not below")):
            done = w.wfctl("apply", definition(path), expect=6)
            assert text in done.stderr, "%s: %s" % (path, done.stderr)
        w.wfctl("apply", definition(inside / "f.json", "1.0.1"))
        w.wfctl("apply", definition(inside / "near", "1.0.2"))
        w.wfctl("apply", definition(w.folder / "same/sub/f.json", "1.0.3", "same/wf.json"))
        w.wfctl("apply", definition(inside / "f.json", "1.0.4", "same/wf.json"))
    os.mkfifo(w.folder / "defs" / "x.json")
    done = w.wfctl("apply", w.folder / "defs", expect=6)
    assert "x.json: not a regular file" in done.stderr, done.stderr


def a_registration_has_a_budget(w):
    """of documents, their bytes and redirects; it says which limit it met"""
    w.site.pages["/loop"] = "!"
    w.site.leads["/loop"] = "/loop"
    for i in range(201):
        w.site.pages["/f%d.json" % i] = json.dumps({"set": {"n": 1}})
    for i in range(3):
        w.site.pages["/large%d" % i] = "# " + "x" * (11 << 20)
    w.site.pages["/larger"] = "# " + "x" * (17 << 20)
    many = [{"x%d" % i: {"call": "%s/f%d.json" % (w.site.url, i)}} for i in range(201)]

    def scripts(*pages):
        return [{"x%d" % i: {"run": {"script": {"language": "python", "source": {"endpoint": w.site.url + page}}}}}
                for i, page in enumerate(pages)]
    for tasks, text in ((many, "more than 200 documents"), ([{"x": {"call": w.site.url + "/loop"}}], "more than 5 redirects"),
                        (scripts("/larger"), "it is larger than 16 MiB"), ([{"x": {"call": "http:///f.json"}}], "no host"),
                        (scripts("/large0", "/large1", "/large2"), "all that the definition refers to is larger than 32 MiB")):
        w.site.asked.clear()
        done = w.wfctl("apply", w.definition(tasks), expect=6)
        assert text in done.stderr, done.stderr
        assert len(w.site.asked) <= 200, len(w.site.asked)


def what_registration_refuses_has_its_place(w):
    """In the file as it was written, also in YAML; of what was read for it, in that."""
    w.site.pages["/a.json"] = json.dumps({"openapi": "3.0.0", "paths": {"/o": {"get": {"operationId": "o"}}}})
    w.site.pages["/bad.json"] = json.dumps({"properties": {"n": {"type": "int"}}})
    w.site.pages["/f.yaml"] = "do:\n  - say:\n      set: { text: '${ .a | lenght }' }\n"
    head = "document: { dsl: 1.0.3, namespace: reuse, name: %s, version: 1.0.0 }\ndo:\n  - x:\n" % w.name
    cases = (
        ("      call: openapi\n      with:\n        document: { endpoint: '%s/a.json' }\n        operationId: o\n"
         "        parameters:\n          nope: 1\n", "wf.yaml:9:11: error: /do/0/x/with/parameters: the operation has no"),
        ("      wait: PT1S\n      output:\n        schema:\n          resource: { endpoint: '%s/bad.json' }\n",
         "wf.yaml:7:33: error: /do/0/x/output/schema/resource/endpoint: the schema at "),
        ("      call: %s/f.yaml\n", "wf.yaml:4:13: error: /do/0/x/call: {url}/f.yaml: /do/0/say/set/text: the expression does not compile"),
        ("      call: %s/calls.json\n", "wf.yaml:4:13: error: /do/0/x/call: {url}/f.yaml: /do/0/say/set/text: the expression"),
        ("      call: %s/misspelt.json\n", "wf.yaml:4:13: error: /do/0/x/call: {url}/misspelt.json: /sett: "),
        ("      call: %s/none.json\n", "wf.yaml:4:13: error: /do/0/x/call: {url}/none.json: {url}/none.json: the answer has status 404"),
        ("      call: f:1.0.0@shop\nuse: { catalogs: { shop: { endpoint: '%s' } } }\n",
         "wf.yaml:4:13: error: /do/0/x/call: f:1.0.0@shop: /set/text: the expression does not compile"))
    w.site.pages["/calls.json"] = json.dumps({"call": w.site.url + "/f.yaml"})
    w.site.pages["/misspelt.json"] = json.dumps({"sett": {}})
    w.site.pages["/functions/f/1.0.0/function.yaml"] = "set: { text: '${ .a | lenght }' }\n"
    for tasks, text in cases:
        path = w.file("wf.yaml", head + tasks % w.site.url)
        for verb in "apply", "run", "start":
            done = w.wfctl(verb, path, expect=6)
            assert text.replace("{url}", w.site.url) in done.stderr, done.stderr


CASES = [what_registration_refuses_has_its_place, catalog_in_a_folder, a_catalog_may_ask_for_credentials, a_changed_catalog_changes_no_registered_definition,
         a_function_by_url_may_call_others, functions_that_call_each_other_are_refused,
         the_default_catalog_is_in_the_database, openapi_parameters_go_where_they_belong, a_parameter_stays_one,
         an_openapi_document_is_pinned, swagger_2, openapi_mistakes_are_seen_at_registration,
         the_source_of_a_script_is_pinned, the_source_of_a_script_is_text, arguments_of_a_script_may_have_names,
         a_schema_by_url_is_pinned, a_schema_may_refer_to_others,
         the_input_is_checked_by_the_schema_that_is_pinned, wrong_schemas_are_refused,
         wrong_references_are_refused, what_comes_from_elsewhere_reads_no_file, only_regular_files_of_the_folder,
         a_registration_has_a_budget]


def main():
    if "DATABASE_URL" not in os.environ:
        sys.exit("test_reuse.py: name an empty database in DATABASE_URL")
    subprocess.run([WFCTL, "migrate"], check=True, stdout=subprocess.DEVNULL)
    failed = 0
    cases = [c for c in CASES if not sys.argv[1:] or any(n in c.__name__ for n in sys.argv[1:])]
    for number, case in enumerate(cases, 1):
        name = case.__name__.replace("_", "-")
        with tempfile.TemporaryDirectory(prefix="reuse.") as folder, \
                contextlib.closing(Site()) as site:
            try:
                case(World(name, folder, site))
                print("ok %d - %s" % (number, name), flush=True)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                failed += 1
                print("not ok %d - %s" % (number, name))
                print("# " + (str(error) or traceback.format_exc()).replace("\n", "\n# "), flush=True)
    print("1..%d" % len(cases))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
