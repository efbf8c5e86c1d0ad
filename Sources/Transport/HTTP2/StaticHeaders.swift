import CNGHTTP2

/// Header lists that almost every reply carries, in memory that is never freed, so that nghttp2 need not copy them.
struct StaticHeaders {
    /// `:status: 200`, `content-type: application/grpc`.
    let grpcHead: UnsafeMutableBufferPointer<nghttp2_nv>
    /// The same with `grpc-encoding: gzip`.
    let grpcGzipHead: UnsafeMutableBufferPointer<nghttp2_nv>
    /// `grpc-status: 0`.
    let okTrailers: UnsafeMutableBufferPointer<nghttp2_nv>

    /// Never written after its initialization, which Swift does once for all threads.
    nonisolated(unsafe) static let shared = StaticHeaders()

    private init() {
        grpcHead = Self.make([(":status", "200"), ("content-type", "application/grpc")])
        grpcGzipHead = Self.make([
            (":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip"),
        ])
        okTrailers = Self.make([("grpc-status", "0")])
    }

    private static func make(_ fields: [(StaticString, StaticString)]) -> UnsafeMutableBufferPointer<nghttp2_nv> {
        let list = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: fields.count)
        for (index, field) in fields.enumerated() {
            list.initializeElement(
                at: index,
                to: nghttp2_nv(
                    name: UnsafeMutablePointer(mutating: field.0.utf8Start),
                    value: UnsafeMutablePointer(mutating: field.1.utf8Start),
                    namelen: field.0.utf8CodeUnitCount, valuelen: field.1.utf8CodeUnitCount,
                    flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)))
        }
        return list
    }
}
