"""A simulated device: LwM2M over a CoAP message layer that retransmits as RFC 7252 wants it.

Everything it reports is a number that it never uses again, so that each can be found on MQTT. It
sleeps, reboots, changes its address, leaves and comes back, at random.
"""

import asyncio
import itertools
import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from coap import (ACK, CON, CONTENT_FORMAT, DELETE, GET, LINK, LOCATION_PATH, NON, OBSERVE, POST, PUT,  # noqa: E402
                  RST, SENML_JSON, TEXT, URI_PATH, URI_QUERY, Message, code)

ACK_TIMEOUT, ACK_RANDOM_FACTOR, MAX_RETRANSMIT = 0.4, 1.5, 4
SEPARATE_TIMEOUT = 10.0
ADDRESSES = 3  # that a device keeps open
LIFETIME = 86400
OBSERVED = ("/3303/0/5700", "/3303/1/5700")
# Some values travel in company, so that messages have different lengths.
COMPANY = [f',{{"n":"/3/0/{3 + i}","vs":"{"x" * 40}"}}' for i in range(15)]


class Address:
    """A socket of a device. Some stay open when it has another: what comes there is lost, as at a NAT."""

    def __init__(self, device):
        self.device = device
        self.loop = asyncio.get_running_loop()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        self.loop.add_reader(self.socket, self._readable)

    def _readable(self):
        try:
            data = self.socket.recv(65536)
        except OSError:
            return
        self.device.from_gateway(self, data)

    def send(self, data, server):
        try:
            self.socket.sendto(data, server)
        except OSError:
            pass  # lost, or closed since

    def close(self):
        self.loop.remove_reader(self.socket)
        self.socket.close()


