import PluginKit
import PostgreSQLPluginNative

/// Keywords and values for libpq, each ended by a NUL.
struct ConnectionString {
    private(set) var pairs: [(name: [CChar], value: [CChar])] = []
    /// For messages: host and port as they were written.
    private(set) var address = ""
    /// Seconds that an attempt may take, when the string says so.
    private(set) var connectTimeout: Int64?

    /// `text`: "host=… user=…" or a URI. What else is given as a setting of its own comes last, and so holds.
    init(_ text: Str, _ others: [(StaticString, Str)]) throws(PluginError) {
        let bytes = text.array
        if Str.begins(bytes, with: "postgres://") || Str.begins(bytes, with: "postgresql://") {
            let uri = ConnectionString.c(bytes[...])
            guard postgresql_understands(uri) != 0 else {
                throw .invalid(
                    "The setting connectionString is a URI that libpq does not understand. Write postgresql://user:password@host:port/database?sslmode=verify-full, with %XX for special characters.")
            }
            pairs.append((ConnectionString.c("dbname"), uri))
            address = ConnectionString.hostOfURI(bytes)
        } else {
            try read(bytes)
        }
        for (name, value) in others where !value.isEmpty { add(Str(name).array[...], value.array[...]) }
        let timeout = value("connect_timeout")
        connectTimeout = timeout.withUnsafeBytes { Str($0).decimal }.flatMap { $0 > 0 ? Int64(min($0, 3600)) : nil }
        let host = value("host").isEmpty ? value("hostaddr") : value("host"), port = value("port")
        if !host.isEmpty {
            address = String(decoding: host, as: UTF8.self)
            if !port.isEmpty { address += ":" + String(decoding: port, as: UTF8.self) }
        }
        if address.utf8.isEmpty { address = "of this machine" }
        pairs.append((ConnectionString.c("fallback_application_name"), ConnectionString.c("octavo")))
    }

    /// The last value of a keyword; empty when there is none.
    private func value(_ name: StaticString) -> [UInt8] {
        let wanted = ConnectionString.c(Str(name).array[...])
        guard let pair = pairs.last(where: { $0.name == wanted }) else { return [] }
        return pair.value.dropLast().map { UInt8(bitPattern: $0) }
    }

    private mutating func add(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
        pairs.append((ConnectionString.c(name), ConnectionString.c(value)))
    }

    /// "keyword=value keyword='va\'lue'". No part of it goes into a message: it holds a password.
    private mutating func read(_ text: [UInt8]) throws(PluginError) {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
        var at = 0
        while true {
            while at < text.count, isSpace(text[at]) { at += 1 }
            if at == text.count { return }
            let start = at
            while at < text.count, text[at] != 0x3D, !isSpace(text[at]) { at += 1 }
            var name = text[start..<at]
            while at < text.count, isSpace(text[at]) { at += 1 }
            guard at < text.count, text[at] == 0x3D, !name.isEmpty else { throw Self.broken }
            at += 1
            while at < text.count, isSpace(text[at]) { at += 1 }
            var value: [UInt8] = []
            let isQuoted = at < text.count && text[at] == 0x27
            if isQuoted { at += 1 }
            while at < text.count, isQuoted ? text[at] != 0x27 : !isSpace(text[at]) {
                if text[at] == 0x5C, at + 1 < text.count { at += 1 }
                value.append(text[at])
                at += 1
            }
            if isQuoted {
                guard at < text.count else { throw Self.broken }
                at += 1
            }
            // Names that Dapr's driver takes, too.
            if name.elementsEqual("database".utf8) { name = Array("dbname".utf8)[...] }
            if name.starts(with: "pool_".utf8) || name.elementsEqual("default_query_exec_mode".utf8) { continue }
            guard name.allSatisfy({ $0 == 0x5F || ($0 >= 0x61 && $0 <= 0x7A) }), postgresql_knows(Self.c(name)) != 0 else {
                throw Self.broken
            }
            add(name, value[...])
        }
    }

    private static var broken: PluginError {
        .invalid(
            "The setting connectionString is not understood. Write \"host=… port=… user=… password=… dbname=… sslmode=…\" with the keywords of libpq, values with spaces in single quotes, or a URI.")
    }

    private static func hostOfURI(_ bytes: [UInt8]) -> String {
        guard let slashes = bytes.firstIndex(of: 0x2F) else { return "" }
        let rest = bytes[(slashes + 2)...]
        let end = rest.firstIndex { $0 == 0x2F || $0 == 0x3F } ?? rest.endIndex
        let authority = rest[..<end]
        let start = authority.lastIndex(of: 0x40).map { $0 + 1 } ?? authority.startIndex
        return String(decoding: authority[start...], as: UTF8.self)
    }

    static func c(_ bytes: ArraySlice<UInt8>) -> [CChar] {
        var text = bytes.map { CChar(bitPattern: $0) }
        text.append(0)
        return text
    }

    static func c(_ literal: StaticString) -> [CChar] { c(Str(literal).array[...]) }
}

extension octavo_str {
    static func begins(_ bytes: [UInt8], with word: StaticString) -> Bool {
        bytes.withUnsafeBytes { Str($0).hasPrefix(Str(word)) }
    }
}
