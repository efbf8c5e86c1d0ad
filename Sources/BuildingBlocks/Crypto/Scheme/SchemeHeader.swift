import JSONText

/// What stands before the encrypted data: three lines with the scheme's name, a manifest in JSON and a code over both.
/// Source: Dapr's encryption scheme, `dapr.io/enc/v1`.
package struct SchemeHeader {
    package static let name = "dapr.io/enc/v1"
    /// Bytes of a header, the line feeds included: those of a segment.
    package static let sizeLimit = 64 << 10
    static let noncePrefixSize = 7

    /// Of the key that decrypts; empty when it is not told.
    package var keyName: String
    package var wrapAlgorithm: WrapAlgorithm
    package var wrappedKey: [UInt8]
    package var cipher: DataCipher
    package var noncePrefix: [UInt8]
    /// The first two lines as they were read, with their ends; what the code is over.
    package private(set) var signedText: [UInt8] = []
    /// The third line as it was read, without its end.
    package private(set) var code: [UInt8] = []

    init(keyName: String, wrapAlgorithm: WrapAlgorithm, wrappedKey: [UInt8], cipher: DataCipher, noncePrefix: [UInt8]) {
        self.keyName = keyName
        self.wrapAlgorithm = wrapAlgorithm
        self.wrappedKey = wrappedKey
        self.cipher = cipher
        self.noncePrefix = noncePrefix
    }

    /// What a header that can't be read is refused with.
    package struct Malformed: Error, Equatable {
        /// A sentence without its full stop.
        package let cause: String
    }

    /// Where the header ends in `bytes`, line feeds counted; `nil` when more must come. Throws as soon as no header can come
    /// of it any more.
    package static func end(in bytes: UnsafeRawBufferPointer) throws(Malformed) -> Int? {
        let start = Array((name + "\n").utf8)
        guard bytes.prefix(start.count).elementsEqual(start.prefix(bytes.count)) else {
            throw Malformed(cause: "the data does not begin with \(name), so it was not encrypted by this API")
        }
        var lines = 0
        for (index, byte) in bytes.prefix(sizeLimit).enumerated() where byte == 0x0A {
            lines += 1
            if lines == 3 { return index + 1 }
        }
        if bytes.count >= sizeLimit { throw Malformed(cause: "its header has no end within \(sizeLimit) bytes") }
        return nil
    }

    /// Reads a header: all of `bytes`, as long as `end` says.
    package init(parsing bytes: UnsafeRawBufferPointer) throws(Malformed) {
        let lines = bytes.split(separator: 0x0A, maxSplits: 3, omittingEmptySubsequences: false)
        guard lines.count == 4, lines[3].isEmpty, lines[0].elementsEqual(SchemeHeader.name.utf8) else {
            throw Malformed(cause: "its header is not three lines that begin with \(SchemeHeader.name)")
        }
        let manifest: JSONValue
        do throws(JSONError) { manifest = try JSONValue(parsing: Array(lines[1])) } catch {
            throw Malformed(cause: "the manifest in its header is no JSON")
        }
        guard manifest.members != nil else { throw Malformed(cause: "the manifest in its header is no JSON object") }
        switch manifest["k"] {
        case nil, .null?: keyName = ""
        case .string(let name)?: keyName = name
        default: throw Malformed(cause: "the key's name (k) in its manifest is no text")
        }
        guard let wrap = manifest["kw"]?.integer.flatMap({ WrapAlgorithm(rawValue: $0) }) else {
            throw Malformed(cause: "the algorithm that its key is wrapped by (kw) is not one of 1 to 5")
        }
        guard let cipher = manifest["cph"]?.integer.flatMap({ DataCipher(rawValue: $0) }) else {
            throw Malformed(cause: "the cipher of its data (cph) is neither 1 nor 2")
        }
        guard let wrapped = SchemeHeader.bytes(manifest["wfk"]), !wrapped.isEmpty else {
            throw Malformed(cause: "its wrapped key (wfk) is missing or no Base64")
        }
        guard let prefix = SchemeHeader.bytes(manifest["np"]), prefix.count == SchemeHeader.noncePrefixSize else {
            throw Malformed(cause: "its nonce prefix (np) is not \(SchemeHeader.noncePrefixSize) bytes in Base64")
        }
        (wrapAlgorithm, self.cipher, wrappedKey, noncePrefix) = (wrap, cipher, wrapped, prefix)
        code = Array(lines[2])
        signedText = Array(bytes.prefix(lines[0].count + lines[1].count + 2))
    }

    private static func bytes(_ value: JSONValue?) -> [UInt8]? {
        value?.string.flatMap { text in Array(text.utf8).withUnsafeBytes { Base64Text.decode($0) } }
    }

    /// The whole header, signed with `key`; `nil` when it would be larger than a reader takes.
    func signed(with key: FileKey) -> [UInt8]? {
        var writer = JSONWriter()
        writer.beginObject()
        if !keyName.isEmpty { writer.member("k", keyName) }
        writer.name("kw")
        writer.value(.number(String(wrapAlgorithm.rawValue)))
        writer.member("wfk", SchemeHeader.text(wrappedKey))
        writer.name("cph")
        writer.value(.number(String(cipher.rawValue)))
        writer.member("np", SchemeHeader.text(noncePrefix))
        writer.endObject()
        var header = Array((SchemeHeader.name + "\n").utf8) + writer.bytes + [0x0A]
        header += key.code(over: header) + [0x0A]
        return header.count <= SchemeHeader.sizeLimit ? header : nil
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: Base64Text.encode(bytes, suffix: []), as: UTF8.self) }
}
