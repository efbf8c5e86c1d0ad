/// The runtime as a process.
package enum RuntimeMain {
    /// Runs until a signal or the app's end; returns the exit code.
    package static func run(_ options: RuntimeOptions) async -> Int32 {
        1
    }
}
