import COctavo
import Components
import Glibc

/// The process that runs one part of a check, and may be ended by the plugin at any time.
package enum CheckWorker {
    /// Where events go to: the parent's pipe.
    package static let descriptor: Int32 = 3

    /// Runs the task that lies in `folder`. Returns the exit code: 0, whatever was found.
    package static func run(folder: String) async -> Int32 {
        let events = EventWriter(descriptor: descriptor)
        // Helpers of the plugin must not hold the pipe open.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = signal(SIGPIPE, SIG_IGN)
        guard let task = CheckTask(text: ProcessState.read(folder + "/" + CheckTask.fileName), folder: folder) else { return 2 }
        do {
            switch task.part {
            case .load: try await LoadPart(task: task, events: events).run()
            case .life: try await LifePart(task: task, events: events).run()
            default: try await CallsPart(task: task, events: events).run()
            }
        } catch {
            events.failed(task.part.title, sentence(of: error), section(of: error))
        }
        events.write(.end)
        return 0
    }

    static func sentence(of error: any Error) -> String {
        switch error {
        case let failure as CaseFailure: failure.description
        case let failure as PluginFailure where failure.code == OCTAVO_CODE_DEADLINE_EXCEEDED: "A call was not completed within 5 s."
        case let failure as PluginFailure: "A call that should work ended with \(failure)."
        default: "\(error)"
        }
    }

    private static func section(of error: any Error) -> String {
        error is PluginFailure ? "octavo_host.h: complete" : "octavo_plugin.h"
    }
}
