#!/usr/bin/env python3
"""Parses docker-compose.yml and checks what it promises: PostgreSQL, a migration that ends before
two workers begin. It is not run here. PyYAML reads it if it is there; else the Docker command line;
else a reader of the few forms of YAML that the file uses."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"


def by_pyyaml():
    import yaml
    return yaml.safe_load(FILE.read_text())


def by_docker():
    done = subprocess.run(["docker", "compose", "-f", str(FILE), "config", "--format", "json"],
                          env=dict(os.environ, STEPWELL_PASSWORD="x"), check=True,
                          capture_output=True, stdin=subprocess.DEVNULL)
    return json.loads(done.stdout)


def scalar(text, anchors):
    text = text.strip()
    if text.startswith("["):
        return json.loads(text)
    if text.startswith("*"):
        return anchors[text[1:]]
    return text.strip("\"'")


def by_hand():
    """Maps by indentation, lists of "- item", inline lists, anchors and aliases."""
    lines = [line.rstrip() for line in FILE.read_text().splitlines()
             if line.strip() and not line.lstrip().startswith("#")]
    anchors = {}

    def block(at, indent):
        if lines[at].lstrip().startswith("- "):
            items = []
            while at < len(lines) and lines[at].startswith(" " * indent + "- "):
                items.append(scalar(lines[at].strip()[2:], anchors))
                at += 1
            return items, at
        result = {}
        while at < len(lines):
            depth = len(lines[at]) - len(lines[at].lstrip())
            if depth < indent:
                break
            if depth > indent:
                raise ValueError("unexpected indentation: " + lines[at])
            name, text = re.fullmatch(r'\s*([\w.-]+):(?:\s+(.*))?', lines[at]).groups()
            anchor = re.match(r"&(\w+)\s*(.*)", text or "")
            if anchor:
                text = anchor.group(2)
            at += 1
            if text:
                value = scalar(text, anchors)
            elif at < len(lines) and len(lines[at]) - len(lines[at].lstrip()) > indent:
                value, at = block(at, len(lines[at]) - len(lines[at].lstrip()))
            else:
                value = None
            if anchor:
                anchors[anchor.group(1)] = value
            result[name] = value
        return result, at

    return block(0, 0)[0]


def readers():
    yield by_hand
    try:
        import yaml  # noqa: F401
        yield by_pyyaml
    except ImportError:
        pass
    if shutil.which("docker") and subprocess.run(
            ["docker", "compose", "version"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
        yield by_docker


def check(compose):
    services = compose["services"]
    workers = [s for s in services.values() if s.get("command") == ["wfctl", "worker"]]
    assert len(workers) == 2, "two workers"
    assert services["migrate"]["command"] == ["wfctl", "migrate"], "a migration"
    assert services["database"]["image"].startswith("postgres:"), "PostgreSQL"
    assert "healthcheck" in services["database"], "a health check"
    for worker in workers:
        needs = worker["depends_on"]
        assert needs["database"]["condition"] == "service_healthy"
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert worker["environment"]["PGHOST"] in services, "the database's name"
        assert worker["image"] == services["migrate"]["image"], "one image"
        assert worker["init"] in (True, "true") and worker["read_only"] in (True, "true"), "an init, a root that stays"
        assert worker["tmpfs"] == ["/tmp"], "a folder for the files of scripts"
    assert "5432" in json.dumps(services["database"]["ports"]), "a port for the host"
    way_in = services.get("wfctl", {"entrypoint": ["wfctl"], "volumes": "/definitions"})  # it has a profile
    assert way_in["entrypoint"] == ["wfctl"] and "/definitions" in json.dumps(way_in["volumes"]), "a way in"
    stages = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    assert stages == ["debian:12-slim"] * 2, "a build stage and a slim one"
    for copied in re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M):
        for name in copied.split():
            assert (ROOT / name).exists(), "COPY of %s" % name


def main():
    failed = 0
    for number, reader in enumerate(readers(), 1):
        try:
            check(reader())
            print("ok %d - docker-compose.yml read %s" % (number, reader.__name__))
        except Exception as error:  # whatever a reader throws is the finding
            failed += 1
            print("not ok %d - docker-compose.yml read %s\n#   %r" % (
                number, reader.__name__, error))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
