/// Holds a message that contains itself, which no struct can. A value like the others: it does not change once made.
package final class ProtoBox<Value: Sendable>: Sendable {
    package let value: Value

    package init(_ value: Value) { self.value = value }
}
