import Testing

@testable import BuildingBlocks

@Suite("The header of an encrypted message")
struct SchemeHeaderTests {
    private func parse(_ text: String) throws(SchemeHeader.Malformed) -> SchemeHeader? {
        let result = Array(text.utf8).withUnsafeBytes { bytes -> Result<SchemeHeader?, SchemeHeader.Malformed> in
            do throws(SchemeHeader.Malformed) {
                guard let end = try SchemeHeader.end(in: bytes) else { return .success(nil) }
                return .success(try SchemeHeader(parsing: UnsafeRawBufferPointer(rebasing: bytes[..<end])))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static let manifest = #"{"k":"key","kw":1,"wfk":"AAECAwQFBgc=","cph":2,"np":"AQIDBAUGBw=="}"#

    @Test(
        "is written compactly, in the scheme's order, and read back",
        arguments: ["", "key", "a/b", "of \"quotes\" \\ ä \u{1}", "\u{2028}"])
    func roundTrip(_ name: String) throws {
        let key = try #require(FileKey())
        let header = SchemeHeader(
            keyName: name, wrapAlgorithm: .rsaOAEP256, wrappedKey: Array(0..<40), cipher: .chaCha20Poly1305,
            noncePrefix: [1, 2, 3, 4, 5, 6, 7])
        let text = String(decoding: try #require(header.signed(with: key)), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 4 && lines[0] == "dapr.io/enc/v1" && lines[3].isEmpty)
        let wrapped = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJw=="
        #expect(lines[1].hasSuffix(#""kw":5,"wfk":"\#(wrapped)","cph":2,"np":"AQIDBAUGBw=="}"#))
        #expect(lines[1].hasPrefix(name.isEmpty ? #"{"kw""# : #"{"k":""#))
        let read = try #require(try parse(text + "payload"))
        #expect(read.keyName == name && read.wrappedKey == Array(0..<40) && read.cipher == .chaCha20Poly1305)
        #expect(key.signed(read))
        #expect(!(try #require(FileKey())).signed(read))
        #expect(!FileKey(unwrapped: nil).signed(read) && !FileKey(unwrapped: [1, 2, 3]).signed(read))
    }

    /// A code of a header that another implementation made with the key of zeros to 31.
    @Test("has the code that another implementation gives it")
    func vector() throws {
        let text = "dapr.io/enc/v1\n" + SchemeHeaderTests.manifest + "\nopsS30jxRPRzt3Xo2nK8X9c+6+Lr0256jyA4l6WBwHs=\n"
        let header = try #require(try parse(text))
        #expect(FileKey(unwrapped: Array(0..<32)).signed(header))
    }

    @Test("is awaited to its end, wherever it is cut")
    func parts() throws {
        let text = "dapr.io/enc/v1\n" + SchemeHeaderTests.manifest + "\ncode\n"
        for count in 0..<text.utf8.count { #expect(try parse(String(text.prefix(count))) == nil) }
        #expect(try parse(text + text)?.keyName == "key")
        #expect(try parse("dapr.io/enc/v1\n" + String(repeating: " ", count: 65_520)) == nil)
    }

    /// What is made of the header, and what is said of it.
    private static let faults: [(String, String)] = {
        let whole: [(String, String)] = [
            ("x", "does not begin"), ("dapr.io/enc/v2\n", "does not begin"), ("dapr.io/enc/v1\r\n", "does not begin"),
            ("{", "does not begin"), ("dapr.io/enc/v1\n\n\n", "no JSON"), ("dapr.io/enc/v1\n[]\ncode\n", "no JSON object"),
            ("dapr.io/enc/v1\n{}\ncode\n", "kw"), ("dapr.io/enc/v1\n" + String(repeating: "x", count: 65_536), "no end"),
        ]
        let changes: [(String, String, String)] = [
            (#""k":"key""#, #""k":1"#, "(k)"), (#""kw":1"#, #""kw":0"#, "(kw)"), (#""kw":1"#, #""kw":6"#, "(kw)"),
            (#""kw":1"#, #""kw":1.0"#, "(kw)"), (#""kw":1"#, #""kw":"1""#, "(kw)"), (#""cph":2"#, #""cph":3"#, "(cph)"),
            ("AAECAwQFBgc=", "", "(wfk)"), ("AAECAwQFBgc=", "A A=", "(wfk)"), ("AQIDBAUGBw==", "AQIDBAUG", "(np)"),
            ("AQIDBAUGBw==", "AQIDBAUGBwg=", "(np)"), (#""np""#, #""nq""#, "(np)"),
        ]
        return whole
            + changes.map { from, to, cause in
                ("dapr.io/enc/v1\n" + manifest.replacing(from, with: to) + "\ncode\n", cause)
            }
    }()

    @Test("that can't be one is refused at once, with what is wrong", arguments: faults)
    func malformed(_ text: String, _ cause: String) throws {
        do throws(SchemeHeader.Malformed) {
            let header = try parse(text)
            Issue.record("it was taken: \(String(describing: header))")
        } catch {
            #expect(error.cause.contains(cause), "\(error.cause)")
        }
    }

    @Test("is not written longer than readers take")
    func tooLong() throws {
        let header = SchemeHeader(
            keyName: String(repeating: "k", count: 65_500), wrapAlgorithm: .a256KW, wrappedKey: [1], cipher: .aesGCM,
            noncePrefix: [1, 2, 3, 4, 5, 6, 7])
        #expect(header.signed(with: try #require(FileKey())) == nil)
    }

    @Test("names of algorithms are those of the API, letters of any case", arguments: [
        ("A256KW", 1), ("aes", 1), ("A128CBC-NOPAD", 2), ("a192cbc-nopad", 3), ("A256CBC-NOPAD", 4), ("RSA-OAEP-256", 5), ("Rsa", 5),
    ])
    func names(_ name: String, _ number: Int) {
        #expect(WrapAlgorithm(named: name)?.rawValue == number)
        #expect(WrapAlgorithm(named: name + "x") == nil)
    }
}
