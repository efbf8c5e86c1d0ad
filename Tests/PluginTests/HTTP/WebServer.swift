import Glibc
import PluginCheck

/// A process of the test's own that tells its port by a file. Killed with its owner.
final class WebServer: @unchecked Sendable {  // used by one test at a time
    let folder: TemporaryFolder
    private(set) var port = 0
    private var process: pid_t = 0

    /// `python/http_server.py`; with `tls` by the files cert.pem and key.pem of `folder`, and of clients it asks for a certificate of ca.pem.
    init(in folder: TemporaryFolder = TemporaryFolder(), tls: Bool = false, asksClients: Bool = false) throws {
        self.folder = folder
        let ready = "\(folder.path)/port-\(UInt32.random(in: 0...UInt32.max))"
        var arguments = ["python3", "\(package)/Tests/PluginTests/python/http_server.py", ready]
        if tls { arguments += ["\(folder.path)/cert.pem", "\(folder.path)/key.pem"] }
        if asksClients { arguments.append("\(folder.path)/cert.pem") }
        try spawn(arguments)
        let isThere = eventually(seconds: 20) {
            guard let file = fopen(ready, "r") else { return false }
            defer { fclose(file) }
            var text = [CChar](repeating: 0, count: 16)
            guard fgets(&text, 16, file) != nil else { return false }
            port = Int(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)) ?? 0
            return port > 0
        }
        guard isThere else { throw PluginFailure(code: 14, flags: 0, reason: "", message: "the web server does not start") }
    }

    deinit { kill() }

    private func spawn(_ arguments: [String]) throws {
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        argv.append(nil)
        defer { for argument in argv { free(argument) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in Int32(0)...2 { posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0) }
        guard posix_spawnp(&process, arguments[0], &actions, nil, argv, environ) == 0 else {
            throw PluginFailure(code: 14, flags: 0, reason: "", message: "\(arguments[0]) can't be started")
        }
    }

    func kill() {
        guard process > 0 else { return }
        _ = Glibc.kill(process, SIGKILL)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        process = 0
    }
}
