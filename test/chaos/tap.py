"""A TCP relay between the gateway and its broker that records who confirmed what.

The broker may be killed and forget; what it had confirmed to the gateway is on record here. The
relay can also cut the connection, in the middle of a packet too.
"""

import asyncio

import mqtt_wire


class Tap:
    def __init__(self, trace, broker_port):
        self.trace, self.broker_port = trace, broker_port
        self.links = {}
        self.count = 0
        self.tear_next = False
        self.level = 5  # of the gateway's MQTT
        self.subscribed = asyncio.Event()  # the gateway, for the first time

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()
        self.cut()

    def cut(self):
        for writers in list(self.links.values()):
            for writer in writers:
                writer.transport.abort()

    def tear(self):
        """Cuts the connection in the middle of the next packet of the gateway."""
        self.tear_next = True

    async def _serve(self, reader, writer):
        self.count += 1
        link = self.count
        try:
            broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self.broker_port)
        except OSError:
            writer.transport.abort()
            return
        self.links[link] = (writer, broker_writer)
        pumps = [asyncio.ensure_future(self._pump(link, reader, broker_writer, self._from_gateway)),
                 asyncio.ensure_future(self._pump(link, broker_reader, writer, self._from_broker))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for end in self.links.pop(link):
                end.transport.abort()
            self.trace.add("link-closed", link=link)

    async def _pump(self, link, reader, writer, record):
        splitter = mqtt_wire.Splitter()
        try:
            while data := await reader.read(65536):
                for raw in splitter.feed(data):
                    if self.tear_next and record == self._from_gateway and len(raw) > 8:
                        self.tear_next = False
                        writer.write(raw[:len(raw) // 2])
                        await writer.drain()
                        return
                    record(link, raw)
                    if writer.is_closing():
                        return
                    writer.write(raw)
                await writer.drain()
        except OSError:
            pass

    def _from_gateway(self, link, raw):
        self._record(link, raw, "up", "down")

    def _from_broker(self, link, raw):
        self._record(link, raw, "down", "up")

    def _record(self, link, raw, way, other):
        kind = raw[0] >> 4
        if kind == mqtt_wire.CONNECT:
            self.level = mqtt_wire.read_level(raw)
        elif kind == mqtt_wire.PUBLISH:
            message = mqtt_wire.read_publish(raw, self.level)
            if message.qos:
                self.trace.add(way, link=link, mid=message.mid, dup=message.dup, topic=message.topic,
                               payload=message.payload.decode())
        elif kind == mqtt_wire.PUBACK:
            mid, code = mqtt_wire.read_puback(raw)
            self.trace.add(other + "-confirmed", link=link, mid=mid, code=code)
        elif kind == mqtt_wire.SUBACK:
            self.subscribed.set()
