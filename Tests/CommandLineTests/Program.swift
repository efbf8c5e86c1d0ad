import Glibc

/// The built `octavo`, run as a process of its own.
enum Program {
    struct Result {
        var code: Int32
        var output: String
        var errors: String
    }

    /// The executable beside the test bundle.
    static var octavo: String {
        let path = realpath("/proc/self/exe", nil)!
        defer { free(path) }
        let bundle = String(cString: path)
        return bundle[...bundle.lastIndex(of: "/")!] + "octavo"
    }

    /// Runs a program to its end, with nothing to read and both outputs in files.
    static func run(
        _ arguments: [String], executable: String = octavo, environment: [String] = environment
    ) throws -> Result {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (output, errors) = (folder.path + "/output", folder.path + "/errors")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT, 0o600)
        let code = try exitCode(of: spawn(executable, arguments, environment, &actions))
        return Result(code: code, output: read(output), errors: read(errors))
    }

    /// Starts a program whose outputs both go to the descriptor `output`.
    static func spawn(_ executable: String, _ arguments: [String], output: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        return try spawn(executable, arguments, environment, &actions)
    }

    static let environment = ["PATH=/usr/bin:/bin", "HOME=/"]

    /// Waits for the end of `process`.
    static func exitCode(of process: pid_t) throws -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard status & 0x7F == 0 else { throw Failure(what: "the process ended by signal \(status & 0x7F)") }
        return status >> 8 & 0xFF
    }

    private static func spawn(
        _ executable: String, _ arguments: [String], _ environment: [String],
        _ actions: inout posix_spawn_file_actions_t
    ) throws -> pid_t {
        var process = pid_t()
        let spawned = withStrings([executable] + arguments) { argv in
            withStrings(environment) { envp in posix_spawn(&process, executable, &actions, nil, argv, envp) }
        }
        guard spawned == 0 else { throw Failure(what: "\(executable) can't be run: \(spawned)") }
        return process
    }

    struct Failure: Error { let what: String }

    static func read(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func withStrings<R>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        let copies = strings.map { strdup($0) } + [nil]
        defer { copies.forEach { free($0) } }
        return copies.withUnsafeBufferPointer { body($0.baseAddress!) }
    }
}

/// A folder of the test's own.
struct TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/octavo-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Program.Failure(what: "no temporary folder: \(errno)") }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    func write(_ text: String, to name: String) {
        guard let file = fopen("\(path)/\(name)", "w") else { return }
        fputs(text, file)
        fclose(file)
    }

    /// Removes the folder with all that is in it.
    func remove() { Self.remove(path) }

    private static func remove(_ path: String) {
        guard let folder = opendir(path) else {
            unlink(path)
            return
        }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { remove("\(path)/\(name)") }
        }
        closedir(folder)
        rmdir(path)
    }
}

extension Program {
    static func exists(_ path: String) -> Bool { access(path, X_OK) == 0 }
}
