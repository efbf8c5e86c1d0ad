import COctavo
import TextSearch

/// One setting of an instance, as written and parsed. May hold a secret: never print `text`.
struct SettingValue: Sendable, Equatable {
    var name: String
    var text: String
    var integer: Int64 = 0
    var number: Double = 0
    var type: Int32 = OCTAVO_FIELD_STRING
    var flags: UInt32 = 0
}

extension SettingValue {
    /// Parses `text` as the field wants it. The error says what was expected; it never repeats the
    /// value of a sensitive field.
    static func parse(_ text: String, as field: Schema.Field) -> Result<SettingValue, Expectation> {
        var value = SettingValue(name: field.name, text: text, type: field.type)
        if field.isSensitive { value.flags |= UInt32(OCTAVO_VALUE_SENSITIVE) }
        let trimmed = text.trimmed
        switch field.type {
        case OCTAVO_FIELD_INTEGER:
            guard let integer = Int64(trimmed) else { return .failure(Expectation("a whole number")) }
            value.integer = integer
            value.number = Double(integer)
        case OCTAVO_FIELD_NUMBER:
            guard let number = Double(trimmed), number.isFinite else { return .failure(Expectation("a number")) }
            value.number = number
        case OCTAVO_FIELD_BOOLEAN:
            // The words that Dapr takes for true; everything else that it accepts is false.
            switch trimmed.lowercased() {
            case "y", "yes", "true", "t", "on", "1": value.integer = 1
            case "n", "no", "false", "f", "off", "0", "": value.integer = 0
            default: return .failure(Expectation("true or false"))
            }
        case OCTAVO_FIELD_DURATION:
            let unit = field.unitNanoseconds == 0 ? 1_000_000_000 : field.unitNanoseconds
            guard let nanoseconds = DurationText.nanoseconds(trimmed, bareUnit: unit) else {
                return .failure(Expectation("a duration such as 500ms, 10s or 1m30s"))
            }
            value.integer = nanoseconds
            value.number = Double(nanoseconds)
        case OCTAVO_FIELD_BYTE_SIZE:
            guard let bytes = ByteSizeText.bytes(trimmed) else {
                return .failure(Expectation("a size such as 512k, 4Mi or 1048576"))
            }
            value.integer = bytes
            value.number = Double(bytes)
        case OCTAVO_FIELD_URL:
            guard let colon = trimmed.range(ofText: "://"), colon.lowerBound != trimmed.startIndex else {
                return .failure(Expectation("a URL such as https://host:port/path"))
            }
        case OCTAVO_FIELD_ENUM:
            guard let index = field.allowed.firstIndex(where: { $0.lowercased() == trimmed.lowercased() }) else {
                return .failure(Expectation("one of \(field.allowed.joined(separator: ", "))"))
            }
            value.integer = Int64(index)
        default: break
        }
        if field.flags & UInt32(OCTAVO_FIELD_HAS_MINIMUM) != 0, value.number < field.minimum {
            return .failure(Expectation("at least \(short(field.minimum))"))
        }
        if field.flags & UInt32(OCTAVO_FIELD_HAS_MAXIMUM) != 0, value.number > field.maximum {
            return .failure(Expectation("at most \(short(field.maximum))"))
        }
        return .success(value)
    }

    /// What a value should have been.
    struct Expectation: Error, Equatable {
        let text: String
        init(_ text: String) { self.text = text }
    }

    private static func short(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? String(Int64(number)) : String(number)
    }
}

extension String {
    var trimmed: String {
        var slice = self[...]
        while let first = slice.first, first.isWhitespace { slice.removeFirst() }
        while let last = slice.last, last.isWhitespace { slice.removeLast() }
        return String(slice)
    }
}
