import PluginKit
import PostgreSQLPluginNative

/// A statement's text and, when the server is to keep it prepared, its name: one text a name.
struct Statement {
    let text: [CChar]
    let name: [CChar]?
    /// The result in the server's text form, in place of the binary one.
    let isText: Bool

    init(_ text: String, name: StaticString? = nil) {
        isText = false
        self.text = ConnectionString.c(Array(text.utf8)[...])
        self.name = name.map { ConnectionString.c($0) }
    }

    /// Somebody else's, of which nothing is known.
    init(foreign text: Str) {
        isText = true
        self.text = ConnectionString.c(text.array[...])
        name = nil
    }
}

/// What came of the statements of an exchange.
enum Outcome {
    /// One for each statement.
    case done([Rows])
    case failed(Refusal)
}

/// Why nothing was done.
struct Refusal {
    var error: PluginError
    /// The server's code of five letters; empty when the server has not said it.
    var state = ""
    /// The number of the statement that failed.
    var step = 0

    /// Whether the server's code is that one, or begins so.
    func has(_ code: StaticString) -> Bool { Str.begins(Array(state.utf8), with: code) }
}

/// Statements that go out together: one transaction, whose end is awaited. Nothing of it holds when one of them fails.
final class Exchange {
    struct Step {
        var statement: Statement
        var parameters: Parameters
    }

    /// Repeating it does no harm.
    let isRead: Bool
    /// How long it may keep others waiting, in gets.
    let weight: Int
    /// It may take longer than the setting `timeout`.
    let isPatient: Bool
    private(set) var steps: [Step] = []
    private(set) var size = 0
    private let answer: (Outcome) -> Void

    // While it is under way.
    /// For each result that is to come: the number of its statement, or nothing when it prepares one.
    var expected: [Int?] = []
    var results: [Rows] = []
    var refusal: Refusal?
    var place = 0

    init(isRead: Bool, weight: Int = 1, isPatient: Bool = false, _ answer: @escaping (Outcome) -> Void) {
        self.isRead = isRead
        self.weight = weight
        self.isPatient = isPatient
        self.answer = answer
    }

    func add(_ statement: Statement, _ parameters: Parameters = Parameters()) {
        steps.append(Step(statement: statement, parameters: parameters))
        size += parameters.size
    }

    func end(_ outcome: Outcome) { answer(outcome) }
}
