"""What must come of the 68 official examples of the Open Workflow Specification: by its text
(dsl.md, dsl-reference.md) and by what each example says. Data for test_examples.py.

REFUSED: name -> the constructs that apply, run and start must name, as JSON Pointers.

RUNS: name -> its runs, each with

    input       of the run
    answers     URL -> answers of that public endpoint, in turn (see recorder.py); any other
                request is answered with some JSON
    apply       further documents that are registered first
    refused     the input does not fit: nothing is started, and the message has these parts
    before      events that are emitted before the run starts
    events      events that are emitted, one after the other, when the run waits
    cancel      the run is cancelled after that many requests
    release     these held answers are released when the run has ended
    container   the run is given the stand-in for docker, with the image "hello-world": its exit
                code; and must have called it with these arguments, in any place: "has", at the
                end "tail", without "hasnt"; so many containers "left", one process "waiting" to
                remove it after that many seconds
    programs    what must be in PATH, or the run is left out
    within      [at least, at most] seconds
    status, output, error, steps (some of them: name -> status)
                "<any>", "<string>", "<number>", "<uuid>", "<time>" and "...": as in flows; a
                pattern of re matches a whole text
    requests    all requests of the run in their order (any order, where it is a tuple):
                [method, URL, {body, headers}]
    emitted     events that the run emitted, one of each type
"""
import re

ERRORS = "https://open-workflow-specification.org/spec/1.0.0/errors/"
PETSTORE = "https://petstore.swagger.io/v2"
SWAPI = "https://swapi.dev/api"
HOSPITAL = "com.fake-hospital.vitals.measurements."
# The hosts that examples call: they are replaced by the stub's.
HOSTS = ["http://myorg.io", "https://example.com", "https://external-service.example.com",
         "https://fake-chat-api.com", "https://fake-hospital.com", "https://fake.com",
         "https://petstore.swagger.io", "https://raw.githubusercontent.com",
         "https://superbet-casinos.com", "https://swapi.dev",
         "https://virtual-wf-powered-race.com"]

REFUSED = {
    "schedule-cron": ["/schedule"],
    "schedule-event-driven": ["/schedule"],
    "set": ["/schedule"],
    "set-expression": ["/schedule"],
    "call-asyncapi-publish": ["/do/0/findPet/call"],
    "call-asyncapi-subscribe-consume-amount": ["/do/0/getNotifications/call"],
    "call-asyncapi-subscribe-consume-forever-foreach": ["/do/0/getNotifications/call"],
    "call-asyncapi-subscribe-consume-until": ["/do/0/getNotifications/call"],
    "call-asyncapi-subscribe-consume-while": ["/do/0/getNotifications/call"],
    "call-grpc": ["/do/0/greet/call"],
    "call-mcp": ["/do/0/publishMessageToSlack/call"],
    "authentication-oauth2": ["/do/0/getPet/with/endpoint/authentication/oauth2"],
    "authentication-oauth2-secret": ["/do/0/getPet/with/endpoint/authentication/oauth2"],
    "authentication-oidc": ["/do/0/getPet/with/endpoint/authentication/oidc"],
    "authentication-oidc-secret": ["/do/0/getPet/with/endpoint/authentication/oidc"],
}


def pet(number):
    return {"id": number, "name": "Rex", "status": "available"}


def says(body, status=200, **more):
    return [dict(more, body=body, status=status)]


def error(kind, status, instance, **more):
    return {"type": kind if ":" in kind else ERRORS + kind, "status": status,
            "instance": instance, "...": True, **more}


def event(kind, data, number=1, **more):
    return {"specversion": "1.0", "id": "%s-%d" % (kind, number), "type": kind, "data": data,
            "source": "https://test.example/source", "time": "2026-01-02T03:04:05Z", **more}


def temperature(value, number=1):
    return event(HOSPITAL + "temperature", {"temperature": value}, number)


def bpm(value, number=1):
    return event(HOSPITAL + "bpm", {"bpm": value}, number)


def get(url, **more):
    return ["GET", url, more]


def get_pet(number=7, **more):
    """A run whose one request gets a pet, which is its output."""
    url = "%s/pet/%d" % (PETSTORE, number)
    return dict({"input": {"petId": number}, "answers": {url: says(pet(number))},
                 "output": pet(number), "requests": [get(url)]}, **more)


