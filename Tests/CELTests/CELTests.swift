import Testing

@testable import CEL

@Suite("Expressions")
struct CELTests {
    static let event = CELValue.map([
        ("type", .string("order.created")), ("source", .string("shop")),
        ("data", .map([
            ("total", .double(12.5)), ("count", .int(3)), ("items", .list([.string("a"), .string("b")])), ("vip", .bool(true)),
            ("customer", .map([("name", .string("Zoë")), ("age", .int(41))])), ("none", .null),
        ])),
    ])

    private func value(_ text: String) throws -> CELValue { try CELExpression(text).value(["event": Self.event]) }

    @Test("that are true", arguments: [
        "true", "!false", "1 == 1", "1 == 1.0", "1u == 1", "'a' == \"a\"", "event.type == 'order.created'",
        "event.type == \"order.created\" && event.data.total > 10", "event.data.total > 100 || event.data.vip",
        "event.data.count in [1, 2, 3]", "'total' in event.data", "!('x' in event.data)", "has(event.data.total)", "!has(event.data.x)",
        "event.data.customer.name.startsWith('Zo')", "event.type.endsWith('created')", "event.type.contains('.')",
        "event.type.matches('^order[.](created|changed)$')", "size(event.data.items) == 2", "event.data.items.size() == 2",
        "event.data['total'] == 12.5", "event.data.items[1] == 'b'", "size('Zoë') == 3", "event.data.none == null", "null == null",
        "event.data.items == ['a', 'b']", "{'a': 1, 'b': [2]} == {'b': [2.0], 'a': 1u}", "event.data.vip ? true : false",
        "1 + 2 * 3 == 7", "(1 + 2) * 3 == 9", "-3 + 5 == 2", "7 / 2 == 3", "-7 % 3 == -1", "7.0 / 2.0 == 3.5", "2 - 3 == -1", "10 - 4 - 3 == 3",
        "'a' + 'b' == 'ab'", "[1] + [2] == [1, 2]", "1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", "'a' < 'b'", "1 < 1.5", "2u > 1", "-1 < 1u",
        "9223372036854775807 > 9223372036854775806.0 || true", "18446744073709551615u > 9223372036854775807",
        "int('5') == 5", "string(5) == '5'", "double('1.5') == 1.5", "uint(3) == 3u", "int(2.9) == 2", "bool('true')",
        "event.data.items.exists(i, i == 'b')", "event.data.items.all(i, i.size() == 1)", "event.data.items.exists_one(i, i == 'a')",
        "event.data.items.filter(i, i > 'a') == ['b']", "event.data.items.map(i, i + '!') == ['a!', 'b!']",
        "event.data.customer.exists(k, k == 'age')", "true || event.missing.member", "event.missing.member || true",
        "!(false && event.missing.member)", "r'\\d' == '\\\\d'", "'\\u00e9' == 'é'", "'\\x41\\101' == 'AA'", "'''a\nb''' == 'a\\nb'",
        "b'ab' == bytes('ab')", "0x10 == 16", "1e3 == 1000", ".5 == 0.5", "-9223372036854775808 < 0", "// a comment\n true", "[1, 2,].size() == 2",
        "type(1) == 'int'", "event.data.total * 2 == 25", "(1 == 1) == true", "1 != 2", "'1' != 1", "!(0.0/0.0 == 0.0/0.0)",
        "event.source == 'shop' ? event.data.count > 2 : false", "false ? 1/0 == 1 : true",
    ])
    func truths(text: String) throws {
        let value = try value(text)
        #expect(value.isEqual(to: .bool(true)), "\(value)")
        #expect(try CELExpression(text).matches(["event": Self.event]))
    }

    @Test("that have no value say why", arguments: [
        ("event.missing", "there is no member missing"), ("nobody", "there is no variable nobody"), ("1 / 0", "a division by zero"),
        ("1 % 0", "a division by zero"), ("9223372036854775807 + 1", "a number is too large"), ("0u - 1u", "a number is too large"),
        ("-(-9223372036854775808)", "a number is too large"), ("1 && true", "'&&' and '||' take bools"), ("!1", "'!' takes a bool"),
        ("'a' < 1", "a string and a int have no order"), ("[1][1]", "there is no element 1 in a list of 1"), ("[1]['a']", "a list takes a whole number as its index"),
        ("1.a", "a int has no member a"), ("'a' * 2", "'*' does not take a string and a int"), ("int('x')", "this string has no int"),
        ("'a'.contains(1)", "contains takes a string"), ("'a'.matches('(')", "the pattern is no regular expression"),
        ("'a'.matches('(a)\\\\1')", "the pattern has a back-reference"), ("false || event.missing.x", "there is no member missing"),
        ("event.data.items.all(i, i)", "all takes a bool"), ("1 in 2", "'in' does not take a int"), ("-'a'", "'-' does not take a string"),
    ])
    func failures(text: String, cause: String) throws {
        let error = #expect(throws: CELError.self) { try value(text) }
        #expect(error?.cause == cause)
    }

    @Test("that are none say what is wrong, and where", arguments: [
        ("", "the expression ends too early at byte 0"), ("1 +", "the expression ends too early at byte 3"), ("1 2", "a literal is not expected at byte 2"),
        ("(1", "')' expected at byte 2"), ("a.", "the expression ends too early at byte 2"), ("a.1", "a literal is not expected at byte 1"), ("'a", "a text without its end at byte 0"),
        ("'a\n'", "a text without its end at byte 0"), ("'\\q'", "no such escape at byte 1"), ("'\\ud800'", "no such escape at byte 1"), ("a = 1", "'=' is not expected at byte 2"),
        ("99999999999999999999", "the number is too large at byte 0"), ("9223372036854775808", "the number is too large at byte 0"),
        ("nope(1)", "there is no function nope at byte 0"), ("a.nope()", "there is no function nope at byte 2"), ("size()", "size takes 1 arguments at byte 0"),
        ("has(a)", "has takes a member: has(event.data) at byte 0"), ("[1].all(1, true)", "all begins with the name of a variable at byte 8"),
        ("a ? b", "':' expected at byte 5"), ("{1 2}", "':' expected at byte 3"), ("in", "'in' is not expected at byte 0"), ("#", "'#' is not expected at byte 0"), ("1e", "a digit is missing in an exponent at byte 0"),
        ("a && ", "the expression ends too early at byte 5"), ("[1", "']' expected at byte 2"),
    ])
    func broken(text: String, description: String) {
        let error = #expect(throws: CELError.self) { try CELExpression(text) }
        #expect(error?.description == description)
    }

    @Test("have bounds: depth, length, and the time that they take")
    func bounds() throws {
        for text in [
            String(repeating: "(", count: 1000) + "1", String(repeating: "!", count: 1000) + "true", String(repeating: "-", count: 1000) + "1",
            String(repeating: "[", count: 1000), String(repeating: "1 ? ", count: 1000), String(repeating: "1+", count: 2000) + "1",
        ] { #expect(throws: CELError.self) { try CELExpression(text) } }
        let list = CELValue.list((0..<1000).map { .int(Int64($0)) })
        let slow = try CELExpression("l.all(a, l.all(b, l.all(c, a + b + c >= 0)))")
        let error = #expect(throws: CELError.self) { try slow.value(["l": list]) }
        #expect(error?.cause == "the expression takes too long")
    }
}
