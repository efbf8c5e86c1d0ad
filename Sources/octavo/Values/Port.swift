import Arguments

/// A TCP port as a flag: `8080`, or `0` to let the kernel choose. `-1` is the same as leaving the flag out, as
/// scripts for Dapr write it.
struct Port: ExpressibleByArgument, Equatable {
    /// nil for `-1`.
    let number: Int?

    init?(argument: String) {
        switch Int(argument) {
        case -1: number = nil
        case .some(let number) where 0...65_535 ~= number: self.number = number
        default: return nil
        }
    }
}
