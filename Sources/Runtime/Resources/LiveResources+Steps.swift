import Components
import Resources

extension LiveResources {
    /// What is to be done so that what runs is what the files name.
    struct Steps {
        var created: [ResourceReading.Read.Component] = []
        var updated: [ResourceReading.Read.Component] = []
        var unchanged: [ResourceReading.Read.Component] = []
        var deleted: [ComponentResource] = []
        private let known: [String: ComponentResource]

        init(from known: [String: ComponentResource], to read: [ResourceReading.Read.Component], keeping wrong: Wrong) {
            self.known = known
            for one in read {
                guard let before = known[one.resource.name] else {
                    created.append(one)
                    continue
                }
                if before.hasSameSettings(as: one.resource) { unchanged.append(one) } else { updated.append(one) }
            }
            let names = Set(read.map(\.resource.name))
            deleted = known.values.filter { !names.contains($0.name) && !wrong.concerns($0.header) }
                .sorted { $0.name < $1.name }
        }

        mutating func splitOtherKinds() {
            func kind(_ type: String) -> Substring { type.prefix { $0 != "." } }
            let others = updated.filter { one in
                known[one.resource.name].map { kind($0.type) != kind(one.resource.type) } ?? false
            }
            let names = Set(others.map(\.resource.name))
            updated.removeAll { names.contains($0.resource.name) }
            deleted += names.sorted().compactMap { known[$0] }
            created += others
        }
    }

    /// Whom the errors in the files are about: what they are about stays as it was.
    struct Wrong {
        private var labels: Set<String> = []
        /// Files of which nobody can say what they would name; paths of folders that can't be read.
        private var places: Set<String> = []
        /// By what they are about.
        private(set) var texts: [(subject: String, cause: String)] = []

        init(_ diagnostics: [Diagnostic]) {
            for one in diagnostics where one.severity == .error {
                if let label = one.resource { labels.insert(label) } else { places.insert(one.location.file) }
                texts.append((one.resource ?? one.location.file, "\(one)"))
            }
        }

        func concerns(_ header: ResourceHeader) -> Bool {
            let file = header.source.file
            return labels.contains(header.label) || places.contains(file)
                || places.contains { file.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }
        }
    }
}

extension ComponentResource {
    /// Whether an instance of one is an instance of the other, wherever in the files they are.
    func hasSameSettings(as other: ComponentResource) -> Bool {
        func plain(_ one: ComponentResource) -> ComponentResource {
            let nowhere = SourceLocation(file: "", mark: SourceMark(line: 0, column: 0))
            var one = one
            one.header.source = nowhere
            one.header.labels = [:]
            one.header.scopes = []
            one.header.annotations = [:]
            for index in one.metadata.indices { one.metadata[index].source = nowhere }
            // These concern the runtime alone.
            one.startMode = nil
            one.ignoreErrors = nil
            one.isolation = nil
            one.initTimeout = .zero
            return one
        }
        return plain(self) == plain(other)
    }
}
