import JSONText
import Testing

@Suite struct JSONTests {
    @Test(
        "a text that is not JSON is refused with the place and the cause",
        arguments: [
            ("", "the text ends where a value is expected at byte 0"),
            ("{", "a member's name in quotes expected at byte 1"),
            ("{\"a\"}", "':' expected at byte 4"),
            ("{\"a\":1,}", "a member's name in quotes expected at byte 7"),
            ("[1,]", "a value expected at byte 3"),
            ("[1 2]", "',' or ']' expected at byte 3"),
            ("01", "unexpected text after the value at byte 1"),
            ("1.", "a digit expected after '.' at byte 2"),
            ("1e+", "a digit expected in the exponent at byte 3"),
            ("-", "a digit expected at byte 1"),
            ("tru", "true, false or null expected at byte 0"),
            ("\"a", "the text ends within a string at byte 2"),
            ("\"\\x\"", "no such escape at byte 2"),
            ("\"\\u12\"", "four hexadecimal digits expected at byte 2"),
            ("\"\\ud800\"", "a high surrogate without its low one at byte 7"),
            ("\"\\udc00\"", "a low surrogate without its high one at byte 7"),
            ("\"\u{1}\"", "a control character must be escaped at byte 1"),
            ("1 x", "unexpected text after the value at byte 2"),
        ])
    func refusesBadText(text: String, message: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        do throws(JSONError) { _ = try JSONValue(parsing: text) } catch { #expect(error.description == message) }
    }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x80], [0xe2, 0x82]] as [[UInt8]])
    func refusesInvalidUTF8(bytes: [UInt8]) {
        let text = [0x22] + bytes + [0x22]
        #expect(!text.withUnsafeBytes { isJSON($0) })
    }

    @Test("deep nesting is refused, not a stack overflow")
    func refusesDeepNesting() {
        let deep = Array(repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(!deep.withUnsafeBytes { isJSON($0) })
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(decoding: deep, as: UTF8.self)) }
    }

    @Test("compacting removes white space outside strings alone")
    func compacts() {
        let text = Array(" { \"a b\" : [ 1 , \"\\\" x\" ] }\n".utf8)
        #expect(text.withUnsafeBytes { String(decoding: compactJSON($0), as: UTF8.self) } == #"{"a b":[1,"\" x"]}"#)
    }

    @Test("a lone stretch, an escape at the end and nothing at all are compacted, too")
    func compactsEdges() {
        func compact(_ text: String) -> String {
            Array(text.utf8).withUnsafeBytes { String(decoding: compactJSON($0), as: UTF8.self) }
        }
        #expect(compact("12") == "12")
        #expect(compact(#""\\\"" "#) == #""\\\"""#)
        #expect(compact(" \n") == "")
        #expect(compact("") == "")
    }

    @Test("text is escaped as RFC 8259 wants it, and as Go does when asked")
    func escapes() {
        let text = "a\"\\/\n\r\t\u{8}\u{1f}<>&\u{2027}\u{2028}\u{2029}é😀"
        let start = #""a\"\\/\n\r\t\u0008\u001f"#
        var plain = JSONWriter()
        plain.string(text)
        #expect(String(decoding: plain.bytes, as: UTF8.self) == start + "<>&\u{2027}\u{2028}\u{2029}é😀\"")
        var escaped = JSONWriter(JSONWriter.Style(escapesHTML: true))
        escaped.string(text)
        #expect(
            String(decoding: escaped.bytes, as: UTF8.self)
                == start + #"\u003c\u003e\u0026"# + "\u{2027}" + #"\u2028\u2029é😀""#)
    }

    @Test("the pretty form has a line for each member and item, and none for empty ones")
    func prettyPrints() throws {
        var writer = JSONWriter(.pretty)
        writer.value(try JSONValue(parsing: #"{"a":[1,{"b":null}],"c":{},"d":[],"e":true}"#))
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == """
                {
                  "a": [
                    1,
                    {
                      "b": null
                    }
                  ],
                  "c": {},
                  "d": [],
                  "e": true
                }
                """)
    }

    @Test("whole numbers are written as they are", arguments: [0, 7, -7, 10, -100, .max, .min])
    func writesIntegers(number: Int) {
        var writer = JSONWriter()
        writer.integer(number)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == String(number))
    }

    @Test("an object of very many names is read in time that grows with its length")
    func readsManyMembers() throws {
        func time(_ count: Int) throws -> Duration {
            let text = Array(("{" + (0..<count).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + "}").utf8)
            return try ContinuousClock().measure {
                let value = try JSONValue(parsing: text)
                #expect(value.members?.count == count)
            }
        }
        let small = try time(2_000)
        // The square would be 1,024 times as long.
        #expect(try time(64_000) < small * 256)
    }

    @Test("objects are equal whatever the order of their members")
    func comparesObjects() throws {
        let value = try JSONValue(parsing: #"{"a":1,"b":[2]}"#)
        #expect(try value == JSONValue(parsing: #"{"b":[2],"a":1}"#))
        #expect(try value != JSONValue(parsing: #"{"b":[2],"a":2}"#))
        #expect(try value != JSONValue(parsing: #"{"b":[2],"c":1}"#))
        #expect(try value != JSONValue(parsing: #"{"a":1}"#))
    }

    @Test("escapes become characters and the last of a repeated name counts")
    func readsEscapes() throws {
        let value = try JSONValue(parsing: #"{"a":"\ud83d\ude00\n\u00e9","b":1,"b":12345678901234567890}"#)
        #expect(value["a"]?.string == "😀\né")
        #expect(value["b"] == .number("12345678901234567890"))
    }

    @Test("random values survive writing and reading", arguments: [1, 2, 3, 42] as [UInt64])
    func roundTrips(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        for _ in 0..<500 {
            let value = JSONTests.value(&random, depth: 0)
            var writer = JSONWriter()
            writer.value(value)
            let read = try writer.bytes.withUnsafeBytes { try JSONValue(parsing: $0) }
            #expect(read == value, "seed \(seed)")
        }
    }

    private static func value(_ random: inout SplitMix, depth: Int) -> JSONValue {
        switch Int.random(in: 0...(depth > 4 ? 3 : 5), using: &random) {
        case 0: .null
        case 1: .bool(Bool.random(using: &random))
        case 2: .number(String(Int.random(in: .min ... .max, using: &random)))
        case 3:
            .string(
                String(
                    String.UnicodeScalarView(
                        (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
                            Unicode.Scalar(UInt32.random(in: 0...0x10ffff, using: &random))
                        })))
        case 4: .array((0..<Int.random(in: 0...4, using: &random)).map { _ in value(&random, depth: depth + 1) })
        default:
            .object(
                (0..<Int.random(in: 0...4, using: &random)).map { ("k\($0)", value(&random, depth: depth + 1)) })
        }
    }
}

/// A small generator whose sequence a seed decides.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
