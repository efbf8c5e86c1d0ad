import PluginKit

/// The metadata `params`: a JSON array whose elements are the parameters $1, $2 and so on.
enum JSONParameters {
    /// The protocol's limit.
    private static let limit = 65_535

    static func read(_ text: Str) throws(PluginError) -> Parameters {
        var parameters = Parameters()
        guard !text.isEmpty else { return parameters }
        // The reader takes objects; it says what is wrong with the text.
        _ = try leaves(of: text.raw)
        let elements = split(text.raw)
        guard let elements else { throw bad("it is no array") }
        guard elements.count <= limit else { throw bad("it has more than \(limit) elements") }
        for element in elements {
            let bytes = text.raw[element]
            switch bytes.first {
            case 0x22:
                // A text without its quotes and escapes.
                let inside = try leaves(of: UnsafeRawBufferPointer(rebasing: bytes))
                guard !inside[0].contains(0) else { throw bad("a text of PostgreSQL holds no zero byte") }
                parameters.add(literal: inside[0])
            case 0x6E: parameters.add(literal: nil)
            // Numbers, true and false are written as in SQL; what is nested is for json and jsonb.
            default: parameters.add(literal: [UInt8](bytes))
            }
        }
        return parameters
    }

    private static func leaves(of json: UnsafeRawBufferPointer) throws(PluginError) -> [[UInt8]] {
        var object = Str("{\"params\":").array
        object.append(contentsOf: json)
        object.append(0x7D)
        var found: [[UInt8]] = []
        var failure: PluginError?
        object.withUnsafeBytes { bytes in
            do throws(PluginError) { try JSONReader.read(bytes) { found.append($1) } } catch { failure = error }
        }
        if let failure { throw bad(failure.message) }
        return found
    }

    /// Where the elements of an array are, which is known to be JSON; `nil` when it is something else.
    private static func split(_ text: UnsafeRawBufferPointer) -> [Range<Int>]? {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
        var at = 0
        while at < text.count, isSpace(text[at]) { at += 1 }
        guard at < text.count, text[at] == 0x5B else { return nil }
        at += 1
        var found: [Range<Int>] = []
        var depth = 0, isText = false
        var first = at, last = at
        var isEmpty = true
        while at < text.count {
            let byte = text[at]
            if isText {
                if byte == 0x5C { at += 1 } else if byte == 0x22 { isText = false }
            } else if depth == 0, byte == 0x2C || byte == 0x5D {
                if !isEmpty { found.append(first..<last) }
                if byte == 0x5D { return found }
                isEmpty = true
                at += 1
                continue
            } else if isSpace(byte) {
                at += 1
                continue
            } else {
                if isEmpty { first = at }
                isEmpty = false
                if byte == 0x22 { isText = true } else if byte == 0x5B || byte == 0x7B { depth += 1 } else if byte == 0x5D || byte == 0x7D { depth -= 1 }
            }
            at += 1
            last = at
        }
        return nil
    }

    private static func bad(_ why: String) -> PluginError {
        .invalid("The metadata params is no JSON array of parameters (\(why)). Write for example [1, \"two\", null].")
    }
}
