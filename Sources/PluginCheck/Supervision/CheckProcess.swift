import Glibc

/// A process that runs one part of a check, and what becomes of it.
struct CheckProcess {
    /// How it ended.
    enum End: Equatable {
        /// As it should.
        case done
        case exited(code: Int32)
        case signalled(Int32)
        /// It said nothing for so long that it was killed.
        case silent(seconds: Int)
    }

    /// A part that says nothing for so long hangs. Its longest silences are calls of 10 s and starts of 15 s.
    static let patience = 40

    /// Runs `executable arguments` to its end, with events from its descriptor 3. Standard output and error of the
    /// plugin go to the file `log`.
    static func run(
        _ executable: String, _ arguments: [String], log: String, onEvent: (CheckEvent) -> Void
    ) throws -> End {
        var pipes: [Int32] = [0, 0]
        guard pipe(&pipes) == 0 else { throw CaseFailure(description: "no pipe: \(String(cString: strerror(errno)))") }
        for descriptor in pipes { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        defer { close(pipes[0]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        posix_spawn_file_actions_adddup2(&actions, pipes[1], CheckWorker.descriptor)
        // A group of its own, so that what the plugin starts ends with it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var process = pid_t()
        // A crash is told in words; the Swift runtime's own report would take seconds.
        setenv("SWIFT_BACKTRACE", "enable=no", 1)
        let spawned = posix_spawn(&process, executable, &actions, &attributes, &argv, environ)
        close(pipes[1])
        guard spawned == 0 else {
            throw CaseFailure(description: "\(executable) can't be run: \(String(cString: strerror(spawned)))")
        }
        let isSilent = !read(pipes[0], onEvent)
        if isSilent { Glibc.kill(process, SIGKILL) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        // Helpers that are left: their parent is gone, and so is what they were for.
        Glibc.kill(-process, SIGKILL)
        if isSilent { return .silent(seconds: patience) }
        if status & 0x7F != 0 { return .signalled(status & 0x7F) }
        return status >> 8 & 0xFF == 0 ? .done : .exited(code: status >> 8 & 0xFF)
    }

    /// Reads lines until the end of the pipe; false when nothing came for too long.
    private static func read(_ descriptor: Int32, _ onEvent: (CheckEvent) -> Void) -> Bool {
        var pending: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = Glibc.poll(&poll, 1, Int32(patience * 1000))
            if ready < 0, errno == EINTR { continue }
            if ready == 0 { return false }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return true }
            pending += buffer[..<count]
            var isOver = false
            while let end = pending.firstIndex(of: 0x0A) {
                if let event = CheckEvent(line: String(decoding: pending[..<end], as: UTF8.self)) {
                    if event == .end { isOver = true }
                    onEvent(event)
                }
                pending.removeFirst(end + 1)
            }
            // Something that the plugin has started may hold the pipe open.
            if isOver { return true }
        }
    }

    /// The last line that the plugin wrote to standard error, if any.
    static func lastLine(of log: String) -> String? {
        ProcessState.read(log).split(separator: "\n").last.map { String($0.prefix(200)) }
    }
}
