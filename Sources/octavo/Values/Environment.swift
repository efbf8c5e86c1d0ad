import Glibc

/// The environment of this process.
enum Environment {
    /// A variable's value; nil when it is not set.
    static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
