"""Writes the messages of .proto files, version 3, as Swift over the module ProtoWire.

usage: print_messages.py SET OUTPUT_FOLDER FILE...

SET is a serialized FileDescriptorSet with all imports. Written are the messages of the FILEs, and what they use of
other files. Every kind of field is covered; groups and extensions, which version 3 does not have, are refused.
"""
import pathlib
import sys

from google.protobuf import descriptor_pb2

from swift_names import camel_case, case_name, field_name, quoted, type_name, type_prefix

FIELD = descriptor_pb2.FieldDescriptorProto
#: By type number: the function of reader and writer, the Swift type, its default.
SCALARS = {
    FIELD.TYPE_DOUBLE: ("double", "Double", "0"), FIELD.TYPE_FLOAT: ("float", "Float", "0"),
    FIELD.TYPE_INT64: ("int64", "Int64", "0"), FIELD.TYPE_UINT64: ("uint64", "UInt64", "0"),
    FIELD.TYPE_INT32: ("int32", "Int32", "0"), FIELD.TYPE_FIXED64: ("fixed64", "UInt64", "0"),
    FIELD.TYPE_FIXED32: ("fixed32", "UInt32", "0"), FIELD.TYPE_BOOL: ("bool", "Bool", "false"),
    FIELD.TYPE_STRING: ("string", "String", '""'), FIELD.TYPE_BYTES: ("bytes", "[UInt8]", "[]"),
    FIELD.TYPE_UINT32: ("uint32", "UInt32", "0"), FIELD.TYPE_SFIXED32: ("sfixed32", "Int32", "0"),
    FIELD.TYPE_SFIXED64: ("sfixed64", "Int64", "0"), FIELD.TYPE_SINT32: ("sint32", "Int32", "0"),
    FIELD.TYPE_SINT64: ("sint64", "Int64", "0"),
}
PLURALS = {"bytes": "byteStrings", "enumeration": "enumerations"}


class Types:
    """Every message and enumeration of a set, by full name with a leading dot."""

    def __init__(self, files):
        self.messages, self.swift, self.file_of = {}, {}, {}
        for file in files:
            if file.syntax != "proto3":
                sys.exit(f"{file.name} is not version 3")
            prefix, scope = type_prefix(file.package), "." + file.package if file.package else ""
            for enum in file.enum_type:
                self.swift[f"{scope}.{enum.name}"] = prefix + enum.name
                self.file_of[f"{scope}.{enum.name}"] = file.name
            for message in file.message_type:
                self._add(message, scope, prefix + message.name, file.name)

    def _add(self, message, scope, swift, file):
        name = f"{scope}.{message.name}"
        if message.extension or message.extension_range:
            sys.exit(f"{name} has extensions")
        self.messages[name], self.swift[name], self.file_of[name] = message, swift, file
        for enum in message.enum_type:
            self.swift[f"{name}.{enum.name}"] = f"{swift}.{type_name(enum.name)}"
            self.file_of[f"{name}.{enum.name}"] = file
        for nested in message.nested_type:
            self._add(nested, name, f"{swift}.{type_name(nested.name)}", file)

    def entry(self, field):
        """The pair of a map field, else None."""
        if field.type != FIELD.TYPE_MESSAGE:
            return None
        message = self.messages[field.type_name]
        return message if message.options.map_entry else None

    def held(self, name):
        """Messages that a value of this message holds in place: neither in a list nor in a map."""
        return {field.type_name for field in self.messages[name].field
                if field.type == FIELD.TYPE_MESSAGE and field.label != FIELD.LABEL_REPEATED}

    def contains_itself(self, name, through):
        """Whether a `through` in a `name` can hold another `name`."""
        seen, rest = set(), [through]
        while rest:
            next_name = rest.pop()
            if next_name == name:
                return True
            if next_name not in seen:
                seen.add(next_name)
                rest += self.held(next_name)
        return False

    def reachable(self, names):
        """The messages and enumerations that these need, themselves among them."""
        seen, rest = set(), list(names)
        while rest:
            name = rest.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in self.messages:
                rest += [field.type_name for field in self.messages[name].field if field.type_name]
        return seen


