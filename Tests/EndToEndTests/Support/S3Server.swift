import Foundation
import JSONText

/// moto's S3, with botocore before it, which checks every signature.
struct S3Server {
    let process: Subprocess
    let port: Int
    /// Access key and secret key of one who may do all, and of one who may only put.
    let owner: [String]
    let writer: [String]

    /// With `certificates` it speaks TLS.
    static func start(_ certificates: Certificates? = nil) async throws -> S3Server {
        let process = try Subprocess(Places.python, [Places.script("s3_server")] + (certificates.map { [$0.server, $0.serverKey] } ?? []))
        let told = try await eventually("s3_server.py listens", within: .seconds(60)) { () -> JSONValue? in
            if process.code != nil { throw Trouble("s3_server.py ended: \(process.errors)") }
            return process.output.split(separator: "\n").first.flatMap { try? JSONValue(parsing: String($0)) }
        }
        func texts(_ name: String) -> [String] { told[name]?.array?.compactMap(\.string) ?? [] }
        guard let port = told["port"]?.integer else { throw Trouble("s3_server.py told no port: \(process.output)") }
        return S3Server(process: process, port: port, owner: texts("owner"), writer: texts("writer"))
    }

    /// The settings of a component.
    func settings(_ bucket: String, _ user: [String]? = nil, _ more: [(String, String)] = []) -> [(String, String)] {
        let user = user ?? owner
        return [
            ("bucket", bucket), ("endpoint", "http://127.0.0.1:\(port)"), ("region", "us-east-1"), ("accessKey", user[0]), ("secretKey", user[1]),
        ] + more
    }
}
