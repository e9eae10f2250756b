"""The run: starts everything, lets it fail at random, waits for calm, and asks the checker.

Use test/chaos/run, which ends this program and all that it started when it takes too long.
"""

import argparse
import asyncio
import collections
import faulthandler
import os
import random
import shutil
import signal
import sys
from pathlib import Path

import programs
from checker import Checker
from commander import Commander
from device import Device
from faults import Faults
from network import Network
from tap import Tap
from trace import Trace

QUIET = 2.0  # seconds without anything unfinished before the end
SHOWN = 6  # findings of a rule


class World:
    """What a fault can get hold of."""

    def __init__(self, options):
        self.options = options
        self.trace = Trace()
        self.directory = Path(options.directory)
        self.disk = Path(options.disk) if options.disk else None
        store = None if options.no_store else self.disk or self.directory / "store"
        if store:
            store.mkdir(exist_ok=True)
        # Each part draws from a generator of its own, so that one does not shift the others.
        self.network = Network(random.Random(f"{options.seed} network"))
        self.broker = programs.broker(self.directory, Path(options.memory or self.directory / "broker"),
                                      self.trace)
        self.tap = Tap(self.trace, self.broker.port)
        self.store = store
        self.devices = []

    async def start(self):
        self.broker.start()
        await self.tap.start()
        self.gateway = programs.gateway(self.directory, self.trace, self.tap.port, self.store,
                                        self.options.mqtt)
        self.gateway.start()
        for i in range(self.options.devices):
            self.devices.append(Device(f"device-{i}", ("127.0.0.1", self.gateway.port), self.network,
                                       self.trace, random.Random(f"{self.options.seed} {i}"), i % 2 == 0))
        self.commander = Commander(self.broker.port, self.trace,
                                   random.Random(f"{self.options.seed} commands"),
                                   [device.name for device in self.devices])
        await self.commander.start()
        await asyncio.wait_for(self.tap.subscribed.wait(), 30)

    async def watch(self):
        while True:
            if self.gateway.look():
                await asyncio.sleep(0.2)  # it may try again soon, but not at once
            self.broker.look()
            if self.broker.was_ready():
                self.broker.signal(signal.SIGUSR1)  # mosquitto saves its sessions and their messages
            await asyncio.sleep(0.1)


async def until_finished(world, patience):
    """Waits until nothing is unfinished for a while, or patience is at its end."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    quiet_since = None
    while loop.time() < end:
        await asyncio.sleep(1)
        if Checker(world.trace.events).unfinished():
            quiet_since = None
        elif quiet_since is None:
            quiet_since = loop.time()
        elif loop.time() - quiet_since >= QUIET:
            return


async def run(options):
    world = World(options)
    await world.start()
    watch = asyncio.ensure_future(world.watch())
    lives = [asyncio.ensure_future(device.live()) for device in world.devices]
    commands = asyncio.ensure_future(world.commander.live(options.command_pause))
    faults = Faults(options.faults, world, random.Random(f"{options.seed} faults"))
    plan = asyncio.ensure_future(faults.live(options.fault_pause))
    done, _ = await asyncio.wait([watch, plan, commands, *lives], timeout=options.seconds,
                                 return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()  # only a mistake of the harness ends one of them
    plan.cancel()
    commands.cancel()
    await faults.finish()
    for device in world.devices:
        device.ending = True
    await until_finished(world, options.patience)
    watch.cancel()
    await world.gateway.end()
    await asyncio.sleep(0.5)
    for task in lives:
        task.cancel()
    for device in world.devices:
        device.close()
    world.commander.stop()
    await world.tap.stop()
    await world.broker.end()
    return world


def report(world, findings, figures):
    print("faults      {}: {}".format(figures["faults"], ", ".join(
        f"{kind} {count}" for kind, count in figures["faults_by_kind"].items())))
    print("            {}".format(", ".join(f"{name} {count}"
                                          for name, count in figures["faults_by_name"].items())))
    if figures["refused_starts"]:
        print("            {refused_starts} starts failed on a full disk".format(**figures))
    print("messages    {messages} sent, {acknowledged} acknowledged, {registrations} registrations; "
        "lost: {lost}".format(**figures))
    print("commands    {commands} published, {accepted} accepted by the broker ({lost_by_broker} lost, "
        "{doubled_by_broker} doubled by its kills, {expired_at_broker} expired there), {ended} ended; "
        "without an end: {endless}, doubled finals: {doubled}".format(**figures))
    print("executions  {executed}, again {executed_again}; unannounced: {unannounced}".format(**figures))
    for rule, count in collections.Counter(finding.rule for finding in findings).items():
        print(f"FOUND  {count} {rule}")
        for finding in [finding for finding in findings if finding.rule == rule][:SHOWN]:
            print(f"       {finding.text[:800]}")
    for line in world.gateway.complaints()[:20]:
        print(f"FOUND  sanitizer: {line}")


def arguments():
    parser = argparse.ArgumentParser(prog="test/chaos/run")
    parser.add_argument("--seconds", type=float, default=60, help="how long things fail")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1000000))
    parser.add_argument("--faults", default="gateway,broker,network,disk")
    parser.add_argument("--devices", type=int, default=40)
    parser.add_argument("--fault-pause", type=float, default=0.7, help="mean seconds between faults")
    parser.add_argument("--command-pause", type=float, default=0.1, help="mean seconds between commands")
    parser.add_argument("--patience", type=float, default=90, help="seconds that the end may take")
    parser.add_argument("--mqtt", default="5", choices=["5", "3.1.1"])
    parser.add_argument("--no-store", action="store_true", help="only without gateway and disk faults")
    parser.add_argument("--disk", help=argparse.SUPPRESS)  # where `run` mounted a small file system
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    parser.add_argument("--directory", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.faults = [kind for kind in options.faults.split(",") if kind]
    unknown = set(options.faults) - set(Faults.ALL)
    if unknown:
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}")
    if "disk" in options.faults and not options.disk:
        print("disk faults are left out: a file system cannot be mounted here")
        options.faults.remove("disk")
    return options


def main():
    options = arguments()
    directory = Path(options.directory or programs.ROOT / "build/chaos" / f"seed-{options.seed}")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    options.directory = directory
    print(f"chaos: seed {options.seed}, {options.seconds:g} s, {options.devices} devices, "
          f"faults: {','.join(options.faults)}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # It never hangs, whatever is wrong with it. The programs it started die with it.
    faulthandler.dump_traceback_later(options.seconds + options.patience + 90, exit=True)
    world = asyncio.run(run(options))
    world.trace.save(directory / "trace.jsonl")
    checker = Checker(world.trace.events)
    findings = checker.findings()
    report(world, findings, checker.figures())
    if findings or world.gateway.complaints():
        print(f"FAILED: {len(findings)} findings; seed {options.seed}; see {os.path.relpath(directory)}")
        return 1
    print("ok: nothing that was acknowledged was lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
