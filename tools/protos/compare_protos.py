"""Compares printed .proto files, compiled again, with the descriptors of installed Python packages.

usage: compare_protos.py SET MODULE...

Exits with 1 when anything but file options, which concern other languages, differs.
"""
import difflib
import importlib
import sys

from google.protobuf import descriptor_pb2


def clear_empty_options(message):
    """Options that say nothing, as the SDK's generator leaves them."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        single = hasattr(value, "ListFields")
        for item in [value] if single else value:
            clear_empty_options(item)
        if single and field.name == "options" and not value.ListFields():
            message.ClearField("options")


def fill_json_names(message):
    for field in message.field:
        head, *rest = field.name.split("_")
        field.json_name = field.json_name or head + "".join(part[:1].upper() + part[1:] for part in rest)
    for nested in message.nested_type:
        fill_json_names(nested)


def normal(file):
    copy = descriptor_pb2.FileDescriptorProto.FromString(file.SerializeToString())
    copy.ClearField("options")
    copy.ClearField("source_code_info")
    clear_empty_options(copy)
    for message in copy.message_type:
        fill_json_names(message)
    return str(copy).splitlines()


def main():
    printed = descriptor_pb2.FileDescriptorSet.FromString(open(sys.argv[1], "rb").read())
    by_name = {file.name: file for file in printed.file}
    differing = 0
    for module in sys.argv[2:]:
        original = descriptor_pb2.FileDescriptorProto()
        importlib.import_module(module).DESCRIPTOR.CopyToProto(original)
        lines = list(difflib.unified_diff(normal(original), normal(by_name[original.name]), lineterm="", n=2))
        if lines:
            differing += 1
            print(original.name, *lines, sep="\n", file=sys.stderr)
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