class Field:
    """A field: how it is kept, read and written."""

    def __init__(self, field, owner, types):
        if field.type == FIELD.TYPE_GROUP:
            sys.exit(f"{owner}.{field.name} is a group")
        self.number, self.plain = field.number, field_name(field.name)
        self.name, self.entry = quoted(self.plain), types.entry(field)
        self.kept = "_" + self.plain
        self.repeated = field.label == FIELD.LABEL_REPEATED
        self.optional, self.oneof = field.proto3_optional, None
        if field.HasField("oneof_index") and not field.proto3_optional:
            self.oneof = types.messages[owner].oneof_decl[field.oneof_index].name
        self.is_message = field.type == FIELD.TYPE_MESSAGE
        if self.is_message:
            self.function, self.type = "message", types.swift[field.type_name]
            self.default = f"{self.type}()"
        elif field.type == FIELD.TYPE_ENUM:
            self.function, self.type = "enumeration", types.swift[field.type_name]
            self.default = f"{self.type}()"
        else:
            self.function, self.type, self.default = SCALARS[field.type]
        self.boxed = (self.is_message and not self.repeated and types.contains_itself(owner, field.type_name))
        if self.entry:
            self.key, self.value = (Field(part, field.type_name, types) for part in self.entry.field)
        self.list = PLURALS.get(self.function, self.function + "s")

    @property
    def always(self):
        return "" if self.is_message else ", always: true"

    def declaration(self):
        if self.entry:
            return [f"package var {self.name}: [{self.key.type}: {self.value.type}] = [:]"]
        if self.repeated:
            return [f"package var {self.name}: [{self.type}] = []"]
        if not self.is_message and not self.optional:
            return [f"package var {self.name}: {self.type} = {self.default}"]
        value, new, kept = "", "newValue", f"{self.type}?"
        if self.boxed:
            value, new, kept = "?.value", "ProtoBox(newValue)", f"ProtoBox<{self.type}>?"
        upper = self.has_name()
        return [
            f"package var {self.name}: {self.type} {{",
            f"    get {{ {self.kept}{value} ?? {self.default} }}",
            f"    set {{ {self.kept} = {new} }}",
            "}",
            f"package var has{upper}: Bool {{ {self.kept} != nil }}",
            f"package mutating func clear{upper}() {{ {self.kept} = nil }}",
            f"private var {self.kept}: {kept}",
        ]

    def has_name(self):
        # `http_extension` is `httpExtension` and `hasHTTPExtension`.
        plain = self.plain.removesuffix("_p")
        first = plain
        for index, letter in enumerate(plain):
            if letter.isupper() or letter.isdigit():
                first = plain[:index]
                break
        head = first.upper() if first in ("url", "http", "https", "id") else first[:1].upper() + first[1:]
        return head + self.plain[len(first):]

    def decoding(self):
        if self.entry:
            return self._map_decoding()
        if self.repeated:
            return [f"try input.{self.list}(&self.{self.plain})"]
        if self.oneof:
            lines = [f"var value: {self.type} = {self.default}"]
            oneof = "self." + field_name(self.oneof)
            if self.is_message:
                lines.append(f"if case .{self.name}(let held)? = {oneof} {{ value = held }}")
            return lines + [f"if try input.{self.function}(&value) {{ {oneof} = .{self.name}(value) }}"]
        if self.is_message or self.optional:
            return [f"var value = self.{self.plain}",
                    f"if try input.{self.function}(&value) {{ self.{self.plain} = value }}"]
        return [f"try input.{self.function}(&self.{self.plain})"]

    def _map_decoding(self):
        if self.key.type == self.value.type == "String":
            return [f"try input.map(&self.{self.plain})"]
        return [
            f"try input.map(&self.{self.plain}, key: {self.key.default}, value: {self.value.default}) "
            "{ (input, key) throws(ProtoError) in",
            f"    try input.{self.key.function}(&key)",
            "} readValue: { (input, value) throws(ProtoError) in",
            f"    try input.{self.value.function}(&value)",
            "}",
        ]

    def encoding(self):
        number = self.number
        if self.entry:
            if self.key.type == self.value.type == "String":
                return [f"output.map({number}, self.{self.plain})"]
            return [f"output.map({number}, self.{self.plain}) {{ $0.{self.key.function}(1, $1{self.key.always}) }} "
                    f"value: {{ $0.{self.value.function}(2, $1{self.value.always}) }}"]
        if self.repeated:
            return [f"output.{self.list}({number}, self.{self.plain})"]
        if self.is_message or self.optional:
            value = ".value" if self.boxed else ""
            return [f"if let value = self.{self.kept} {{ "
                    f"output.{self.function}({number}, value{value}{self.always}) }}"]
        return [f"output.{self.function}({number}, self.{self.plain})"]


