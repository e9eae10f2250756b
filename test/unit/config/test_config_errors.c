/*
 * What a wrong file is told: position, what was found, what is allowed.
 */
#include "config/config.h"
#include "test/unit/config/fake_environment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

#define MQTT_KEYS                                                                                  \
    "broker, version, client_id, username, password, password_file, tls, keepalive, "              \
    "session_expiry, clean_start, reconnect_min, reconnect_max, max_inflight, max_backlog, "       \
    "backlog_full, drain_rate, mountpoint, topics, content_names"
#define LWM2M_KEYS                                                                                 \
    "listeners, socket_buffer, xml_dir, max_devices, limits, require_echo, lifetime_min, "         \
    "lifetime_max, "                                                                               \
    "qmode_time_window, qmode_overrides, queue_length, queue_attempts, observe_grace, "            \
    "observe_pmax, response_timeout, "                                                             \
    "auto_observe, "                                                                               \
    "update_publish, report_queued, coap, dtls"
#define DURATION "a duration with its unit (500ms, 22s, 5m, 24h)"
#define BROKER                                                                                     \
    "mqtt://host[:port] or mqtts://host[:port] (mqtt.username is a setting of its own), or a "     \
    "list of up to 8"

static const struct {
    const char *yaml, *message;
} cases[] = {
    { "mqtt: {keepalive: 60}", "f:1:19: mqtt.keepalive: found \"60\"; allowed: " DURATION
                               ", 1s to 65535s (did you mean \"60s\"?)" },
    { "mqtt: {keepalive: 5min}", "f:1:19: mqtt.keepalive: found \"5min\"; allowed: " DURATION
                                 ", 1s to 65535s (did you mean \"5m\"?)" },
    { "mqtt: {keepalive: 1d}",
      "f:1:19: mqtt.keepalive: found \"1d\"; allowed: " DURATION ", 1s to 65535s" },
    { "mqtt:\n  keepalive: 0s",
      "f:2:14: mqtt.keepalive: found \"0s\"; allowed: " DURATION ", 1s to 65535s" },
    { "mqtt: {keepalive: [1s]}",
      "f:1:19: mqtt.keepalive: found a list; allowed: " DURATION ", 1s to 65535s" },
    { "mqtt: {keepalive: {a: 1}}",
      "f:1:19: mqtt.keepalive: found a mapping; allowed: " DURATION ", 1s to 65535s" },
    { "mqtt:\n  keepalive:\n",
      "f:2:13: mqtt.keepalive: found nothing; allowed: " DURATION ", 1s to 65535s" },
    { "mqtt: {keepalive: ~}",
      "f:1:19: mqtt.keepalive: found nothing; allowed: " DURATION ", 1s to 65535s" },
    { "mqtt: {keepalve: 60s}",
      "f:1:8: mqtt: found the unknown key \"keepalve\"; allowed: " MQTT_KEYS
      " (did you mean \"keepalive\"?)" },
    { "mqtt: {lifetime_min: 60s}",
      "f:1:8: mqtt: found the unknown key \"lifetime_min\"; allowed: " MQTT_KEYS
      " (did you mean \"lwm2m.lifetime_min\"?)" },
    { "mqtts: {}", "f:1:1: file: found the unknown key \"mqtts\"; allowed: mqtt, lwm2m, security, "
                   "store, log (did you mean \"mqtt\"?)" },
    { "mqtt: {xyz: 1}", "f:1:8: mqtt: found the unknown key \"xyz\"; allowed: " MQTT_KEYS },
    { "keepalive: 60s", "f:1:1: file: found the unknown key \"keepalive\"; allowed: mqtt, lwm2m, "
                        "security, store, log (did you mean \"mqtt.keepalive\"?)" },
    { "mqtt.keepalive: 60s", "f:1:1: file: found the unknown key \"mqtt.keepalive\"; allowed: "
                             "mqtt, lwm2m, security, store, log" },
    { "mqtt: {tls: {ca: x}}", "f:1:14: mqtt.tls: found the unknown key \"ca\"; allowed: ca_file, "
                              "cert_file, key_file, verify" },
    { "'': 1",
      "f:1:1: file: found the unknown key \"\"; allowed: mqtt, lwm2m, security, store, log" },
    { "mqtt: {'': 1}", "f:1:8: mqtt: found the unknown key \"\"; allowed: " MQTT_KEYS },
    { "lwm2m: {max_devices: 0}",
      "f:1:22: lwm2m.max_devices: found \"0\"; allowed: a whole number, 1 to 100000000" },
    { "lwm2m: {max_devices: many}",
      "f:1:22: lwm2m.max_devices: found \"many\"; allowed: a whole number, 1 to 100000000" },
    { "lwm2m: {max_devices: 4294967297}",
      "f:1:22: lwm2m.max_devices: found \"4294967297\"; allowed: a whole number, 1 to 100000000" },
    { "lwm2m: {max_devices: -1}",
      "f:1:22: lwm2m.max_devices: found \"-1\"; allowed: a whole number, 1 to 100000000" },
    { "lwm2m: {max_devices: 1.5}",
      "f:1:22: lwm2m.max_devices: found \"1.5\"; allowed: a whole number, 1 to 100000000" },
    { "lwm2m: {max_devices: 0x10}",
      "f:1:22: lwm2m.max_devices: found \"0x10\"; allowed: a whole number, 1 to 100000000" },
    { "lwm2m: {socket_buffer: 4MB}", "f:1:24: lwm2m.socket_buffer: found \"4MB\"; allowed: a size "
                                     "(4096, 4KiB, 4MiB), 4KiB to 1GiB (did you mean \"4MiB\"?)" },
    { "lwm2m: {socket_buffer: 1}", "f:1:24: lwm2m.socket_buffer: found \"1\"; allowed: a size "
                                   "(4096, 4KiB, 4MiB), 4KiB to 1GiB" },
    { "lwm2m: {socket_buffer: big}", "f:1:24: lwm2m.socket_buffer: found \"big\"; allowed: a size "
                                     "(4096, 4KiB, 4MiB), 4KiB to 1GiB" },
    { "lwm2m: {coap: {ack_random_factor: 0.9}}",
      "f:1:35: lwm2m.coap.ack_random_factor: found \"0.9\"; allowed: a number with up to 3 "
      "decimals, 1.000 to 10.000" },
    { "lwm2m: {coap: {ack_random_factor: fast}}",
      "f:1:35: lwm2m.coap.ack_random_factor: found \"fast\"; allowed: a number with up to 3 "
      "decimals, 1.000 to 10.000" },
    { "lwm2m: {coap: {max_block_size: 1000}}",
      "f:1:32: lwm2m.coap.max_block_size: found \"1000\"; allowed: 16, 32, 64, 128, 256, 512, 1024 "
      "(did you mean \"1024\"?)" },
    { "lwm2m: {coap: 3}", "f:1:15: lwm2m.coap: found a single value; allowed: a mapping of "
                          "ack_timeout, ack_random_factor, max_retransmit, exchange_lifetime, "
                          "max_block_size, max_body_size, max_transfers, max_bodies_size" },
    { "lwm2m: [a]", "f:1:8: lwm2m: found a list; allowed: a mapping of " LWM2M_KEYS },
    { "- a", "f:1:1: file: found a list; allowed: a mapping of mqtt, lwm2m, security, store, log" },
    { "hello", "f:1:1: file: found a single value; allowed: a mapping of mqtt, lwm2m, security, "
               "store, log" },
    { "mqtt: password=hunter2",
      "f:1:7: mqtt: found a single value; allowed: a mapping of " MQTT_KEYS },
    { "mqtt: {clean_start: yes}",
      "f:1:21: mqtt.clean_start: found \"yes\"; allowed: true, false (did you mean \"true\"?)" },
    { "mqtt: {clean_start: True}",
      "f:1:21: mqtt.clean_start: found \"True\"; allowed: true, false (did you mean \"true\"?)" },
    { "mqtt: {clean_start: 2}", "f:1:21: mqtt.clean_start: found \"2\"; allowed: true, false" },
    { "mqtt: {version: 3.1}",
      "f:1:17: mqtt.version: found \"3.1\"; allowed: 5, 3.1.1 (did you mean \"3.1.1\"?)" },
    { "mqtt: {version: 4}", "f:1:17: mqtt.version: found \"4\"; allowed: 5, 3.1.1" },
    { "log: {level: inof}", "f:1:14: log.level: found \"inof\"; allowed: error, warn, info, debug, "
                            "trace (did you mean \"info\"?)" },
    { "log: {level: WARN}", "f:1:14: log.level: found \"WARN\"; allowed: error, warn, info, debug, "
                            "trace (did you mean \"warn\"?)" },
    { "mqtt: {client_id: ''}",
      "f:1:19: mqtt.client_id: found \"\"; allowed: 1 to 1024 bytes of text" },
    { "mqtt: {client_id: [a]}",
      "f:1:19: mqtt.client_id: found a list; allowed: 1 to 1024 bytes of text" },
    { "mqtt: {client_id: \"a\\0b\"}", "f:1:19: found a NUL character; allowed: text without" },
    { "mqtt: {broker: 127.0.0.1}", "f:1:16: mqtt.broker: found \"127.0.0.1\"; allowed: " BROKER
                                   " (did you mean \"mqtt://127.0.0.1\"?)" },
    { "mqtt: {broker: []}", "f:1:16: mqtt.broker: found 0 items; allowed: 1 to 8" },
    { "mqtt: {broker: [mqtt://a, http://b]}",
      "f:1:27: mqtt.broker[1]: found \"http://b\"; allowed: " BROKER },
    { "mqtt: {broker: {a: b}}", "f:1:16: mqtt.broker: found a mapping; allowed: " BROKER },
    { "mqtt: {broker: 'mqtt://gw:hunter2@host'}",
      "f:1:16: mqtt.broker: found a text with @; allowed: " BROKER },
    { "mqtt: {broker: ['mqtt://gw:hunter2@host']}",
      "f:1:17: mqtt.broker[0]: found a text with @; allowed: " BROKER },
    { "mqtt: {broker: "
      "[mqtt://a,mqtt://a,mqtt://a,mqtt://a,mqtt://a,mqtt://a,mqtt://a,mqtt://a,mqtt://a]}",
      "f:1:16: mqtt.broker: found 9 items; allowed: 1 to 8" },
    { "mqtt: {password: [hunter2]}",
      "f:1:18: mqtt.password: found a list; allowed: up to 65535 bytes of text" },
    { "mqtt: {password: '${env:NOPE}'}",
      "f:1:18: mqtt.password: the environment variable NOPE is not set" },
    { "mqtt: {password: '${env:}'}", "f:1:18: mqtt.password: found ${env: without the name of a "
                                     "variable and }; allowed: ${env:NAME}" },
    { "mqtt: {password: '${env:MQTT_PASSWORD'}", "f:1:18: mqtt.password: found ${env: without the "
                                                 "name of a variable and }; allowed: ${env:NAME}" },
    { "mqtt: {password: '${env:A B}'}", "f:1:18: mqtt.password: found ${env: without the name of a "
                                        "variable and }; allowed: ${env:NAME}" },
    { "mqtt: {password: '${env:1}'}", "f:1:18: mqtt.password: found ${env: without the name of a "
                                      "variable and }; allowed: ${env:NAME}" },
    { "mqtt: {keepalive: '${env:BAD}'}",
      "f:1:19: mqtt.keepalive: found \"${env:BAD}\"; allowed: " DURATION ", 1s to 65535s" },
    { "mqtt: {broker: 'mqtt://${env:BAD}:x'}",
      "f:1:16: mqtt.broker: found \"mqtt://${env:BAD}:x\"; allowed: " BROKER },
    { "mqtt: {password_file: missing}", "f:1:23: mqtt.password_file: the file cannot be read: No "
                                        "such file or directory; allowed: a readable file" },
    { "mqtt: {password_file: empty}",
      "f:1:23: mqtt.password_file: the first line of the file is empty; allowed: the password" },
    { "mqtt: {password_file: long}",
      "f:1:23: mqtt.password_file: the first line of the file is too long; allowed: 4095 bytes" },
    { "mqtt: {password: hunter2, password_file: f}",
      "f:1:42: mqtt.password_file: found beside mqtt.password; allowed: one of the two" },
    { "mqtt: {version: 3.1.1, password: hunter2}",
      "f:1:34: mqtt.password: found without mqtt.username; allowed in MQTT 3.1.1: both" },
    { "mqtt: {version: 3.1.1, password_file: f}",
      "f:1:39: mqtt.password_file: found without mqtt.username; allowed in MQTT 3.1.1: both" },
    { "mqtt: {tls: {ca_file: missing.pem}, broker: mqtts://a}",
      "f:1:23: mqtt.tls.ca_file: found \"missing.pem\": No such file or directory; allowed: a "
      "readable file" },
    { "mqtt: {tls: {ca_file: a}}",
      "f:1:23: mqtt.tls.ca_file: found with no mqtts:// in mqtt.broker, so nothing would be "
      "encrypted; allowed: with mqtt.broker: mqtts://…" },
    { "mqtt: {broker: mqtts://a, tls: {cert_file: c}}",
      "f:1:44: mqtt.tls.cert_file: found without mqtt.tls.key_file; allowed: both or none" },
    { "mqtt: {broker: mqtts://a, tls: {key_file: c}}",
      "f:1:43: mqtt.tls.key_file: found without mqtt.tls.cert_file; allowed: both or none" },
    { "security: {cert_file: c}",
      "f:1:23: security.cert_file: found without security.key_file; allowed: both or none" },
    { "security: {cert_file: c, key_file: k}",
      "f:1:23: security.cert_file: found without security.ca_file; allowed: both" },
    { "security: {ca_file: c}",
      "f:1:21: security.ca_file: found without security.cert_file; allowed: both" },
    { "security: {crl_file: c}",
      "f:1:22: security.crl_file: found without security.ca_file; allowed: both" },
    { "security: {ciphersuites: TLS_PSK_WITH_AES_128_CCM_8}",
      "f:1:26: security.ciphersuites: found \"TLS_PSK_WITH_AES_128_CCM_8\"; allowed: a list of up "
      "to 64 names" },
    { "mqtt: {topics: {command: {topic: dn/all}}}",
      "f:1:34: mqtt.topics.command: found no ${endpoint_name} in the topic or in mqtt.mountpoint, "
      "so every device would get every command; allowed: dn/${endpoint_name}" },
    { "mqtt: {topics: {command: {topic: dn/#}}}",
      "f:1:34: mqtt.topics.command: found no ${endpoint_name} in the topic or in mqtt.mountpoint, "
      "so every device would get every command; allowed: dn/${endpoint_name}" },
    { "mqtt: {topics: {command: {topic: dn/+}}}",
      "f:1:34: mqtt.topics.command: found the wildcard +; allowed: # as the last level, "
      "${endpoint_name} in place of +" },
    { "mqtt: {topics: {command: {topic: 'dn/x-%e'}}}",
      "f:1:34: mqtt.topics.command: found ${endpoint_name} as a part of a level; allowed: a level "
      "of its own, as in dn/${endpoint_name}/cmd" },
    { "mqtt: {topics: {command: {topic: 'dn/%e%e'}}}",
      "f:1:34: mqtt.topics.command: found ${endpoint_name} as a part of a level; allowed: a level "
      "of its own, as in dn/${endpoint_name}/cmd" },
    { "mqtt: {topics: {command: {topic: 'dn/%e/a#'}}}",
      "f:1:34: mqtt.topics.command: found the wildcard #; allowed: # as the last level, "
      "${endpoint_name} in place of +" },
    { "mqtt: {topics: {command: {topic: 'dn/${peerhost}/%e'}}}",
      "f:1:34: mqtt.topics.command: found the placeholder \"${peerhost}\"; allowed here: "
      "${endpoint_name}, %e" },
    { "mqtt: {topics: {command: dn/#}}",
      "f:1:26: mqtt.topics.command: found \"dn/#\"; allowed: {topic: \"a/topic\", qos: 0 to 2}, "
      "each may be left out" },
    { "mqtt: {topics: {command: {topic: dn/%e, qos: 3}}}",
      "f:1:46: mqtt.topics.command.qos: found \"3\"; allowed: a whole number, 0 to 2" },
    { "mqtt: {topics: {command: {topik: dn/%e}}}",
      "f:1:27: mqtt.topics.command: found the unknown key \"topik\"; allowed: topic, qos (did you "
      "mean \"topic\"?)" },
    { "mqtt: {topics: {comand: {topic: dn/%e}}}",
      "f:1:17: mqtt.topics: found the unknown key \"comand\"; allowed: command, response, "
      "register, update, deregister, notify, send, status (did you mean \"command\"?)" },
    { "mqtt: {topics: {notify: {topic: ''}}}",
      "f:1:33: mqtt.topics.notify: found an empty topic; allowed: at least one character" },
    { "mqtt: {topics: {notify: {topic: up/#}}}",
      "f:1:33: mqtt.topics.notify: found the wildcard #; allowed: a topic without + and #" },
    { "mqtt: {topics: {notify: {topic: up/+}}}",
      "f:1:33: mqtt.topics.notify: found the wildcard +; allowed: a topic without + and #" },
    { "mqtt: {topics: {notify: {topic: 'up/${foo}'}}}",
      "f:1:33: mqtt.topics.notify: found the placeholder \"${foo}\"; allowed here: "
      "${endpoint_name}, %e, ${peerhost}" },
    { "mqtt: {topics: {notify: {topic: 'up/${foo'}}}",
      "f:1:33: mqtt.topics.notify: found the placeholder \"${foo\"; allowed here: "
      "${endpoint_name}, %e, ${peerhost}" },
    { "mqtt: {topics: {notify: {topic: 'up/${client_id}'}}}",
      "f:1:33: mqtt.topics.notify: found the placeholder \"${client_id}\"; allowed here: "
      "${endpoint_name}, %e, ${peerhost}" },
    { "mqtt: {topics: {notify: {topic: $SYS/x}}}",
      "f:1:33: mqtt.topics.notify: found a topic that begins with $; allowed: others, these belong "
      "to the broker" },
    { "mqtt: {topics: {notify: {topic: \"a\\tb\"}}}",
      "f:1:33: mqtt.topics.notify: found a control character or broken UTF-8; allowed: readable "
      "text" },
    { "mqtt: {topics: {notify: {topic: 'dn/resp'}}}",
      "f:1:33: mqtt.topics.notify: found a topic that mqtt.topics.command receives, so the gateway "
      "would take its own messages for commands; allowed: another" },
    { "mqtt: {topics: {notify: {topic: '${env:LATIN1}'}}}",
      "f:1:33: mqtt.topics.notify: found a control character or broken UTF-8; allowed: readable "
      "text" },
    { "mqtt: {topics: {status: {topic: 's/%e'}}}",
      "f:1:33: mqtt.topics.status: found the placeholder \"%e\"; allowed here: ${client_id}" },
    { "mqtt: {client_id: a+b}", "f:1:19: mqtt.client_id: found + or #, which mqtt.topics.status "
                                "cannot hold; allowed: a name without" },
    { "mqtt: {mountpoint: 'a/+/'}",
      "f:1:20: mqtt.mountpoint: found the wildcard +; allowed: a topic without + and #" },
    { "mqtt: {mountpoint: '${peerhost}/'}", "f:1:20: mqtt.mountpoint: found the placeholder "
                                            "\"${peerhost}\"; allowed here: ${endpoint_name}, %e" },
    { "mqtt:\n  mountpoint: '%e'\n",
      "f:2:15: mqtt.topics.command: found ${endpoint_name} as a part of a level; allowed: a level "
      "of its own, as in dn/${endpoint_name}/cmd" },
    { "mqtt: {mountpoint: 'x${endpoint_name}/', topics: {command: {topic: dn/#}}}",
      "f:1:68: mqtt.topics.command: found ${endpoint_name} as a part of a level; allowed: a level "
      "of its own, as in dn/${endpoint_name}/cmd" },
    { "mqtt: {topics: {command: {topic: '%e/#'}, response: {topic: '%e/up'}}}",
      "f:1:61: mqtt.topics.response: found a topic that mqtt.topics.command receives, so the "
      "gateway would take its own messages for commands; allowed: another" },
    { "lwm2m: {listeners: []}", "f:1:20: lwm2m.listeners: found 0 items; allowed: 1 to 16" },
    { "lwm2m: {listeners: udp}", "f:1:20: lwm2m.listeners: found \"udp\"; allowed: a list of up to "
                                 "16 {transport: udp, bind: \"[::]:5783\"}" },
    { "lwm2m: {listeners: [udp]}",
      "f:1:21: lwm2m.listeners[0]: found a single value; allowed: a mapping of transport, bind" },
    { "lwm2m: {listeners: [{transport: udp}]}",
      "f:1:21: lwm2m.listeners[0].bind: is missing; allowed: address:port, where the address is "
      "IPv4, [IPv6] or *" },
    { "lwm2m: {listeners: [{}]}",
      "f:1:21: lwm2m.listeners[0].transport: is missing; allowed: udp, dtls" },
    { "lwm2m: {listeners: [~]}",
      "f:1:21: lwm2m.listeners[0].transport: is missing; allowed: udp, dtls" },
    { "lwm2m:\n  listeners:\n    - {transport: upd, bind: '*:1'}\n    - {transport: udp, bind: "
      "localhost}\n    - {transport: udp, bind: '*:1', x: 1}",
      "f:3:19: lwm2m.listeners[0].transport: found \"upd\"; allowed: udp, dtls (did you mean "
      "\"udp\"?)" },
    { "lwm2m: {listeners: [{transport: dtls, bind: '*:1'}]}",
      "f:1:21: lwm2m.listeners: found transport dtls without credentials; allowed: with "
      "security.psk_file or security.cert_file" },
    { "lwm2m: {listeners: [{transport: udp, bind: '*:1'}, {transport: udp, bind: '*:1'}]}",
      "f:1:52: lwm2m.listeners: found the address of listener 1 again; allowed: each once" },
    { "lwm2m: {qmode_overrides: [{endpoint: '', time_window: 1s}]}",
      "f:1:38: lwm2m.qmode_overrides[0].endpoint: found \"\"; allowed: 1 to 1024 bytes of text" },
    { "lwm2m: {qmode_overrides: [{endpoint: a}]}",
      "f:1:27: lwm2m.qmode_overrides[0].time_window: is missing; allowed: " DURATION
      ", 100ms to 24h" },
    { "lwm2m: {qmode_overrides: [{endpoint: a, time_window: 10}]}",
      "f:1:54: lwm2m.qmode_overrides[0].time_window: found \"10\"; allowed: " DURATION
      ", 100ms to 24h (did you mean \"10s\"?)" },
    { "lwm2m: {qmode_overrides: {endpoint: a, time_window: 10s}}",
      "f:1:26: lwm2m.qmode_overrides: found a mapping; allowed: a list of up to 1024 {endpoint: "
      "\"pattern*\", time_window: 10s}" },
    { "lwm2m: {auto_observe: yes}",
      "f:1:23: lwm2m.auto_observe: found \"yes\"; allowed: true, false, or a list of up to 1024 "
      "paths (did you mean \"true\"?)" },
    { "lwm2m: {auto_observe: /3/0}",
      "f:1:23: lwm2m.auto_observe: found \"/3/0\"; allowed: true, false, or a list of up to 1024 "
      "paths (did you mean \"[/3/0]\"?)" },
    { "lwm2m: {auto_observe: [/3/x]}",
      "f:1:24: lwm2m.auto_observe[0]: found \"/3/x\"; allowed: a path such as /3, /3/0 or /3/0/9" },
    { "lwm2m: {auto_observe: {a: b}}", "f:1:23: lwm2m.auto_observe: found a mapping; allowed: "
                                       "true, false, or a list of up to 1024 paths" },
    { "lwm2m: {auto_observe: [[a]]}",
      "f:1:24: lwm2m.auto_observe[0]: found a list; allowed: a path such as /3, /3/0 or /3/0/9" },
    { "lwm2m: {auto_observe: [/3, ~]}",
      "f:1:28: lwm2m.auto_observe[1]: found nothing; allowed: a path such as /3, /3/0 or /3/0/9" },
    { "lwm2m: {lifetime_min: 2h, lifetime_max: 1h}",
      "f:1:23: lwm2m.lifetime_min: found lwm2m.lifetime_min of 2h above lwm2m.lifetime_max of 1h; "
      "allowed: the other way round" },
    { "lwm2m: {lifetime_max: 10s}",
      "f:1:23: lwm2m.lifetime_max: found lwm2m.lifetime_min of 15s above lwm2m.lifetime_max of "
      "10s; allowed: the other way round" },
    { "lwm2m: {lifetime_min: 48h}",
      "f:1:23: lwm2m.lifetime_min: found lwm2m.lifetime_min of 48h above lwm2m.lifetime_max of "
      "24h; allowed: the other way round" },
    { "mqtt: {reconnect_min: 61s}",
      "f:1:23: mqtt.reconnect_min: found mqtt.reconnect_min of 61s above mqtt.reconnect_max of 1m; "
      "allowed: the other way round" },
    { "lwm2m: {xml_dir: missing}", "f:1:18: lwm2m.xml_dir: found \"missing\": No such file or "
                                   "directory; allowed: a readable directory" },
    { "lwm2m: {update_publish: allways}",
      "f:1:25: lwm2m.update_publish: found \"allways\"; allowed: always, object_list_changed (did "
      "you mean \"always\"?)" },
    { "mqtt: {a: 1, a: 2}", "f:1:14: \"a\" is here for the second time; allowed: once" },
    { "mqtt: {}\nmqtt: {}", "f:2:1: \"mqtt\" is here for the second time; allowed: once" },
    { "mqtt: &a {}", "f:1:7: found an anchor (&), an alias (*) or a tag (!); allowed: plain values "
                     "(a text that begins so needs quotes)" },
    { "mqtt: *a", "f:1:7: found an anchor (&), an alias (*) or a tag (!); allowed: plain values (a "
                  "text that begins so needs quotes)" },
    { "mqtt: !!map {}", "f:1:7: found an anchor (&), an alias (*) or a tag (!); allowed: plain "
                        "values (a text that begins so needs quotes)" },
    { "mqtt: !x {}", "f:1:7: found an anchor (&), an alias (*) or a tag (!); allowed: plain values "
                     "(a text that begins so needs quotes)" },
    { "a: b\n---\nc: d", "f:2:1: found a second document (---); allowed: one" },
    { "mqtt: {keepalive: 60s",
      "f:2:1: this is not YAML: did not find expected ',' or '}' while parsing a flow mapping" },
    { "mqtt:\n\tkeepalive: 60s",
      "f:2:1: this is not YAML: found character that cannot start any token while scanning for the "
      "next token (indentation is blanks, not tabs)" },
    { "mqtt: [a: b: c]",
      "f:1:12: this is not YAML: did not find expected ',' or ']' while parsing a flow sequence" },
    { "? [a]\n: b", "f:1:3: found a list or a mapping as a key; allowed: a name" },
    { "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "f:1:13: lists and mappings are nested too deeply" },
    { "mqtt: \"\001\"", "f:1:8: this is not YAML: control characters are not allowed" },
    { "\"\\xZZ\"", "f:1:4: this is not YAML: did not find expected hexdecimal number while parsing "
                   "a quoted scalar" },
    { "mqtt: {keepalive: 60, version: 6, x: 1, y: 2, z: 3, u: 4, v: 5, w: 6, q: 7, r: 8, s: 9, t: "
      "0}",
      "f:1:19: mqtt.keepalive: found \"60\"; allowed: " DURATION
      ", 1s to 65535s (did you mean \"60s\"?)" },
    { "mqtt: {\"a\\e[2J\": 1}",
      "f:1:8: mqtt: found the unknown key \"a\\x1b[2J\"; allowed: " MQTT_KEYS },
    { "mqtt: {topics: {command: {topic: 'dn/${endpoint_nam}'}}}",
      "f:1:34: mqtt.topics.command: found the placeholder \"${endpoint_nam}\"; allowed here: "
      "${endpoint_name}, %e" },
};

/* Loads a text that must be wrong. */
static void refuse(const char *text, struct config_error *error)
{
    static const struct config nothing = { 0 };
    struct config config;
    int err = config_load_text("f", text, strlen(text), &fake_environment, &config, error);
    if (err != -EBADMSG) {
        fail_msg("%d for:\n%s", err, text);
    }
    assert_true(error->count > 0);
    assert_memory_equal(&config, &nothing, sizeof config);
}

static void wrong_files_are_told_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct config_error error;
        refuse(cases[i].yaml, &error);
        if (strcmp(error.messages[0], cases[i].message) != 0) {
            fail_msg("%s\nis told\n%s\nnot\n%s", cases[i].yaml, error.messages[0],
                     cases[i].message);
        }
    }
}

