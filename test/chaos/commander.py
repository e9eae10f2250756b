"""Numbered commands to the fleet, and the ear for all that is published."""

import asyncio
import itertools
import json

from client import Client
from device import OBSERVED


class Commander:
    def __init__(self, port, trace, random, endpoints):
        self.trace, self.random, self.endpoints = trace, random, endpoints
        self.commands = itertools.count(1)
        self.client = Client("commander", port)
        self.ear = Client("ear", port, "up/#", self._heard)
        self.tasks = set()

    async def start(self):
        self.ear.start()
        self.client.start()
        await self.ear.subscribed.wait()

    def stop(self):
        self.ear.stop()
        self.client.stop()

    def _heard(self, message):
        self.trace.add("heard", topic=message.topic, payload=message.payload.decode())

    def command(self, kind, endpoint):
        """Publishes one; what becomes of it is recorded when it is known."""
        command = next(self.commands)
        expiry = self.random.choice((None, None, None, 1, 3, 30)) if kind != "observe" else None
        task = asyncio.ensure_future(self._publish(command, kind, endpoint, expiry))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _publish(self, command, kind, endpoint, expiry):
        message = {"reqID": command, **self._body(kind, command)}
        self.trace.add("command", command=command, ep=endpoint, kind=kind, expiry=expiry)
        if await self.client.publish(f"dn/{endpoint}", json.dumps(message).encode(), expiry):
            self.trace.add("accepted", command=command)

    def _body(self, kind, command):
        path = self.random.choice(OBSERVED)
        return {
            "read": {"msgType": "read", "data": {"path": "/3303/0/5700"}},
            "write": {"msgType": "write", "data": {"path": "/3/0/15", "type": "String", "format": "text",
                                                   "value": f"c{command}"}},
            "execute": {"msgType": "execute", "data": {"path": "/3/0/4", "args": f"0='{command}'"}},
            "observe": {"msgType": "observe", "data": {"path": path}},
            "cancel": {"msgType": "cancel-observe", "data": {"path": path}},
            "wrong": {"msgType": "write", "data": {"value": 1}},
            "stranger": {"msgType": "read", "data": {"path": "/3/0/0"}},
        }[kind]

    async def live(self, pause):
        """Commands at random, `pause` seconds apart in the mean, until it is cancelled."""
        kinds = {"read": 20, "write": 30, "execute": 30, "observe": 20, "cancel": 3, "wrong": 2,
                 "stranger": 2}
        for endpoint in self.endpoints * 3:  # most get both paths
            self.command("observe", endpoint)
        while True:
            kind = self.random.choices(list(kinds), list(kinds.values()))[0]
            self.command(kind, "nobody" if kind == "stranger" else self.random.choice(self.endpoints))
            await asyncio.sleep(self.random.expovariate(1 / pause))
