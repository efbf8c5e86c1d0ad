/// The lines of a stream that comes in pieces.
public final class HTTPLines {
    private var rest: [UInt8] = []
    private let longest: Int

    /// `longest`: a line with more bytes ends the stream.
    public init(longest: Int) { self.longest = longest }

    /// Gives each whole line that is not empty to `body`, without its end, until that says `false`. `false`: the stream is to end.
    public func take(_ bytes: UnsafeRawBufferPointer, _ body: ([UInt8]) -> Bool) -> Bool {
        var start = 0
        for index in bytes.indices where bytes[index] == 0x0A {
            rest.append(contentsOf: bytes[start..<index])
            start = index + 1
            let whole = rest
            rest = []
            if !whole.isEmpty, !body(whole) { return false }
        }
        rest.append(contentsOf: bytes[start...])
        return rest.count <= longest
    }

    /// Forgets what has begun and not ended.
    public func reset() { rest = [] }
}
