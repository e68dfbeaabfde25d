"""Connecting and signing in (wire.md, section 2)."""

import socketio

from client import ServerTest
from server import Server, token


class Connecting(ServerTest):
    async def signs_in(self, url, **options):
        client = self.client()
        await client.connect(url, **options)
        (authenticated,) = await client.next("authenticated")
        self.assertEqual(authenticated["userId"], "anna")
        self.assertEqual((await client.settled())["ok"], True)
        return client

    async def test_a_token_is_read_from_each_place_over_each_transport(self):
        jwt = token("anna")
        ways = {
            "auth.token": (self.server.url, {"auth": {"token": jwt}}),
            "query.token": (f"{self.server.url}/?token={jwt}", {}),
            "the header": (self.server.url, {"headers": {"Authorization": f"Bearer {jwt}"}}),
        }
        for way, (url, options) in ways.items():
            for transport in ("websocket", "polling"):
                with self.subTest(way=way, transport=transport):
                    client = await self.signs_in(url, transports=[transport], **options)
                    self.assertEqual(client.transport(), transport)

    async def test_polling_upgrades_to_a_websocket(self):
        client = await self.signs_in(self.server.url, auth={"token": token("anna")})
        self.assertEqual(client.transport(), "websocket")

    async def test_refused_by_a_message_that_begins_with_the_code(self):
        cases = {
            "TOKEN_EXPIRED: ": {"token": token("anna", expires_in=-120)},
            "TOKEN_INVALID: ": {"token": token("anna", secret="another secret of the tests, 32 bytes")},
            "UPGRADE_REQUIRED: ": {"token": token("anna"), "protocol": "2.0"},
            "INVALID_PAYLOAD: token: expected a string": {"token": 5},
        }
        for beginning, auth in cases.items():
            for transport in ("websocket", "polling"):
                with self.subTest(beginning=beginning, transport=transport):
                    message = await self.refused(auth=auth, transports=[transport])
                    self.assertTrue(message.startswith(beginning), message)

    async def test_signs_in_by_an_event(self):
        client = self.client()
        await client.connect(self.server.url)
        refused = await client.ask("join-project", {"projectId": "1"})
        self.assertEqual(refused["error"]["code"], "UNAUTHENTICATED")
        answer = await client.ask("authenticate", {"token": token("anna")})
        (told,) = await client.next("authenticated")
        self.assertEqual(answer, {"ok": True, "data": told})

    async def test_auth_request_is_answered_by_auth_success_or_auth_error(self):
        client = self.client()
        await client.connect(self.server.url)
        await client.emit("auth:request", {"token": token("ben", email="ben@example.com")})
        (success,) = await client.next("auth:success")
        self.assertEqual(success, {"userId": "ben", "email": "ben@example.com"})

        client = self.client()
        await client.connect(self.server.url)
        await client.emit("auth:request", {"token": token("ben", expires_in=-120)})
        (error,) = await client.next("auth:error")
        self.assertEqual(error["code"], "TOKEN_EXPIRED")
        await client.next("disconnect")

    async def test_without_a_token_the_time_to_sign_in_is_short(self):
        # Long enough for a slow client to have noticed that it is connected.
        server = Server(AUTH_TIMEOUT="3s")
        self.addCleanup(server.stop)
        client = self.client()
        await client.connect(server.url)
        (error,) = await client.next("auth_error")
        self.assertEqual(error["code"], "AUTH_TIMEOUT")
        await client.next("disconnect")

    async def test_a_namespace_of_its_own_is_refused(self):
        client = self.client()
        with self.assertRaises(socketio.exceptions.ConnectionError):
            await client.connect(self.server.url, auth={"token": token("anna")}, namespaces=["/admin"])
