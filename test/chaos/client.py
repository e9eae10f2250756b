"""A small MQTT 5 client with a persistent session: the commander and the subscriber.

It repeats no publish: what the broker did not confirm before the connection ended is not accepted,
so that a broker never gets one command twice from here.
"""

import asyncio

import mqtt_wire


class Client:
    def __init__(self, client_id, port, topic=None, on_message=None):
        self.client_id, self.port, self.topic, self.on_message = client_id, port, topic, on_message
        self.writer = None
        self.mid = 0
        self.waiting = {}
        self.subscribed = asyncio.Event()

    def start(self):
        self.task = asyncio.ensure_future(self._live())

    def stop(self):
        self.task.cancel()

    async def _live(self):
        while True:
            try:
                await self._connection()
            except OSError:
                pass
            self._lost()
            await asyncio.sleep(0.1)

    def _lost(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.writer = None
        waiting, self.waiting = self.waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_result(False)

    async def _connection(self):
        reader, self._connecting = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            self._connecting.write(mqtt_wire.connect(self.client_id))
            splitter = mqtt_wire.Splitter()
            while data := await reader.read(65536):
                for raw in splitter.feed(data):
                    self._packet(raw)
        finally:
            self._connecting.transport.abort()

    def _packet(self, raw):
        kind = raw[0] >> 4
        if kind == mqtt_wire.CONNACK:
            self.writer = self._connecting
            if self.topic:
                self.writer.write(mqtt_wire.subscribe(65535, self.topic, 1))
        elif kind == mqtt_wire.SUBACK:
            self.subscribed.set()
        elif kind == mqtt_wire.PUBACK:
            answer = self.waiting.pop(mqtt_wire.read_puback(raw)[0], None)
            if answer is not None and not answer.done():
                answer.set_result(True)
        elif kind == mqtt_wire.PUBLISH:
            message = mqtt_wire.read_publish(raw)
            self.on_message(message)
            if message.qos and not self._connecting.is_closing():
                self._connecting.write(mqtt_wire.puback(message.mid))

    @property
    def connected(self):
        return self.writer is not None and not self.writer.is_closing()

    async def publish(self, topic, payload, expiry=None):
        """Whether the broker confirmed it."""
        if not self.connected:
            return False
        self.mid = self.mid % 60000 + 1
        answer = self.waiting[self.mid] = asyncio.get_running_loop().create_future()
        self.writer.write(mqtt_wire.publish(self.mid, topic, payload, expiry))
        return await answer