# A catalog's function as its author could have written it.
LOG_FUNCTION = r"""
run:
  script:
    language: python
    arguments: [ '${ .format }', '${ .level }', '${ .message }', '${ .timestamp | tostring }' ]
    code: |
      import datetime, sys
      line, level, message, timestamp = sys.argv[1:]
      now = datetime.datetime.now(datetime.timezone.utc).isoformat() if timestamp == "true" else ""
      for name, value in ("TIMESTAMP", now), ("LEVEL", level), ("CONTEXT", "log"), ("MESSAGE", message):
          line = line.replace("{" + name + "}", value)
      print(line)
"""

PETS_API = {
    "openapi": "3.0.3", "info": {"title": "pets", "version": "1"}, "servers": [{"url": PETSTORE}],
    "paths": {"/pet/findByStatus": {"get": {
        "operationId": "findPetsByStatus", "responses": {}, "parameters": [
            {"name": "status", "in": "query", "required": True, "schema": {"type": "array"}}]}}}}
ORDERS_API = {
    "openapi": "3.0.3", "info": {"title": "orders", "version": "1"},
    "paths": {"/readings": {"post": {"operationId": "logreading", "responses": {}}},
              "/report": {"post": {"operationId": "produceReport", "responses": {}}}}}

FIND_PETS = {
    "answers": {PETSTORE + "/swagger.json": says(PETS_API),
                PETSTORE + "/pet/findByStatus?status=available": says([pet(1), pet(2)])},
    "output": [pet(1), pet(2)],
    "requests": [get(PETSTORE + "/swagger.json"),
                 get(PETSTORE + "/pet/findByStatus?status=available")]}

LUKE = {"input": {"searchQuery": "luke"},
        "answers": {SWAPI + "/people/?search=luke": says({"count": 1})},
        "output": {"count": 1},
        "requests": [get(SWAPI + "/people/?search=luke")]}
NO_QUERY = {"input": {"query": "luke"}, "refused": ["searchQuery"]}

HELLO = "Hello from Docker!\n"


def hello_world(output=HELLO, code=0, hasnt=("--rm",), left=1, **more):
    container = dict({"code": code, "has": ["--pull missing"], "hasnt": hasnt,
                      "tail": ["hello-world"], "left": left}, **more)
    return [{"container": container, "output": output, "requests": []}]


def not_implemented(name):
    return [{"status": "faulted", "requests": [], "error": error(
        "https://serverlessworkflow.io/errors/not-implemented", 500, "/do/0/notImplemented",
        title="Not Implemented", detail="The workflow '%s:0.1.0' is a work in progress and "
        "cannot be run yet" % name)}]


def try_get_pet(*failures):
    """503 as often as there are failures, each the time until the next try: doubled."""
    url = PETSTORE + "/pet/7"
    return {"input": {"petId": 7}, "output": pet(7), "requests": [get(url)] * (len(failures) + 1),
            "answers": {url: [{"status": 503}] * len(failures) + says(pet(7))},
            "within": [sum(failures), sum(failures) + 30]}


UNCAUGHT = {"input": {"petId": 7}, "answers": {PETSTORE + "/pet/7": says({}, 500)},
            "status": "faulted", "requests": [get(PETSTORE + "/pet/7")],
            "error": error("communication", 500, "/do/0/tryGetPet/try/0/getPet")}
NOT_FOUND = error("communication", 404, "/do/0/tryGetPet/try/0/getPet")
RACE = "com.virtual-wf-powered-race.events.race.started.v1"
CHECKUP = "com.fake.petclinic.pets.checkup.completed.v2"
SENSOR = {"source": "https://my.home.com/sensor"}


def bet(age):
    return {"customer": {"age": age}, "bet": 5}


