"""Prints .proto files from the descriptors of installed Python packages: names, numbers and types, nothing else.

usage: print_protos.py OUTPUT_FOLDER MODULE...
"""
import importlib
import pathlib
import sys

from google.protobuf import descriptor_pb2

TYPES = {
    1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool", 9: "string",
    12: "bytes", 13: "uint32", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64",
}


def type_name(field):
    return field.type_name if field.type in (10, 11, 14) else TYPES[field.type]


def map_entry(field, message):
    for nested in message.nested_type:
        if nested.options.map_entry and field.type_name.endswith("." + nested.name):
            return nested
    return None


def default_json_name(name):
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def print_field(out, indent, field, message):
    entry = map_entry(field, message)
    if entry:
        label, kind = "", f"map<{type_name(entry.field[0])}, {type_name(entry.field[1])}>"
    else:
        label = "repeated " if field.label == 3 else "optional " if field.proto3_optional else ""
        kind = type_name(field)
    options = []
    if field.json_name and field.json_name != default_json_name(field.name):
        options.append(f'json_name = "{field.json_name}"')
    if field.options.deprecated:
        options.append("deprecated = true")
    suffix = f" [{', '.join(options)}]" if options else ""
    out.append(f"{indent}{label}{kind} {field.name} = {field.number}{suffix};")


def print_deprecation(out, indent, thing):
    if thing.options.deprecated:
        out.append(f"{indent}option deprecated = true;")


def print_enum(out, indent, enum):
    out.append(f"{indent}enum {enum.name} {{")
    if enum.options.allow_alias:
        out.append(f"{indent}  option allow_alias = true;")
    print_deprecation(out, indent + "  ", enum)
    for reserved in enum.reserved_range:
        # Unlike a message's, an enum's range includes its end.
        out.append(f"{indent}  reserved {reserved.start} to {reserved.end};")
    for name in enum.reserved_name:
        out.append(f'{indent}  reserved "{name}";')
    for value in enum.value:
        suffix = " [deprecated = true]" if value.options.deprecated else ""
        out.append(f"{indent}  {value.name} = {value.number}{suffix};")
    out.append(f"{indent}}}")


def print_message(out, indent, message):
    out.append(f"{indent}message {message.name} {{")
    inner = indent + "  "
    print_deprecation(out, inner, message)
    for enum in message.enum_type:
        print_enum(out, inner, enum)
    for nested in message.nested_type:
        if not nested.options.map_entry:
            print_message(out, inner, nested)
    for reserved in message.reserved_range:
        out.append(f"{inner}reserved {reserved.start} to {reserved.end - 1};")
    for name in message.reserved_name:
        out.append(f'{inner}reserved "{name}";')
    shown = set()
    for field in message.field:
        if field.HasField("oneof_index") and not field.proto3_optional:
            if field.oneof_index in shown:
                continue
            shown.add(field.oneof_index)
            out.append(f"{inner}oneof {message.oneof_decl[field.oneof_index].name} {{")
            for other in message.field:
                if other.HasField("oneof_index") and other.oneof_index == field.oneof_index:
                    print_field(out, inner + "  ", other, message)
            out.append(f"{inner}}}")
        else:
            print_field(out, inner, field, message)
    out.append(f"{indent}}}")


def print_file(file):
    out = ['syntax = "proto3";', f"package {file.package};", ""]
    out += [f'import {"public " if index in file.public_dependency else ""}"{name}";'
            for index, name in enumerate(file.dependency)]
    for enum in file.enum_type:
        out.append("")
        print_enum(out, "", enum)
    for message in file.message_type:
        out.append("")
        print_message(out, "", message)
    for service in file.service:
        out += ["", f"service {service.name} {{"]
        print_deprecation(out, "  ", service)
        for method in service.method:
            request = ("stream " if method.client_streaming else "") + method.input_type
            reply = ("stream " if method.server_streaming else "") + method.output_type
            body = " {\n    option deprecated = true;\n  }" if method.options.deprecated else ";"
            out.append(f"  rpc {method.name}({request}) returns ({reply}){body}")
        out.append("}")
    return "\n".join(out) + "\n"


def main():
    folder = pathlib.Path(sys.argv[1])
    for module in sys.argv[2:]:
        descriptor = importlib.import_module(module).DESCRIPTOR
        file = descriptor_pb2.FileDescriptorProto()
        descriptor.CopyToProto(file)
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(print_file(file))
        print(file.name)


if __name__ == "__main__":
    main()
