"""Nobody sees what isn't theirs."""

import asyncio

from client import ServerTest, keydown

LIVE = ("session-started", "event-received", "session-ended")


def live(client):
    return [(name, *args) for name, *args in client.seen if name in LIVE]


class Isolation(ServerTest):
    SETTINGS = {"RATE_LIMIT_MAX": "100000"}

    async def test_each_sees_their_own_project_alone(self):
        projects = {user: await self.create_project(user) for user in ("anna", "ben")}
        clients = {user: await self.signed_in(user) for user in projects}
        for user, client in clients.items():
            self.assertIs((await client.ask("join-project", projects[user]["id"]))["ok"], True)
        sessions = {user: await self.begin_session(project) for user, project in projects.items()}
        await asyncio.gather(*(
            self.ingest(projects[user], sessions[user], [keydown(n)]) for n in range(20) for user in projects
        ))
        for user, client in clients.items():
            await client.settled()
            self.assertEqual(len(live(client)), 21)
            for _, payload, place in live(client):
                self.assertEqual(payload["sessionId"], sessions[user])
                self.assertEqual(place["room"], f"project:{projects[user]['id']}")

    async def test_whoever_does_not_own_a_project_is_refused(self):
        project = await self.create_project("anna")
        ben = await self.signed_in("ben")
        for event, payload in (
            ("join-project", {"projectId": project["id"]}),
            ("room:join", f"project:{project['id']}"),
        ):
            answer = await ben.ask(event, payload)
            self.assertEqual(answer["error"]["code"], "UNAUTHORIZED")
        await self.begin_session(project)
        await ben.settled()
        self.assertEqual(live(ben), [])

    async def test_a_project_that_is_deactivated_empties_its_room(self):
        project = await self.create_project("anna")
        socket = await self.signed_in("anna")
        await socket.ask("join-project", project["id"])
        session_id = await self.begin_session(project)
        await self.set_active("anna", project, False)
        (error,) = await socket.next("error")
        self.assertEqual(error["code"], "PROJECT_INACTIVE")
        self.assertEqual(error["room"], f"project:{project['id']}")
        await self.set_active("anna", project, True)
        await self.ingest(project, session_id, [keydown(1)])
        await socket.settled()
        self.assertEqual([name for name, *_ in live(socket)], ["session-started"])
