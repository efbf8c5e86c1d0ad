"""Swift names for what .proto files declare: those that swift-protobuf gives, which people know."""
import re

ABBREVIATIONS = {"url", "http", "https", "id"}
KEYWORDS = {
    "actor", "any", "as", "associatedtype", "associativity", "async", "await", "break", "case", "catch", "class",
    "continue", "convenience", "default", "defer", "deinit", "do", "dynamic", "else", "enum", "extension",
    "fallthrough", "false", "fileprivate", "for", "func", "guard", "if", "import", "in", "indirect", "infix", "init",
    "inout", "internal", "is", "isolated", "lazy", "let", "mutating", "nil", "nonmutating", "nonisolated", "operator",
    "optional", "override", "package", "postfix", "precedence", "precedencegroup", "prefix", "private", "protocol",
    "public", "repeat", "required", "rethrows", "return", "self", "some", "static", "struct", "subscript", "super",
    "switch", "throw", "throws", "true", "try", "typealias", "unowned", "var", "weak", "where", "while",
}
#: Members that every message or enumeration has.
TAKEN_FIELDS = {"init", "self", "Type", "Protocol", "description", "debugDescription", "hashValue", "decode", "encode",
                "protoMessageName", "with", "serializedBytes", "withSerializedBytes"}
TAKEN_CASES = {"init", "self", "rawValue", "description", "debugDescription", "hashValue", "allCases", "UNRECOGNIZED"}
TAKEN_TYPES = {"Type", "Protocol", "Self", "Any", "String", "Bool", "Int32", "Int64", "UInt32", "UInt64", "Float",
               "Double", "UInt8", "Message", "ProtoEnum", "ProtoReader", "ProtoWriter", "ProtoError", "ProtoBox"}


def camel_case(name, upper_first=False):
    """Segments end at underscores and where letters change their case or to digits."""
    words = re.findall(r"[A-Z]+[a-z]*|[a-z]+|[0-9]+", name)
    result = ""
    for word in (word.lower() for word in words):
        if not result and not upper_first:
            result = word
        elif word in ABBREVIATIONS:
            result += word.upper()
        else:
            result += word[:1].upper() + word[1:]
    return result


def field_name(name):
    name = camel_case(name)
    return name + "_p" if name in TAKEN_FIELDS else name


def quoted(name):
    return f"`{name}`" if name in KEYWORDS else name


def without_prefix(value, enum):
    """`STATUS_DONE` of `Status` is `done`. Case and underscores don't count; what is left has to be a name."""
    rest = value
    for letter in enum.replace("_", "").lower():
        rest = rest.lstrip("_")
        if not rest or rest[0].lower() != letter:
            return value
        rest = rest[1:]
    rest = rest.lstrip("_")
    return rest if rest and not rest[0].isdigit() else value


def case_name(value, enum):
    name = camel_case(without_prefix(value, enum))
    return name + "_" if name in TAKEN_CASES else name


def type_prefix(package):
    """`google.rpc` is `Google_Rpc_`; underscores within a part are removed: `a_b` is `AB`."""
    return "".join("".join(word[:1].upper() + word[1:] for word in part.split("_")) + "_"
                   for part in package.split(".") if part)


def type_name(name):
    return name + "Message" if name in TAKEN_TYPES else name
