import Foundation
import JSONText

/// One HTTP exchange by curl.
struct Curl: Sendable {
    var method = "GET"
    var path: String
    var headers: [String] = []
    var body: String?

    struct Answer: Sendable {
        var version: String
        var status: Int
        var headers: [String: String]
        var body: String

        var json: JSONValue? { try? JSONValue(parsing: body) }
    }

    enum Version: String, Sendable, CaseIterable {
        case http1 = "--http1.1"
        case http2 = "--http2-prior-knowledge"
    }

    /// Sends to `base`. The path goes out as it is, dots and slashes included.
    func send(to base: String, _ version: Version = .http1, seconds: Int = 10, in space: NetworkSpace? = nil) async throws -> Answer {
        var arguments = [
            "--silent", "--show-error", "--include", "--path-as-is", "--max-time", "\(seconds)", version.rawValue,
            "--globoff",
        ]
        arguments += method == "HEAD" ? ["--head"] : ["--request", method]
        for header in ["expect:"] + headers { arguments += ["--header", header] }
        if body != nil { arguments += ["--data-binary", "@-"] }
        let result = try await Subprocess.run(
            space == nil ? "curl" : NetworkSpace.ip, (space?.words(["curl"]) ?? []) + arguments + [base + path], input: body)
        guard result.code == 0 else { throw Trouble("curl \(method) \(path) ended with \(result.code): \(result.errors)") }
        return try Answer(parsing: result.output)
    }
}

extension Curl.Answer {
    init(parsing text: String) throws {
        guard let end = text.range(of: "\r\n\r\n") else { throw Trouble("no header section in: \(text)") }
        let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]) else { throw Trouble("no status line in: \(text)") }
        self.status = status
        version = String(words[0])
        headers = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw Trouble("not a header: \(line)") }
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        body = String(text[end.upperBound...])
    }
}
