import BuildingBlocks
import COctavo
import JSONText

/// The JSON bodies of the state API. A value is kept as it was written, without white space; a number keeps
/// all its digits.
enum StateBody {
    struct Malformed: Error, Equatable { let cause: String }
    enum BadTransaction: Error { case malformed(String), unknown(String) }

    /// `[{"key", "value", "etag", "metadata", "options"}]`.
    static func items(
        _ body: UnsafeRawBufferPointer, metadata: [(String, String)]
    ) -> Result<[StateWrite], Malformed> {
        parse(body) { (scanner) throws(JSONError) in
            var writes: [StateWrite] = []
            if try isNull(&scanner) { return writes }
            try scanner.expect(0x5b, "an array of items")
            if !scanner.accept(0x5d) {
                repeat { writes.append(try item(&scanner, metadata)) } while scanner.accept(0x2c)
                try scanner.expect(0x5d, "',' or ']'")
            }
            return writes
        }
    }

    struct Keys {
        var keys: [String] = []
        var parallelism = 0
        var metadata: [(String, String)] = []
    }

    /// `{"keys", "parallelism", "metadata"}`.
    static func keys(_ body: UnsafeRawBufferPointer) -> Result<Keys, Malformed> {
        parse(body) { (scanner) throws(JSONError) in
            var result = Keys()
            try members(&scanner) { (name, scanner) throws(JSONError) in
                switch name {
                case "keys":
                    if try isNull(&scanner) { return }
                    try scanner.expect(0x5b, "an array of keys")
                    if scanner.accept(0x5d) { return }
                    repeat { result.keys.append(try text(&scanner, "a key")) } while scanner.accept(0x2c)
                    try scanner.expect(0x5d, "',' or ']'")
                case "parallelism":
                    let start = scanner.offset
                    guard case 0x30...0x39 = scanner.next() else { throw scanner.error("a whole number expected") }
                    try scanner.number()
                    result.parallelism = Int(String(decoding: scanner.bytes[start..<scanner.offset], as: UTF8.self)
                        .filter { $0.isNumber }) ?? 0
                case "metadata": result.metadata = try pairs(&scanner)
                default: try scanner.skipValue()
                }
            }
            return result
        }
    }

    struct Transaction {
        var writes: [StateWrite] = []
        var metadata: [(String, String)] = []
    }

    /// `{"operations": [{"operation", "request"}], "metadata"}`.
    static func transaction(
        _ body: UnsafeRawBufferPointer, store: String, metadata: [(String, String)]
    ) -> Result<Transaction, BadTransaction> {
        var unknown: String?
        let result = parse(body) { (scanner) throws(JSONError) in
            var transaction = Transaction()
            try members(&scanner) { (name, scanner) throws(JSONError) in
                switch name {
                case "operations":
                    if try isNull(&scanner) { return }
                    try scanner.expect(0x5b, "an array of operations")
                    if scanner.accept(0x5d) { return }
                    repeat {
                        let (operation, write) = try self.operation(&scanner, metadata)
                        switch operation {
                        case "upsert": transaction.writes.append(write)
                        case "delete":
                            var removal = write
                            removal.isRemoval = true
                            transaction.writes.append(removal)
                        default: unknown = unknown ?? operation
                        }
                    } while scanner.accept(0x2c)
                    try scanner.expect(0x5d, "',' or ']'")
                case "metadata": transaction.metadata = try pairs(&scanner)
                default: try scanner.skipValue()
                }
            }
            return transaction
        }
        switch result {
        case .failure(let error): return .failure(.malformed(error.cause))
        case .success(let transaction):
            if let unknown { return .failure(.unknown(unknown)) }
            return .success(transaction)
        }
    }

    private static func operation(
        _ scanner: inout JSONScanner, _ metadata: [(String, String)]
    ) throws(JSONError) -> (String, StateWrite) {
        var operation = ""
        var write = StateWrite(key: "", metadata: metadata)
        try members(&scanner) { (name, scanner) throws(JSONError) in
            switch name {
            case "operation": operation = try text(&scanner, "an operation")
            case "request": write = try item(&scanner, metadata)
            default: try scanner.skipValue()
            }
        }
        return (operation, write)
    }

