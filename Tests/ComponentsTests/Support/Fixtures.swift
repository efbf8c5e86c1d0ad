import Glibc
import NIOConcurrencyHelpers

@testable import Components

/// Plugins that tests compile from `Tests/Fixtures/plugins`, each variant once.
enum Fixtures {
    static let root = String(#filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 })
    private static let built = NIOLockedValueBox<[String: String]>([:])

    /// A folder that is removed when the process ends.
    static let folder: String = {
        let path = temporaryFolder("octavo-fixtures")
        atexit { removeTree(Fixtures.folder) }
        return path
    }()

    /// Where the build's products lie: beside the tests' own executable.
    private static let products: String = {
        guard let own = realpath("/proc/self/exe", nil).map({ String(cString: $0) }) else { return "" }
        return String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
    }()

    /// The program that serves isolated plugins.
    static let pluginHost = products + "/octavo-plugin-host"

    /// A plugin that comes with the runtime.
    static func shipped(_ name: String) -> String { "\(products)/liboctavo-plugin-\(name).so" }

    /// The path of a shared object `name.so` made from `source` with these flags.
    static func build(_ name: String, _ source: String = "fixture.c", _ flags: [String] = []) -> String {
        built.withLockedValue { built in
            let key = ([name, source] + flags).joined(separator: " ")
            if let path = built[key] { return path }
            let place = folder + "/\(built.count)"
            mkdir(place, 0o755)
            let path = place + "/\(name).so"
            let status = run(
                [
                    "cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-g", "-I\(root)/sdk-c/include",
                    "-o", path, "\(root)/Tests/Fixtures/plugins/\(source)", "-lpthread",
                ] + flags)
            precondition(status == 0, "the fixture \(name) does not compile")
            built[key] = path
            return path
        }
    }

    /// The plugin that misbehaves on request.
    static func testsOnly() -> String {
        let ring = root + "/Sources/COctavoRing"
        return build("tests-only", "tests-only.c", ["-I\(ring)/include", "\(ring)/channel.c"])
    }

    /// A build of the broker.
    static func broker(version: String = "1.0.0") -> String { build("broker", "broker.c", ["-DVERSION=\"\(version)\""]) }

    static func broken(_ number: Int, _ flags: [String] = []) -> String {
        build("broken", "broken.c", ["-DCASE=\(number)"] + flags)
    }

    /// A build of the fixture store.
    static func store(version: String = "1.0.0", id: String = "fixture", _ flags: [String] = []) -> String {
        build(id, "fixture.c", ["-DVERSION=\"\(version)\"", "-DID=\"\(id)\""] + flags)
    }

    @discardableResult
    static func run(_ words: [String]) -> Int32 {
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        guard posix_spawnp(&process, words[0], nil, nil, &arguments, environ) == 0 else { return -1 }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }
}

func temporaryFolder(_ name: String) -> String {
    var template = Array("/tmp/\(name)-XXXXXX".utf8CString)
    return String(cString: mkdtemp(&template)!)
}

func removeTree(_ path: String) {
    for name in listFolder(path) ?? [] {
        let inner = path + "/" + name
        if unlink(inner) != 0 { removeTree(inner) }
    }
    rmdir(path)
}

func copyFile(_ from: String, to: String) {
    write(readFile(from), to: to)
}

func readFile(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    precondition(descriptor >= 0, "no \(path)")
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
    return bytes
}

func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644) {
    unlink(path)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
    precondition(descriptor >= 0 && Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    fchmod(descriptor, mode)
    close(descriptor)
}

/// Lines of /proc/self/maps that name something.
func mapped(_ fragment: String) -> Int {
    String(decoding: readFile("/proc/self/maps"), as: UTF8.self).split(separator: "\n").filter { $0.contains(fragment) }.count
}

/// Threads of this process whose name holds the fragment.
func threads(named fragment: String) -> Int {
    (listFolder("/proc/self/task") ?? []).filter { task in
        // A thread may end while it is looked at.
        let descriptor = open("/proc/self/task/\(task)/comm", O_RDONLY)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var name = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &name, name.count)
        return String(decoding: name.prefix(max(count, 0)), as: UTF8.self).contains(fragment)
    }.count
}

func descriptors() -> Int { (listFolder("/proc/self/fd") ?? []).count }

/// Waits until the condition holds; false after ten seconds.
func eventually(_ condition: @Sendable () async -> Bool) async -> Bool {
    for _ in 0..<2000 {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return false
}

extension Fixtures {
    static func store(_ flags: [String]) -> String { store(version: "1.0.0", id: "fixture", flags) }
}
