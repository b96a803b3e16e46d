"""A proxy before PostgreSQL that knows the protocol's messages, so that a connection can be cut at
an exact point: before a Sync is forwarded, after it was but before its answer is relayed, in the
middle of anything. Listens on a unix socket; connections are told apart by application_name.

    with Proxy(cluster.dir + "/socket") as proxy:
        worker's conninfo: proxy.conninfo("dbname=x user=postgres")
        rule = proxy.rule("stepwell journal", "after", nth=3, sql="insert into stepwell.entry")
        rule.hit.wait(10)

A batch is what a client sends up to and with a Sync (or a simple query). The actions of a rule:

    before     cut; the batch's statements have reached the server, its Sync has not
    answered   the same, but the client has got the answers of the statements
    late       the client is cut; the Sync reaches the server `delay` seconds later
    after      the server has ended the batch; nothing of its answer reaches the client
    hole       the connection goes silent, Sync and all, until heal()
    silent     the same, but the Sync has reached the server
    held       the server has ended the batch; its answer is held back, and the connection silent,
               until heal()

Proxy(..., pooling=True) is a pooler by transaction: each transaction of a client goes to another
backend than the one before. Rules and holes do not act on it.

Everything else acts on all connections of a name (None: any), the present and the future ones:
hole, refuse, throttle, trickle, until heal; forget, those that were idle; and cut, cut_after_bytes on the present ones. Names are
beginnings of application_name.
"""
import asyncio
import contextlib
import os
import shutil
import struct
import tempfile
import threading
import time

SSL, GSS, CANCEL = 80877103, 80877104, 80877102


class Rule:
    """Acts on the nth batch (from 1) that fits, then is done."""

    def __init__(self, name, action, nth=1, sql="", when=None, delay=0.5):
        self.name, self.action, self.nth, self.sql = name, action, nth, sql
        self.when = when    # asked with the command tags of the answer; for `after` and `held`
        self.delay = delay
        self.seen = 0       # batches that fitted
        self.hits = 0
        self.hit = threading.Event()

    def fits(self, connection):
        return not self.hits and connection.name.startswith(self.name) and any(
            self.sql in sql for sql in connection.batch)

    def is_due(self, connection):
        if not self.fits(connection):
            return False
        self.seen += 1
        return self.seen >= self.nth

    def done(self):
        self.hits += 1
        self.hit.set()


class Cut(Exception):
    """Ends a connection."""


class Frames:
    """Bytes of a stream in, whole messages out. rest: what was read of it before."""

    def __init__(self, reader, typed=True, rest=b""):
        self.reader, self.typed, self.buffer = reader, typed, bytearray(rest)

    async def next(self):
        while (message := self.take()) is None:
            data = await self.reader.read(65536)
            if not data:
                raise Cut
            self.buffer += data
        return message

    def take(self):
        at = 1 if self.typed else 0
        if len(self.buffer) < at + 4:
            return None
        size = at + struct.unpack_from("!i", self.buffer, at)[0]
        if len(self.buffer) < size:
            return None
        message = bytes(self.buffer[:size])
        del self.buffer[:size]
        return message


def text_at(message, at):
    end = message.index(b"\0", at)
    return message[at:end].decode("utf-8", "replace"), end + 1


