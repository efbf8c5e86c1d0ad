import COctavoHost
import Glibc
import NIOConcurrencyHelpers

/// The flight recorder of this process; `octavo_recorder.h` says what it is.
package enum FlightRecorder {
    /// Held for as long as the process lives: nobody else takes the file for a dead one's.
    private static let folder = NIOLockedValueBox<OwnedFolder?>(nil)

    /// What the runtimes have left in the data folder that are dead and did not end in order; each is given once, and its
    /// file is gone after.
    package static func takeOver(dataFolder: String) -> [(path: String, record: Result<FlightRecord, FlightRecord.Fault>)] {
        var found: [(path: String, record: Result<FlightRecord, FlightRecord.Fault>)] = []
        OwnedFolder.removeAbandoned(in: dataFolder + "/recorder") { folder in
            let path = folder + "/record"
            // Its owner has ended in order, and removed it.
            guard access(path, F_OK) == 0 else { return }
            found.append((path, Result { () throws(FlightRecord.Fault) in try FlightRecord(path: path) }))
        }
        return found
    }

    /// Begins to record, into the data folder; without one in memory alone, for the watch over threads. Returns why there
    /// is no file. Once a process, before the first event loop that calls components.
    package static func open(dataFolder: String?, version: String) -> String? {
        guard let dataFolder else {
            _ = octavo_recorder_open(nil, version)
            return nil
        }
        let parent = dataFolder + "/recorder"
        makeFolders(parent)
        do throws(PluginError) {
            let owned = try OwnedFolder(in: parent)
            folder.withLockedValue { $0 = owned }
            let failed = octavo_recorder_open(owned.path + "/record", version)
            return failed == 0 ? nil : systemError(failed)
        } catch {
            _ = octavo_recorder_open(nil, version)
            return "\(error)"
        }
    }

    /// The calling thread is an event loop that is to call components.
    package static func loopBegan() { octavo_recorder_loop_began() }

    /// Names a generation that is about to be mapped in this process; 0: it has no number.
    static func add(_ plugin: PluginInspection, path: String, generation: Int) -> UInt32 {
        octavo_recorder_add_plugin(plugin.id, plugin.note?.version ?? "", plugin.buildID, path, UInt32(clamping: generation))
    }

    /// Runs code of the plugin's that belongs to no instance, on this thread.
    static func inside<Value, Failure>(_ plugin: UInt32, _ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        octavo_recorder_enter_plugin(plugin)
        defer { octavo_recorder_leave_plugin() }
        return try body()
    }
}
