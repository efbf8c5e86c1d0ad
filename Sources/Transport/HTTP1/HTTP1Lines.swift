import NIOCore

extension ByteBuffer {
    /// Writes fields as lines of HTTP/1.1, but for those that `isLeftOut` names.
    mutating func writeLines(_ fields: HeaderFields, isLeftOut: (UnsafeRawBufferPointer) -> Bool = { _ in false }) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: fields.byteCount + 4 * fields.count) { target in
            var at = 0
            fields.forEach { name, value in
                if isLeftOut(name) { return }
                UnsafeMutableRawBufferPointer(rebasing: target[at...]).copyMemory(from: name)
                at += name.count
                target[at] = UInt8(ascii: ":")
                target[at + 1] = UInt8(ascii: " ")
                at += 2
                if value.count > 0 { UnsafeMutableRawBufferPointer(rebasing: target[at...]).copyMemory(from: value) }
                at += value.count
                target[at] = UInt8(ascii: "\r")
                target[at + 1] = UInt8(ascii: "\n")
                at += 2
            }
            return at
        }
    }
}
