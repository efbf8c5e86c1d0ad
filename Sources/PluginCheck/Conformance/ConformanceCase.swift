import COctavo

/// One thing that every plugin of a kind must do. The same cases run in the tests of the shipped plugins and in
/// `octavo plugin check`.
package struct ConformanceCase: Sendable, CustomStringConvertible {
    /// A sentence: what must hold.
    package let name: String
    /// Feature bits without which the case says nothing.
    package let needs: UInt64
    /// The part of the ABI that asks for it, as it is named in the header.
    package let section: String
    private let body: @Sendable (_ instance: any PluginCaller, _ scope: String) throws -> Void

    package var description: String { name }

    init(
        _ name: String, needs: UInt64 = 0, section: String,
        _ body: @escaping @Sendable (_ instance: any PluginCaller, _ scope: String) throws -> Void
    ) {
        self.name = name
        self.needs = needs
        self.section = section
        self.body = body
    }

    /// Runs it. Keys begin with `scope`, so that cases don't meet in a store that they share. Throws `CaseFailure`,
    /// or the `PluginFailure` of a call that should have worked.
    package func run(_ instance: any PluginCaller, scope: String) throws { try body(instance, scope) }

    /// The cases of a kind; none where there are only generated requests.
    package static func all(kind: Int32) -> [ConformanceCase] {
        switch kind {
        case OCTAVO_KIND_STATE: StateCases.all
        case OCTAVO_KIND_SECRET_STORE: SecretCases.all
        case OCTAVO_KIND_PUBSUB: PubSubCases.all
        case OCTAVO_KIND_LOCK: LockCases.all
        case OCTAVO_KIND_CONFIGURATION: ConfigurationCases.all
        case OCTAVO_KIND_CRYPTO: CryptoCases.all
        case OCTAVO_KIND_BINDING: BindingCases.all
        case OCTAVO_KIND_NAME_RESOLUTION: NamesCases.all
        case OCTAVO_KIND_FILTER: FilterCases.all
        default: []
        }
    }
}

/// A case does not hold: what was done and what came.
package struct CaseFailure: Error, CustomStringConvertible, Sendable {
    package let description: String
}

/// Fails the case with the sentence when the condition does not hold.
func require(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
    if !condition { throw CaseFailure(description: sentence()) }
}

/// The value, or the sentence when there is none.
func require<Value>(_ value: Value?, _ sentence: @autoclosure () -> String) throws -> Value {
    guard let value else { throw CaseFailure(description: sentence()) }
    return value
}

/// How a call ended, in a word: "done", the reason or the code.
func ending(_ body: () throws -> Void) throws -> String {
    do {
        try body()
        return "done"
    } catch let failure as PluginFailure {
        return failure.reason.isEmpty ? (codeNames[Int(failure.code)] ?? "code \(failure.code)") : failure.reason
    }
}

/// How a call ended, by its code alone: "done", or the code's name. For what a plugin may give a reason of its own.
func code(_ body: () throws -> Void) throws -> String {
    do {
        try body()
        return "done"
    } catch let failure as PluginFailure {
        return codeNames[Int(failure.code)] ?? "code \(failure.code)"
    }
}

/// Bytes as a person reads them, not too many.
func shown(_ bytes: [UInt8]?) -> String {
    guard let bytes else { return "nothing" }
    if bytes.count > 40 { return "\(bytes.count) bytes" }
    if bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return "\"\(String(decoding: bytes, as: UTF8.self))\"" }
    return "the bytes " + bytes.map { String($0, radix: 16) }.joined(separator: " ")
}