class Connection:
    def __init__(self, proxy, reader, writer):
        self.proxy, self.client, self.to_client = proxy, reader, writer
        self.server = self.to_server = None
        self.name = ""
        self.statements = {}    # prepared: name -> SQL
        self.batch = []         # the SQL of what was bound since the last Sync
        self.rule = None        # an `after` or `held` that waits for the end of the batch
        self.held, self.tags = [], []
        self.silent = False     # by a rule's `hole`, or forgotten
        self.used = proxy.loop.time()
        self.bytes_left = None

    # ---- beginning ----

    async def startup(self):
        frames = Frames(self.client, typed=False)
        while True:
            message = await frames.next()
            code = struct.unpack_from("!i", message, 4)[0]
            if code in (SSL, GSS):
                self.to_client.write(b"N")
                continue
            await self.connect()
            self.to_server.write(message)
            if code == CANCEL:
                raise Cut
            words = message[8:].split(b"\0")
            options = dict(zip(words[::2], words[1::2]))
            self.name = options.get(b"application_name", b"").decode()
            return bytes(frames.buffer)

    async def connect(self):
        self.server, self.to_server = await asyncio.open_unix_connection(self.proxy.target)

    # ---- both ways ----

    async def pass_on(self, writer, data):
        if self.bytes_left is not None and self.bytes_left < len(data):
            writer.write(data[:self.bytes_left])
            await writer.drain()
            raise Cut
        if self.bytes_left is not None:
            self.bytes_left -= len(data)
        self.proxy.look_at_idle(self)
        while self.silent or self.proxy.is_silent(self):
            await self.proxy.changed()
        speed = self.proxy.speed(self)
        if speed:
            await asyncio.sleep(len(data) / speed)
        size, pause = self.proxy.segments(self, len(data))
        for at in range(0, len(data), size):
            writer.write(data[at:at + size])
            await writer.drain()
            if pause:
                await asyncio.sleep(pause)

    def learn(self, message):
        """Keeps track of which statement stands behind which name."""
        kind = message[:1]
        if kind == b"P":
            name, at = text_at(message, 5)
            self.statements[name] = text_at(message, at)[0]
        elif kind == b"B":
            at = text_at(message, 5)[1]
            self.batch.append(self.statements.get(text_at(message, at)[0], ""))
        elif kind == b"Q":
            self.batch.append(text_at(message, 5)[0])

    async def upstream(self, rest):
        frames = Frames(self.client, rest=rest)
        while True:
            message = await frames.next()
            self.learn(message)
            if message[:1] in (b"S", b"Q"):
                await self.end_of_batch(message)
                self.batch = []
            else:
                await self.pass_on(self.to_server, message)

    async def end_of_batch(self, message):
        due = [rule for rule in self.proxy.rules if rule.is_due(self)]
        rule = due[0] if due else None
        if rule and rule.action in ("after", "held"):
            self.rule, self.held, self.tags = rule, [], []
            rule = None
        self.proxy.batches += 1
        if rule:
            await self.act(rule, message)
        if not (rule and rule.action == "silent"):
            await self.pass_on(self.to_server, message)

    async def act(self, rule, message):
        if rule.action == "silent":
            self.to_server.write(message)
        if rule.action in ("hole", "silent"):
            self.silent = True
        rule.done()
        if rule.action in ("hole", "silent"):
            return
        if rule.action == "answered":
            self.to_server.write(b"H\0\0\0\4")
            await asyncio.sleep(0.1)  # the answers come, if the client is to have them
        elif rule.action == "late":
            self.to_client.transport.abort()
            await asyncio.sleep(rule.delay)
            self.to_server.write(message)
            await self.to_server.drain()
            await asyncio.sleep(0.2)
        raise Cut

    async def downstream(self):
        frames = Frames(self.server)
        while True:
            message = await frames.next()
            if not self.rule:
                await self.pass_on(self.to_client, message)
                continue
            self.held.append(message)
            if message[:1] == b"C":
                self.tags.append(text_at(message, 5)[0])
            elif message[:1] == b"Z":
                await self.end_of_answer()

    async def end_of_answer(self):
        rule, self.rule = self.rule, None
        if not rule.hits and (rule.when is None or rule.when(self.tags)):
            rule.done()
            if rule.action == "after":
                raise Cut
            self.silent = True
        for message in self.held:
            await self.pass_on(self.to_client, message)

    async def serve(self):
        pumps = []
        self.proxy.arrivals.append(time.monotonic())
        try:
            rest = await self.startup()
            if self.proxy.is_refused(self):
                raise Cut
            self.proxy.connections.add(self)
            pumps = [asyncio.ensure_future(self.upstream(rest)),
                     asyncio.ensure_future(self.downstream())]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except (Cut, OSError, asyncio.CancelledError):
            pass
        finally:
            self.proxy.connections.discard(self)
            self.close()
            for pump in pumps:
                pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*pumps, return_exceptions=True)

    def close(self):
        for writer in (self.to_client, self.to_server):
            if writer:
                writer.transport.abort() if writer is self.to_client else writer.close()