static void no_message_repeats_a_secret(void **state)
{
    static const char *const texts[] = {
        "mqtt: {password: hunter2, password_file: x}",
        "mqtt: {password: [hunter2]}",
        "mqtt: {password: {hunter2: x}}",
        "mqtt: {version: 3.1.1, password: hunter2}",
        "mqtt: {version: 3.1.1, password: '${env:MQTT_PASSWORD}'}",
        "mqtt: password=hunter2",
        "mqtt: {passwort: hunter2}",
        "mqtt: {broker: 'mqtt://gw:hunter2@host'}",
        "mqtt: {broker: 'gw:hunter2@host'}",
        "mqtt: {broker: ['mqtts://gw:hunter2@host']}",
        "mqtt: {broker: '${env:MQTT_PASSWORD}'}",
        "mqtt: {keepalive: '${env:MQTT_PASSWORD}'}",
        "mqtt: {version: '${env:MQTT_PASSWORD}'}",
        "mqtt: {topics: {notify: {topic: '${env:MQTT_PASSWORD}/+'}}}",
        "lwm2m: {auto_observe: '${env:MQTT_PASSWORD}'}",
        "lwm2m: {auto_observe: ['${env:MQTT_PASSWORD}']}",
        "lwm2m: {xml_dir: 'missing/${env:MQTT_PASSWORD}'}",
        "lwm2m: {listeners: [{transport: udp, bind: '${env:MQTT_PASSWORD}'}]}",
        "mqtt: {password_file: secret, password: ''}",
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct config_error error;
        refuse(texts[i], &error);
        for (size_t j = 0; j < error.count; j++) {
            assert_null(strstr(error.messages[j], "hunter"));
            assert_null(strstr(error.messages[j], "from-file"));
        }
    }
}

