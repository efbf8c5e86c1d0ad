"""A DNS server over UDP, of its own making: answers A and AAAA out of a table that is a JSON file, read with each query.

    dns.py PORT_FILE PORT TABLE

{"a.example": {"a": ["127.0.0.1"], "aaaa": ["::1"], "alias": "b.example", "ttl": 1, "status": 0, "drop": 0, "bad": 0}}: `status` is the
answer's code, `drop` leaves so many queries unanswered, `bad` sends so many broken packets before the true answer (each once with the
number of the question). A name that is not in the table does not exist. Prints a line for each query: its name and type.
"""

import json
import random
import socket
import struct
import sys


def packed(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part) + b"\0"


def record(name, kind, ttl, data):
    return name + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def broken(query, answer, question):
    """Packets that nobody should believe, most of them with the right number."""
    number = query[:2]
    head = number + b"\x81\x80\0\1\0\1\0\0\0\0"
    yield b""
    yield number
    yield number + b"\x81\x80\xff\xff\xff\xff\xff\xff\xff\xff"
    yield head
    yield head + b"\xc0\x0c\0\1\0\1"
    yield head + question
    # Names that lead to themselves, to each other, forward, and out of the packet.
    for name in (b"\xc0" + bytes([12 + len(question)]), b"\xc0" + bytes([14 + len(question)]) + b"\xc0" + bytes([12 + len(question)]),
                 b"\xc0\xff", b"\xff\xff", b"\1a\xc0" + bytes([12 + len(question)])):
        yield head + question + name + struct.pack(">HHIH", 1, 1, 60, 4) + b"\x7f\0\0\1"
    yield head + question + b"\x40a\0" + struct.pack(">HHIH", 1, 1, 60, 4) + b"\x7f\0\0\1"
    yield head + question + b"\x3fshort"
    yield head + question + (b"\x3f" + b"a" * 63) * 5 + b"\0" + struct.pack(">HHIH", 1, 1, 60, 4) + b"\x7f\0\0\1"
    for size in (0, 3, 5, 65535):
        yield head + question + b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, size) + b"\x7f\0\0"
    yield head + question + b"\xc0\x0c" + struct.pack(">HHIH", 33, 1, 60, 6) + b"\0\0\0\0\0\1"
    yield head + question + b"\xc0\x0c" + struct.pack(">HHIH", 16, 1, 60, 2) + b"\xff\0"
    # The answer to another question, and to another number.
    yield number + b"\x81\x80\0\1\0\1\0\0\0\0" + b"\1x\0\0\1\0\1" + b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + b"\x0a\0\0\1"
    yield bytes([number[0] ^ 1, number[1]]) + answer[2:]
    # The true answer, cut off and with bytes of it changed; its number is not, so that it is looked at.
    # Few enough that all, of both questions, wait in the socket of who is slow to read them.
    for end in range(0, len(answer), 3):
        yield answer[:end]
    dice = random.Random(7)
    for _ in range(50):
        # Nothing that could be a true answer: the question stays broken.
        wrong = bytearray(answer)
        wrong[12] ^= 1
        for _ in range(dice.randint(1, 8)):
            wrong[dice.randrange(13, len(wrong))] = dice.randrange(256)
        yield bytes(wrong)


def answer(query, table):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]])
        at += query[at] + 1
    kind = struct.unpack(">H", query[at + 1:at + 3])[0]
    question = query[12:at + 5]
    name = b".".join(labels).decode(errors="replace").lower()
    print(name, kind, flush=True)
    entry = table.get(name)
    if entry is None:
        return name, None, query[:2] + b"\x81\x83\0\1\0\0\0\0\0\0" + question, question
    records, owner, ttl = [], b"\xc0\x0c", entry.get("ttl", 1)
    if "alias" in entry:
        records.append(record(owner, 5, ttl, packed(entry["alias"])))
        owner = packed(entry["alias"])
        entry = {**entry, **table.get(entry["alias"], {})}
    if kind == 1:
        records += [record(owner, 1, ttl, socket.inet_pton(socket.AF_INET, text)) for text in entry.get("a", [])]
    if kind == 28:
        records += [record(owner, 28, ttl, socket.inet_pton(socket.AF_INET6, text)) for text in entry.get("aaaa", [])]
    flags = 0x8180 | entry.get("status", 0)
    return name, entry, query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records), question


def main():
    place, port, path = sys.argv[1:4]
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", int(port)))
    with open(place, "w") as file:
        file.write(str(server.getsockname()[1]))
    dropped, spoiled = {}, set()
    while True:
        query, peer = server.recvfrom(65536)
        with open(path) as file:
            table = json.load(file)
        name, entry, reply, question = answer(query, table)
        entry = entry or {}
        if dropped.get(name, 0) < entry.get("drop", 0):
            dropped[name] = dropped.get(name, 0) + 1
            continue
        if entry.get("bad") and (name, question) not in spoiled:
            spoiled.add((name, question))
            for packet in broken(query, reply, question):
                server.sendto(packet, peer)
        server.sendto(reply, peer)


main()
