"""The official client, as the tests use it, and HTTP calls (http.md)."""

import asyncio
import collections
import unittest

import aiohttp
import socketio

from server import Server, token

WAIT_S = 30


class Client(socketio.AsyncClient):
    """Keeps every event that arrives until it is asked for."""

    def __init__(self, **options):
        super().__init__(reconnection=options.pop("reconnection", False), request_timeout=WAIT_S, **options)
        self.arrived = collections.defaultdict(asyncio.Queue)
        self.seen = []
        # A room event carries its place in the room's log as well.
        self.on("*", self._arrive)
        for event in ("connect_error", "disconnect"):
            self.on(event, lambda *args, event=event: self._arrive(event, *args))

    async def connect(self, url, **options):
        """As the official client's, which would give up after a second."""
        await super().connect(url, **{"wait_timeout": WAIT_S, **options})

    def _arrive(self, event, *args):
        self.seen.append((event, *args))
        self.arrived[event].put_nowait(args)

    async def next(self, event, fits=lambda *_: True):
        """The arguments of the next such event, which `fits` may narrow down."""
        while True:
            try:
                args = await asyncio.wait_for(self.arrived[event].get(), WAIT_S)
            except asyncio.TimeoutError:
                raise self._missed(event) from None
            if fits(*args):
                return args

    async def ask(self, event, *payload):
        """Emits, and gives the acknowledgement."""
        try:
            return await self.call(event, *payload, timeout=WAIT_S)
        except socketio.exceptions.TimeoutError:
            raise self._missed(f"acknowledgement of {event}") from None

    def _missed(self, what):
        state = f"connected by {self.transport()}" if self.connected else "disconnected"
        return AssertionError(f"no {what} within {WAIT_S} s; {state}; arrived: {self.seen}")

    async def settled(self):
        """Whatever was sent to this client before now has arrived after this."""
        return await self.ask("ping", {})


class ServerTest(unittest.IsolatedAsyncioTestCase):
    """Tests of one server."""

    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.SETTINGS)
        cls.addClassCleanup(cls.server.stop)

    async def asyncSetUp(self):
        self.http = aiohttp.ClientSession()
        self.addAsyncCleanup(self.http.close)

    def client(self, **options):
        """A client that goes away with the test."""
        client = Client(**options)
        self.addAsyncCleanup(client.disconnect)
        return client

    async def signed_in(self, user, server=None, **options):
        """A client of a user, once it is signed in."""
        client = self.client()
        await client.connect((server or self.server).url, auth={"token": token(user)}, **options)
        await client.next("authenticated")
        return client

    async def refused(self, url=None, **options):
        """Why a client is refused."""
        client = self.client()
        with self.assertRaises(socketio.exceptions.ConnectionError):
            await client.connect(url or self.server.url, **options)
        (refusal,) = await client.next("connect_error")
        return refusal["message"]

    async def call(self, method, path, user=None, key=None, body=None, server=None):
        """A call as a user; gives status and body."""
        headers = {}
        if user:
            headers["Authorization"] = f"Bearer {token(user)}"
        if key:
            headers["X-Ingest-Key"] = key
        url = (server or self.server).url + path
        async with self.http.request(method, url, headers=headers, json=body) as response:
            text = await response.text()
            return response.status, await response.json(content_type=None) if text else None

    async def create_project(self, owner):
        """A project of a user, ready to be tracked: `id`, `ingestKey`."""
        status, project = await self.call("POST", "/api/projects", user=owner, body={"name": "A project"})
        self.assertEqual(status, 201)
        return project

    async def set_active(self, owner, project, active):
        status, _ = await self.call("PATCH", f"/api/projects/{project['id']}", user=owner, body={"active": active})
        self.assertEqual(status, 200)

    async def begin_session(self, project, external_user_id="visitor-456"):
        """Begins a tracked session; gives its id."""
        path = f"/api/projects/{project['id']}/sessions"
        body = {"externalUserId": external_user_id}
        status, session = await self.call("POST", path, key=project["ingestKey"], body=body)
        self.assertEqual(status, 201)
        return session["sessionId"]

    async def ingest(self, project, session_id, events, server=None):
        path = f"/api/sessions/{session_id}/events"
        return await self.call("POST", path, key=project["ingestKey"], body={"events": events}, server=server)

    async def finish(self, project, session_id, how):
        status, _ = await self.call("POST", f"/api/sessions/{session_id}/{how}", key=project["ingestKey"])
        self.assertEqual(status, 200)

    async def stored_events(self, owner, session_id, server=None):
        """All that is stored of a session, page after page."""
        events, after = [], ""
        while True:
            path = f"/api/sessions/{session_id}/events{after}"
            status, page = await self.call("GET", path, user=owner, server=server)
            self.assertEqual(status, 200)
            events += page["events"]
            if "next" not in page:
                return events
            after = f"?after={page['next']}"


def keydown(n):
    """The tracked event number `n`."""
    return {"eventType": "keydown", "timestamp": "2026-11-21T07:38:47.123Z", "keyChar": "a", "n": n}
