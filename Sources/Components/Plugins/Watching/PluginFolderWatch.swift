import Glibc
import Logging

/// Tells which plugins in some folders may have changed. A thread of its own waits for the kernel's word (inotify); a
/// file counts when a writer has closed it or it was renamed or linked in, and has been quiet since.
final class PluginFolderWatch: Sendable {
    /// Paths of plugins whose files were written, added or removed. Ends with the watch.
    let changes: AsyncStream<String>
    private let descriptor: Int32
    /// The kernel tells of the end of a watch: that of this one, which tells nothing else, ends the thread.
    private let stop: Int32

    /// Watches from now on. Folders that can't be watched are logged and left out; `nil` when there is nothing to watch.
    init?(folders: [String], quiet: Duration, logger: Logger) {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else {
            PluginFolderThread.warn(logger, folders.joined(separator: ", "), errno)
            return nil
        }
        let stop = inotify_add_watch(descriptor, "/", UInt32(IN_DELETE_SELF))
        guard stop >= 0 else {
            PluginFolderThread.warn(logger, folders.joined(separator: ", "), errno)
            close(descriptor)
            return nil
        }
        let (changes, continuation) = AsyncStream<String>.makeStream()
        let thread = PluginFolderThread(
            descriptor: descriptor, stop: stop, quiet: quiet, logger: logger, changes: continuation)
        guard thread.watch(folders) else {
            thread.end()
            return nil
        }
        let failed = ControlThread.start(name: "oct-folders") { thread.run() }
        guard failed == 0 else {
            PluginFolderThread.warn(logger, folders.joined(separator: ", "), failed)
            thread.end()
            return nil
        }
        self.changes = changes
        self.descriptor = descriptor
        self.stop = stop
    }

    /// Ends the thread and the stream.
    deinit { inotify_rm_watch(descriptor, stop) }
}