class Backend:
    """A session of the server that clients share, and how it greeted."""

    async def connect(self, proxy, hello):
        reader, self.writer = await asyncio.open_unix_connection(proxy.target)
        self.frames, self.greeting = Frames(reader), []
        self.writer.write(hello)
        while not self.greeting or self.greeting[-1][:1] not in b"ZE":
            self.greeting.append(await self.frames.next())
        return self


class Pooled(Connection):
    """A client whose every transaction goes to another backend."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.now = self.last = self.hello = None
        self.asked = 0        # batches that were sent and not answered
        self.in_batch = False  # something was sent since the last Sync

    async def connect(self):
        self.to_server = self  # of startup(), which greets

    def write(self, hello):
        self.hello = hello

    async def take(self):
        """Another one than the last, if there is one or can be one."""
        idle = self.proxy.idle
        found = next((b for b in idle if b is not self.last), None)
        if found:
            idle.remove(found)
        else:
            found = await Backend().connect(self.proxy, self.hello)
        self.proxy.moves += self.last not in (None, found)
        self.now = self.last = found

    def give_back(self):
        self.proxy.idle.append(self.now)
        self.now = None

    async def greet(self):
        await self.take()
        for message in self.now.greeting:  # a pooler has no process, so it makes one up
            self.to_client.write(message if message[:1] != b"K" else
                                 b"K" + struct.pack("!iii", 12, id(self) & 0x7FFFFFF, 1))
        self.give_back()

    async def upstream(self, rest):
        frames = Frames(self.client, rest=rest)
        while True:
            message = await frames.next()
            if message[:1] == b"X":
                raise Cut
            if not self.now:
                await self.take()
                self.answers = asyncio.ensure_future(self.downstream())
            self.in_batch = message[:1] not in (b"S", b"Q")
            self.asked += not self.in_batch
            self.now.writer.write(message)

    async def downstream(self):
        try:
            while self.now:
                message = await self.now.frames.next()
                self.to_client.write(message)
                if message[:1] == b"Z":
                    self.asked -= 1
                    if not self.asked and not self.in_batch and message[5:] == b"I":
                        self.give_back()
        except (Cut, OSError):
            self.to_client.transport.abort()

    async def serve(self):
        try:
            rest = await self.startup()
            await self.greet()
            await self.upstream(rest)
        except (Cut, OSError, asyncio.CancelledError):
            pass
        finally:
            self.to_client.transport.abort()
            if self.now:  # in the middle of something
                self.answers.cancel()
                self.now.writer.close()


class Proxy:
    def __init__(self, socket_dir, port=5432, pooling=False):
        self.kind = Pooled if pooling else Connection
        self.idle, self.moves = [], 0  # pooling: shared backends; transactions that went to another one
        self.target = "%s/.s.PGSQL.%d" % (socket_dir, port)
        self.dir = tempfile.mkdtemp(prefix="pgproxy.")
        os.chmod(self.dir, 0o711)
        self.rules = []
        self.connections = set()
        self.holes, self.refused, self.speeds, self.trickles = set(), set(), {}, {}
        self.memory, self.forgotten = None, 0
        self.batches = 0
        self.arrivals = []  # when somebody connected (time.monotonic)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.condition = None
        self.running = threading.Event()

    def conninfo(self, rest):
        return "host=%s port=5432 %s" % (self.dir, rest)

    # ---- what the tests call, from their own thread ----

    def rule(self, name, action, **more):
        rule = Rule(name, action, **more)
        self.call(self.rules.append, rule)
        return rule

    def drop(self, rule):
        self.call(self.rules.remove, rule)

    def hole(self, name=None):
        """Both ways silent, sockets open; also for who connects now."""
        self.call(self.holes.add, name or "")

    def refuse(self, name=None):
        """Cuts who is connected and whoever comes."""
        self.call(self.refused.add, name or "")
        self.cut(name)

    def throttle(self, name, bytes_per_second):
        self.call(self.speeds.__setitem__, name or "", bytes_per_second)

    def trickle(self, name, size, pause):
        """Segments of `size` bytes at most, with a pause in seconds after each."""
        self.call(self.trickles.__setitem__, name or "", (size, pause))

    def forget(self, seconds):
        """Connections of any name that are idle for longer are silent for ever after, as by a firewall
        that has forgotten them; how many there were is in `forgotten`. None: no more."""
        self.memory = seconds

    def heal(self, name=None):
        """Holes, refusals, throttles and trickles of that name (None: all there are) end; what was held
        goes on its way."""
        self.call(self.on_heal, name)

    def cut(self, name=None):
        """How many connections it cut."""
        return self.call(self.on_cut, name or "")

    def cut_after_bytes(self, name, count):
        """Each present connection of that name is cut `count` bytes from now."""
        return self.call(self.on_cut_after, name or "", count)

    def connected(self, name=None):
        return self.call(lambda: len(self.of(name or "")))

    # ---- the loop ----

    def __enter__(self):
        self.thread.start()
        self.running.wait()
        return self

    def __exit__(self, *_):
        self.call(self.on_end)
        self.thread.join(10)
        shutil.rmtree(self.dir, ignore_errors=True)

    def call(self, function, *arguments):
        async def wrapper():
            result = function(*arguments)
            async with self.condition:
                self.condition.notify_all()
            return result
        return asyncio.run_coroutine_threadsafe(wrapper(), self.loop).result(30)

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.listen())

    async def listen(self):
        self.condition, self.over = asyncio.Condition(), asyncio.Event()
        server = await asyncio.start_unix_server(
            lambda reader, writer: self.kind(self, reader, writer).serve(),
            self.dir + "/.s.PGSQL.5432", backlog=256)
        os.chmod(self.dir + "/.s.PGSQL.5432", 0o777)  # servers run as somebody else
        self.running.set()
        await self.over.wait()
        server.close()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def changed(self):
        async with self.condition:
            await self.condition.wait()

    def of(self, name):
        return [c for c in self.connections if c.name.startswith(name)]

    def is_silent(self, connection):
        return any(connection.name.startswith(name) for name in self.holes)

    def is_refused(self, connection):
        return any(connection.name.startswith(name) for name in self.refused)

    def speed(self, connection):
        return next((s for name, s in self.speeds.items() if connection.name.startswith(name)), 0)

    def segments(self, connection, size):
        return next((t for name, t in self.trickles.items() if connection.name.startswith(name)), (size or 1, 0))

    def look_at_idle(self, connection):
        now = self.loop.time()
        if self.memory and now - connection.used > self.memory and not connection.silent:
            connection.silent = True
            self.forgotten += 1
        connection.used = now

    def on_heal(self, name):
        self.trickles = {n: t for n, t in self.trickles.items() if name and n != name}
        self.holes = {n for n in self.holes if name and n != name}
        self.refused = {n for n in self.refused if name and n != name}
        self.speeds = {n: s for n, s in self.speeds.items() if name and n != name}
        for connection in self.of(name or ""):
            connection.silent = False

    def on_cut(self, name):
        cut = self.of(name)
        for connection in cut:
            connection.close()
        return len(cut)

    def on_cut_after(self, name, count):
        cut = self.of(name)
        for connection in cut:
            connection.bytes_left = count
        return len(cut)

    def on_end(self):
        for connection in self.connections:
            connection.close()
        for backend in self.idle:
            backend.writer.close()
        self.loop.call_soon(self.over.set)
