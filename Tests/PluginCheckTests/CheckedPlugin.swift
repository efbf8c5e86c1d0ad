import Glibc

/// Runs `octavo plugin check` as its users do.
enum CheckedPlugin {
    struct Result {
        var code: Int32
        var text: String
    }

    static let root = String(#filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 })

    /// The folder of the built executables.
    static let products: String = {
        let path = realpath("/proc/self/exe", nil)!
        defer { free(path) }
        let bundle = String(cString: path)
        return String(bundle[..<bundle.lastIndex(of: "/")!])
    }()

    static func check(_ file: String, _ flags: [String] = []) -> Result {
        run([products + "/octavo", "plugin", "check", file] + flags)
    }

    /// Compiles a plugin of C into `folder`.
    static func compile(_ source: String, to file: String, _ flags: [String] = []) -> Result {
        run(
            ["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I\(root)/sdk-c/include", "-o", file,
                "\(root)/\(source)", "-lpthread"] + flags)
    }

    /// Both outputs of a program, and its code; -1 when a signal has ended it.
    static func run(_ words: [String]) -> Result {
        var pipes: [Int32] = [0, 0]
        precondition(pipe(&pipes) == 0)
        _ = fcntl(pipes[0], F_SETFD, FD_CLOEXEC)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
        posix_spawn_file_actions_adddup2(&actions, pipes[1], 2)
        posix_spawn_file_actions_addclose(&actions, pipes[1])
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        let spawned = posix_spawnp(&process, words[0], &actions, nil, &arguments, environ)
        close(pipes[1])
        precondition(spawned == 0, "\(words[0]) can't be run")
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = read(pipes[0], &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
        close(pipes[0])
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return Result(code: status & 0x7F == 0 ? status >> 8 & 0xFF : -1, text: String(decoding: bytes, as: UTF8.self))
    }

    /// A TCP port of 127.0.0.1 that was free a moment ago.
    static func freePort() -> Int? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) != 0 || getsockname(descriptor, $0, &length) != 0
            }
        }
        return failed ? nil : Int(UInt16(bigEndian: address.sin_port))
    }

    /// A new folder, given to `body` and removed after it.
    static func inFolder<R>(_ body: (String) throws -> R) rethrows -> R {
        var template = Array("/tmp/octavo-check-tests-XXXXXX".utf8CString)
        let folder = String(cString: mkdtemp(&template)!)
        defer { _ = run(["rm", "-rf", folder]) }
        return try body(folder)
    }
}
