"""The network between the devices and the gateway: loses, doubles, delays and so reorders.

Both ways lead through carry(). Without a fault it delivers at once.
"""

import asyncio


class Network:
    def __init__(self, random):
        self.random = random
        self.loop = asyncio.get_running_loop()
        self.heal()

    def heal(self):
        self.loss = self.doubling = self.delaying = self.delay = 0.0

    def trouble(self):
        """Any mixture of faults, up to rather bad ones."""
        self.loss = self.random.choice((0.0, 0.1, 0.4)) * self.random.random()
        self.doubling = 0.4 * self.random.random()
        self.delaying = 0.5 * self.random.random()
        self.delay = 1.5 * self.random.random()

    def cut(self):
        self.loss = 1.0

    def carry(self, deliver, *arguments):
        """Calls deliver(*arguments) no, one or two times, now or later."""
        if self.random.random() < self.loss:
            return
        self._one(deliver, arguments)
        if self.random.random() < self.doubling:
            self._one(deliver, arguments)

    def _one(self, deliver, arguments):
        if self.random.random() < self.delaying:
            self.loop.call_later(self.delay * self.random.random(), deliver, *arguments)
        else:
            deliver(*arguments)
