"""The members of JSON objects as they are written: white space, digits and escapes included."""

import json

DECODER = json.JSONDecoder()


def objects(text):
    """Each object of an array, as a dictionary of name and raw text."""
    found, at = [], 1
    while text[at] != "]":
        members, at = object_at(text, at)
        found.append(members)
        at += text[at] == ","
    return found


def object_at(text, at):
    """The object that begins at `at`, and where it ends."""
    members, at = {}, at + 1
    while text[at] != "}":
        name, at = DECODER.raw_decode(text, at)
        assert text[at] == ":", text[at:]
        _, end = DECODER.raw_decode(text, at + 1)
        members[name] = text[at + 1 : end]
        at = end + (text[end] == ",")
    return members, at + 1
