/// How a call ended, as its wire says it.
package enum CallStatus: Sendable, Equatable {
    case http(Int)
    case grpc(Int)
    /// Neither: the connection failed, or time was up.
    case none

    /// Source: Dapr, to which statuses outside 200 to 399 are failures.
    package var isFailure: Bool {
        switch self {
        case .http(let code): !(200...399).contains(code)
        case .grpc(let code): code != 0
        case .none: true
        }
    }
}

/// The statuses that a retry policy is about. Source: Dapr's `matching`: a wire without a list is retried at every failure.
package struct StatusMatching: Sendable, Equatable {
    package var http: [ClosedRange<Int>]?
    package var grpc: [ClosedRange<Int>]?

    package init(http: [ClosedRange<Int>]? = nil, grpc: [ClosedRange<Int>]? = nil) {
        self.http = http
        self.grpc = grpc
    }

    package func allows(_ status: CallStatus) -> Bool {
        switch status {
        case .http(let code): http.map { $0.contains { $0.contains(code) } } ?? true
        case .grpc(let code): grpc.map { $0.contains { $0.contains(code) } } ?? true
        case .none: true
        }
    }

    /// What can't be read in a list of codes.
    package struct Invalid: Error {
        package let cause: String
    }

    /// Codes and ranges, separated by commas: `429,500-599`. `valid`: those that there are. nil for an empty text.
    package static func ranges(_ text: String, valid: ClosedRange<Int>) throws(Invalid) -> [ClosedRange<Int>]? {
        var found: [ClosedRange<Int>] = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { end in
                Int(String(end.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()))
            }
            guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil else {
                throw Invalid(cause: "\"\(part.prefix(40))\" is neither a code nor a range such as 500-599")
            }
            guard valid.contains(first), valid.contains(last) else {
                throw Invalid(cause: "\"\(part.prefix(40))\" is not between \(valid.lowerBound) and \(valid.upperBound)")
            }
            guard first <= last else { throw Invalid(cause: "the range \"\(part.prefix(40))\" ends before it begins") }
            found.append(first...last)
        }
        return found.isEmpty ? nil : found
    }

    package static let httpCodes = 100...599
    package static let grpcCodes = 0...16
}
