import AWSPluginNative
import Foundation
import Testing

/// The examples that AWS has published for S3, and a table that is signed by botocore, too.
@Suite("AWS Signature Version 4")
struct SignatureV4Tests {
    private let signer = SignatureV4(
        credentials: AWSCredentials(
            accessKey: Array("AKIAIOSFODNN7EXAMPLE".utf8), secretKey: Array("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".utf8)),
        region: Array("us-east-1".utf8))
    /// 24 May 2013.
    private let time = AWSTime(seconds: 1_369_353_600)

    private func request(_ method: String, _ path: String, _ query: [(String, String)] = [], _ more: [(String, String)] = [], _ body: String = "") -> AWSRequest {
        let payload = SignatureV4.hex(SignatureV4.hash(Array(body.utf8)))
        let headers: [(String, String)] = [("host", "examplebucket.s3.amazonaws.com")] + more
        return AWSRequest(
            method: Array(method.utf8), path: Array(path.utf8), query: query.map { (Array($0.0.utf8), Array($0.1.utf8)) },
            headers: headers.map { (Array($0.0.utf8), Array($0.1.utf8)) }
                + [(Array("x-amz-content-sha256".utf8), payload), (Array("x-amz-date".utf8), time.stamp)],
            payload: payload)
    }

    private func signature(_ request: AWSRequest) -> String {
        let text = String(decoding: signer.authorization(request, at: time), as: UTF8.self)
        return String(text.split(separator: "=").last!)
    }

    @Test("the examples of S3's documentation")
    func published() {
        #expect(String(decoding: time.stamp, as: UTF8.self) == "20130524T000000Z")
        #expect(
            signature(request("GET", "/test.txt", [], [("range", "bytes=0-9")]))
                == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
        let put = request(
            "PUT", "/test%24file.text", [], [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
            "Welcome to Amazon S3.")
        #expect(signature(put) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
        #expect(
            signature(request("GET", "/", [("lifecycle", "")])) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
        #expect(
            signature(request("GET", "/", [("prefix", "J"), ("max-keys", "2")]))
                == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    }

    @Test("the published example of a URL that is signed")
    func presigned() {
        let query = signer.presigned(path: Array("/test.txt".utf8), host: Array("examplebucket.s3.amazonaws.com".utf8), seconds: 86400, at: time)
        #expect(
            String(decoding: query, as: UTF8.self)
                == "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    }

    @Test("what is escaped, and what is not")
    func escapes() {
        func escaped(_ text: String, _ isPath: Bool) -> String { String(decoding: SignatureV4.escaped(Array(text.utf8), isPath: isPath), as: UTF8.self) }
        #expect(escaped("a b+c/ä~-._*'()", true) == "a%20b%2Bc/%C3%A4~-._%2A%27%28%29")
        #expect(escaped("a/b=c&d%", false) == "a%2Fb%3Dc%26d%25")
        #expect(escaped("//a//", true) == "//a//")
    }

    private static let python = String(#filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }) + "/.build-python/bin/python"

    @Test("botocore comes to the same signatures", .enabled(if: FileManager.default.isExecutableFile(atPath: python), "tools/setup test installs it"))
    func botocore() throws {
        let paths = ["/", "/a", "/a%20b", "/%C3%A4/%F0%9F%98%80", "/a%2Bb", "//a///b", "/a%25b%3Fc%23d", "/~-._%2A%27%28%29"]
        let queries: [[(String, String)]] = [
            [], [("list-type", ""), ("prefix", "ä/ b+c&d=e")], [("b", "1"), ("a", "2"), ("a", "1"), ("a-b", "~"), ("A", "/")],
        ]
        var rows: [String] = [], ours: [String] = []
        for path in paths {
            for query in queries {
                for method in ["GET", "PUT", "DELETE"] {
                    let asked = request(method, path, query, [("x-amz-storage-class", "  two   blanks ")], method == "PUT" ? "body" : "")
                    ours.append(signature(asked))
                    rows.append("\(method) \(path) \(String(decoding: SignatureV4.canonical(asked.query), as: UTF8.self)) \(method == "PUT" ? "body" : "")")
                }
            }
        }
        let process = Process(), input = Pipe(), output = Pipe()
        process.executableURL = URL(fileURLWithPath: Self.python)
        process.arguments = [String(#filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 }) + "/python/sign.py"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        input.fileHandleForWriting.write(Data(rows.joined(separator: "\n").utf8))
        try input.fileHandleForWriting.close()
        let answer = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let theirs = answer.split(separator: "\n").map(String.init)
        #expect(theirs.count == 72 && process.terminationStatus == 0)
        for (row, pair) in zip(rows, zip(ours, theirs)) { #expect(pair.0 == pair.1, "\(row)") }
    }
}
