"""Our content formats and messages against other people's code: python3-cbor2, Python's json, tshark.

Records are random, from a seed that the report names: LWM2MQTT_SEED and LWM2MQTT_ROUNDS repeat a
failure or look longer. The fixtures are those of test/integration."""

import importlib.util
import pathlib

from content_records import ROUNDS, SEED


def pytest_report_header():
    return f"differential tests: LWM2MQTT_SEED={SEED} LWM2MQTT_ROUNDS={ROUNDS}"


def _integration():
    path = pathlib.Path(__file__).parents[1] / "integration/conftest.py"
    spec = importlib.util.spec_from_file_location("integration_fixtures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_fixtures = _integration()
broker, mqtt, make_gateway = _fixtures.broker, _fixtures.mqtt, _fixtures.make_gateway
gateway, coap, pytest_configure = _fixtures.gateway, _fixtures.coap, _fixtures.pytest_configure