RUNS = {
    # listen's output is an array: .data of an array is an error of the expression.
    "accumulate-room-readings": [{
        "answers": {"http://myorg.io/ordersservices.json": says(ORDERS_API)},
        "before": [event("my.home.sensors.temperature", {"reading": 20}, roomid="r1", **SENSOR),
                   event("my.home.sensors.humidity", {"reading": 40}, 1, roomid="r2", **SENSOR),
                   event("my.home.sensors.humidity", {"reading": 50}, 2, roomid="r1", **SENSOR)],
        "status": "faulted", "error": error("expression", 400, "/do/0/consumeReading"),
        "requests": [get("http://myorg.io/ordersservices.json")]}],
    "authentication-bearer": [get_pet(
        1, input={"token": "t0k"},
        requests=[get(PETSTORE + "/pet/1", headers={"authorization": "Bearer t0k"})])],
    "authentication-bearer-uri-format": [get_pet(
        7, input={"petId": 7, "token": "t0k"},
        requests=[get(PETSTORE + "/pet/7", headers={"authorization": "Bearer t0k"})])],
    "authentication-reusable": [get_pet(
        7, input={"petId": 7, "token": "t0k"},
        requests=[get(PETSTORE + "/pet/7", headers={"authorization": "Bearer t0k"})])],
    "call-custom-function-cataloged": [{
        "answers": {"https://raw.githubusercontent.com/serverlessworkflow/catalog/main/functions"
                    "/log/1.0.0/function.yaml": says(LOG_FUNCTION)},
        "output": re.compile(r"20\d\d-\d\d-\d\dT[\d:.]+\+00:00 \[information\] \(log\): "
                             r"Hello, world!\n"),
        "requests": [get("https://raw.githubusercontent.com/serverlessworkflow/catalog/main"
                         "/functions/log/1.0.0/function.yaml")]}],
    "call-custom-function-inline": [get_pet(69, input=None)],
    "call-http-endpoint-interpolation": [get_pet(
        requests=[get(PETSTORE + "/pet/7", headers={"content-type": "application/json"})])],
    "call-http-endpoint-interpolation-shorthand": [get_pet()],
    "call-http-query-headers-expressions": [
        dict(LUKE, requests=[get(SWAPI + "/people/?search=luke",
                                 headers={"accept": "application/json"})]), NO_QUERY],
    "call-http-query-parameters": [LUKE, NO_QUERY],
    "call-http-redirect": [
        dict(LUKE, answers={
            SWAPI + "/people/?search=luke": says(None, 302, headers={
                "Location": SWAPI + "/people/1"}),
            SWAPI + "/people/1": says({"count": 1})},
             requests=LUKE["requests"] + [get(SWAPI + "/people/1")]), NO_QUERY],
    "call-openapi": [FIND_PETS],
    "call-openapi-redirect": [dict(FIND_PETS, answers=dict(FIND_PETS["answers"], **{
        PETSTORE + "/pet/findByStatus?status=available": says(None, 301, headers={
            "Location": PETSTORE + "/pets"}), PETSTORE + "/pets": says([pet(1), pet(2)])}),
        requests=FIND_PETS["requests"] + [get(PETSTORE + "/pets")])],
    # In strict mode ".customer" and ".bet" are texts.
    "conditional-task": [
        {"input": bet(17), "status": "faulted", "requests": [], "error": error(
            "https://superbet-casinos.com/customer/access-forbidden", 400,
            "/do/0/raiseErrorIfUnderage", title="Access Forbidden")},
        {"input": bet(18), "output": {"id": 1}, "steps": {"raiseErrorIfUnderage": "skipped"},
         "answers": {"https://superbet-casinos.com/api/bet/on/football": says({"id": 1})},
         "requests": [["POST", "https://superbet-casinos.com/api/bet/on/football", {
             "body": {"customer": ".customer", "bet": ".bet"}}]]}],
    # The second task's input is the pet, which has no petId: expanded to nothing.
    "do-multiple": [get_pet(
        answers={PETSTORE + "/pet/7": says(pet(7)), PETSTORE + "/pet/": says({"sold": True})},
        output={"sold": True}, requests=[get(PETSTORE + "/pet/7"), [
            "PUT", PETSTORE + "/pet/", {"body": {"id": 7, "name": "Rex", "status": "sold"}}]])],
    "do-single": [get_pet(), get_pet(
        answers={PETSTORE + "/pet/7": says({}, 404)}, status="faulted", output=None,
        error=error("communication", 404, "/do/0/getPet"))],
    "emit": [{
        "output": {"id": "<string>", "time": "<time>", "specversion": "1.0", "...": True,
                   "source": "https://petstore.com", "type": "com.petstore.order.placed.v1",
                   "data": {"client": {"firstName": "Cruella", "lastName": "de Vil"},
                            "items": [{"breed": "dalmatian", "quantity": 101}]}},
        "emitted": [{"id": "<string>", "specversion": "1.0", "...": True,
                     "source": "https://petstore.com", "type": "com.petstore.order.placed.v1",
                     "data": {"client": {"firstName": "Cruella", "lastName": "de Vil"},
                              "items": [{"breed": "dalmatian", "quantity": 101}]}}]}],
    "for": [
        {"input": {"pets": [{"id": 1}, {"id": 2}], "vet": {"name": "Ann"}},
         "before": [event(CHECKUP, {"ok": True})], "status": "faulted",
         "error": error("expression", 400, "/do/0/checkup/do/0/waitForCheckup")},
        {"input": {"pets": [{"id": 1}]}, "output": {"pets": [{"id": 1}]},
         "before": [event(CHECKUP, {"ok": True})], "steps": {"waitForCheckup": None}}],
    "for-inline-array": [{"output": {"processed": [
        {"name": "red", "hex": "#FF0000"}, {"name": "green", "hex": "#00FF00"},
        {"name": "blue", "hex": "#0000FF"}]}}],
    "fork": [{
        "input": {"patient": {"fullName": "Ada L"}, "room": {"number": 12}},
        "answers": {
            "https://fake-hospital.com/api/v3/alert/nurses": says({"comes": "nurse"}),
            "https://fake-hospital.com/api/v3/alert/doctor": says({}, hold="doctor")},
        "release": ["doctor"], "output": {"comes": "nurse"},
        "steps": {"callNurse": "completed", "callDoctor": "cancelled", "raiseAlarm": "completed"},
        "requests": tuple(["PUT", "https://fake-hospital.com/api/v3/alert/" + who, {
            "body": {"patientId": "Ada L", "room": 12}}] for who in ("nurses", "doctor"))}],
    "listen-to-all": [{
        "events": [temperature(36.5), bpm(72), bpm(101, 2), bpm(55, 3), temperature(39, 2)],
        "output": [{"bpm": 101}, {"temperature": 39}]}],
    "listen-to-all-read-envelope": [{
        "before": [temperature(38), temperature(39, 2)], "events": [bpm(60), bpm(59, 2)],
        "output": [temperature(39, 2), bpm(59, 2)]}],
    "listen-to-any": [{"events": [event("what.ever", {"n": 1}), event("what.ever", {"n": 2}, 2)],
                       "output": [{"n": 1}]}],
    "listen-to-any-filter": [{
        "events": [temperature(38), bpm(60), event("other", {"temperature": 40}), bpm(100, 2),
                   temperature(38.5, 2)],
        "output": [{"temperature": 38.5}]}],
    "listen-to-any-forever-foreach": [{
        "events": [event("gossip", {"roomId": "r 1", "text": "a"}, 1), event("g", {"n": 1})],
        "cancel": 2, "status": "cancelled", "steps": {"listenToGossips": "cancelled"},
        "requests": [
            ["POST", "https://fake-chat-api.com/room/r%201",
             {"body": {"event": {"roomId": "r 1", "text": "a"}}}],
            ["POST", "https://fake-chat-api.com/room/", {"body": {"event": {"n": 1}}}]]}],
    "listen-to-any-until-condition": [{
        "events": [event("e", {"n": n}, n) for n in range(1, 6)],
        "output": [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}]}],
    "listen-to-any-until-consumed": [{
        "before": [temperature(39), bpm(72)],
        "events": [bpm(50, 2), event("com.fake-hospital.patient.checked-out", {"who": "Ada"}),
                   bpm(40, 3)],
        "output": [{"temperature": 39}, {"bpm": 50}]}],
    # The call's input is listen's array, which has no carId: expanded to nothing.
    "listen-to-one": [{
        "events": [event("com.other", {"n": 1}), event(RACE, {"race": 1})],
        "answers": {"https://virtual-wf-powered-race.com/api/v4/cars//start": says({"go": 1})},
        "output": {"go": 1},
        "requests": [["POST", "https://virtual-wf-powered-race.com/api/v4/cars//start",
                      {"body": None}]]}],
    # The descriptor of a task has no member "with": the extension does not apply.
    "mock-service-extension": [{
        "answers": {"https://fake.com/sample": says({"real": True})}, "output": {"real": True},
        "requests": [get("https://fake.com/sample")]}],
    "raise-inline": not_implemented("raise-not-implemented"),
    "raise-reusable": not_implemented("raise-not-implemented"),
    "run-container": hello_world(),
    "run-container-cleanup-always": hello_world(hasnt=[], left=0, has=["--rm"]),
    "run-container-cleanup-eventually": hello_world(waiting=1800),
    "run-container-stdin-and-arguments": [{
        "container": {"has": ["--interactive"], "hasnt": ["--rm"], "left": 1,
                      "tail": ["alpine", "sh", "-c", "input=$(cat)\necho \"STDIN was: $input\"\n"
                               "echo \"ARGS are $1 $2\"\n", "sh", "Foo", "Bar"]},
        "output": "STDIN was: Hello World\nARGS are Foo Bar\n"}],
    # The name's expression is of the task's input.
    "run-container-with-name": [
        dict(hello_world(has=["--name hello-wf-step-1"])[0], input={
            "workflow": {"document": {"name": "wf"}, "id": 1}, "task": {"name": "step"}}),
        dict(hello_world(has=["--name hello-null-null-null"])[0])],
    "run-container-with-pull-policy": hello_world(has=["--pull always"]),
    "run-return-all": hello_world({"code": 3, "stdout": HELLO, "stderr": "careful\n"}, code=3),
    "run-return-code": hello_world(3, code=3),
    "run-return-none": hello_world(None),
    "run-return-stderr": hello_world("careful\n"),
    "run-script-with-stdin-and-arguments": [{
        "programs": ["node"],
        "output": "stdin >  Hello Workflow\narg >  hello\nenv >  bar\n"}],
    "run-shell-stdin-and-arguments": [{"output": "STDIN was: Hello World\nARGS are Foo Bar\n"}],
    # In strict mode ".user" is a text.
    "run-subflow": [{
        "apply": [{"document": {"dsl": "1.0.3", "namespace": "test", "version": "0.1.0",
                                "name": "register-customer"},
                   "do": [{"register": {"set": {"registered": "${ .customer }"}}}]}],
        "input": {"user": {"name": "Ada"}}, "output": {"registered": ".user"}}],
    "star-wars-homeworld": [
        {"input": {"id": 1}, "output": {"name": "Tatooine"},
         "answers": {
             SWAPI + "/people/1": says({"name": "Luke", "homeworld": SWAPI + "/planets/1/"}),
             SWAPI + "/planets/1/": says({"name": "Tatooine"})},
         "requests": [get(SWAPI + "/people/1"), get(SWAPI + "/planets/1/")]},
        {"input": {"id": 0}, "refused": ["/id", "minimum"]}],
    "switch-then-string": [
        {"input": {"orderType": "electronic"}, "output": {"validate": True, "status": "fulfilled"},
         "steps": {"processPhysicalOrder": None, "handleUnknownOrderType": None}},
        {"input": {"orderType": "physical"},
         "output": {"inventory": "clear", "items": 1, "address": "Elmer St"},
         "steps": {"processElectronicOrder": None, "handleUnknownOrderType": None}},
        {"input": {}, "output": {"log": "warn", "message": "something's wrong"},
         "steps": {"processElectronicOrder": None, "processPhysicalOrder": None}}],
    "try-catch": [
        get_pet(),
        get_pet(answers={PETSTORE + "/pet/7": says({}, 404)}, output={"petId": 7}), UNCAUGHT],
    "try-catch-retry-inline": [try_get_pet(3, 6), UNCAUGHT],
    "try-catch-retry-reusable": [try_get_pet(3), UNCAUGHT],
    # "$error" of the set is a text, that of export.as is the error.
    "try-catch-then": [
        {"input": {"petId": 7}, "answers": {PETSTORE + "/pet/7": says({}, 404)},
         "output": {"error": "$error"}, "requests": [get(PETSTORE + "/pet/7")],
         "steps": {"buyPet": "skipped"},
         "emitted": [{"id": "<string>", "specversion": "1.0", "...": True,
                      "source": "https://petstore.swagger.io",
                      "type": "io.swagger.petstore.events.pets.not-found.v1",
                      "data": NOT_FOUND}]},
        get_pet(answers={PETSTORE + "/pet/7": says(pet(7)), PETSTORE + "/pet/": says({"n": 1})},
                output={"n": 1}, requests=[get(PETSTORE + "/pet/7"), [
                    "PUT", PETSTORE + "/pet/",
                    {"body": {"id": 7, "name": "Rex", "status": "sold"}}]])],
    "try-catch-then-directive": [
        {"answers": {"https://external-service.example.com/api": says({}, 503)},
         "requests": [get("https://external-service.example.com/api")],
         "output": {"status": "failed"}, "steps": {"continueProcessing": None}},
        {"answers": {"https://external-service.example.com/api": says({})},
         "requests": [get("https://external-service.example.com/api")],
         "output": {"status": "ok"}, "steps": {"recordFailure": None}}],
    "wait-duration-inline": [{"input": {"n": 1}, "output": {"n": 1}, "within": [30, 60]}],
    "wait-duration-iso8601": [{"input": {"n": 1}, "output": {"n": 1}, "within": [30, 60]}],
}