class Printer:
    def __init__(self, types):
        self.types, self.lines = types, []

    def put(self, indent, lines):
        self.lines += ["    " * indent + line if line else "" for line in lines]

    def enum(self, enum, name, indent):
        first, cases, aliases = {}, [], []
        for value in enum.value:
            case = case_name(value.name, enum.name)
            if value.number in first:
                if case != first[value.number]:
                    aliases.append((case, first[value.number]))
            else:
                first[value.number] = case
                cases.append((case, value.number))
        self.put(indent, [f"package enum {name}: ProtoEnum {{"])
        self.put(indent + 1, [f"case {quoted(case)}" for case, _ in cases] + ["case UNRECOGNIZED(Int)", ""])
        for case, target in aliases:
            self.put(indent + 1, [f"package static var {quoted(case)}: Self {{ .{quoted(target)} }}"])
        self.put(indent + 1, [f"package init() {{ self = .{quoted(first[0])} }}", "",
                              "package init(rawValue: Int) {", "    switch rawValue {"])
        self.put(indent + 2, [f"case {number}: self = .{quoted(case)}" for case, number in cases])
        self.put(indent + 2, ["default: self = .UNRECOGNIZED(rawValue)", "}"])
        self.put(indent + 1, ["}", "", "package var rawValue: Int {", "    switch self {"])
        self.put(indent + 2, [f"case .{quoted(case)}: {number}" for case, number in cases])
        self.put(indent + 2, ["case .UNRECOGNIZED(let number): number", "}"])
        self.put(indent + 1, ["}"])
        self.put(indent, ["}"])

    def oneof(self, name, fields, indent):
        # A case that leads back to the message itself is kept apart from it.
        word = "indirect enum" if any(field.boxed for field in fields) else "enum"
        kind = "OneOf_" + camel_case(name, upper_first=True)
        self.put(indent, [f"package {word} {kind}: Sendable {{"])
        self.put(indent + 1, [f"case {field.name}({field.type})" for field in fields])
        self.put(indent, ["}", f"package var {quoted(field_name(name))}: {kind}?"])
        for field in fields:
            self.put(indent, [
                f"package var {field.name}: {field.type} {{",
                "    get {",
                f"        if case .{field.name}(let value)? = {quoted(field_name(name))} {{ return value }}",
                f"        return {field.default}",
                "    }",
                f"    set {{ {quoted(field_name(name))} = .{field.name}(newValue) }}",
                "}",
            ])

    def message(self, name, swift, indent, wanted):
        message = self.types.messages[name]
        fields = sorted((Field(field, name, self.types) for field in message.field), key=lambda field: field.number)
        self.put(indent, [f"/// `{name[1:]}`", f"package struct {swift}: Message {{"])
        self.put(indent + 1, [f'package static var protoMessageName: String {{ "{name[1:]}" }}', ""])
        for field in fields:
            if not field.oneof:
                self.put(indent + 1, field.declaration())
        oneofs = {}
        for field in fields:
            if field.oneof:
                oneofs.setdefault(field.oneof, []).append(field)
        for oneof, members in oneofs.items():
            self.oneof(oneof, members, indent + 1)
        self.put(indent + 1, [""] * bool(fields) + ["package init() {}", ""])
        self.decode(fields, indent + 1)
        self.put(0, [""])
        self.encode(fields, indent + 1)
        for enum in message.enum_type:
            if f"{name}.{enum.name}" in wanted:
                self.put(0, [""])
                self.enum(enum, type_name(enum.name), indent + 1)
        for nested in message.nested_type:
            if not nested.options.map_entry and f"{name}.{nested.name}" in wanted:
                self.put(0, [""])
                self.message(f"{name}.{nested.name}", type_name(nested.name), indent + 1, wanted)
        self.put(indent, ["}"])

    def decode(self, fields, indent):
        self.put(indent, ["package mutating func decode(_ input: inout ProtoReader) throws(ProtoError) {"])
        if not fields:
            self.put(indent + 1, ["while try input.nextField() != nil { try input.skip() }"])
        else:
            self.put(indent + 1, ["while let field = try input.nextField() {", "    switch field {"])
            for field in fields:
                self.put(indent + 2, [f"case {field.number}:"])
                self.put(indent + 3, field.decoding())
            self.put(indent + 2, ["default: try input.skip()", "}"])
            self.put(indent + 1, ["}"])
        self.put(indent, ["}"])

    def encode(self, fields, indent):
        self.put(indent, ["package func encode(_ output: inout ProtoWriter) {"])
        rest = list(reversed(fields))
        while rest:
            field = rest.pop(0)
            if not field.oneof:
                self.put(indent + 1, field.encoding())
                continue
            members = [field]
            while rest and rest[0].oneof == field.oneof:
                members.append(rest.pop(0))
            self.put(indent + 1, [f"switch self.{field_name(field.oneof)} {{"])
            self.put(indent + 1, [f"case .{member.name}(let value)?: "
                                  f"output.{member.function}({member.number}, value{member.always})"
                                  for member in members])
            all_of_it = sum(other.oneof == field.oneof for other in fields) == len(members)
            self.put(indent + 1, ["case nil: break" if all_of_it else "default: break", "}"])
        self.put(indent, ["}"])

    def file(self, file, wanted):
        self.put(0, ["// Generated by tools/protos/generate from " + file.name + ". Don't edit.", "",
                     "package import ProtoWire"])
        scope = "." + file.package if file.package else ""
        prefix = type_prefix(file.package)
        for enum in file.enum_type:
            if f"{scope}.{enum.name}" in wanted:
                self.put(0, [""])
                self.enum(enum, prefix + enum.name, 0)
        for message in file.message_type:
            if f"{scope}.{message.name}" in wanted:
                self.put(0, [""])
                self.message(f"{scope}.{message.name}", prefix + message.name, 0, wanted)


def main():
    files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(sys.argv[1]).read_bytes()).file
    folder = pathlib.Path(sys.argv[2])
    chosen = sys.argv[3:]
    missing = set(chosen) - {file.name for file in files}
    if missing:
        sys.exit(f"not in the set: {', '.join(sorted(missing))}")
    types = Types(files)
    wanted = types.reachable(name for name, file in types.file_of.items() if file in chosen)
    # A nested type needs the one around it.
    for name in list(wanted):
        while name.rpartition(".")[0] in types.messages:
            name = name.rpartition(".")[0]
            wanted |= types.reachable([name])
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        if not any(types.file_of[name] == file.name for name in wanted):
            continue
        printer = Printer(types)
        printer.file(file, wanted)
        output = folder / (file.name.removesuffix(".proto").replace("/", "_") + ".pb.swift")
        output.write_text("\n".join(printer.lines) + "\n")


if __name__ == "__main__":
    main()
