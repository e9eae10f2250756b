"""What fails, and when: a random plan of faults that may overlap, one of each kind at a time."""

import asyncio
import errno
import signal


class Faults:
    def __init__(self, kinds, world, random):
        self.world, self.random = world, random
        self.kinds = {kind: self.ALL[kind] for kind in kinds}
        self.under_way = {}

    async def live(self, pause):
        """Faults at random, about `pause` seconds apart, until it is cancelled."""
        bag = []
        while not self.kinds:
            await asyncio.sleep(3600)
        while True:
            await asyncio.sleep(self.random.expovariate(1 / pause))
            if not bag:
                bag = [(kind, name) for kind, names in self.kinds.items()
                       for name, weight in names.items() for _ in range(weight)]
                self.random.shuffle(bag)
            kind, name = bag.pop()
            if kind not in self.under_way:
                self.world.trace.add("fault", kind=kind, name=name)
                task = self.under_way[kind] = asyncio.ensure_future(
                    getattr(self, f"_{kind}_{name}")())
                task.add_done_callback(lambda done, kind=kind: self._over(kind, done))

    def _over(self, kind, task):
        del self.under_way[kind]
        task.result()

    async def finish(self):
        """Lets what is under way end."""
        while self.under_way:
            await asyncio.wait(list(self.under_way.values()))

    def span(self, low, high):
        return asyncio.sleep(self.random.uniform(low, high))

    # --- gateway

    async def _gateway_kill(self):
        self.world.gateway.kill()
        await self.span(0, 2)
        self.world.gateway.start()
        if self.random.random() < 0.25:  # while it recovers
            await self.span(0, 1)
            self.world.gateway.kill()
            self.world.gateway.start()
        await self.span(0.1, 3)

    async def _gateway_end(self):
        if self.random.random() < 0.3:  # in the middle of its end
            self.world.gateway.signal(signal.SIGTERM)
            self.world.gateway.meant_to_run = False
            await self.span(0, 0.3)
            self.world.gateway.kill()
        else:
            await self.world.gateway.end()
        await self.span(0, 1)
        self.world.gateway.start()
        await self.span(0.5, 3)

    async def _gateway_stop(self):
        await self._stop(self.world.gateway, 3)

    # --- broker

    async def _broker_kill(self):
        self.world.broker.kill()
        await self.span(0, 4)
        self.world.broker.start()
        await self.span(0.2, 3)

    async def _broker_end(self):
        await self.world.broker.end()
        await self.span(0, 4)
        self.world.broker.start()
        await self.span(0.2, 3)

    async def _broker_stop(self):
        await self._stop(self.world.broker, 8)

    async def _broker_cut(self):
        self.world.tap.cut()
        await self.span(0, 1)

    async def _broker_tear(self):
        self.world.tap.tear()
        await self.span(0, 1)

    async def _stop(self, program, longest):
        program.signal(signal.SIGSTOP)
        try:
            await self.span(0.1, longest)
        finally:
            program.signal(signal.SIGCONT)

    # --- network

    async def _network_trouble(self):
        self.world.network.trouble()
        await self.span(0.5, 6)
        self.world.network.heal()

    async def _network_cut(self):
        self.world.network.cut()
        await self.span(0.2, 4)
        self.world.network.heal()

    # --- disk

    async def _disk_full(self):
        filler = self.world.disk / "filler"
        self.world.trace.add("disk", full=True)
        until = asyncio.get_running_loop().time() + self.random.uniform(0.2, 5)
        with open(filler, "wb", buffering=0) as out:
            while asyncio.get_running_loop().time() < until:
                fill(out)
                await asyncio.sleep(0.02)
        filler.unlink()
        self.world.trace.add("disk", full=False)

    ALL = {
        "gateway": {"kill": 6, "end": 1, "stop": 2},
        "broker": {"kill": 4, "end": 1, "stop": 4, "cut": 2, "tear": 2},
        "network": {"trouble": 7, "cut": 3},
        "disk": {"full": 6},
    }


def fill(out):
    for size in (65536, 4096):
        try:
            while True:
                out.write(b"x" * size)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
