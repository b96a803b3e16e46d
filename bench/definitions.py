"""The workflows that are measured. A step here is one `set` task, a POST, or a wait."""
import json

NAMESPACE = "bench"
CHECKPOINT = {"metadata": {"checkpoint": True}}


def document(name, tasks):
    return {"document": {"dsl": "1.0.3", "namespace": NAMESPACE, "name": name, "version": "1.0.0"},
            "do": tasks}


def sets(name, steps, checkpoint):
    """A chain of `set` tasks that hand a value on."""
    return document(name, [
        {"step%d" % i: {"set": {"n": "${ .n }", "step": i}, **(CHECKPOINT if checkpoint else {})}}
        for i in range(steps)])


def riding(name, steps, added):
    """Each checkpointed step with pure ones before it that ride along in its entry."""
    tasks = []
    for i in range(steps):
        tasks += [{"pure%dx%d" % (i, k): {"set": {"n": "${ .n }", "step": i}}} for k in range(added)]
        tasks.append({"step%d" % i: {"set": {"n": "${ .n }", "step": i}, **CHECKPOINT}})
    return document(name, tasks)


def loop(name, url):
    """`n` iterations of one checkpointed step, then a POST."""
    return document(name, [
        {"each": {"for": {"in": "${ [range(.n)] }"}, "do": [
            {"step": {"set": {"index": "${ $index }"}, **CHECKPOINT}}]}},
        {"gate": post(url, {"run": "${ $workflow.id }"})}])


def post(url, body):
    return {"call": "http", "with": {"method": "post", "endpoint": url, "body": body}}


def posts(name, url, steps):
    return document(name, [
        {"post%d" % i: post(url, {"run": "${ $workflow.id }", "n": i})} for i in range(steps)])


def wait(name, duration):
    return document(name, [{"pause": {"wait": duration}}, {"after": {"set": {"done": True}}}])


def write(folder, doc):
    path = "%s/%s.json" % (folder, doc["document"]["name"])
    with open(path, "w") as out:
        json.dump(doc, out)
    return path