class Device:
    def __init__(self, name, server, network, trace, random, sleepy):
        self.name, self.server, self.network, self.trace = name, server, network, trace
        self.random, self.sleepy = random, sleepy
        self.address = None
        self.addresses = []
        self.asleep = self.ending = False
        self.number = 0
        self.sequence = 1
        self.mid = random.randrange(65536)
        self.observations = {}  # path -> token
        self.location = None
        self.register_number = None
        self.copies = 0  # of Registers that reached the gateway since the last one began
        self.promised_mids, self.promised_tokens = {}, {}
        self.waiting = {}  # message id or token -> future
        self.answers = {}  # (message id, token) -> what was answered
        self.tasks = set()

    # --- datagrams

    def move(self):
        """To another address."""
        self.address = Address(self)
        self.addresses.append(self.address)
        if len(self.addresses) > ADDRESSES:
            self.addresses.pop(0).close()

    def start(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def close(self):
        for task in list(self.tasks):
            task.cancel()
        for address in self.addresses:
            address.close()

    def send(self, message, delivered=None):
        origin, data = self.address, message.build()

        def deliver():
            if delivered is not None:
                delivered()
            origin.send(data, self.server)

        self.network.carry(deliver)

    def from_gateway(self, origin, data):
        message = Message.parse(data)
        self.note_promise(message)
        self.network.carry(self.arrive, origin, message)

    def note_promise(self, message):
        """What the gateway said, whether or not the device will ever hear it."""
        number = None
        if message.type == ACK and message.code == 0:
            number = self.promised_mids.get(message.mid)
        elif message.code_text == "2.04":
            number = self.promised_tokens.get(message.token)
        if number is not None:
            self.trace.add("acknowledged", ep=self.name, number=number)

    def arrive(self, origin, message):
        if origin is not self.address or self.asleep:
            return
        if message.type in (ACK, RST) and message.code == 0:
            self.settle(message.mid, message)
        elif 1 <= message.code < 32:
            self.request(message)
        elif message.code >= 64:
            if message.type == CON:
                self.send(Message(ACK, 0, message.mid))
            self.settle(message.mid, message)
            self.settle(message.token, message)

    def settle(self, key, message):
        future = self.waiting.get(key)
        if future is not None and not future.done():
            future.set_result(message)

    def next_mid(self):
        self.mid = self.mid + 1 & 0xFFFF
        return self.mid

    async def confirmable(self, message, delivered=None):
        """Sends it until it is acknowledged or reset: that answer, None when none comes."""
        future = self.waiting[message.mid] = asyncio.get_running_loop().create_future()
        timeout = ACK_TIMEOUT * self.random.uniform(1, ACK_RANDOM_FACTOR)
        try:
            for _ in range(MAX_RETRANSMIT + 1):
                self.send(message, delivered)
                done, _ = await asyncio.wait([future], timeout=timeout)
                if done:
                    return future.result()
                timeout *= 2
            return None
        finally:
            del self.waiting[message.mid]

    async def exchange(self, method, path, queries=(), payload=b"", content_format=None, number=None,
                       delivered=None):
        """A request and its response; None when there is none."""
        token = os.urandom(6)
        options = [(URI_PATH, segment) for segment in path.strip("/").split("/")]
        options += [(URI_QUERY, query) for query in queries]
        if content_format is not None:
            options.append((CONTENT_FORMAT, content_format))
        message = Message(CON, method, self.next_mid(), token, options, payload)
        if number is not None:
            self.promised_tokens[token] = number
        response = self.waiting[token] = asyncio.get_running_loop().create_future()
        try:
            answer = await self.confirmable(message, delivered)
            if answer is None or answer.type == RST:
                return None
            if answer.code == 0:
                await asyncio.wait([response], timeout=SEPARATE_TIMEOUT)
                return response.result() if response.done() else None
            return answer
        finally:
            del self.waiting[token]

    # --- what it is asked

    def request(self, message):
        key = (message.mid, message.token)
        answer = self.answers.get(key)
        if answer is None:
            answer = self.answers[key] = self.carry_out(message)
        self.send(answer)

    def carry_out(self, message):
        number, options, payload = "4.05", [], b""
        if message.code == GET:
            number, options, payload = self.read(message)
        elif (message.code, message.path) in ((POST, "/3/0/4"), (PUT, "/3/0/15")):
            # 0='17' or c17
            self.trace.add("executed", ep=self.name,
                           command=int("".join(filter(str.isdigit, message.payload.decode()[1:]))))
            number = "2.04"
        if message.type != CON:
            return Message(NON, code(number), self.next_mid(), message.token, options, payload)
        if message.get(OBSERVE) is None and self.random.random() < 0.15:
            self.start(self.answer_later(
                Message(CON, code(number), self.next_mid(), message.token, options, payload)))
            return Message(ACK, 0, message.mid)
        return Message(ACK, code(number), message.mid, message.token, options, payload)

    async def answer_later(self, response):
        await asyncio.sleep(self.random.uniform(0, 0.5))
        await self.confirmable(response)

    def read(self, message):
        options = [(CONTENT_FORMAT, TEXT)]
        observe = message.get_uint(OBSERVE)
        if observe == 0:
            self.observations[message.path] = message.token
            self.sequence += 1
            options.append((OBSERVE, self.sequence))
        elif observe == 1:
            self.observations.pop(message.path, None)
        return "2.05", options, b"%d" % self.next_number("answer")

    # --- what it does

    def next_number(self, kind):
        self.number += 1
        self.trace.add("sent", ep=self.name, number=self.number, kind=kind)
        return self.number

    async def register(self):
        """Again and again until it is registered."""
        while True:
            self.register_number = (self.register_number or 0) + 1
            self.copies = 0
            self.trace.add("register", ep=self.name, number=self.register_number)
            queries = [f"ep={self.name}", f"lt={LIFETIME}", "lwm2m=1.1", "b=U",
                       f"n={self.register_number}", *(["Q"] if self.sleepy else [])]
            answer = await self.exchange(POST, "/rd", queries, b"</3/0>,</3303/0>,</3303/1>", LINK,
                                         delivered=self.count_register)
            if answer is not None and answer.code_text == "2.01":
                self.location = answer.location
                self.trace.add("registered", ep=self.name, number=self.register_number,
                               location=self.location)
                return
            await asyncio.sleep(self.random.uniform(0.1, 0.5))

    def count_register(self):
        """A late copy of an older one counts as well: it takes the place of the newer."""
        self.copies += 1

    def note_copies(self, number):
        """Records a copy of a message that reaches the gateway though another one did before."""
        copies = itertools.count()

        def note():
            if next(copies) > 0:
                self.trace.add("copy", ep=self.name, number=number)
        return note

    async def to_location(self, method, name):
        """A request to its own location; a 4.04 there sends it back to the start."""
        answer = await self.exchange(method, self.location)
        if answer is not None and answer.code_text == "4.04":
            # A Deregister that was carried out before its answer was lost may be told so.
            if method != DELETE:
                self.trace.add("refused", ep=self.name, number=self.register_number, request=name,
                               code=answer.code_text, copies=self.copies)
            await self.register()

    async def update(self):
        await self.to_location(POST, "update")

    async def notify(self):
        if not self.observations:
            # A device knows nothing of lost observations; that it registers again keeps the run going.
            if self.random.random() < 0.2:
                await self.register()
            return
        path, token = self.random.choice(sorted(self.observations.items()))
        message, delivered = self.notification(CON, token, "notify")
        answer = await self.confirmable(message, delivered)
        if (answer is None or answer.type == RST) and self.observations.get(path) == token:
            del self.observations[path]  # RFC 7641, 4.5

    def notification(self, type, token, kind):
        number = self.next_number(kind)
        self.sequence += 1
        message = Message(type, code("2.05"), self.next_mid(), token,
                          [(OBSERVE, self.sequence), (CONTENT_FORMAT, TEXT)], b"%d" % number)
        if type == CON:
            self.promised_mids[message.mid] = number
        return message, self.note_copies(number)

    async def notify_unconfirmed(self):
        if self.observations:
            token = self.random.choice(sorted(self.observations.values()))
            self.send(*self.notification(NON, token, "non"))

    async def send_value(self):
        number = self.next_number("send")
        company = "".join(COMPANY[:self.random.choice((0, 0, 0, 3, 15))])
        answer = await self.exchange(POST, "/dp", (), b'[{"n":"/3303/0/5700","v":%d}%s]'
                                     % (number, company.encode()), SENML_JSON, number,
                                     self.note_copies(number))
        if answer is not None and answer.code_text == "4.04":
            await self.register()  # its address is not known

    async def sleep(self):
        self.asleep = True
        await asyncio.sleep(self.random.uniform(0.5, 4))
        self.asleep = False
        await self.update()

    async def change_address(self):
        self.move()
        await self.update()

    async def reboot(self):
        self.observations.clear()
        self.move()
        await self.register()

    async def leave(self):
        await self.to_location(DELETE, "deregister")
        await asyncio.sleep(self.random.uniform(0, 1))
        await self.register()

    async def live(self):
        deeds = {self.notify: 40, self.notify_unconfirmed: 10, self.send_value: 20, self.update: 6,
                 self.change_address: 2, self.reboot: 1, self.leave: 0.5,
                 self.sleep: 5 if self.sleepy else 0}
        self.move()
        await self.register()
        while not self.ending:
            await self.random.choices(list(deeds), list(deeds.values()))[0]()
            await asyncio.sleep(self.random.expovariate(8))
        while True:
            await self.update()
            await asyncio.sleep(0.7)
