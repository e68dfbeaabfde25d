"""What the live preview's page shows, and each of its error codes."""

import contextlib
import datetime

from client import ServerTest, keydown
from server import token

TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"


class Page(ServerTest):
    SETTINGS = {"RATE_LIMIT_MAX": "100000"}

    async def test_word_for_word(self):
        project = await self.create_project("user-1")
        jwt = token("user-1")
        socket = self.client()
        await socket.connect(self.server.url, auth={"token": jwt})
        await socket.emit("join-project", {"projectId": project["id"], "token": jwt})
        room = f"project:{project['id']}"
        await socket.next("presence:state", lambda state: state["room"] == room)

        session_id = await self.begin_session(project, "user-456")
        started, place = await socket.next("session-started")
        self.assertEqual(set(started), {"sessionId", "externalUserId", "timestamp"})
        self.assertEqual(started["sessionId"], session_id)
        self.assertEqual(started["externalUserId"], "user-456")
        self.assertRegex(started["timestamp"], TIME)
        self.assertEqual(set(place), {"room", "epoch", "offset"})
        self.assertEqual(place["room"], room)

        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        event = {"eventType": "keydown", "timestamp": now, "keyChar": "a"}
        status, body = await self.ingest(project, session_id, [event])
        self.assertEqual((status, body), (202, {"stored": 1, "broadcast": 1}))
        received, _ = await socket.next("event-received")
        event["timestamp"] = now.replace("+00:00", "Z")
        expected = {"sessionId": session_id, "externalUserId": "user-456", "event": event}
        self.assertEqual(received, expected)

        await self.finish(project, session_id, "submit")
        ended, _ = await socket.next("session-ended")
        self.assertEqual(set(ended), {"sessionId", "externalUserId", "submitted", "timestamp"})
        self.assertEqual(ended["sessionId"], session_id)
        self.assertIs(ended["submitted"], True)
        self.assertRegex(ended["timestamp"], TIME)

        await socket.emit("leave-project", {"projectId": project["id"]})
        await socket.settled()
        await self.begin_session(project)
        await socket.settled()
        names = [name for name, *_ in socket.seen]
        self.assertEqual(names.count("session-started"), 1)
        self.assertNotIn("error", names)

    async def test_the_first_ten_events_of_a_batch_are_sent(self):
        project = await self.create_project("anna")
        socket = await self.signed_in("anna")
        await socket.ask("join-project", project["id"])
        session_id = await self.begin_session(project)
        status, body = await self.ingest(project, session_id, [keydown(n) for n in range(25)])
        self.assertEqual((status, body), (202, {"stored": 25, "broadcast": 10}))
        await socket.settled()
        received = [args[0]["event"]["n"] for name, *args in socket.seen if name == "event-received"]
        self.assertEqual(received, list(range(10)))


class Codes(ServerTest):
    SETTINGS = {"RATE_LIMIT_MAX": "100000"}

    async def refuses(self, event, payload, code):
        """As an error, and in the acknowledgement where one is asked for."""
        socket = await self.signed_in("anna")
        await socket.emit(event, payload)
        (error,) = await socket.next("error")
        self.assertEqual(error["code"], code)
        self.assertEqual(error["error"], error["message"])
        self.assertEqual(error["event"], event)
        self.assertRegex(error["timestamp"], TIME)
        answer = await socket.ask(event, payload)
        self.assertIs(answer["ok"], False)
        self.assertEqual(answer["error"]["code"], code)
        return answer["error"]["message"]

    async def test_missing_project_id(self):
        await self.refuses("join-project", {}, "MISSING_PROJECT_ID")
        await self.refuses("leave-project", {}, "MISSING_PROJECT_ID")

    async def test_unauthorized(self):
        project = await self.create_project("ben")
        await self.refuses("join-project", {"projectId": project["id"]}, "UNAUTHORIZED")

    async def test_project_not_found(self):
        await self.refuses("join-project", {"projectId": "your-project-id"}, "PROJECT_NOT_FOUND")

    async def test_project_inactive(self):
        project = await self.create_project("anna")
        await self.set_active("anna", project, False)
        await self.refuses("join-project", {"projectId": project["id"]}, "PROJECT_INACTIVE")

    async def test_leave_failed(self):
        project = await self.create_project("anna")
        await self.refuses("leave-project", {"projectId": project["id"]}, "LEAVE_FAILED")

    async def test_join_failed(self):
        project = await self.create_project("anna")
        with self.without("projects"):
            message = await self.refuses("join-project", {"projectId": project["id"]}, "JOIN_FAILED")
            for secret in ("SELECT", "projects", "sqlite", "relation", self.server.database_url):
                self.assertNotIn(secret, message)
        socket = await self.signed_in("anna")
        self.assertIs((await socket.ask("join-project", project["id"]))["ok"], True)

    async def test_health_says_when_the_database_is_out(self):
        with self.without("_sqlx_migrations"):
            status, health = await self.call("GET", "/health")
            self.assertEqual(status, 503)
            self.assertEqual(health["status"], "unavailable")
            self.assertEqual(health["services"]["database"], "disconnected")
        status, health = await self.call("GET", "/health")
        self.assertEqual((status, health["status"]), (200, "ok"))

    @contextlib.contextmanager
    def without(self, table):
        """A database that fails whoever asks for what is in this table."""
        def rename(old, new):
            self.server.sql(f"ALTER TABLE {old} RENAME TO {new}")

        rename(table, "elsewhere")
        try:
            yield
        finally:
            rename("elsewhere", table)