static void over_long_passwords_are_not_repeated(void **state)
{
    static char text[70000] = "mqtt: {password: ";
    struct config_error error;
    size_t begin = strlen(text);
    (void)state;
    memset(text + begin, 'x', 65536);
    text[begin + 65536] = '}';
    refuse(text, &error);
    assert_null(strstr(error.messages[0], "xxx"));
}

static void messages_come_in_the_order_of_the_file_and_are_bounded(void **state)
{
    struct config_error error;
    (void)state;
    refuse("lwm2m: {max_devices: x, queue_length: y}\nmqtt: {version: z}", &error);
    assert_int_equal(error.count, 3);
    assert_non_null(strstr(error.messages[0], "f:1:22: lwm2m.max_devices"));
    assert_non_null(strstr(error.messages[1], "f:1:39: lwm2m.queue_length"));
    assert_non_null(strstr(error.messages[2], "f:2:17: mqtt.version"));
    refuse("{a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8, i: 9, j: 10, k: 11, l: 12}", &error);
    assert_int_equal(error.count, CONFIG_ERRORS_MAX);
    assert_non_null(strstr(error.messages[CONFIG_ERRORS_MAX - 1], "\"j\""));
}

static int nothing_is_readable(const char *path, bool directory)
{
    (void)path;
    (void)directory;
    return -EACCES;
}

