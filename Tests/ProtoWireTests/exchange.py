"""Random messages to and from the Python implementation of protocol buffers.

usage: exchange.py make SET NAMES SEED COUNT OUTPUT      messages, right ones and damaged ones
       exchange.py check SET INPUT ANSWERS               what the other side made of them

A record is a length of four bytes and as many bytes. SET is a serialized FileDescriptorSet; NAMES has a message's name
on each line. INPUT has two records a message: its name and its bytes. ANSWERS has one: a byte that says whether the
message was read, and then the message as it was written again.
"""
import random
import struct
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory, unknown_fields

FIELD = descriptor_pb2.FieldDescriptorProto
LIMITS = {
    FIELD.TYPE_INT32: (-2**31, 2**31 - 1), FIELD.TYPE_SINT32: (-2**31, 2**31 - 1), FIELD.TYPE_SFIXED32: (-2**31, 2**31 - 1),
    FIELD.TYPE_INT64: (-2**63, 2**63 - 1), FIELD.TYPE_SINT64: (-2**63, 2**63 - 1), FIELD.TYPE_SFIXED64: (-2**63, 2**63 - 1),
    FIELD.TYPE_UINT32: (0, 2**32 - 1), FIELD.TYPE_FIXED32: (0, 2**32 - 1),
    FIELD.TYPE_UINT64: (0, 2**64 - 1), FIELD.TYPE_FIXED64: (0, 2**64 - 1),
}


def pool_of(path):
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(open(path, "rb").read()).file:
        pool.Add(file)
    return pool


def class_of(pool, name):
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def value_of(field, rng):
    if field.type in LIMITS:
        low, high = LIMITS[field.type]
        return rng.choice([0, 1, low, high, rng.randint(low, high), rng.randint(max(low, -300), 300)])
    if field.type == FIELD.TYPE_BOOL:
        return rng.random() < 0.5
    if field.type in (FIELD.TYPE_DOUBLE, FIELD.TYPE_FLOAT):
        return rng.choice([0.0, -0.0, 0.5, -1.25, 1e10, float("inf")])
    if field.type == FIELD.TYPE_STRING:
        return "".join(rng.choice("aZ0 ü€𝄞\0") for _ in range(rng.choice([0, 1, 3, 200])))
    if field.type == FIELD.TYPE_BYTES:
        return rng.randbytes(rng.choice([0, 1, 9, 130]))
    numbers = [value.number for value in field.enum_type.values]
    return rng.choice(numbers + [rng.randint(-2**31, 2**31 - 1)])


def fill(target, rng, depth=0):
    for field in target.DESCRIPTOR.fields:
        if rng.random() < 0.4 or depth > 3:
            continue
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == FIELD.LABEL_REPEATED
        if is_map:
            values = getattr(target, field.name)
            key, value = field.message_type.fields_by_number[1], field.message_type.fields_by_number[2]
            for _ in range(rng.randint(0, 3)):
                if value.message_type is not None:
                    fill(values[value_of(key, rng)], rng, depth + 1)
                else:
                    values[value_of(key, rng)] = value_of(value, rng)
        elif repeated and field.message_type is not None:
            for _ in range(rng.randint(0, 3)):
                fill(getattr(target, field.name).add(), rng, depth + 1)
        elif repeated:
            getattr(target, field.name).extend(value_of(field, rng) for _ in range(rng.choice([0, 1, 5, 70])))
        elif field.message_type is not None:
            getattr(target, field.name).SetInParent()
            fill(getattr(target, field.name), rng, depth + 1)
        else:
            setattr(target, field.name, value_of(field, rng))


def damaged(data, rng):
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        kind = rng.randrange(4)
        at = rng.randint(0, len(data))
        if kind == 0:
            del data[at:]
        elif kind == 1:
            data[at:at] = rng.randbytes(rng.randint(1, 4))
        elif kind == 2:
            del data[at:at + rng.randint(1, 4)]
        elif at < len(data):
            data[at] = rng.randrange(256)
    return bytes(data)


def write(out, data):
    out.write(struct.pack("<I", len(data)) + data)


def records(path):
    data, at = open(path, "rb").read(), 0
    while at < len(data):
        size, = struct.unpack_from("<I", data, at)
        yield data[at + 4:at + 4 + size]
        at += 4 + size


def make(set_path, names_path, seed, count, output):
    pool, rng = pool_of(set_path), random.Random(int(seed))
    names = open(names_path).read().split()
    with open(output, "wb") as out:
        for name in names:
            for index in range(int(count)):
                made = class_of(pool, name)()
                fill(made, rng)
                data = made.SerializeToString()
                write(out, name.encode())
                write(out, damaged(data, rng) if index % 2 else data)


def is_disputed(made):
    """Whether this implementation reads what others, we among them, read differently: it takes field number 0 for a field,
    and keeps a map's pair with more than key and value as an unknown field."""
    for unknown in unknown_fields.UnknownFieldSet(made):
        field = made.DESCRIPTOR.fields_by_number.get(unknown.field_number)
        if unknown.field_number == 0:
            return True
        if field is not None and field.message_type is not None and field.message_type.GetOptions().map_entry:
            return True
    for field, value in made.ListFields():
        if field.message_type is None:
            continue
        parts = value.values() if field.message_type.GetOptions().map_entry else value
        for part in [value] if isinstance(value, message.Message) else parts:
            if isinstance(part, message.Message) and is_disputed(part):
                return True
    return False


def check(set_path, given_path, answers_path):
    pool = pool_of(set_path)
    given, answers = list(records(given_path)), list(records(answers_path))
    wrong = accepted = refused = 0
    if len(given) != 2 * len(answers):
        sys.exit(f"{len(given) // 2} messages, {len(answers)} answers")
    for index, answer in enumerate(answers):
        name, data = given[2 * index].decode(), given[2 * index + 1]
        made = class_of(pool, name)()
        try:
            made.ParseFromString(data)
            if is_disputed(made):
                continue
            made.DiscardUnknownFields()
            good = True
        except message.DecodeError:
            good = False
        accepted, refused = accepted + good, refused + (not good)
        if good != (answer[:1] == b"\1"):
            problem = "was refused" if good else "was read, but Python refuses it"
        elif good:
            again = class_of(pool, name)()
            again.ParseFromString(answer[1:])
            # By their bytes: unlike ==, that tells minus zero and zero apart.
            if again.SerializeToString(deterministic=True) == made.SerializeToString(deterministic=True):
                continue
            problem = f"was changed:\n{made}\nbecame\n{again}"
        else:
            continue
        wrong += 1
        if wrong <= 5:
            print(f"{name} {data.hex()} {problem}")
    print(f"{accepted} accepted, {refused} refused, {wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
