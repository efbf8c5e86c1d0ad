import NATSPluginNative
import PluginKit

/// Writes a JSON object.
struct JSONText {
    private(set) var bytes: [UInt8] = [0x7B]

    private mutating func name(_ name: StaticString) {
        if bytes.count > 1, bytes.last != 0x7B { bytes.append(0x2C) }
        bytes.append(0x22)
        bytes += Str(name).raw
        bytes += [0x22, 0x3A]
    }

    mutating func put(_ name: StaticString, _ number: Int64) {
        self.name(name)
        Decimal.append(number, to: &bytes)
    }

    mutating func put(_ name: StaticString, _ flag: Bool) {
        self.name(name)
        bytes += Str(flag ? "true" : "false").raw
    }

    mutating func put(_ name: StaticString, _ text: [UInt8]) {
        self.name(name)
        bytes += JSONText.text(text)
    }

    mutating func put(_ name: StaticString, texts: [[UInt8]]) {
        self.name(name)
        bytes.append(0x5B)
        for index in texts.indices {
            if index > 0 { bytes.append(0x2C) }
            bytes += JSONText.text(texts[index])
        }
        bytes.append(0x5D)
    }

    mutating func put(_ name: StaticString, numbers: [Int64]) {
        self.name(name)
        bytes.append(0x5B)
        for index in numbers.indices {
            if index > 0 { bytes.append(0x2C) }
            Decimal.append(numbers[index], to: &bytes)
        }
        bytes.append(0x5D)
    }

    mutating func put(_ name: StaticString, object: JSONText) {
        self.name(name)
        bytes += object.end
    }

    /// The whole object.
    var end: [UInt8] { bytes + [0x7D] }

    /// A text in quotation marks. Subjects and names have no control characters.
    static func text(_ text: [UInt8]) -> [UInt8] {
        var quoted: [UInt8] = [0x22]
        for byte in text {
            if byte == 0x22 || byte == 0x5C { quoted.append(0x5C) }
            quoted.append(byte)
        }
        quoted.append(0x22)
        return quoted
    }
}

/// An answer of JetStream's API.
struct APIReply {
    /// Of JetStream; 0: it is no error.
    private(set) var error = 0
    /// As of HTTP.
    private(set) var status = 0
    private(set) var errorText = ""
    private var members: [(path: [UInt8], value: [UInt8])] = []

    init(_ letter: UnsafePointer<nats_letter>) {
        do throws(PluginError) {
            var found: [(path: [UInt8], value: [UInt8])] = []
            try JSONReader.read(UnsafeRawBufferPointer(start: letter.pointee.data, count: letter.pointee.size)) { path, value in
                guard found.count < 4096 else { return }
                var joined: [UInt8] = []
                for name in path {
                    if !joined.isEmpty { joined.append(0x2E) }
                    joined += name
                }
                found.append((joined, value))
            }
            members = found
        } catch {
            (self.error, status, errorText) = (-1, 500, "its answer is no JSON")
            return
        }
        guard let code = number("error.code") else { return }
        status = Int(code)
        error = Int(number("error.err_code") ?? code)
        errorText = String(decoding: text("error.description") ?? [], as: UTF8.self)
    }

    /// The value of a member, by the names on the way to it with dots between them.
    func text(_ path: StaticString) -> [UInt8]? {
        let path = Str(path).array
        for member in members where member.path == path { return member.value }
        return nil
    }

    func number(_ path: StaticString) -> Int64? {
        text(path)?.withUnsafeBytes { Str($0).decimal }.flatMap { Int64(exactly: $0) }
    }

    /// The texts of a list.
    func list(_ path: StaticString) -> [[UInt8]] {
        let start = Str(path).array + [0x2E]
        var found: [[UInt8]] = []
        for member in members where member.path.starts(with: start) { found.append(member.value) }
        return found
    }
}
