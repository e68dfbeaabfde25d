"""Many events stay in order."""

from client import ServerTest, keydown

BATCH = 1000
EVENTS = 20_000


class Order(ServerTest):
    SETTINGS = {"RATE_LIMIT_MAX": "100000"}

    async def test_20_000_events_come_back_in_the_order_they_were_sent(self):
        project = await self.create_project("anna")
        socket = await self.signed_in("anna")
        joined = await socket.ask("join-project", project["id"])
        session_id = await self.begin_session(project)
        for first in range(0, EVENTS, BATCH):
            batch = [keydown(n) for n in range(first, first + BATCH)]
            status, _ = await self.ingest(project, session_id, batch)
            self.assertEqual(status, 202)
        stored = await self.stored_events("anna", session_id)
        self.assertEqual([event["n"] for event in stored], list(range(EVENTS)))

        await socket.settled()
        seen = [args for name, *args in socket.seen if name == "event-received"]
        sent = [n for first in range(0, EVENTS, BATCH) for n in range(first, first + 10)]
        self.assertEqual([payload["event"]["n"] for payload, _ in seen], sent)
        first = joined["data"]["position"]["offset"] + 2
        self.assertEqual([place["offset"] for _, place in seen], list(range(first, first + len(sent))))
