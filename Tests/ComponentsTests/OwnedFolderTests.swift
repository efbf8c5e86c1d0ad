import Glibc
import Testing

@testable import Components

@Suite("A process's folder for copies of plugins")
struct OwnedFolderTests {
    private func made(_ path: String) -> String {
        mkdir(path, 0o700)
        write(Array("x".utf8), to: path + "/file")
        mkdir(path + "/inner", 0o700)
        return path
    }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    @Test("is its own, however many share the data folder, and is there until it is removed")
    func own() throws {
        let data = temporaryFolder("octavo-staging")
        defer { removeTree(data) }
        let one = try PluginStaging(dataFolder: data)
        let other = try PluginStaging(dataFolder: data)
        #expect(one.folder != other.folder)
        #expect(exists(one.folder) && exists(other.folder))
        one.removeAll()
        #expect(!exists(one.folder) && exists(other.folder))
    }

    @Test("is removed by the next start when its owner has gone, whatever process has its number by now")
    func abandoned() throws {
        let data = temporaryFolder("octavo-abandoned")
        defer { removeTree(data) }
        mkdir(data + "/plugins", 0o700)
        // Numbers of this process, of the first one, and of none: all live or may live, none owns the folder.
        let left = ["\(getpid())", "\(getpid())-AbCdEf", "1", "1-AbCdEf", "4194304"].map { made(data + "/plugins/" + $0) }
        let living = try PluginStaging(dataFolder: data)
        for folder in left { #expect(!exists(folder), "\(folder)") }
        let next = try PluginStaging(dataFolder: data)
        #expect(exists(living.folder) && exists(next.folder))
    }

    @Test("ends with the process, also when that is killed")
    func killed() throws {
        let data = temporaryFolder("octavo-killed")
        defer { removeTree(data) }
        mkdir(data + "/plugins", 0o700)
        let folder = made(data + "/plugins/7-AbCdEf")
        // Another process holds the lock, as the runtime does.
        var ready: [Int32] = [0, 0]
        #expect(pipe(&ready) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ready[1], 1)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let words = ["flock", "--exclusive", "--no-fork", folder, "sh", "-c", "echo ready; exec sleep 60"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var holder: pid_t = 0
        #expect(posix_spawnp(&holder, "flock", &actions, nil, &arguments, environ) == 0)
        close(ready[1])
        var byte: UInt8 = 0
        #expect(read(ready[0], &byte, 1) == 1)
        close(ready[0])
        _ = try PluginStaging(dataFolder: data)
        #expect(exists(folder + "/file"), "a living owner's folder was removed")
        kill(holder, SIGKILL)
        var status: Int32 = 0
        waitpid(holder, &status, 0)
        _ = try PluginStaging(dataFolder: data)
        #expect(!exists(folder))
    }

    @Test("that can't be made is an error that names the place")
    func refused() {
        let error = #expect(throws: PluginError.self) { try PluginStaging(dataFolder: "/proc/octavo") }
        #expect(error?.description.contains("/proc/octavo/plugins") == true)
    }
}
