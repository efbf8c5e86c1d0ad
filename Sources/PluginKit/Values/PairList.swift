/// Pairs of a plugin's own as the ABI has them.
public enum PairList {
    /// Calls `body` with a list that is valid until it returns.
    public static func with<Result>(_ pairs: [([UInt8], [UInt8])], _ body: (octavo_list) -> Result) -> Result {
        var size = 0
        for (name, value) in pairs { size += name.count + value.count }
        return withUnsafeTemporaryAllocation(byteCount: size + 1, alignment: 1) { text in
            withUnsafeTemporaryAllocation(of: octavo_pair.self, capacity: pairs.count + 1) { list in
                var at = text.baseAddress!
                func put(_ bytes: [UInt8]) -> Str {
                    let start = at
                    bytes.withUnsafeBytes { if $0.count > 0 { memcpy(start, $0.baseAddress!, $0.count) } }
                    at += bytes.count
                    return Str(start, bytes.count)
                }
                for index in pairs.indices {
                    let name = put(pairs[index].0)
                    (list.baseAddress! + index).initialize(to: octavo_pair(name: name, value: put(pairs[index].1)))
                }
                return body(octavo_list(UnsafeBufferPointer(start: list.baseAddress, count: pairs.count)))
            }
        }
    }
}
