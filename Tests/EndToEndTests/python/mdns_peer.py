"""Multicast DNS by python-zeroconf, in the terms of Dapr's resolver: the service is the app's id itself.

    mdns_peer.py register ADDRESS APP PORT     registers until SIGTERM, then takes it back
    mdns_peer.py browse ADDRESS APP            a line for each instance that comes ("+ host:port texts") and goes ("-")
    mdns_peer.py attack ADDRESS APP COUNT      sends broken packets about the app to all
"""

import random
import signal
import socket
import struct
import sys
import threading

import zeroconf


def pack(*labels):
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def record(name, kind, data, group=1, ttl=120):
    return name + struct.pack(">HHIH", kind, group, ttl, len(data)) + data


def register(network, app, port):
    info = zeroconf.ServiceInfo(
        f"{app}.local.", f"peer:{port}.{app}.local.", port, addresses=[socket.inet_aton(network[1])], server=f"peer{port}.local.",
        properties={app: None})
    network[0].register_service(info, strict=False, cooperating_responders=True)
    print("registered", flush=True)
    signal.sigwait({signal.SIGTERM})
    network[0].unregister_service(info)


def browse(network, app):
    """By the library's cache: its browser knows names with an underscore alone."""
    ended, seen, peer = threading.Event(), {}, network[0]
    threading.Thread(target=lambda: (signal.sigwait({signal.SIGTERM}), ended.set()), daemon=True).start()

    def newest(name, kind):
        now = zeroconf.current_time_millis()
        found = [one for one in peer.cache.entries_with_name(name) if one.type == kind and not one.is_expired(now)]
        return found[-1] if found else None

    asked = 0
    while not ended.wait(0.05):
        now = zeroconf.current_time_millis()
        if now - asked > 500:
            asked = now
            query = zeroconf.DNSOutgoing(0)
            query.add_question(zeroconf.DNSQuestion(f"{app}.local.", 12, 1))
            peer.send(query)
        names = {one.alias for one in peer.cache.entries_with_name(f"{app}.local.") if one.type == 12 and not one.is_expired(now)}
        for name in names - set(seen):
            service, text = newest(name, 33), newest(name, 16)
            address = service and newest(service.server, 1)
            if service and text and address:
                seen[name] = f"{socket.inet_ntoa(address.address)}:{service.port}"
                print("+", seen[name], text.text, flush=True)
        for name in set(seen) - names:
            print("-", seen.pop(name), flush=True)


def attack(address, app, count):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    sender.bind(("", 5353))
    service, name, host = pack(app, "local"), pack("bad", app, "local"), pack("bad", "local")
    whole = b"\0\0\x84\0\0\0\0\4\0\0\0\0" + record(service, 12, name) + record(name, 33, struct.pack(">HHH", 0, 0, 9) + host) + record(
        name, 16, bytes([len(app)]) + app.encode()) + record(host, 1, socket.inet_aton("203.0.113.9"))
    query = b"\0\0\0\0\0\1\0\0\0\0\0\0" + service + struct.pack(">HH", 12, 1)
    packets = [
        b"", b"\0", b"\0\0\x84\0", b"\0\0\x84\0\xff\xff\xff\xff\xff\xff\xff\xff", b"\0\0\x84\0\0\0\0\1\0\0\0\0\xc0\x0c",
        b"\0\0\x84\0\0\0\0\1\0\0\0\0\xc0\x0e\xc0\x0c" + bytes(10), b"\0\0\x84\0\0\0\0\1\0\0\0\0\xff\xff", b"\0\0\x84\0\0\0\0\1\0\0\0\0\x3fa",
        b"\0\0\x84\0\0\0\0\1\0\0\0\0" + b"\1a\xc0\x0c" + bytes(10),
        b"\0\0\x84\0\0\0\0\1\0\0\0\0" + service + struct.pack(">HHIH", 12, 1, 120, 2) + b"\xc0\xff",
        b"\0\0\x84\0\0\0\0\1\0\0\0\0" + name + struct.pack(">HHIH", 33, 1, 120, 3) + b"\0\0\0",
        b"\0\0\x84\0\0\0\0\1\0\0\0\0" + name + struct.pack(">HHIH", 16, 1, 120, 2) + b"\xff\0",
        b"\0\0\x84\0\0\0\0\1\0\0\0\0" + (b"\x3f" + b"a" * 63) * 5 + b"\0" + bytes(10),
        # Addresses that nobody can be called at.
        b"\0\0\x84\0\0\0\0\3\0\0\0\0" + record(service, 12, name) + record(name, 33, struct.pack(">HHH", 0, 0, 0) + host) + record(
            host, 1, socket.inet_aton("127.0.0.1")),
    ] + [whole[:end] for end in range(len(whole))] + [query[:end] for end in range(len(query))]
    # Of another app, for a packet about this one could be one that anybody may send.
    whole = whole.replace(service[:-7], pack("x" * len(app))[:-1])
    dice = random.Random(11)
    for _ in range(count):
        packet = bytearray(dice.choice((whole, query)))
        for _ in range(dice.randint(1, 12)):
            packet[dice.randrange(len(packet))] = dice.randrange(256)
        packets.append(bytes(packet))
    for packet in packets:
        sender.sendto(packet, ("224.0.0.251", 5353))
    print("sent", len(packets), flush=True)


def main():
    what, address, app = sys.argv[1:4]
    if what == "attack":
        return attack(address, app, int(sys.argv[4]))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    network = (zeroconf.Zeroconf(interfaces=[address], ip_version=zeroconf.IPVersion.V4Only), address)
    if what == "register":
        register(network, app, int(sys.argv[4]))
    else:
        browse(network, app)
    network[0].close()


main()
