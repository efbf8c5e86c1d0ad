/// What reading the resource files again did: `POST /v1/resources/reload`.
package struct ResourcesChange: Sendable, Equatable, Codable {
    /// Names of components; of other resources kind and name, `Subscription "orders"`.
    package var created: [String] = []
    package var updated: [String] = []
    package var deleted: [String] = []
    /// What could not be taken in; what was there before stays.
    package var refused: [Refusal] = []
    package var durationNanoseconds: Int64 = 0
    /// What the operator should know, one sentence each.
    package var notes: [String] = []

    package init() {}

    package struct Refusal: Sendable, Equatable, Codable {
        /// The resource, or the file, that it is about.
        package var resource: String
        package var cause: String

        package init(resource: String, cause: String) {
            self.resource = resource
            self.cause = cause
        }
    }

    /// Whether nothing was different.
    package var isEmpty: Bool { created.isEmpty && updated.isEmpty && deleted.isEmpty && refused.isEmpty }
}
