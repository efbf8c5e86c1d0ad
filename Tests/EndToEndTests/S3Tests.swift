import Foundation
import JSONText
import Testing

@Suite("bindings.aws.s3", .serialized, .enabled(if: Places.hasSDK, "tools/setup test installs it"))
struct S3Tests {
    @Test("operations by the SDK and over HTTP, on a server that checks signatures by botocore", arguments: [[], ["--isolate", "all"]])
    func operations(flags: [String]) async throws {
        let server = try await S3Server.start()
        let dead = try ReservedPort()
        let scratch = try Scratch()
        var skewed = server.owner
        skewed[1] += "x"
        let url = "http://127.0.0.1:\(server.port)"
        let components = [
            Resource.component("plain", "bindings.aws.s3", server.settings("plain", nil, [("forcePathStyle", "true")])),
            Resource.component("versioned", "bindings.aws.s3", server.settings("versioned")),
            Resource.component(
                "base64", "bindings.aws.s3",
                server.settings("plain", nil, [("decodeBase64", "true"), ("encodeBase64", "true"), ("storageClass", "STANDARD_IA")])),
            // The bucket is part of the host: names below localhost are this machine.
            Resource.component(
                "hosted", "bindings.aws.s3",
                [
                    ("bucket", "plain"), ("endpoint", "localhost:\(server.port)"), ("disableSSL", "true"), ("region", "us-east-1"),
                    ("accessKey", server.owner[0]), ("secretKey", server.owner[1]),
                ]),
            // Credentials and region of the environment.
            Resource.component("environment", "bindings.aws.s3", [("bucket", "plain"), ("endpoint", url)]),
            Resource.component("writer", "bindings.aws.s3", server.settings("plain", server.writer)),
            Resource.component("forged", "bindings.aws.s3", server.settings("plain", skewed)),
            Resource.component("stranger", "bindings.aws.s3", server.settings("plain", ["AKIANOBODY", "nothing-known"])),
            Resource.component("missing", "bindings.aws.s3", server.settings("nowhere")),
            Resource.component(
                "dead", "bindings.aws.s3",
                [("bucket", "plain"), ("endpoint", "http://127.0.0.1:\(dead.port)"), ("accessKey", "a"), ("secretKey", "not-a-word")]),
        ]
        try scratch.write(components.joined(separator: "---\n"), to: "resources/all.yaml")
        try scratch.write("from a file", to: "upload.txt")
        // An isolated plugin sees of the environment what is named.
        let config = try scratch.write(
            """
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata: {name: c}
            spec:
              isolation:
                plugins:
                - {name: aws, environment: [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION]}
            """, to: "config.yaml")
        let flags = ["--resources-path", scratch.file("resources"), "--config", config] + flags
        let environment = ["AWS_ACCESS_KEY_ID": server.owner[0], "AWS_SECRET_ACCESS_KEY": server.owner[1], "AWS_REGION": "us-east-1"]
        try await OctavoProcess.with(in: scratch, flags: flags, environment: environment) { octavo in
            for part in ["plain", "keys", "lists", "versioned", "base64", "hosted", "refusals"] {
                let port = { (text: String?) in String(text?.split(separator: ":").last ?? "") }
                let run = try await Subprocess.run(
                    Places.python,
                    [Places.script("s3"), port(octavo.addresses["grpc"]), port(octavo.addresses["http"]), scratch.file("upload.txt"), part],
                    within: .seconds(120))
                #expect(run.code == 0, "\(part): \(run.errors)\n\(server.process.errors.suffix(3000))")
            }
        }
    }

    @Test("keeps to what a binding must do, in process and isolated")
    func conformance() async throws {
        let server = try await S3Server.start()
        let checked = try await Subprocess.run(
            Places.octavo, ["plugin", "check", Places.plugin("aws")] + server.settings("plain").flatMap { ["--set", "\($0.0)=\($0.1)"] },
            within: .seconds(180))
        #expect(checked.code == 0 && checked.output.contains(", 0 failed, "), "\(checked.output)\n\(checked.errors)")
        #expect(checked.output.contains("an operation that there is not is refused"))
    }

    @Test("a component that can't work says why", arguments: [
        ([("region", "us-east-1")], "AWS_ACCESS_KEY_ID"), ([("accessKey", "a"), ("region", "r")], "belong together"),
        ([("accessKey", "a"), ("secretKey", "not-a-word")], "region"),
        ([("accessKey", "a"), ("secretKey", "not-a-word"), ("endpoint", "ftp://x")], "http://"),
        ([("accessKey", "a"), ("secretKey", "not-a-word"), ("endpoint", "http://x/path")], "endpoint"),
    ])
    func settings(settings: [(String, String)], cause: String) async throws {
        let scratch = try Scratch()
        try scratch.write(Resource.component("s3", "bindings.aws.s3", [("bucket", "b")] + settings), to: "resources/s3.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")], untilReady: false) { octavo in
            try await eventually("\(cause) is said: \(octavo.process.errors)") { octavo.process.errors.contains(cause) ? () : nil }
        }
    }

    @Test("a certificate that nobody vouches for is refused, unless insecureSSL is set")
    func certificates() async throws {
        let scratch = try Scratch()
        let made = try await Certificates()
        let server = try await S3Server.start(made)
        let settings = { (more: [(String, String)]) in
            [
                ("bucket", "plain"), ("endpoint", "https://127.0.0.1:\(server.port)"), ("region", "us-east-1"), ("accessKey", server.owner[0]),
                ("secretKey", server.owner[1]),
            ] + more
        }
        let components = [
            Resource.component("strict", "bindings.aws.s3", settings([])),
            Resource.component("lax", "bindings.aws.s3", settings([("insecureSSL", "true")])),
        ]
        try scratch.write(components.joined(separator: "---\n"), to: "resources/all.yaml")
        try await OctavoProcess.with(in: scratch, flags: ["--resources-path", scratch.file("resources")]) { octavo in
            func create(_ name: String) async throws -> Curl.Answer {
                try await Curl(
                    method: "POST", path: "/v1.0/bindings/\(name)", headers: ["content-type: application/json"],
                    body: #"{"operation":"create","data":"x","metadata":{"key":"k"}}"#
                ).send(to: octavo.base)
            }
            let refused = try await create("strict"), taken = try await create("lax")
            #expect(refused.status == 503 && refused.body.contains("TLS with") && refused.body.contains("certificate"), "\(refused.status) \(refused.body)")
            #expect(taken.status == 200 && taken.body.contains("https://127.0.0.1:\(server.port)/plain/k"), "\(taken)")
        }
    }
}
