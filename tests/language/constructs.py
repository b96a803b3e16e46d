"""Which constructs of the language the snippets of the documents use. What there is comes from the
tables of the schema (engine/validate/dsl_*.c): a table that is not placed here is a failure too, so
that a new one gets its snippet."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "engine" / "validate").glob("dsl_*.c"))

# Where the members of a table stand in a document: the end of the path to their object. "with:X"
# is that of a call of X, "task" any task, "" the document.
PLACES = {
    "dsl_workflow.schema_workflow": [""], "dsl_workflow.document": ["document"],
    "dsl_workflow.metadata": ["document/metadata"], "dsl_workflow.use": ["use"],
    "dsl_workflow.extension": ["extension"], "dsl_workflow.catalog": ["catalogs/*"],
    "dsl_workflow.evaluate": ["evaluate"],
    "dsl_task.schema_task_base": ["task"], "dsl_task.metadata_members": ["metadata"],
    "dsl_task.key_header": ["idempotencyKey"], "dsl_task.try_metadata": ["metadata"],
    "dsl_task.do_task": ["task"], "dsl_task.fork_branches": ["fork"], "dsl_task.fork_task": ["task"],
    "dsl_task.for_each": ["for"], "dsl_task.for_task": ["task"], "dsl_task.raise": ["raise"],
    "dsl_task.raise_task": ["task"], "dsl_task.set_task": ["task"],
    "dsl_task.switch_case": ["switch/*"], "dsl_task.switch_task": ["task"],
    "dsl_task.error_filter": ["catch/errors/with"], "dsl_task.catch_errors": ["catch/errors"],
    "dsl_task.catch": ["catch"], "dsl_task.try_task": ["task"], "dsl_task.wait_task": ["task"],
    "dsl_call.http": ["with:http"], "dsl_call.sql": ["with:sql"], "dsl_call.openapi": ["with:openapi"],
    "dsl_common.inline_duration": ["wait", "after", "delay", "milliseconds"],
    "dsl_common.schema_timeout": ["timeout", "timeouts/*"],
    "dsl_common.request_endpoint": ["endpoint"], "dsl_common.source_endpoint": ["endpoint"],
    "dsl_common.schema_resource": ["document", "source", "resource"],
    "dsl_common.data_schema": ["schema"], "dsl_common.schema_input": ["input"],
    "dsl_common.schema_output": ["output"], "dsl_common.schema_export": ["export"],
    "dsl_common.schema_error": ["raise/error", "errors/*"], "dsl_common.backoff": ["backoff"],
    "dsl_common.attempt_limit": ["limit/attempt"], "dsl_common.retry_limit": ["limit"],
    "dsl_common.jitter": ["jitter"], "dsl_common.schema_retry": ["catch/retry", "retries/*"],
    "dsl_event.event_members": ["event/with"], "dsl_event.emitted_properties": ["event/with"],
    "dsl_event.emitted_event": ["emit/event"], "dsl_event.emit": ["emit"],
    "dsl_event.schema_emit": ["task"], "dsl_event.awaited_properties": ["one/with", "any/with", "all/with"],
    "dsl_event.correlation": ["correlate/*"], "dsl_event.event_filter": ["one", "any", "all"],
    "dsl_event.STRATEGY": ["to", "until"], "dsl_event.schema_event_strategy": ["to"],
    "dsl_event.schema_foreach": ["foreach"], "dsl_event.listen": ["listen"],
    "dsl_event.schema_listen": ["task"],
    "dsl_run.lifetime": ["lifetime"], "dsl_run.container": ["run/container"],
    "dsl_run.script": ["run/script"], "dsl_run.shell": ["run/shell"], "dsl_run.workflow": ["run/workflow"],
    "dsl_run.process": ["run"], "dsl_run.schema_run": ["task"],
    "dsl_authentication.by_secret": ["basic", "bearer", "digest"],
    "dsl_authentication.user_and_password": ["basic", "digest"],
    "dsl_authentication.inline_token": ["bearer"],
    "dsl_authentication.kinds": ["authentication", "authentications/*"],
    "dsl_authentication.schema_authentication_or_name": ["authentication"],
}
# What is refused: `schedule`, and these.
REFUSED = re.compile(r"dsl_call\.(grpc|asyncapi|a2a|mcp)|dsl_workflow\.schedule|dsl_authentication\."
                     r"(client|token|oauth2|inline_oauth2|inline_oidc)")
# Members whose place needs no snippet of its own.
PLAIN = {("dsl_common.inline_duration", unit) for unit in ("days", "hours", "minutes", "seconds")}


def tables():
    """-> name of the table -> its members, without those that are not supported"""
    found = {}
    for path in SOURCES:
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        pattern = (r"(?:const struct (?:shape|member) (\w+)(?:\[\])? = (?:\{|TASK\()|#define (STRATEGY))"
                   r"(.*?)(?:\n\};|\);\n|\n\n)")
        for match in re.finditer(pattern, text, re.S):
            body = re.sub(r'NOT_YET\("\w+"', "", match[3])
            members = re.findall(r'(?:MAY|NEED|MAY_SECRET)\("([$\w]+)"|\{\.name = "([$\w]+)"', body)
            if members:
                found["%s.%s" % (path.stem, match[1] or match[2])] = [a or b for a, b in members]
    return found


def words():
    """-> all words that a string may be, where it is supported"""
    found = set()
    for path in SOURCES:
        for match in re.finditer(r"const struct shape (\w+) = \{(.*?)\n\};", path.read_text(), re.S):
            name = "%s.%s" % (path.stem, match[1])
            if "one_of" in match[2] or REFUSED.match(name) or match[1] in (
                    "grant", "client_method", "encoding", "asyncapi_protocol", "a2a_method", "mcp_method"):
                continue
            for list_ in re.findall(r"\.words = WORDS\((.*?)\)", match[2], re.S):
                found.update(re.findall(r'"([^"]+)"', list_))
    return found


def keywords():
    text = (ROOT / "engine" / "validate" / "dsl_task.c").read_text()
    list_ = re.search(r"schema_task_keywords\[\] = \{(.*?)NULL", text, re.S)
    return re.findall(r'"(\w+)"', list_[1])


def arguments():
    """-> the names that expressions may use, $secrets and the bound ones included"""
    text = (ROOT / "engine" / "run" / "run_scope.c").read_text()
    body = re.search(r"^static bool find\(.*?^\}", text, re.S | re.M)[0]
    return sorted(set(re.findall(r'strcmp\(name, "(\w+)"\)', body)))


def error_types():
    text = (ROOT / "engine" / "definition" / "problem.c").read_text()
    return re.findall(r'\[PROBLEM_\w+\] = \{"(\w+)"', text)


# ---- What the documents use ----

def walk(value, path=("",)):
    """-> (path, object) of all objects; elements of a list stand where the list does"""
    if isinstance(value, dict):
        yield path, value
        for key, member in value.items():
            yield from walk(member, path + (key,))
    elif isinstance(value, list):
        for element in value:
            yield from walk(element, path)


def places_of(path, value, tasks):
    """The places of PLACES that this object is at."""
    if len(path) == 1:
        yield ""
    for n in range(1, min(len(path), 4)):
        yield "/".join(path[-n:])
        if n > 1:
            yield "/".join(path[-n:-1]) + "/*"
    if any(k in value for k in tasks):
        yield "task"
    if "extend" in value:
        yield "extension"
    if isinstance(value.get("call"), str):
        yield "call:" + value["call"]


def used(documents):
    """-> {(place, member)}"""
    found, tasks = set(), keywords()
    for document in documents:
        for path, value in walk(document):
            for place in places_of(path, value, tasks):
                found.update((place, member) for member in value)
            if isinstance(value.get("call"), str) and isinstance(value.get("with"), dict):
                found.update(("with:" + value["call"], member) for member in value["with"])
    return found


def missing(documents, text):
    """-> what no snippet shows: [text]"""
    found, problems = used(documents), []
    for keyword in keywords():
        if ("task", keyword) not in found:
            problems.append("no task with %s" % keyword)
    for table, members in tables().items():
        if REFUSED.match(table):
            continue
        if table not in PLACES:
            problems.append("constructs.py does not say where the table %s stands" % table)
            continue
        for member in members:
            if (table, member) not in PLAIN and not any((p, member) in found for p in PLACES[table]):
                problems.append("%s: no snippet has %s in %s" % (table, member, " or ".join(PLACES[table])))
    strings = " ".join(s for document in documents for s in all_strings(document))
    problems += ["no snippet uses $%s" % a for a in arguments() if "$" + a not in strings]
    problems += ["%s is not mentioned" % w for w in sorted(words() | set(error_types()))
                 if not re.search(r"(?<![\w/])%s(?![\w/])" % re.escape(w), text)]
    return problems


def all_strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from all_strings(member)
