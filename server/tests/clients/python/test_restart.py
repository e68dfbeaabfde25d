"""A server that is killed loses nothing it acknowledged; one that is stopped says so first."""

import asyncio
import contextlib
import signal
from urllib.parse import urlsplit

import aiohttp

from client import ServerTest, keydown
from server import Server, own_host, token

BATCH = 50


class Restart(ServerTest):
    async def test_what_was_acknowledged_before_sigkill_is_there_after_a_restart(self):
        project = await self.create_project("anna")
        session_id = await self.begin_session(project)
        acknowledged = 0
        enough = asyncio.Event()

        async def send():
            nonlocal acknowledged
            while True:
                batch = [keydown(n) for n in range(acknowledged, acknowledged + BATCH)]
                status, _ = await self.ingest(project, session_id, batch)
                self.assertEqual(status, 202)
                acknowledged += BATCH
                if acknowledged == 20 * BATCH:
                    enough.set()

        sending = asyncio.create_task(send())
        await asyncio.wait_for(enough.wait(), 60)
        self.assertEqual(self.server.end(signal.SIGKILL), -signal.SIGKILL)
        with contextlib.suppress(aiohttp.ClientError):
            await sending

        again = Server(folder=self.server.folder)
        self.addCleanup(again.stop)
        stored = await self.stored_events("anna", session_id, server=again)
        self.assertGreaterEqual(len(stored), acknowledged)
        self.assertEqual(len(stored) % BATCH, 0)
        self.assertEqual([event["n"] for event in stored], list(range(len(stored))))


class Stop(ServerTest):
    async def test_sigterm_tells_everybody_and_ends_with_0(self):
        server = Server()
        self.addCleanup(server.stop)
        clients = [await self.signed_in("anna", server, transports=["websocket"]) for _ in range(5)]
        ending = asyncio.create_task(asyncio.to_thread(server.end, signal.SIGTERM))
        waits = set()
        for client in clients:
            (notice,) = await client.next("server_shutdown")
            self.assertEqual(set(notice), {"reason", "reconnectAfterMs"})
            waits.add(notice["reconnectAfterMs"])
            await client.next("disconnect")
        self.assertGreater(len(waits), 1)
        self.assertEqual(await ending, 0)

    async def test_a_client_comes_back_by_itself(self):
        host = own_host()
        first = Server(HOST=host)
        self.addCleanup(first.stop)
        client = self.client(reconnection=True, reconnection_delay=0.05, reconnection_delay_max=0.2)
        await client.connect(first.url, auth={"token": token("anna")})
        await client.next("authenticated")
        first.end(signal.SIGKILL)
        second = Server(folder=first.folder, HOST=host, PORT=str(urlsplit(first.url).port))
        self.addCleanup(second.stop)
        (authenticated,) = await client.next("authenticated")
        self.assertEqual(authenticated["userId"], "anna")