static void a_default_at_fault_is_called_a_default(void **state)
{
    struct config_environment environment = fake_environment;
    struct config config;
    struct config_error error;
    (void)state;
    environment.readable = nothing_is_readable;
    assert_int_equal(config_load_text("f", "{}", 2, &environment, &config, &error), -EBADMSG);
    assert_int_equal(error.count, 1);
    assert_non_null(strstr(error.messages[0], "f:1:1: lwm2m.xml_dir: found the default \"/"));
    assert_non_null(strstr(error.messages[0], "Permission denied; allowed: a readable directory"));
    static const char none[] = "lwm2m: {xml_dir: ''}";
    assert_int_equal(config_load_text("f", none, strlen(none), &environment, &config, &error), 0);
    config_deinit(&config);
}

static void values_are_bounded_in_number(void **state)
{
    static char text[100000] = "lwm2m: {auto_observe: [";
    struct config_error error;
    size_t len = strlen(text);
    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        memcpy(text + len, "/3, ", 4);
        len += 4;
    }
    memcpy(text + len, "]}", 3);
    refuse(text, &error);
    assert_non_null(strstr(error.messages[0], "the file holds too many values"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_files_are_told_why),
        cmocka_unit_test(no_message_repeats_a_secret),
        cmocka_unit_test(over_long_passwords_are_not_repeated),
        cmocka_unit_test(messages_come_in_the_order_of_the_file_and_are_bounded),
        cmocka_unit_test(a_default_at_fault_is_called_a_default),
        cmocka_unit_test(values_are_bounded_in_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