    // MARK: Parts

    static func parse<Value>(
        _ body: UnsafeRawBufferPointer, _ read: (inout JSONScanner) throws(JSONError) -> Value
    ) -> Result<Value, Malformed> {
        var scanner = JSONScanner(body)
        do throws(JSONError) {
            let value = try read(&scanner)
            try scanner.finish()
            return .success(value)
        } catch {
            return .failure(Malformed(cause: error.description))
        }
    }

    private static func item(
        _ scanner: inout JSONScanner, _ metadata: [(String, String)]
    ) throws(JSONError) -> StateWrite {
        // What has no value is stored as null.
        var write = StateWrite(key: "", value: Array("null".utf8))
        try members(&scanner) { (name, scanner) throws(JSONError) in
            switch name {
            case "key": write.key = try text(&scanner, "a key")
            case "value":
                _ = scanner.next()
                let start = scanner.offset
                try scanner.skipValue()
                write.value = compactJSON(UnsafeRawBufferPointer(rebasing: scanner.bytes[start..<scanner.offset]))
            case "etag": if try !isNull(&scanner) { write.etag = StateWrite.condition(try text(&scanner, "an etag")) }
            case "metadata": write.metadata = try pairs(&scanner)
            case "options":
                if try isNull(&scanner) { return }
                try members(&scanner) { (name, scanner) throws(JSONError) in
                    switch name {
                    case "concurrency": write.concurrency = StateWrite.concurrency(try text(&scanner, "a concurrency"))
                    case "consistency": write.consistency = StateWrite.consistency(try text(&scanner, "a consistency"))
                    default: try scanner.skipValue()
                    }
                }
            default: try scanner.skipValue()
            }
        }
        write.metadata = merge(metadata, over: write.metadata)
        return write
    }

    /// Metadata of the query goes over what the body says.
    static func merge(_ query: [(String, String)], over own: [(String, String)]) -> [(String, String)] {
        if query.isEmpty { return own }
        if own.isEmpty { return query }
        return own.filter { own in !query.contains { $0.0 == own.0 } } + query
    }

    static func members(
        _ scanner: inout JSONScanner, _ member: (String, inout JSONScanner) throws(JSONError) -> Void
    ) throws(JSONError) {
        try scanner.expect(0x7b, "an object")
        if scanner.accept(0x7d) { return }
        repeat {
            let name = try text(&scanner, "a member's name")
            try scanner.expect(0x3a, "':'")
            try member(name, &scanner)
        } while scanner.accept(0x2c)
        try scanner.expect(0x7d, "',' or '}'")
    }

    static func text(_ scanner: inout JSONScanner, _ what: String) throws(JSONError) -> String {
        guard scanner.next() == 0x22 else { throw scanner.error("\(what) in quotes expected") }
        let (raw, hasEscapes) = try scanner.string()
        return unescapedJSON(raw, hasEscapes: hasEscapes)
    }

    static func isNull(_ scanner: inout JSONScanner) throws(JSONError) -> Bool {
        guard scanner.next() == 0x6e else { return false }
        try scanner.word("null")
        return true
    }

    /// Names in one metadata object; more are refused.
    private static let metadataLimit = 128

    /// An object of texts, the last of a name; other scalars are taken as they are written.
    static func pairs(_ scanner: inout JSONScanner) throws(JSONError) -> [(String, String)] {
        if try isNull(&scanner) { return [] }
        var pairs: [(String, String)] = []
        try members(&scanner) { (name, scanner) throws(JSONError) in
            let value: String
            if scanner.next() == 0x22 {
                value = try text(&scanner, "a value")
            } else {
                let start = scanner.offset
                try scanner.skipValue()
                value = String(decoding: scanner.bytes[start..<scanner.offset], as: UTF8.self)
            }
            if let known = pairs.firstIndex(where: { $0.0 == name }) {
                pairs[known].1 = value
            } else {
                guard pairs.count < metadataLimit else {
                    throw scanner.error("at most \(metadataLimit) names of metadata are allowed, more found")
                }
                pairs.append((name, value))
            }
        }
        return pairs
    }
}
