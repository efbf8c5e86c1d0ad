extension OctavoProcess {
    /// Samples of the metrics page by their names with labels.
    func samples() async throws -> [String: Double] {
        let answer = try await Curl(path: "/metrics").send(to: "http://127.0.0.1:\(metrics)")
        var samples: [String: Double] = [:]
        for line in answer.body.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else { continue }
            samples[String(line[..<space])] = value
        }
        return samples
    }
}
